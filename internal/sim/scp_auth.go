package sim

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// badSignature is what the gateway calls it.
const badSignature = "HmacValidFail"

// verifySCP returns what is wrong with a request's credentials, or "". base is
// scheme and host. A limit for the timestamp is not documented; it is taken to
// be the other cloud's.
func (k keys) verifySCP(r *http.Request, base string, now time.Time) string {
	timestamp := r.Header.Get("Scp-Timestamp")
	ms, err := strconv.ParseUint(timestamp, 10, 62)
	if err != nil {
		return "timestamp is not in milliseconds"
	}
	if off := now.Sub(time.UnixMilli(int64(ms))).Abs(); off > tolerance {
		return fmt.Sprintf("timestamp is %v off", off)
	}
	if k.access == "" || r.Header.Get("Scp-Accesskey") != k.access {
		return "key is not entitled"
	}
	if kind := r.Header.Get("Scp-ClientType"); kind != "Openapi" {
		return fmt.Sprintf("client type %q", kind)
	}
	if !hmac.Equal([]byte(r.Header.Get("Scp-Signature")), []byte(k.signSCP(r.Method, base+r.RequestURI, timestamp))) {
		return badSignature
	}
	return ""
}

// signSCP returns the signature of a request to url, as it was received.
func (k keys) signSCP(method, url, timestamp string) string {
	mac := hmac.New(sha256.New, []byte(k.secret))
	mac.Write([]byte(method + url + timestamp + k.access + "Openapi"))
	return base64.StdEncoding.EncodeToString(mac.Sum(nil))
}

// newest is the version that answers where none is asked for.
const newest = "1.3"

// asked returns the version that a request asks for.
func asked(r *http.Request) string {
	header := r.Header.Get("Scp-Api-Version")
	if header == "" {
		return newest
	}
	version, ok := strings.CutPrefix(header, "organization ")
	if !ok {
		return header // of another service, or with another blank: not known
	}
	return version
}

func known(version string) bool {
	switch version {
	case "1.0", "1.1", "1.2", newest:
		return true
	}
	return false
}

// zoneless says whether a version's times have no zone.
func zoneless(version string) bool { return version == "1.0" || version == "1.1" }
