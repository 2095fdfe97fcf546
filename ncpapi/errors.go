package ncpapi

import (
	"cmp"
	"errors"
	"net/http"
	"strings"

	"github.com/cloudorg-exporter/cloudorg_exporter/internal/httpx"
)

// Error is why a call failed, classified by the API's code: HTTP status 403
// means throttling, an internal fault, or one of two refusals.
type Error = httpx.Error

// One of these is in the chain of the Error of a key that may not call the API.
var (
	ErrNotMaster  = errors.New("this account is not the organization's master")
	ErrSubAccount = errors.New("this key is not a main account's (probably a Sub Account's)")
	// Version 2 has one code for both.
	ErrForbidden   = errors.New("the key's Sub Account lacks the permission, or its account is not the organization's master")
	ErrEnvironment = errors.New("this account belongs to another environment of NAVER Cloud")
)

// A meaning is what a code means.
type meaning struct {
	kind httpx.Kind
	text string // empty: the API's own text is shown
	err  error
}

// service returns the meaning of a code of either version of the Organization
// service. Sources: organization-overview, pub-organization-v2-…,
// api-call-std-errorhandling. COMMON_101 and COMMON_201 have the same
// description; the difference is inferred from their messages.
func service(code string) (meaning, bool) {
	switch code {
	case "COMMON_201":
		return meaning{kind: httpx.Forbidden, err: ErrSubAccount}, true
	case "COMMON_101":
		return meaning{kind: httpx.Forbidden, err: ErrNotMaster}, true
	case "COMMON_103":
		return meaning{kind: httpx.Server, text: "internal fault of the service"}, true
	case "COMMON_104":
		return meaning{kind: httpx.Throttled, text: "too many requests"}, true
	case "COMMON_102", "ACCOUNT_101", "ACCOUNT_102", "ACCOUNT_103", "ACCOUNT_104":
		return meaning{kind: httpx.Other}, true
	case "Forbidden":
		return meaning{kind: httpx.Forbidden, err: ErrForbidden}, true
	case "AccessDenied":
		return meaning{kind: httpx.Forbidden, err: ErrEnvironment}, true
	case "Unauthorized":
		return meaning{kind: httpx.Auth}, true
	case "ResourceNotFound", "NotFound", "InvalidParameter", "BadRequest", "InvalidOperation", "CannotDelete", "IdempotentParameterMismatch":
		return meaning{kind: httpx.Other}, true
	}
	return meaning{}, false
}

// standard returns the meaning of a code in the error body that the gateway and
// version 2 of the service share. The gateway's codes are numbers.
func standard(code string) (meaning, bool) {
	if strings.Trim(code, "0123456789") == "" {
		return gateway(code)
	}
	return service(code)
}

// gateway returns the meaning of a code of the API gateway.
// Source: https://api-gov.ncloud-docs.com/docs/api-call-lgc-errorhandling.
func gateway(code string) (meaning, bool) {
	switch code {
	case "200":
		return meaning{kind: httpx.Auth, text: "authentication failed: wrong access key, secret key or time"}, true
	case "210":
		return meaning{kind: httpx.Forbidden, text: "permission denied: this account may not use the API here"}, true
	case "300":
		return meaning{kind: httpx.Other, text: "no such URL: is base_url right?"}, true
	case "400", "410", "420":
		return meaning{kind: httpx.Throttled}, true
	case "500", "510", "900":
		return meaning{kind: httpx.Server}, true
	case "100", "430":
		return meaning{kind: httpx.Other}, true
	}
	return meaning{}, false
}

// explain returns the error of a response, by the code in its body.
func explain(status int, header http.Header, body []byte) httpx.Error {
	code, message, table := parse(body)
	m, known := table(code)
	if !known {
		m.kind = httpx.ByStatus(status)
	}
	if m.err == nil {
		message = cmp.Or(message, strings.ToLower(http.StatusText(status)))
	} else {
		message = "" // the text of m.err says more
	}
	return httpx.Error{
		Kind:      m.kind,
		Code:      code,
		Message:   m.text,
		Detail:    message,
		Err:       m.err,
		RequestID: cmp.Or(header.Get("x-ncp-trace-id"), header.Get("x-ncp-request-id")),
	}
}

// parse finds code and message in the shapes of error bodies that were seen,
// and the table that the code belongs to. A body that is not JSON has none.
func parse(body []byte) (code, message string, table func(string) (meaning, bool)) {
	b := httpx.ParseFields(body)
	inner := b.Object("error")
	switch {
	case inner != nil:
		return inner.Text("errorCode"), inner.Text("message") + invalidFields(inner), standard
	case b.Text("errorCode") != "":
		return b.Text("errorCode"), b.Text("message"), gateway
	case b.Text("code") != "":
		return b.Text("code"), cmp.Or(b.Text("message"), b.Text("msg")), service
	}
	if r := b.Object("responseError"); r != nil {
		return r.Text("returnCode"), r.Text("returnMessage"), unlisted
	}
	return b.Object("status").Text("code"), cmp.Or(b.Text("message"), b.Text("error")), unlisted
}

// invalidFields names the parameters that version 2 found invalid, if it did.
func invalidFields(inner httpx.Fields) string {
	field := inner.First("fieldErrors").Text("field")
	if field == "" {
		return ""
	}
	return " (parameter " + field + ")"
}

// unlisted is the table of codes that are not documented.
func unlisted(string) (meaning, bool) { return meaning{}, false }
