package scpapi

import (
	"cmp"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"

	"github.com/cloudorg-exporter/cloudorg_exporter/internal/httpx"
)

// Error is why a call failed. It has the API's code, title, request id and the name
// of a missing permission. The API's details may be personal and are left out.
type Error = httpx.Error

// ErrVersion is in the chain of the Error of a version that the API does not
// have.
var ErrVersion = errors.New("unknown API version")

// explain returns the error of a response. version is the requested version of the
// API. The documentation has no schema of errors; these shapes were seen.
func explain(status int, body []byte, version string) httpx.Error {
	b := httpx.ParseFields(body)
	if b.Text("status") == "UNAUTHORIZED" {
		return gateway(b)
	}
	own, _ := strconv.Atoi(b.Text("status")) // where the HTTP status is 200
	if (status == http.StatusNotFound || status/100 == 2 && own == http.StatusNotFound) && b["errors"] == nil {
		return notFound(b)
	}
	e := b.First("errors")
	out := httpx.Error{
		Kind:       kind(status, e.Text("code")),
		Code:       e.Text("code"),
		Detail:     cmp.Or(e.Text("title"), strings.ToLower(http.StatusText(status))),
		Permission: e.Object("response").Text("action_name"),
		RequestID:  cmp.Or(e.Text("request_id"), e.Text("global_request_id"), b.Text("requestId")),
	}
	switch {
	case status == http.StatusNotAcceptable || out.Code == "NoSuchVersion":
		out.Detail = ""
		out.Err = fmt.Errorf(`%w %s: change api_version, or set it to "" for the newest`, ErrVersion, version)
		if version == "" {
			out.Err = fmt.Errorf("%w: set api_version to one of the API's version list", ErrVersion)
		}
	case out.Kind == httpx.Auth:
		out.Message = refused
	case out.Detail == out.Code:
		out.Detail = ""
	}
	return out
}

// kind returns the kind of a code, or of a status if the code says nothing.
func kind(status int, code string) httpx.Kind {
	switch code {
	case "Forbidden":
		return httpx.Forbidden
	case "ContactAdminForAssistance":
		return httpx.Server
	case "NoSuchVersion", "ValidationError":
		return httpx.Other
	}
	return httpx.ByStatus(status)
}

const refused = "the gateway refuses the access key, the signature or the account"

// gateway returns the error of the gateway's refusal of a key. Only one of its texts
// is documented.
func gateway(b httpx.Fields) httpx.Error {
	const badSignature = "HmacValidFail"
	e := httpx.Error{Kind: httpx.Auth, Code: "UNAUTHORIZED", Message: refused}
	if strings.Contains(b.Text("name")+b.Text("message"), badSignature) {
		e.Code, e.Message = badSignature, "the signature is wrong: probably the secret key is"
	}
	return e
}

// notFound returns the error of a 404 that is not the service's: the gateway's
// answer to a request without credentials, or any server's to an unknown path.
func notFound(b httpx.Fields) httpx.Error {
	if b["path"] == nil || b["timestamp"] == nil {
		return httpx.Error{Kind: httpx.Other, Message: "not an answer of the API: is base_url right?"}
	}
	return httpx.Error{
		Kind:      httpx.Auth,
		Message:   "no credentials arrived: a proxy removed the headers, or the host is wrong",
		RequestID: b.Text("requestId"),
	}
}
