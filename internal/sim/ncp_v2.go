package sim

import (
	"fmt"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// The paths of version 2, relative to /open-api.
const (
	ncpV2              = "/v2"
	ncpV2Organizations = "/v2/organizations"
	ncpV2Received      = "/v2/received-invitations"
	ncpV2Number        = "/v2/organizations/{organizationNo}"
	ncpV2Groups        = ncpV2Number + "/account-groups"
	ncpV2Accounts      = ncpV2Number + "/account-groups/-/accounts"
	ncpV2Invitations   = ncpV2Number + "/invitations"
	ncpV2LeaveRequests = ncpV2Number + "/leave-requests"
	ncpV2Policies      = ncpV2Number + "/quota-policies"
)

var ncpV2OfOrganization = regexp.MustCompile(`^/v2/organizations/[0-9]+(/.*)$`)

// ncpOperationV2 returns the operation of a path below /open-api/v2.
func ncpOperationV2(path string) (name, instance string) {
	instance = ncpV2 + path
	name = instance
	if m := ncpV2OfOrganization.FindStringSubmatch(instance); m != nil {
		name = ncpV2Number + m[1]
	}
	switch name {
	case ncpV2Organizations, ncpV2Received, ncpV2Groups, ncpV2Accounts, ncpV2Invitations, ncpV2LeaveRequests, ncpV2Policies:
		return name, instance
	}
	return "other", instance
}

// refuseV2 returns the refusal of a caller, or the zero Fault.
func (s *NCP) refuseV2(c *call) Fault {
	switch s.cfg.Caller {
	case PublicSector:
		return NCPErrorV2("AccessDenied")
	case SubAccount:
		return NCPErrorV2("Forbidden")
	case NotMaster, Outsider:
		if c.operation != ncpV2Organizations && c.operation != ncpV2Received {
			return NCPErrorV2("Forbidden")
		}
	}
	return Fault{}
}

// NCPErrorV2 returns a fault that responds with an error of version 2 of the
// Organization service: InvalidParameter, AccessDenied, Forbidden,
// ResourceNotFound or the invented MadeUpTooMany. Any other code gets 500.
func NCPErrorV2(code string) Fault {
	known := map[string]struct {
		status        int
		message, more string
	}{
		"InvalidParameter": {http.StatusBadRequest, "bad parameter", `, "fieldErrors": [{"field": "pageSize", "message": "made-up: 1 to 100"}]`},
		"AccessDenied":     {http.StatusForbidden, "turned away", ""},
		"Forbidden":        {http.StatusForbidden, "no permission", `, "detail": "made-up: who knows"`},
		"ResourceNotFound": {http.StatusNotFound, "no such thing", `, "detail": null`},
		"MadeUpTooMany":    {http.StatusTooManyRequests, "slow down", ""},
	}
	e, ok := known[code]
	if !ok {
		e.status, e.message = http.StatusInternalServerError, "something new"
	}
	return Fault{
		Status: e.status,
		Body:   fmt.Sprintf(`{"error": {"errorCode": %q, "message": %q%s}}`, code, "made-up: "+e.message, e.more),
	}
}

// SetPaging sets how a list of version 2 is paged from the next request on.
func (s *NCP) SetPaging(operation string, p Paging) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.pagings[operation] = p
}

// respondV2 returns the response of version 2 to a call that is not refused.
func (s *NCP) respondV2(c *call) response {
	b := ncpResponsesV2{
		ncpResponses: ncpResponses{Company: s.company(c.now), clock: s.cfg.Clock, now: c.now},
		wide:         s.cfg.Wide, caller: s.cfg.Caller, sample: s.cfg.Company == nil,
	}
	if b.caller == Outsider {
		b.Company = Company{}
	}
	e := encoder{drift: s.cfg.Drift, time: func(_ string, t time.Time, n int) any {
		t = b.clock.Real(t, b.now).UTC()
		switch {
		case s.cfg.Drift && n%4 == 1:
			return t.In(time.FixedZone("", 9*60*60)).Format("2006-01-02T15:04:05-07:00")
		case s.cfg.Drift && n%4 == 2:
			return t.Format("2006-01-02T15:04:05")
		case s.cfg.Drift && n%4 == 3:
			return strconv.FormatInt(t.UnixMilli(), 10)
		case s.cfg.Wide:
			return t.Format("2006-01-02T15:04:05.000Z")
		}
		return t.Format(time.RFC3339)
	}}
	if c.operation == ncpV2Organizations {
		return ok(e.encode(fields("organizations", b.organizations())))
	}
	if c.operation != ncpV2Received && !strings.HasPrefix(c.instance, fmt.Sprintf("%s/%d/", ncpV2Organizations, b.ID)) {
		return NCPErrorV2("ResourceNotFound").response(nil)
	}
	var key string
	var rows []object
	switch c.operation {
	case ncpV2Groups:
		key, rows = "accountGroups", b.groups()
	case ncpV2Accounts:
		key, rows = "accounts", b.accounts()
	case ncpV2Invitations:
		key, rows = "invitations", b.invitations()
	case ncpV2Received:
		key, rows = "receivedInvitations", b.received()
	case ncpV2LeaveRequests:
		key, rows = "leaveRequests", b.leaveRequests()
	case ncpV2Policies:
		key, rows = "quotaPolicies", b.policies()
	}
	body, valid := s.pageV2(c, key, rows)
	if !valid {
		return NCPErrorV2("InvalidParameter").response(nil)
	}
	return ok(e.encode(body))
}

// pageV2 returns the requested page of a list. It returns false if the
// parameters are invalid.
func (s *NCP) pageV2(c *call, key string, all []object) (object, bool) {
	page, ok := queryInt(c.Request, "pageNo", 0, 0)
	size, ok2 := queryInt(c.Request, "pageSize", 20, 1)
	if !ok || !ok2 || size > 100 {
		return nil, false
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	p := s.pagings[c.operation]
	requested := size
	rows, total := p.of(all, page, &size)
	if p.Moves > 0 && page > 0 && len(rows) > 0 {
		rows[0] = all[page*size-1]
		p.Moves--
		s.pagings[c.operation] = p
	}
	body := fields(key, rows, "totalElements", int64(total), "totalPages", int64((total+size-1)/size))
	if s.cfg.Wide || c.operation == ncpV2Received { // the echo is optional
		return body, true
	}
	if p.Silent {
		size = requested
	}
	return append(body, fields("pageNo", int64(page), "pageSize", int64(size))...), true
}

// of returns the rows of a page and the total, as p changes them, and lowers the
// size to its limit. What moves is not in it.
func (p Paging) of(all []object, page int, size *int) (rows []object, total int) {
	if p.MaxSize > 0 {
		*size = min(*size, p.MaxSize)
	}
	n := len(all)
	if p.Endless && n > 0 {
		for i := page * *size; i < (page+1)**size; i++ { // the same rows again with other numbers
			row := append(object{}, all[i%n]...)
			for j, f := range row {
				if number, ok := f.value.(int64); ok && (f.key == "no" || f.key == "memberNo") {
					row[j].value = number + int64(i/n)*1_000_000_000
				}
			}
			rows = append(rows, row)
		}
		return rows, (page + 2) * *size
	}
	from, to := min(page**size, n), min((page+1)**size, n)
	return append([]object{}, all[from:to]...), max(0, n+p.CountOff+page*p.CountGrows)
}
