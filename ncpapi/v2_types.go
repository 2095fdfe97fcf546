package ncpapi

import (
	"cmp"
	"time"

	"github.com/cloudorg-exporter/cloudorg_exporter/internal/httpx"
)

// OrganizationV2 is a row of /organizations. Its name is not read: it is the
// master account's user name. Source: pub-organization-v2-organization-listorganizations.
type OrganizationV2 struct {
	Number   Number `json:"no"`
	MasterNo Number `json:"masterMemberNo"`
	Caller   Number `json:"memberNo"` // the account that owns the key; expected, not documented
}

// An AccountGroup is a group. Its policy is expected, not documented.
// Source: pub-organization-v2-account-group-getaccountgroup.
type AccountGroup struct {
	Number     Number `json:"no"`
	Name       string `json:"name"`                // not unique; that of the top group is the master account's user name
	Upper      Number `json:"upperAccountGroupNo"` // absent for the top group
	PolicyNo   Number
	PolicyName string
	HasPolicy  bool // the row has a field for the policy, which may be null
}

// ReadRow reads a group. The fields of its policy are read under each of the
// expected names.
func (g *AccountGroup) ReadRow(r *httpx.Reader) {
	others := r.Fields(g)
	r.Object(func(name string) {
		switch name {
		case "policyNo", "quotaPolicyNo":
			g.HasPolicy = true
			r.Decode(&g.PolicyNo)
		case "policyName", "quotaPolicyName":
			g.HasPolicy = true
			r.Decode(&g.PolicyName)
		case "quotaPolicy":
			g.HasPolicy = true
			if r.Next() == '{' {
				policy := struct {
					Number Number `json:"no"`
					Name   string `json:"name"`
				}{g.PolicyNo, g.PolicyName} // a field that the object lacks changes nothing
				r.Object(r.Fields(&policy))
				g.PolicyNo, g.PolicyName = policy.Number, policy.Name
			}
		default:
			others(name)
		}
	})
}

// An AccountV2 is an account of the organization.
// Source: pub-organization-v2-account-getaccount.
type AccountV2 struct {
	Member Number `json:"memberNo"`
	Group  Number `json:"accountGroupNo"` // the group that it is in
	Status string `json:"memberStatus"`   // JOINED or LEAVE_REQUESTED
}

// An InvitationV2 is pending. The same type is sent and received.
// Source: pub-organization-v2-account-listinvitations.
type InvitationV2 struct {
	Member       Number    `json:"memberNo"`        // the account that is invited
	Organization Number    `json:"organizationNo"`  // the organization that invites
	Created      time.Time `json:"createdDateTime"` // when it was sent

	// The status is expected; the name of its field is not documented. See Status.
	MemberStatus     string `json:"memberStatus"`
	InvitationStatus string `json:"invitationStatus"`
	OwnStatus        string `json:"status"`
}

// Status returns the status, or "" if there is none.
func (i *InvitationV2) Status() string {
	return cmp.Or(i.MemberStatus, i.InvitationStatus, i.OwnStatus)
}

func (i *InvitationV2) key() [2]Number {
	if !i.Member.Valid {
		return [2]Number{}
	}
	return [2]Number{i.Organization, i.Member}
}

// A LeaveRequest is a pending request to leave.
// Source: pub-organization-v2-account-listleaverequests.
type LeaveRequest struct {
	Member    Number    `json:"memberNo"`
	Requested time.Time `json:"requestedDateTime"`
}

// A QuotaPolicy is a quota policy.
// Source: pub-organization-v2-quota-policy-getquotapolicy.
type QuotaPolicy struct {
	Number  Number `json:"no"`
	Name    string `json:"name"`
	Applied Number `json:"applyCount"` // number of groups that it applies to; expected, not documented
}
