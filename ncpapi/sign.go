package ncpapi

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"strconv"
	"time"
)

// sign adds the three headers of signature v2. Host, headers and body are not
// signed; path and query are, as they are sent.
// Source: https://api.ncloud-docs.com/docs/en/organization-overview.
func sign(req *http.Request, now time.Time, access, secret string) {
	timestamp := strconv.FormatInt(now.UnixMilli(), 10)
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write([]byte(req.Method + " " + req.URL.RequestURI() + "\n" + timestamp + "\n" + access))
	req.Header.Set("x-ncp-apigw-timestamp", timestamp)
	req.Header.Set("x-ncp-iam-access-key", access)
	req.Header.Set("x-ncp-apigw-signature-v2", base64.StdEncoding.EncodeToString(mac.Sum(nil)))
}
