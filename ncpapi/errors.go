package ncpapi

import (
	"cmp"
	"net/http"
	"strings"

	"github.com/cloudorg-exporter/cloudorg_exporter/internal/httpx"
)

// Error is why a call failed, classified by the API's code: its status 403
// means throttling, an internal fault, and two kinds of refusal.
type Error = httpx.Error

// A meaning is what we make of a code.
type meaning struct {
	reason httpx.Reason
	text   string // empty: what the API says
}

// service returns the meaning of a code of the Organization service.
// Source: organization-overview. The two of NotMaster are described alike
// there; the difference is inferred from their messages.
func service(code string) (meaning, bool) {
	switch code {
	case "COMMON_201":
		return meaning{httpx.NotMaster, "this key is not a main account's (a Sub Account key, probably)"}, true
	case "COMMON_101":
		return meaning{httpx.NotMaster, "this account is not the organization's master"}, true
	case "COMMON_103":
		return meaning{httpx.Server, "internal fault of the service"}, true
	case "COMMON_104":
		return meaning{httpx.Throttled, "too many requests"}, true
	case "COMMON_102", "ACCOUNT_101", "ACCOUNT_102", "ACCOUNT_103", "ACCOUNT_104":
		return meaning{httpx.Other, ""}, true
	}
	return meaning{}, false
}

// gateway returns the meaning of a code of the API gateway.
// Source: https://api-gov.ncloud-docs.com/docs/api-call-lgc-errorhandling.
func gateway(code string) (meaning, bool) {
	switch code {
	case "200":
		return meaning{httpx.Auth, "authentication failed: wrong access key, secret key or time"}, true
	case "210":
		return meaning{httpx.Forbidden, "permission denied: this account may not use the API here"}, true
	case "300":
		return meaning{httpx.Other, "no such URL: is base_url right?"}, true
	case "400", "410", "420":
		return meaning{httpx.Throttled, ""}, true
	case "500", "510", "900":
		return meaning{httpx.Server, ""}, true
	case "100", "430":
		return meaning{httpx.Other, ""}, true
	}
	return meaning{}, false
}

// explain makes an error of an answer that is not 2xx.
func explain(status int, header http.Header, body []byte) httpx.Error {
	code, message, table := parse(body)
	m, known := table(code)
	if !known {
		m.reason = httpx.ByStatus(status)
	}
	return httpx.Error{
		Reason:    m.reason,
		Code:      code,
		Message:   cmp.Or(m.text, message, strings.ToLower(http.StatusText(status))),
		RequestID: cmp.Or(header.Get("x-ncp-trace-id"), header.Get("x-ncp-request-id")),
	}
}

// parse finds code and message in the shapes of error bodies that were seen,
// and the table that the code belongs to. Bodies that are no JSON have none.
func parse(body []byte) (code, message string, table func(string) (meaning, bool)) {
	b := httpx.ParseFields(body)
	inner := b.Object("error")
	switch {
	case inner != nil:
		return inner.Text("errorCode"), inner.Text("message"), gateway
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

// unlisted is the table of codes that nobody has published.
func unlisted(string) (meaning, bool) { return meaning{}, false }
