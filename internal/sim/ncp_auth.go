package sim

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"net/http"
	"strconv"
	"time"
)

// tolerance is how far a request's timestamp may be off the gateway's clock
// (doc organization-overview).
const tolerance = 5 * time.Minute

// keys is a pair of an access key and its secret.
type keys struct{ access, secret string }

// verify returns what is wrong with a request's credentials, or "".
func (k keys) verify(r *http.Request, now time.Time) string {
	var (
		timestamp = r.Header.Get("x-ncp-apigw-timestamp")
		access    = r.Header.Get("x-ncp-iam-access-key")
		signature = r.Header.Get("x-ncp-apigw-signature-v2")
	)
	if timestamp == "" || access == "" || signature == "" {
		return "a header is missing"
	}
	ms, err := strconv.ParseUint(timestamp, 10, 62)
	if err != nil {
		return "timestamp is not in milliseconds"
	}
	if off := now.Sub(time.UnixMilli(int64(ms))).Abs(); off > tolerance {
		return fmt.Sprintf("timestamp is %v off", off)
	}
	if k.access == "" || access != k.access {
		return "no such access key"
	}
	if !hmac.Equal([]byte(signature), []byte(k.sign(r.Method, r.RequestURI, timestamp))) {
		return "signature does not match"
	}
	return ""
}

// sign returns the signature v2 of a request, whose URI is as it was received.
func (k keys) sign(method, uri, timestamp string) string {
	mac := hmac.New(sha256.New, []byte(k.secret))
	mac.Write([]byte(method + " " + uri + "\n" + timestamp + "\n" + k.access))
	return base64.StdEncoding.EncodeToString(mac.Sum(nil))
}
