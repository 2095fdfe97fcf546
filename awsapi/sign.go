package awsapi

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"maps"
	"net/http"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
)

const targetPrefix = "AWSOrganizationsV20161128."

type keysKey struct{}

// withKeys returns a context whose calls are signed with the keys. They are
// found before a call waits for the limits, as finding them may need a call.
func withKeys(ctx context.Context, keys aws.Credentials) context.Context {
	return context.WithValue(ctx, keysKey{}, keys)
}

// sign adds the headers of a signed call. Only those that AWS asks for are
// signed: a proxy may change others.
// Source: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv.html.
func sign(req *http.Request, operation, region string, now time.Time) {
	req.Header.Set("X-Amz-Target", targetPrefix+operation)
	req.Header.Del("Accept")
	keys, _ := req.Context().Value(keysKey{}).(aws.Credentials)
	body, err := req.GetBody() // from memory
	if err != nil {
		return // the API refuses a call without a signature
	}
	content, _ := io.ReadAll(body)
	hash := sha256.Sum256(content)
	signed := http.Request{Method: req.Method, URL: req.URL, Host: req.Host, Header: http.Header{}}
	for _, name := range []string{"Content-Type", "X-Amz-Target"} {
		signed.Header.Set(name, req.Header.Get(name))
	}
	err = v4.NewSigner().SignHTTP(req.Context(), keys, &signed, hex.EncodeToString(hash[:]), "organizations", region, now)
	if err == nil {
		maps.Copy(req.Header, signed.Header)
	}
}
