package ncpapi

import (
	"strings"
	"time"

	"github.com/cloudorg-exporter/cloudorg_exporter/internal/httpx"
)

// A row is a pointer to a T that can read one of its fields.
type row[T any] interface {
	*T
	read(name string, r *httpx.Reader)
}

// A Number is one of the API's numbers, which come as numbers or strings, or
// are absent. The zero Number is absent.
type Number struct {
	Value int64
	Valid bool
}

func number(r *httpx.Reader) Number {
	n, ok := r.Int()
	return Number{n, ok}
}

// Organization is the answer of /org. Source: organization-get-org.
type Organization struct {
	Number   Number // absent: the caller has no organization
	Name     string // any script
	MasterNo Number
	Joined   time.Time // joinYmdt: when the caller joined
}

// isOrganization reports whether an organization has a field of that name.
func isOrganization(name string) bool {
	switch name {
	case "organizationNo", "organizationName", "organizationDesc",
		"masterMemberNo", "masterMemberName", "masterMemberEmailAddress", "masterMemberYn",
		"memberNo", "memberStatusCode", "joinYmdt", "regYmdt":
		return true
	}
	return false
}

func (o *Organization) read(name string, r *httpx.Reader) {
	switch name {
	case "organizationNo":
		o.Number = number(r)
	case "organizationName":
		o.Name = r.Text()
	case "masterMemberNo":
		o.MasterNo = number(r)
	case "joinYmdt":
		o.Joined = r.Millis()
	}
}

// A TreeRow is a group, or an account in a group. The master's row is both: the
// root group has no row of its own. Source: organization-get-group-tree.
type TreeRow struct {
	Group      Number // organizationGroupNo: the group, or the account's group
	GroupName  string // organizationGroupName; displayName, which may be a person's, is not read
	Parent     Number // upperOrganizationGroupNo: absent for the root group
	Member     Number // memberNo: absent for a group
	Status     string // memberStatusCode
	PolicyNo   Number
	PolicyName string
	GroupYn    string // Y or N
	IsMaster   bool   // masterMemberYn
}

// NamesGroup reports whether the row is a group.
func (t *TreeRow) NamesGroup() bool {
	return t.IsMaster || t.GroupYn == "Y" || t.GroupYn == "" && !t.Member.Valid
}

// NamesAccount reports whether the row is an account.
func (t *TreeRow) NamesAccount() bool {
	return (t.GroupYn != "Y" || t.IsMaster) && (t.Member.Valid || t.GroupYn == "N")
}

func (t *TreeRow) read(name string, r *httpx.Reader) {
	switch name {
	case "organizationGroupNo":
		t.Group = number(r)
	case "organizationGroupName":
		t.GroupName = r.Text()
	case "upperOrganizationGroupNo":
		t.Parent = number(r)
	case "memberNo":
		t.Member = number(r)
	case "memberStatusCode":
		t.Status = r.Text()
	case "policyNo":
		t.PolicyNo = number(r)
	case "policyName":
		t.PolicyName = r.Text()
	case "groupYn":
		t.GroupYn = strings.ToUpper(r.Text())
	case "masterMemberYn":
		t.IsMaster = strings.EqualFold(r.Text(), "Y")
	}
}

// An Account is a row of a group's list. Source: organization-get-account-group.
type Account struct {
	Member Number // memberNo
	Group  Number // organizationGroupNo: may be a sub-group of the requested one
	Status string // memberStatusCode
}

func (a *Account) read(name string, r *httpx.Reader) {
	switch name {
	case "memberNo":
		a.Member = number(r)
	case "organizationGroupNo":
		a.Group = number(r)
	case "memberStatusCode":
		a.Status = r.Text()
	}
}

// An Invitation is pending: the API removes accepted, rejected and expired ones.
// Source: organization-get-account-invite.
type Invitation struct {
	Member       Number    // memberNo: the account that is invited
	Organization Number    // organizationNo
	Group        Number    // organizationGroupNo: name of the organization in the field table of 2022
	ExpireDays   Number    // expireDay: whether the lifetime or the rest of it is not documented
	Registered   time.Time // regYmdt: when it was sent
}

// Inviter returns the number of the inviting organization.
func (i *Invitation) Inviter() Number {
	if i.Organization.Valid {
		return i.Organization
	}
	return i.Group
}

func (i *Invitation) read(name string, r *httpx.Reader) {
	switch name {
	case "memberNo":
		i.Member = number(r)
	case "organizationNo":
		i.Organization = number(r)
	case "organizationGroupNo":
		i.Group = number(r)
	case "expireDay":
		i.ExpireDays = number(r)
	case "regYmdt":
		i.Registered = r.Millis()
	}
}

// A Withdrawal is a pending request to leave. Every row of the list is one,
// whatever its status.
// Source: organization-get-account-leave.
type Withdrawal struct {
	Member   Number    // memberNo
	Modified time.Time // modYmdt: when it was requested
}

func (w *Withdrawal) read(name string, r *httpx.Reader) {
	switch name {
	case "memberNo":
		w.Member = number(r)
	case "modYmdt":
		w.Modified = r.Millis()
	}
}

// A Policy is a quota policy. Source: organization-get-policy-list.
type Policy struct {
	Number  Number // policyNo
	Name    string // policyName
	Applied Number // applyCount: number of groups that it applies to
}

func (p *Policy) read(name string, r *httpx.Reader) {
	switch name {
	case "policyNo":
		p.Number = number(r)
	case "policyName":
		p.Name = r.Text()
	case "applyCount":
		p.Applied = number(r)
	}
}
