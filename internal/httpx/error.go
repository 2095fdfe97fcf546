package httpx

import (
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"regexp"
	"strings"
	"time"
	"unicode"

	"golang.org/x/oauth2"
)

// A Kind says in one word why a call failed.
type Kind string

// The kinds of failure.
const (
	Auth      Kind = "auth"       // the key or its signature was refused
	Forbidden Kind = "forbidden"  // the key is valid and lacks a permission
	Throttled Kind = "throttled"  // too many calls
	Server    Kind = "server"     // a fault of the cloud
	Timeout   Kind = "timeout"    // no answer in time
	Network   Kind = "network"    // no answer: name resolution, connection, TLS
	Decode    Kind = "decode"     // an answer that does not match the documentation
	ClockSkew Kind = "clock_skew" // refused, and our clock differs from the cloud's
	Other     Kind = "other"
)

// MaxSkew is the largest offset between our clock and the cloud's that does
// not explain a refused signature.
const MaxSkew = 5 * time.Minute

// An Error is a call that failed. Every error of Get is one.
type Error struct {
	API        string        // name of the cloud
	Kind       Kind          // why
	Status     int           // HTTP status of the answer; 0 if there was none
	Code       string        // the API's own code; empty if it gave none
	Message    string        // our explanation; empty if there is none
	Detail     string        // the API's text, shown if there is no Message
	Permission string        // the missing one, if the API named it
	RequestID  string        // what the vendor's support asks for; empty if there was none
	RetryAfter time.Duration // how long the API asked not to be called; 0 if it did not
	Offset     time.Duration // the API's clock minus ours; 0 if unknown
	Err        error         // cause, if it is not the API's answer, or the client's own error for a code
	// KeysChanged is whether the keys changed while the call was made: another
	// attempt has other ones.
	KeysChanged bool
}

// Error reads like "NCP error COMMON_104: too many requests (HTTP 403)".
func (e *Error) Error() string {
	var b strings.Builder
	b.WriteString(strings.ToUpper(e.API))
	if e.Code != "" {
		b.WriteString(" error " + e.Code)
	}
	for _, text := range []string{e.Message, e.Detail} {
		if text != "" {
			b.WriteString(": " + text)
			break
		}
	}
	if e.Err != nil {
		b.WriteString(": " + e.Err.Error())
	}
	if e.Permission != "" {
		b.WriteString(": missing permission " + e.Permission)
	}
	if e.Kind == ClockSkew {
		fmt.Fprintf(&b, ": the cloud's clock is %s from ours", e.Offset.Round(time.Second))
	}
	switch {
	case e.Status != 0 && e.RequestID != "":
		fmt.Fprintf(&b, " (HTTP %d, request %s)", e.Status, e.RequestID)
	case e.Status != 0:
		fmt.Fprintf(&b, " (HTTP %d)", e.Status)
	}
	return b.String()
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// transient reports whether another attempt within the same refresh may
// succeed.
func (e *Error) transient() bool {
	switch e.Kind {
	case Throttled, Server, Timeout:
		return true
	case Network:
		return !refused(e)
	}
	return e.KeysChanged
}

// refused reports whether err is a refusal that another attempt would meet again: of
// a proxy, of a token endpoint, or of either side in a TLS handshake.
func refused(err error) bool {
	if proxy, ok := errors.AsType[*ProxyError](err); ok {
		return proxy.final()
	}
	if token, ok := errors.AsType[*oauth2.RetrieveError](err); ok && token.Response != nil {
		return token.Response.StatusCode/100 == 4 && token.Response.StatusCode != http.StatusTooManyRequests
	}
	if alert, ok := errors.AsType[*net.OpError](err); ok && alert.Op == "remote error" { // a TLS alert
		return true
	}
	_, badCertificate := errors.AsType[*tls.CertificateVerificationError](err)
	return badCertificate
}

// ByStatus returns the kind of an error whose code says nothing.
func ByStatus(status int) Kind {
	switch {
	case status/100 == 2:
		return Decode
	case status == 401:
		return Auth
	case status == 402, status == 403:
		return Forbidden
	case status == 408:
		return Timeout
	case status == 429:
		return Throttled
	case status >= 500:
		return Server
	}
	return Other
}

// maxText is the limit of a text from outside, in bytes.
const maxText = 200

// address matches what may be an e-mail address or a login.
var address = regexp.MustCompile(`[^\s"'<>(),;:]+@[^\s"'<>(),;:]+`)

// Clean makes a text from outside fit for a log or a page: one line, at most
// 200 bytes, without e-mail addresses.
func Clean(text string) string {
	text = strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || !unicode.IsPrint(r) && !unicode.IsSpace(r) {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(text, "?"))
	text = strings.Join(strings.Fields(text), " ")
	text = address.ReplaceAllString(text, "<address>")
	if len(text) > maxText {
		text = strings.ToValidUTF8(text[:maxText], "") + "…"
	}
	return text
}
