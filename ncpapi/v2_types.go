package ncpapi

import (
	"strconv"
	"strings"
	"time"

	"github.com/cloudorg-exporter/cloudorg_exporter/internal/httpx"
)

// OrganizationV2 is a row of /organizations. Its name is not read: it is the
// master account's user name. Source: pub-organization-v2-organization-listorganizations.
type OrganizationV2 struct {
	Number   Number // no
	MasterNo Number // masterMemberNo
	Caller   Number // memberNo: the account that owns the key; expected, not documented
}

func (o *OrganizationV2) read(name string, r *httpx.Reader) {
	switch name {
	case "no":
		o.Number = number(r)
	case "masterMemberNo":
		o.MasterNo = number(r)
	case "memberNo":
		o.Caller = number(r)
	}
}

// An AccountGroup is a group. Its policy is expected, not documented.
// Source: pub-organization-v2-account-group-getaccountgroup.
type AccountGroup struct {
	Number     Number
	Name       string // not unique; that of the top group is the master account's user name
	Upper      Number // upperAccountGroupNo: absent for the top group
	PolicyNo   Number
	PolicyName string
	HasPolicy  bool // the row has a field for the policy, which may be null
}

func (g *AccountGroup) key() (key, bool) { return key{g.Number.Value}, g.Number.Valid }

func (g *AccountGroup) read(name string, r *httpx.Reader) {
	switch name {
	case "no":
		g.Number = number(r)
	case "name":
		g.Name = r.Text()
	case "upperAccountGroupNo":
		g.Upper = number(r)
	case "policyNo", "quotaPolicyNo":
		g.HasPolicy, g.PolicyNo = true, number(r)
	case "policyName", "quotaPolicyName":
		g.HasPolicy, g.PolicyName = true, r.Text()
	case "quotaPolicy":
		g.HasPolicy = true
		if r.Next() != '{' {
			return
		}
		r.Object(func(name string) {
			switch name {
			case "no":
				g.PolicyNo = number(r)
			case "name":
				g.PolicyName = r.Text()
			}
		})
	}
}

// An AccountV2 is an account of the organization.
// Source: pub-organization-v2-account-getaccount.
type AccountV2 struct {
	Member Number // memberNo
	Group  Number // accountGroupNo: the group that it is in
	Status string // memberStatus: JOINED or LEAVE_REQUESTED
}

func (a *AccountV2) key() (key, bool) { return key{a.Member.Value}, a.Member.Valid }

func (a *AccountV2) read(name string, r *httpx.Reader) {
	switch name {
	case "memberNo":
		a.Member = number(r)
	case "accountGroupNo":
		a.Group = number(r)
	case "memberStatus":
		a.Status = r.Text()
	}
}

// An InvitationV2 is pending. The same type is sent and received.
// Source: pub-organization-v2-account-listinvitations.
type InvitationV2 struct {
	Member       Number    // memberNo: the account that is invited
	Organization Number    // organizationNo: the organization that invites
	Created      time.Time // createdDateTime: when it was sent
	Status       string    // expected, its name is not documented; empty if there is none
}

func (i *InvitationV2) key() (key, bool) {
	return key{i.Organization.Value, i.Member.Value}, i.Member.Valid
}

func (i *InvitationV2) read(name string, r *httpx.Reader) {
	switch name {
	case "memberNo":
		i.Member = number(r)
	case "organizationNo":
		i.Organization = number(r)
	case "createdDateTime":
		i.Created = dateTime(r)
	case "memberStatus", "invitationStatus", "status":
		if r.Next() == '"' {
			i.Status = r.Text()
		}
	}
}

// A LeaveRequest is a pending request to leave.
// Source: pub-organization-v2-account-listleaverequests.
type LeaveRequest struct {
	Member    Number    // memberNo
	Requested time.Time // requestedDateTime
}

func (l *LeaveRequest) key() (key, bool) { return key{l.Member.Value}, l.Member.Valid }

func (l *LeaveRequest) read(name string, r *httpx.Reader) {
	switch name {
	case "memberNo":
		l.Member = number(r)
	case "requestedDateTime":
		l.Requested = dateTime(r)
	}
}

// A QuotaPolicy is a quota policy.
// Source: pub-organization-v2-quota-policy-getquotapolicy.
type QuotaPolicy struct {
	Number  Number
	Name    string
	Applied Number // applyCount: number of groups that it applies to; expected, not documented
}

func (p *QuotaPolicy) key() (key, bool) { return key{p.Number.Value}, p.Number.Valid }

func (p *QuotaPolicy) read(name string, r *httpx.Reader) {
	switch name {
	case "no":
		p.Number = number(r)
	case "name":
		p.Name = r.Text()
	case "applyCount":
		p.Applied = number(r)
	}
}

// dateTime reads a date-time: RFC 3339, which is UTC if it has no zone, or
// milliseconds since 1970. Null and "" are no time. So is any other value,
// which counts as not parsed.
func dateTime(r *httpx.Reader) time.Time {
	text := strings.ToUpper(strings.TrimSpace(r.Text())) // RFC 3339 allows t and z
	if text == "" {
		return time.Time{}
	}
	if len(text) == 13 {
		if ms, err := strconv.ParseInt(text, 10, 64); err == nil && ms > 0 {
			return time.UnixMilli(ms).UTC()
		}
	}
	for _, layout := range []string{time.RFC3339, "2006-01-02T15:04:05"} {
		if t, err := time.Parse(layout, text); err == nil && t.Unix() > 0 && t.UTC().Year() <= 9999 {
			return t.UTC()
		}
	}
	r.Unparsed()
	return time.Time{}
}
