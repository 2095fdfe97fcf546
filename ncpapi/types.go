package ncpapi

import (
	"strings"
	"time"

	"github.com/cloudorg-exporter/cloudorg_exporter/internal/httpx"
)

// A Number is one of the API's numbers, which come as numbers or strings, or
// are absent. The zero Number is absent.
type Number = httpx.Number

// Organization is the answer of /org. Source: organization-get-org.
type Organization struct {
	Number   Number    `json:"organizationNo"`   // absent: the caller has no organization
	Name     string    `json:"organizationName"` // any script
	MasterNo Number    `json:"masterMemberNo"`
	Joined   time.Time `json:"joinYmdt"` // when the caller joined
}

// A TreeRow is a group, or an account in a group. The master's row is both: the
// root group has no row of its own. Source: organization-get-group-tree.
type TreeRow struct {
	Group      Number `json:"organizationGroupNo"`      // the group, or the account's group
	GroupName  string `json:"organizationGroupName"`    // displayName, which may be a person's, is not read
	Parent     Number `json:"upperOrganizationGroupNo"` // absent for the root group
	Member     Number `json:"memberNo"`                 // absent for a group
	Status     string `json:"memberStatusCode"`
	PolicyNo   Number `json:"policyNo"`
	PolicyName string `json:"policyName"`
	GroupYn    string `json:"groupYn"`        // Y or N, in either case
	MasterYn   string `json:"masterMemberYn"` // Y or N, in either case
}

// IsMaster reports whether the row is that of the master account.
func (t *TreeRow) IsMaster() bool { return strings.EqualFold(t.MasterYn, "Y") }

// NamesGroup reports whether the row is a group.
func (t *TreeRow) NamesGroup() bool {
	return t.IsMaster() || strings.EqualFold(t.GroupYn, "Y") || t.GroupYn == "" && !t.Member.Valid
}

// NamesAccount reports whether the row is an account.
func (t *TreeRow) NamesAccount() bool {
	return (!strings.EqualFold(t.GroupYn, "Y") || t.IsMaster()) && (t.Member.Valid || strings.EqualFold(t.GroupYn, "N"))
}

// An Account is a row of a group's list. Source: organization-get-account-group.
type Account struct {
	Member Number `json:"memberNo"`
	Group  Number `json:"organizationGroupNo"` // may be a sub-group of the requested one
	Status string `json:"memberStatusCode"`
}

// An Invitation is pending: the API removes accepted, rejected and expired ones.
// Source: organization-get-account-invite.
type Invitation struct {
	Member       Number    `json:"memberNo"` // the account that is invited
	Organization Number    `json:"organizationNo"`
	Group        Number    `json:"organizationGroupNo"` // name of the organization in the field table of 2022
	ExpireDays   Number    `json:"expireDay"`           // whether the lifetime or the rest of it is not documented
	Registered   time.Time `json:"regYmdt"`             // when it was sent
}

// Inviter returns the number of the inviting organization.
func (i *Invitation) Inviter() Number {
	if i.Organization.Valid {
		return i.Organization
	}
	return i.Group
}

// A Withdrawal is a pending request to leave. Every row of the list is one,
// whatever its status.
// Source: organization-get-account-leave.
type Withdrawal struct {
	Member   Number    `json:"memberNo"`
	Modified time.Time `json:"modYmdt"` // when it was requested
}

// A Policy is a quota policy. Source: organization-get-policy-list.
type Policy struct {
	Number  Number `json:"policyNo"`
	Name    string `json:"policyName"`
	Applied Number `json:"applyCount"` // number of groups that it applies to
}

// parseTime parses a time: milliseconds since 1970, or a date-time of RFC 3339,
// which is UTC if it has no zone. "-" is no time.
func parseTime(text string) (time.Time, bool) {
	var ms Number
	if ms.UnmarshalText([]byte(text)) == nil {
		if !ms.Valid {
			return time.Time{}, true
		}
		return time.UnixMilli(ms.Value).UTC(), ms.Value >= 1e12 && ms.Value < 1e13 // of the years 2001 to 2286
	}
	for _, layout := range []string{time.RFC3339, "2006-01-02T15:04:05"} {
		if t, err := time.Parse(layout, text); err == nil && t.Unix() > 0 && t.UTC().Year() <= 9999 {
			return t.UTC(), true
		}
	}
	return time.Time{}, false
}
