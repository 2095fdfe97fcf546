package scpapi

import (
	"cmp"
	"fmt"
	"net/http"
	"strings"

	"github.com/cloudorg-exporter/cloudorg_exporter/internal/httpx"
)

// Error is why a call failed. Of what the API says, it has the code, the title,
// the request's id and the name of a missing permission: details may be
// personal.
type Error = httpx.Error

// explain makes an error of an answer that is not 2xx. version is the one that
// was asked for. The documentation has no schema of errors; these shapes were
// seen.
func explain(status int, body []byte, version string) httpx.Error {
	b := httpx.ParseFields(body)
	if b.Text("status") == "UNAUTHORIZED" {
		return gateway(b)
	}
	if status == http.StatusNotFound && b["errors"] == nil {
		return notFound(b)
	}
	e := b.First("errors")
	out := httpx.Error{
		Reason:     reason(status, e.Text("code")),
		Code:       e.Text("code"),
		Message:    cmp.Or(e.Text("title"), strings.ToLower(http.StatusText(status))),
		Permission: e.Object("response").Text("action_name"),
		RequestID:  cmp.Or(e.Text("request_id"), e.Text("global_request_id"), b.Text("requestId")),
	}
	switch {
	case out.Reason == httpx.APIVersion && version == "":
		out.Message = "none of the API's versions suits: set api_version to one that its version list has"
	case out.Reason == httpx.APIVersion:
		out.Message = fmt.Sprintf(`the API does not know version %s: change api_version, or set it to "" for the newest`, version)
	case out.Reason == httpx.Auth:
		out.Message = refused
	case out.Message == out.Code:
		out.Message = ""
	}
	return out
}

// reason returns what a code means, or else a status.
func reason(status int, code string) httpx.Reason {
	switch {
	case status == http.StatusNotAcceptable, code == "NoSuchVersion":
		return httpx.APIVersion
	case code == "Forbidden":
		return httpx.Forbidden
	case code == "ContactAdminForAssistance":
		return httpx.Server
	}
	return httpx.ByStatus(status)
}

const refused = "the gateway refuses the access key, the signature or the account"

// gateway makes an error of what the gateway says of a key. Its words are not
// documented, but for one.
func gateway(b httpx.Fields) httpx.Error {
	const badSignature = "HmacValidFail"
	e := httpx.Error{Reason: httpx.Auth, Code: "UNAUTHORIZED", Message: refused}
	if strings.Contains(b.Text("name")+b.Text("message"), badSignature) {
		e.Code, e.Message = badSignature, "the signature is wrong: the secret key, probably"
	}
	return e
}

// notFound makes an error of a 404 that is not the service's own: the gateway
// answers so to requests without credentials, and everything else to paths
// that it does not have.
func notFound(b httpx.Fields) httpx.Error {
	if b["path"] == nil || b["timestamp"] == nil {
		return httpx.Error{Reason: httpx.Other, Message: "not an answer of the API: is base_url right?"}
	}
	return httpx.Error{
		Reason:    httpx.Auth,
		Message:   "no credentials have arrived: the headers were lost on the way, or the host is wrong",
		RequestID: b.Text("requestId"),
	}
}
