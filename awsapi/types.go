package awsapi

import (
	"cmp"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/cloudorg-exporter/cloudorg_exporter/internal/httpx"
)

// A row is a pointer to a T that can read one of its fields. Its key identifies
// it among the rows of a listing; it is empty if the row has none. Every field
// of every row is optional.
type row[T any] interface {
	*T
	read(name string, r *httpx.Reader)
	key() string
}

// An Organization has no name. Source: DescribeOrganization.
type Organization struct {
	ID         string
	Master     string // MasterAccountId, else the end of MasterAccountArn
	FeatureSet string // ALL or CONSOLIDATED_BILLING
}

func (o *Organization) read(name string, r *httpx.Reader) {
	switch name {
	case "Id":
		o.ID = r.Text()
	case "MasterAccountId":
		o.Master = cmp.Or(r.Text(), o.Master)
	case "MasterAccountArn":
		arn := r.Text()
		o.Master = cmp.Or(o.Master, arn[strings.LastIndexByte(arn, '/')+1:])
	case "FeatureSet":
		o.FeatureSet = r.Text()
	}
}

// A Root is the top of the tree of units. Source: ListRoots.
type Root struct {
	ID    string
	Name  string
	Types []PolicyType // a type that is off is not listed
}

// A PolicyType is a type of policy that is on, or is being switched.
type PolicyType struct {
	Type   string
	Status string // ENABLED, PENDING_ENABLE or PENDING_DISABLE
}

func (o *Root) key() string { return o.ID }

func (o *Root) read(name string, r *httpx.Reader) {
	switch name {
	case "Id":
		o.ID = r.Text()
	case "Name":
		o.Name = r.Text()
	case "PolicyTypes":
		o.Types = nil
		r.FieldArray(func() {
			var t PolicyType
			r.FieldObject(func(name string) {
				switch name {
				case "Type":
					t.Type = r.Text()
				case "Status":
					t.Status = r.Text()
				}
			})
			o.Types = append(o.Types, t)
		})
	}
}

// A Unit is an organizational unit. Source: ListOrganizationalUnitsForParent.
type Unit struct {
	ID   string
	Name string // unique below its parent only
}

func (u *Unit) key() string { return u.ID }

func (u *Unit) read(name string, r *httpx.Reader) {
	switch name {
	case "Id":
		u.ID = r.Text()
	case "Name":
		u.Name = r.Text()
	}
}

// An Account belongs to the organization. Source: ListAccounts,
// ListAccountsForParent.
type Account struct {
	ID     string    // 12 digits
	State  string    // PENDING_ACTIVATION, ACTIVE, SUSPENDED, PENDING_CLOSURE or CLOSED
	Status string    // of before September 2025: ACTIVE, SUSPENDED or PENDING_CLOSURE
	Joined time.Time // when it joined this organization
	Paths  []string  // "o-…/r-…/ou-…/…/<account>/"; today one at most
}

// Parent returns the root or unit that the account is in, or "".
func (a *Account) Parent() string {
	for _, path := range a.Paths {
		parts := strings.Split(strings.Trim(path, "/"), "/")
		if len(parts) > 2 {
			return parts[len(parts)-2]
		}
	}
	return ""
}

func (a *Account) key() string { return a.ID }

func (a *Account) read(name string, r *httpx.Reader) {
	switch name {
	case "Id":
		a.ID = r.Text()
	case "State":
		a.State = r.Text()
	case "Status":
		a.Status = r.Text()
	case "JoinedTimestamp":
		a.Joined = timestamp(r)
	case "Paths":
		a.Paths = nil
		r.FieldArray(func() { a.Paths = append(a.Paths, r.Text()) })
	}
}

// A Handshake is an agreement between an organization and an account: an
// invitation, or another action. Source: ListHandshakesForOrganization,
// ListHandshakesForAccount.
type Handshake struct {
	ID        string // "h-…"
	Action    string // INVITE, ENABLE_ALL_FEATURES, …
	State     string // REQUESTED, OPEN, CANCELED, ACCEPTED, DECLINED or EXPIRED
	Parties   []Party
	Requested time.Time // RequestedTimestamp
	Expires   time.Time // ExpirationTimestamp
}

// A Party is one of a handshake's. The ID of one whose type is EMAIL is personal
// and is never kept.
type Party struct {
	ID   string
	Type string // ORGANIZATION, ACCOUNT or EMAIL
}

func (h *Handshake) key() string { return h.ID }

func (h *Handshake) read(name string, r *httpx.Reader) {
	switch name {
	case "Id":
		h.ID = r.Text()
	case "Action":
		h.Action = r.Text()
	case "State":
		h.State = r.Text()
	case "RequestedTimestamp":
		h.Requested = timestamp(r)
	case "ExpirationTimestamp":
		h.Expires = timestamp(r)
	case "Parties":
		h.Parties = nil
		r.FieldArray(func() {
			var p Party
			r.FieldObject(func(name string) {
				switch name {
				case "Id":
					p.ID = r.Text()
				case "Type":
					p.Type = r.Text()
				}
			})
			if p.Type != "ACCOUNT" && p.Type != "ORGANIZATION" {
				p.ID = ""
			}
			h.Parties = append(h.Parties, p)
		})
	}
}

// A Creation is a request to create an account. Source:
// ListCreateAccountStatus.
type Creation struct {
	ID        string // "car-…"
	State     string // IN_PROGRESS or FAILED
	Reason    string // FailureReason
	Requested time.Time
	Completed time.Time // zero while it is in progress
}

func (c *Creation) key() string { return c.ID }

func (c *Creation) read(name string, r *httpx.Reader) {
	switch name {
	case "Id":
		c.ID = r.Text()
	case "State":
		c.State = r.Text()
	case "FailureReason":
		c.Reason = r.Text()
	case "RequestedTimestamp":
		c.Requested = timestamp(r)
	case "CompletedTimestamp":
		c.Completed = timestamp(r)
	}
}

// An Administrator is an account that administers services for the
// organization. Source: ListDelegatedAdministrators.
type Administrator struct {
	ID      string
	Enabled time.Time // DelegationEnabledDate
}

func (a *Administrator) key() string { return a.ID }

func (a *Administrator) read(name string, r *httpx.Reader) {
	switch name {
	case "Id":
		a.ID = r.Text()
	case "DelegationEnabledDate":
		a.Enabled = timestamp(r)
	}
}

// A Service is an AWS service that was enabled for an account or for the
// organization. Source: ListDelegatedServicesForAccount,
// ListAWSServiceAccessForOrganization.
type Service struct {
	Principal string    // "guardduty.amazonaws.com"
	Enabled   time.Time // DelegationEnabledDate or DateEnabled
}

func (s *Service) key() string { return s.Principal }

func (s *Service) read(name string, r *httpx.Reader) {
	switch name {
	case "ServicePrincipal":
		s.Principal = r.Text()
	case "DelegationEnabledDate", "DateEnabled":
		s.Enabled = timestamp(r)
	}
}

// A Policy is a policy of one type. Source: ListPolicies.
type Policy struct {
	ID         string
	Name       string
	Type       string
	AWSManaged bool
}

func (p *Policy) key() string { return p.ID }

func (p *Policy) read(name string, r *httpx.Reader) {
	switch name {
	case "Id":
		p.ID = r.Text()
	case "Name":
		p.Name = r.Text()
	case "Type":
		p.Type = r.Text()
	case "AwsManaged":
		p.AWSManaged = r.Flag()
	}
}

// A Target is what a policy is attached to. Source: ListTargetsForPolicy.
type Target struct {
	ID   string
	Type string // ROOT, ORGANIZATIONAL_UNIT or ACCOUNT
}

func (t *Target) key() string { return t.ID }

func (t *Target) read(name string, r *httpx.Reader) {
	switch name {
	case "TargetId":
		t.ID = r.Text()
	case "Type":
		t.Type = r.Text()
	}
}

// timestamp reads a time: seconds since 1970 with a fraction, which may be
// quoted, or a text as in examples of the documentation. Null and "" are the
// zero time. So is any other value, which counts as not parsed.
func timestamp(r *httpx.Reader) time.Time {
	s := strings.TrimSpace(r.Text())
	if s == "" {
		return time.Time{}
	}
	if seconds, err := strconv.ParseFloat(s, 64); err == nil {
		const year10000 = 253402300800
		if seconds > 0 && seconds < year10000 {
			return time.UnixMilli(int64(math.Round(seconds * 1e3))).UTC()
		}
		r.Unparsed()
		return time.Time{}
	}
	for _, layout := range []string{time.RFC3339, "20060102T150405Z"} {
		if t, err := time.Parse(layout, strings.ToUpper(s)); err == nil && t.Unix() > 0 {
			return t.UTC()
		}
	}
	r.Unparsed()
	return time.Time{}
}
