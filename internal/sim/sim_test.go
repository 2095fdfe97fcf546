package sim_test

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"strconv"
	"testing"
	"time"

	"github.com/cloudorg-exporter/cloudorg_exporter/internal/sim"
)

const (
	access = "EXAMPLEACCESSKEY0001"
	secret = "exampleSecretKey0123456789ABCDEFabcdef00"
	prefix = "/open-api/v1"
)

// signed returns a valid request with the given keys and time.
func signed(ctx context.Context, base, uri, access, secret string, now time.Time) *http.Request {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, base+uri, nil)
	if err != nil {
		panic(err)
	}
	req.RequestURI = uri // for a recorder; a client must not set it
	timestamp := strconv.FormatInt(now.UnixMilli(), 10)
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write([]byte("GET " + uri + "\n" + timestamp + "\n" + access))
	req.Header.Set("x-ncp-apigw-timestamp", timestamp)
	req.Header.Set("x-ncp-iam-access-key", access)
	req.Header.Set("x-ncp-apigw-signature-v2", base64.StdEncoding.EncodeToString(mac.Sum(nil)))
	return req
}

// record returns the response to a valid request, without a network.
func record(t testing.TB, ncp *sim.NCP, path string) *httptest.ResponseRecorder {
	t.Helper()
	rec := httptest.NewRecorder()
	ncp.ServeHTTP(rec, signed(t.Context(), "", prefix+path, access, secret, time.Now()))
	return rec
}

// decode returns a body as plain JSON values.
func decode(t testing.TB, body []byte) any {
	t.Helper()
	var v any
	if err := json.Unmarshal(body, &v); err != nil {
		t.Fatalf("%v in %.200s", err, body)
	}
	return v
}

// sample returns a sample of the documentation as plain JSON values.
func sample(t testing.TB, name string) any {
	t.Helper()
	body, err := os.ReadFile("../../ncpapi/testdata/" + name)
	if err != nil {
		t.Fatal(err)
	}
	return decode(t, body)
}

// newNCP returns a simulator with the test keys.
func newNCP(t testing.TB, cfg sim.Config) *sim.NCP {
	cfg.AccessKey, cfg.SecretKey = access, secret
	if cfg.Unexpected == nil {
		cfg.Unexpected = t.Errorf
	}
	ncp := sim.NewNCP(cfg)
	t.Cleanup(ncp.Close)
	return ncp
}
