package awsapi

import (
	"cmp"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/cloudorg-exporter/cloudorg_exporter/internal/httpx"
)

// An Organization has no name. Source: DescribeOrganization.
type Organization struct {
	ID         string `json:"Id"`
	MasterID   string `json:"MasterAccountId"`
	MasterARN  string `json:"MasterAccountArn"`
	FeatureSet string `json:"FeatureSet"` // ALL or CONSOLIDATED_BILLING
}

// Master returns the identifier of the management account, or "".
func (o *Organization) Master() string {
	return cmp.Or(o.MasterID, o.MasterARN[strings.LastIndexByte(o.MasterARN, '/')+1:])
}

// A Root is the top of the tree of units. Source: ListRoots.
type Root struct {
	ID    string       `json:"Id"`
	Name  string       `json:"Name"`
	Types []PolicyType `json:"PolicyTypes"` // a type that is off is not listed
}

// A PolicyType is a type of policy that is on, or is being switched.
type PolicyType struct {
	Type   string `json:"Type"`
	Status string `json:"Status"` // ENABLED, PENDING_ENABLE or PENDING_DISABLE
}

// A Unit is an organizational unit. Source: ListOrganizationalUnitsForParent.
type Unit struct {
	ID   string `json:"Id"`
	Name string `json:"Name"` // unique below its parent only
}

// An Account belongs to the organization. Source: ListAccounts,
// ListAccountsForParent.
type Account struct {
	ID     string    `json:"Id"`              // 12 digits
	State  string    `json:"State"`           // PENDING_ACTIVATION, ACTIVE, SUSPENDED, PENDING_CLOSURE or CLOSED
	Status string    `json:"Status"`          // of before September 2025: ACTIVE, SUSPENDED or PENDING_CLOSURE
	Joined time.Time `json:"JoinedTimestamp"` // when it joined this organization
	Paths  []string  `json:"Paths"`           // "o-…/r-…/ou-…/…/<account>/"; today one at most
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

// A Handshake is an agreement between an organization and an account: an
// invitation, or another action. Source: ListHandshakesForOrganization,
// ListHandshakesForAccount.
type Handshake struct {
	ID        string    `json:"Id"`     // "h-…"
	Action    string    `json:"Action"` // INVITE, ENABLE_ALL_FEATURES, …
	State     string    `json:"State"`  // REQUESTED, OPEN, CANCELED, ACCEPTED, DECLINED or EXPIRED
	Parties   []Party   `json:"Parties"`
	Requested time.Time `json:"RequestedTimestamp"`
	Expires   time.Time `json:"ExpirationTimestamp"`
}

// A Party is one of a handshake's. The ID of one whose type is EMAIL is personal
// and is never kept.
type Party struct {
	ID   string `json:"Id"`
	Type string `json:"Type"` // ORGANIZATION, ACCOUNT or EMAIL
}

// ReadRow reads a handshake without the personal IDs of its parties.
func (h *Handshake) ReadRow(r *httpx.Reader) {
	r.Decode(h)
	for i := range h.Parties {
		if p := &h.Parties[i]; p.Type != "ACCOUNT" && p.Type != "ORGANIZATION" {
			p.ID = ""
		}
	}
}

// A Creation is a request to create an account. Source:
// ListCreateAccountStatus.
type Creation struct {
	ID        string    `json:"Id"`    // "car-…"
	State     string    `json:"State"` // IN_PROGRESS or FAILED
	Reason    string    `json:"FailureReason"`
	Requested time.Time `json:"RequestedTimestamp"`
	Completed time.Time `json:"CompletedTimestamp"` // zero while it is in progress
}

// An Administrator is an account that administers services for the
// organization. Source: ListDelegatedAdministrators.
type Administrator struct {
	ID      string    `json:"Id"`
	Enabled time.Time `json:"DelegationEnabledDate"`
}

// A Service is an AWS service that was enabled for an account or for the
// organization. Source: ListDelegatedServicesForAccount,
// ListAWSServiceAccessForOrganization.
type Service struct {
	Principal string    `json:"ServicePrincipal"`      // "guardduty.amazonaws.com"
	Delegated time.Time `json:"DelegationEnabledDate"` // for an account
	Accessing time.Time `json:"DateEnabled"`           // for the organization
}

// Enabled returns when the service was enabled, or zero.
func (s *Service) Enabled() time.Time {
	if s.Delegated.IsZero() {
		return s.Accessing
	}
	return s.Delegated
}

// A Policy is a policy of one type. Source: ListPolicies.
type Policy struct {
	ID         string `json:"Id"`
	Name       string `json:"Name"`
	Type       string `json:"Type"`
	AWSManaged bool   `json:"AwsManaged"`
}

// A Target is what a policy is attached to. Source: ListTargetsForPolicy.
type Target struct {
	ID   string `json:"TargetId"`
	Type string `json:"Type"` // ROOT, ORGANIZATIONAL_UNIT or ACCOUNT
}

// parseTime parses a time: seconds since 1970 with a fraction, or a text as in
// examples of the documentation.
func parseTime(text string) (time.Time, bool) {
	if seconds, err := strconv.ParseFloat(text, 64); err == nil {
		const year10000 = 253402300800
		if seconds > 0 && seconds < year10000 {
			return time.UnixMilli(int64(math.Round(seconds * 1e3))).UTC(), true
		}
		return time.Time{}, false
	}
	for _, layout := range []string{time.RFC3339, "20060102T150405Z"} {
		if t, err := time.Parse(layout, text); err == nil && t.Unix() > 0 {
			return t.UTC(), true
		}
	}
	return time.Time{}, false
}
