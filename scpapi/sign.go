package scpapi

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"strconv"
	"time"
)

// clientType is the only one that a key may use.
const clientType = "Openapi"

// sign adds the headers of a signed call. The whole URL is signed as it is
// sent, scheme, host and query included; headers and body are not.
// Source: https://docs.e.samsungsdscloud.com/en/apireference/api-common.
func sign(req *http.Request, now time.Time, access, secret string) {
	timestamp := strconv.FormatInt(now.UnixMilli(), 10)
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write([]byte(req.Method + req.URL.String() + timestamp + access + clientType))
	req.Header.Set("Scp-Accesskey", access)
	req.Header.Set("Scp-Timestamp", timestamp)
	req.Header.Set("Scp-ClientType", clientType)
	req.Header.Set("Scp-Signature", base64.StdEncoding.EncodeToString(mac.Sum(nil)))
}
