package sim

import (
	"crypto/hmac"
	"fmt"
	"net/http"
	"strings"
	"time"
)

// SCP is the Organization API of the Samsung Cloud Platform and the gateway in
// front of it: the four lists and the list of versions.
//
// Operations are named by their path: "/" and those that begin with "/v1/".
//
// Without a Company it serves the organization of its own documentation samples,
// with one the organization that the same accounts in the same groups would be.
//
// A caller that is NotMaster, a member account, is refused the accounts and the
// sent invitations; a SubAccount has no permission at all.
type SCP struct {
	*server
	pagings map[string]Paging // by operation
}

var _ Cloud = (*SCP)(nil)

// NewSCP returns an SCP. It must be closed.
func NewSCP(cfg Config) *SCP {
	s := &SCP{pagings: make(map[string]Paging)}
	s.server = newServer(cfg, s, "")
	return s
}

// The paths.
const (
	scpVersions      = "/"
	scpSent          = "/v1/organization-invitations"
	scpReceived      = "/v1/account-invitations"
	scpAccounts      = "/v1/organization-accounts"
	scpOrganizations = "/v1/organizations"
)

// operation implements api. A prefix of the path does not matter here; it is
// signed.
func (s *SCP) operation(r *http.Request) (name, instance string) {
	uri, _, _ := strings.Cut(r.RequestURI, "?")
	for _, path := range []string{scpSent, scpReceived, scpAccounts, scpOrganizations} {
		if strings.HasSuffix(uri, path) {
			return path, path
		}
	}
	if strings.HasSuffix(uri, "/") && !strings.Contains(uri, "/v1/") {
		return scpVersions, scpVersions
	}
	return "other", "other"
}

// refuse implements api.
func (s *SCP) refuse(c *call) Fault {
	if !s.onlyGET(c) {
		return Fault{Status: http.StatusMethodNotAllowed, Header: http.Header{"Allow": {http.MethodGet}}, Body: "{}"}
	}
	if c.operation == scpVersions {
		return Fault{}
	}
	if c.Header.Get("Scp-Accesskey") == "" || c.Header.Get("Scp-Signature") == "" {
		path, _, _ := strings.Cut(c.RequestURI, "?")
		return SCPNoCredentials(path)
	}
	if problem := c.keys.verifySCP(c.Request, s.baseURL(c), c.cloudNow); problem != "" {
		return SCPGateway(problem)
	}
	switch version := scpVersion(c.Request); version {
	case "1.0", "1.1", "1.2", scpNewest:
	default:
		return scpNoVersion(version)
	}
	switch {
	case c.operation == "other":
		return SCPError("NotFound")
	case s.cfg.Caller == SubAccount, s.cfg.Caller == NotMaster && (c.operation == scpSent || c.operation == scpAccounts):
		return scpForbidden(c.operation)
	}
	return Fault{}
}

// baseURL returns the scheme and the host that a request was sent to.
func (s *SCP) baseURL(c *call) string {
	if c.TLS != nil || s.cfg.TLS {
		return "https://" + c.Host
	}
	return "http://" + c.Host
}

// scpNewest is the version that responds when a request asks for none.
const scpNewest = "1.3"

// scpVersion returns the version that a request asks for.
func scpVersion(r *http.Request) string {
	header := r.Header.Get("Scp-Api-Version")
	if header == "" {
		return scpNewest
	}
	version, ok := strings.CutPrefix(header, "organization ")
	if !ok {
		return header // of another service: no known version
	}
	return version
}

// scpBadSignature is the gateway's word for a wrong signature.
const scpBadSignature = "HmacValidFail"

// verifySCP returns what is wrong with a request's credentials, or "".
func (k keys) verifySCP(r *http.Request, baseURL string, now time.Time) string {
	timestamp := r.Header.Get("Scp-Timestamp")
	if problem := checkTimestamp(timestamp, now); problem != "" {
		return problem
	}
	if k.access == "" || r.Header.Get("Scp-Accesskey") != k.access {
		return "key is not entitled"
	}
	if kind := r.Header.Get("Scp-ClientType"); kind != "Openapi" {
		return fmt.Sprintf("client type %q", kind)
	}
	if !hmac.Equal([]byte(r.Header.Get("Scp-Signature")), []byte(k.signSCP(r.Method, baseURL+r.RequestURI, timestamp))) {
		return scpBadSignature
	}
	return ""
}

// signSCP returns the signature of a request. The URL is the one received.
func (k keys) signSCP(method, url, timestamp string) string {
	return k.sign(method + url + timestamp + k.access + "Openapi")
}

// SCPError returns a fault that responds with an error of the Organization
// service: Forbidden, ValidationError, NotFound, Conflict,
// ContactAdminForAssistance, NoSuchVersion, or "" for a body without an error.
// Any other code gets 400.
func SCPError(code string) Fault {
	switch code {
	case "Forbidden":
		return scpForbidden(scpSent)
	case "ValidationError":
		return scpServiceError(http.StatusBadRequest, "400", code, `["made-up: size is too large", "made-up: page is negative"]`, 3, "null")
	case "NotFound":
		return scpServiceError(http.StatusNotFound, "404", code, `"made-up: no such organization"`, 5, "null")
	case "Conflict":
		return scpServiceError(http.StatusConflict, `"409"`, code, `"made-up: busy"`, 7, "null")
	case "ContactAdminForAssistance":
		return scpServiceError(http.StatusInternalServerError, "500", code, `"made-up: backend fault"`, 9, "null")
	case "NoSuchVersion":
		return scpNoVersion("9.9")
	case "":
		return Fault{Status: http.StatusBadRequest, Body: `{"errors": []}`}
	}
	return scpServiceError(http.StatusBadRequest, "400", code, `"made-up: something new"`, 13, "null")
}

// SCPGateway returns a fault that responds as the gateway does to a key or a
// signature that it refuses. "HmacValidFail" is its only documented message.
func SCPGateway(message string) Fault {
	if message != scpBadSignature {
		message = "made-up: " + message
	}
	return Fault{
		Status: http.StatusUnauthorized,
		Body:   fmt.Sprintf(`{"status": "UNAUTHORIZED", "name": "made-up: rejected by the gateway", "message": %q}`, message),
	}
}

// SCPNoCredentials returns a fault that responds as the gateway does to a request
// for a path without credentials.
func SCPNoCredentials(path string) Fault {
	return Fault{
		Status: http.StatusNotFound,
		Body: fmt.Sprintf(`{"timestamp": "2026-11-15T00:00:00.000+00:00", "path": %q, "status": 404, "error": "Not Found", "requestId": "0a1b2c3d-1"}`,
			path),
	}
}

// scpForbidden returns the error for a missing permission, which is named like
// the operation in the documentation.
func scpForbidden(operation string) Fault {
	permission := "ListOrganizations"
	switch operation {
	case scpSent:
		permission = "ListOrganizationInvitations"
	case scpReceived:
		permission = "ListAccountInvitations"
	case scpAccounts:
		permission = "ListAccounts"
	}
	response := fmt.Sprintf(`{"access_level": "List", "action_name": "organization:%s", "caused_auths": [], "message": "made-up: not allowed"}`, permission)
	return scpServiceError(http.StatusForbidden, "403", "Forbidden", `"made-up: not allowed"`, 1, response)
}

func scpNoVersion(version string) Fault {
	detail := fmt.Sprintf("%q", "made-up: organization "+version)
	return scpServiceError(http.StatusNotAcceptable, "406", "NoSuchVersion", detail, 11, "null")
}

// scpServiceError returns an error of the service. What is passed as JSON can have
// different types.
func scpServiceError(status int, statusJSON, code, detailJSON string, request int, responseJSON string) Fault {
	return Fault{
		Status: status,
		Body: fmt.Sprintf(`{"errors": [{"code": %q, "title": %q, "status": %s, "detail": %s, "request_id": "req-%04d", "global_request_id": "req-%04d", `+
			`"links": [], "related_resources": [], "response": %s}]}`, code, http.StatusText(status), statusJSON, detailJSON, request, request+1, responseJSON),
	}
}
