package httpx

import (
	"fmt"
	"regexp"
	"strings"
	"time"
	"unicode"
)

// A Reason says in one word why a call failed.
type Reason string

// The reasons. Each is a value of the label "reason" of
// cloudorg_collector_error.
const (
	Auth       Reason = "auth"        // the key or the signature was refused
	NotMaster  Reason = "not_master"  // the key is not the organization's master account's
	Forbidden  Reason = "forbidden"   // the key is right and lacks a permission
	Throttled  Reason = "throttled"   // too many calls
	Server     Reason = "server"      // the cloud is at fault
	Timeout    Reason = "timeout"     // no answer in time
	Network    Reason = "network"     // no answer: name, connection, TLS
	Decode     Reason = "decode"      // an answer that is not what is documented
	APIVersion Reason = "api_version" // the cloud does not know the version asked for
	ClockSkew  Reason = "clock_skew"  // refused, and our clock is not the cloud's
	Other      Reason = "other"
)

// Temporary reports whether another attempt within the same refresh may do
// better.
func (r Reason) Temporary() bool {
	switch r {
	case Throttled, Server, Timeout, Network:
		return true
	}
	return false
}

// Lasting reports whether only another key or another configuration can help.
func (r Reason) Lasting() bool {
	switch r {
	case Auth, NotMaster, Forbidden, APIVersion:
		return true
	}
	return false
}

// MaxSkew is how far our clock may be from the cloud's before a refused
// signature is blamed on it.
const MaxSkew = 5 * time.Minute

// An Error is a call that failed. Every error of a Client is one.
type Error struct {
	API        string        // "ncp" or "scp"
	Reason     Reason        // why
	Status     int           // of the answer; 0 if there was none
	Code       string        // the API's own code; empty if it gave none
	Message    string        // what the API said, made fit for a log; ours where it said nothing
	Permission string        // the right that is missing, if the API named it
	RequestID  string        // what the vendor's support asks for; empty if there was none
	RetryAfter time.Duration // how long the API asked to be left alone; 0 if it did not
	Offset     time.Duration // the API's clock minus ours; 0 if unknown
	Err        error         // the cause, where it is not the API's answer
}

// Error reads like "ncp: COMMON_104: too many requests (status 403)".
func (e *Error) Error() string {
	var b strings.Builder
	b.WriteString(e.API)
	if e.Code != "" {
		b.WriteString(": " + e.Code)
	}
	if e.Message != "" {
		b.WriteString(": " + e.Message)
	}
	if e.Err != nil {
		b.WriteString(": " + e.Err.Error())
	}
	if e.Permission != "" {
		b.WriteString(": missing permission " + e.Permission)
	}
	if e.Reason == ClockSkew {
		fmt.Fprintf(&b, ": the cloud's clock is %s from ours", e.Offset.Round(time.Second))
	}
	switch {
	case e.Status != 0 && e.RequestID != "":
		fmt.Fprintf(&b, " (status %d, request %s)", e.Status, e.RequestID)
	case e.Status != 0:
		fmt.Fprintf(&b, " (status %d)", e.Status)
	}
	return b.String()
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// ByStatus returns the reason for an answer whose code says nothing.
func ByStatus(status int) Reason {
	switch {
	case status == 401:
		return Auth
	case status == 403:
		return Forbidden
	case status == 429:
		return Throttled
	case status >= 500:
		return Server
	}
	return Other
}

// maxText bounds what of a foreign text is shown, in bytes.
const maxText = 200

// address matches what may be an e-mail address or a login.
var address = regexp.MustCompile(`[^\s"'<>(),;:]+@[^\s"'<>(),;:]+`)

// Clean makes a text from outside fit for a log or a page: one line, bounded,
// without e-mail addresses.
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
