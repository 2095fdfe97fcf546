package sim

import (
	"crypto/hmac"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// NCP is the Organization API of the NAVER Cloud Platform, versions 1 and 2, and
// the gateway in front of it: the six and the seven paths that can be read.
//
// Operations are named by their path relative to /open-api/v1 with a placeholder,
// as "/account/group/{no}", an instance with the number of the group, as
// "/account/group/612". Those of version 2 are relative to /open-api, as
// "/v2/organizations/{organizationNo}/invitations" and
// "/v2/organizations/4100/invitations".
//
// In version 1, a SubAccount gets 401 COMMON_201 and a caller that is NotMaster
// 403 COMMON_101 for every path. That members may read /org, as its field
// masterMemberYn hints, is too uncertain to rely on. In version 2, a SubAccount
// gets 403 Forbidden for every path, NotMaster is a member, an Outsider has
// received invitations only, and a PublicSector account gets 403 AccessDenied.
//
// As documented, an invitation that is accepted on the 1st or the 2nd of a month
// in Korea is open until the 3rd.
type NCP struct {
	*server
	pagings map[string]Paging // by operation, of version 2
}

var _ Cloud = (*NCP)(nil)

// NewNCP returns an NCP. It must be closed.
func NewNCP(cfg Config) *NCP {
	s := &NCP{pagings: make(map[string]Paging)}
	s.server = newServer(cfg, s, "x-ncp-trace-id")
	return s
}

// The paths, relative to /open-api/v1.
const (
	ncpOrganization = "/org"
	ncpTree         = "/group/tree"
	ncpGroup        = "/account/group/"
	ncpInvitations  = "/account/invite/invitation"
	ncpWithdrawals  = "/account/leave"
	ncpPolicies     = "/policy/list"
)

// operation implements api. A prefix before /open-api/v1 does not matter here; it
// is signed.
func (s *NCP) operation(r *http.Request) (name, instance string) {
	uri, _, _ := strings.Cut(r.RequestURI, "?")
	if _, path, ok := strings.Cut(uri, "/open-api/v2"); ok {
		return ncpOperationV2(path)
	}
	_, path, ok := strings.Cut(uri, "/open-api/v1")
	if !ok {
		return "other", uri
	}
	switch path {
	case ncpOrganization, ncpTree, ncpInvitations, ncpWithdrawals, ncpPolicies:
		return path, path
	}
	if no, ok := strings.CutPrefix(path, ncpGroup); ok {
		if _, err := strconv.ParseUint(no, 10, 63); err == nil {
			return ncpGroup + "{no}", path
		}
	}
	return "other", path
}

// refuse implements api.
func (s *NCP) refuse(c *call) Fault {
	if !s.onlyGET(c) {
		f := ncpGatewayError(http.StatusMethodNotAllowed, `"100"`, "Bad Request Exception", `"made-up detail: GET only"`)
		f.Header = http.Header{"Allow": {http.MethodGet}}
		return f
	}
	if c.operation == "other" {
		if strings.HasPrefix(c.instance, ncpV2) {
			s.cfg.Unexpected("sim: %s: no such path is expected", c.RequestURI)
		}
		return NCPGateway("300")
	}
	// The wording of the real gateway is not documented; the detail is for whoever
	// debugs a client.
	if problem := c.keys.verifyNCP(c.Request, c.cloudNow); problem != "" {
		return ncpGatewayError(http.StatusUnauthorized, `"200"`, "Authentication Failed", fmt.Sprintf("%q", "made-up detail: "+problem))
	}
	if strings.HasPrefix(c.operation, ncpV2) {
		return s.refuseV2(c)
	}
	switch s.cfg.Caller {
	case SubAccount:
		return NCPError("COMMON_201")
	case NotMaster:
		return NCPError("COMMON_101")
	}
	return Fault{}
}

// verifyNCP returns what is wrong with a request's credentials, or "".
func (k keys) verifyNCP(r *http.Request, now time.Time) string {
	var (
		timestamp = r.Header.Get("x-ncp-apigw-timestamp")
		access    = r.Header.Get("x-ncp-iam-access-key")
		signature = r.Header.Get("x-ncp-apigw-signature-v2")
	)
	if timestamp == "" || access == "" || signature == "" {
		return "a header is missing"
	}
	if problem := checkTimestamp(timestamp, now); problem != "" {
		return problem
	}
	if k.access == "" || access != k.access {
		return "no such access key"
	}
	if !hmac.Equal([]byte(signature), []byte(k.signNCP(r.Method, r.RequestURI, timestamp))) {
		return "signature does not match"
	}
	return ""
}

// signNCP returns the signature v2 of a request. The URI is the one received.
func (k keys) signNCP(method, uri, timestamp string) string {
	return k.sign(method + " " + uri + "\n" + timestamp + "\n" + k.access)
}

// NCPError returns a fault that responds with an error of the Organization
// service (doc organization-overview): COMMON_101 to COMMON_104, COMMON_201,
// ACCOUNT_101 to ACCOUNT_104. GROUP_404 is invented. Any other code gets 403, as
// a code from the unpublished part of the table.
func NCPError(code string) Fault {
	known := map[string]struct {
		status  int
		message string
	}{
		"COMMON_101":  {http.StatusForbidden, "caller is not the master"},
		"COMMON_102":  {http.StatusForbidden, "mail could not be sent"},
		"COMMON_103":  {http.StatusForbidden, "internal fault"},
		"COMMON_104":  {http.StatusForbidden, "slow down"},
		"COMMON_201":  {http.StatusUnauthorized, "main account required"},
		"ACCOUNT_101": {http.StatusForbidden, "charges are unpaid"},
		"ACCOUNT_102": {http.StatusForbidden, "different country"},
		"ACCOUNT_103": {http.StatusForbidden, "already invited"},
		"ACCOUNT_104": {http.StatusForbidden, "already in an organization"},
		"GROUP_404":   {http.StatusNotFound, "no such group"},
	}
	e, ok := known[code]
	if !ok {
		e.status, e.message = http.StatusForbidden, "something new"
	}
	word := strings.ToUpper(strings.ReplaceAll(http.StatusText(e.status), " ", "_"))
	return Fault{
		Status: e.status,
		Body: fmt.Sprintf(`{"timestamp": "2026-11-15T00:00:00Z", "status": %d, "error": %q, "message": %q, "code": %q}`,
			e.status, word, e.message, code),
	}
}

// NCPNotFound returns a fault that responds as for a group that does not exist.
// That is not documented; only the status is to be relied on.
func NCPNotFound() Fault { return NCPError("GROUP_404") }

// NCPGateway returns a fault that responds with an error of the API gateway (page
// api-call-lgc-errorhandling). An unknown code gets 500.
func NCPGateway(code string) Fault {
	known := map[string]struct {
		status           int
		message, details string
	}{
		"100": {http.StatusBadRequest, "Bad Request Exception", `null`},
		"200": {http.StatusUnauthorized, "Authentication Failed", `"made-up detail: signature does not match"`},
		"210": {http.StatusUnauthorized, "Permission Denied", `"made-up detail: not subscribed"`},
		"300": {http.StatusNotFound, "Not Found Exception", `"made-up detail: no such url"`},
		"400": {http.StatusTooManyRequests, "Quota Exceeded", `""`},
		"410": {http.StatusTooManyRequests, "Throttle Limited", `""`},
		"420": {http.StatusTooManyRequests, "Rate Limited", ""},
		"430": {http.StatusRequestEntityTooLarge, "Request Entity Too Large", ""},
		"500": {http.StatusServiceUnavailable, "Endpoint Error", `"made-up detail: connection refused"`},
		"510": {http.StatusGatewayTimeout, "Endpoint Timeout", ""},
	}
	e, ok := known[code]
	if !ok {
		e.status, e.message = http.StatusInternalServerError, "Unexpected Error"
	}
	if code != "420" { // this one has been seen as a number
		code = strconv.Quote(code)
	}
	return ncpGatewayError(e.status, code, e.message, e.details)
}

// ncpGatewayError returns an error of the gateway. The code and the details are
// JSON; empty details are left out.
func ncpGatewayError(status int, code, message, details string) Fault {
	if details != "" {
		details = `, "details": ` + details
	}
	return Fault{
		Status: status,
		Body:   fmt.Sprintf(`{"error": {"errorCode": %s, "message": %q%s}}`, code, message, details),
	}
}
