package ncpapi

import (
	"cmp"
	"context"
	"strconv"
	"strings"

	"github.com/cloudorg-exporter/cloudorg_exporter/internal/httpx"
)

// The path templates of all calls of version 2. All are GET; there are no
// others. Among the accounts, "-" stands for every group.
const (
	pathV2Organizations = "/open-api/v2/organizations"
	pathV2Groups        = "/open-api/v2/organizations/{organizationNo}/account-groups"
	pathV2Accounts      = "/open-api/v2/organizations/{organizationNo}/account-groups/-/accounts"
	pathV2Invitations   = "/open-api/v2/organizations/{organizationNo}/invitations"
	pathV2LeaveRequests = "/open-api/v2/organizations/{organizationNo}/leave-requests"
	pathV2Policies      = "/open-api/v2/organizations/{organizationNo}/quota-policies"
	pathV2Received      = "/open-api/v2/received-invitations"
)

const (
	pageSize = 100    // the largest that is documented
	maxPages = 10_000 // of one list
)

// A ClientV2 calls version 2 of the API. It is safe for concurrent use.
//
// The documentation of most fields could not be read. Fields under names that
// are only expected are optional.
type ClientV2 struct {
	*httpx.Client
	maxPages int
}

// NewV2 returns a ClientV2.
func NewV2(cfg Config) *ClientV2 {
	return &ClientV2{
		Client: newHTTP(cfg, pathV2Organizations, pathV2Groups, pathV2Accounts, pathV2Invitations,
			pathV2LeaveRequests, pathV2Policies, pathV2Received),
		maxPages: cmp.Or(cfg.MaxPages, maxPages),
	}
}

// Organizations returns the caller's organization, or none. More than one is
// not documented.
// Source: pub-organization-v2-organization-listorganizations.
func (c *ClientV2) Organizations(ctx context.Context) ([]OrganizationV2, int, error) {
	return httpx.Get(ctx, c.Client, httpx.Request{Operation: pathV2Organizations},
		func(r *httpx.Reader) []OrganizationV2 { return page[OrganizationV2](r, "organizations", false).Rows })
}

// AccountGroups returns the groups of an organization, the top one included.
// Source: pub-organization-v2-account-group-listaccountgroups.
func (c *ClientV2) AccountGroups(ctx context.Context, organization int64) (List[AccountGroup], int, error) {
	return pages(ctx, c, pathV2Groups, organization, "accountGroups", false, func(g *AccountGroup) Number { return g.Number })
}

// Accounts returns the accounts of all groups of an organization: those that
// have joined and those that ask to leave. The name of the list is not
// documented.
// Source: pub-organization-v2-account-listaccounts.
func (c *ClientV2) Accounts(ctx context.Context, organization int64) (List[AccountV2], int, error) {
	return pages(ctx, c, pathV2Accounts, organization, "accounts", true, func(a *AccountV2) Number { return a.Member })
}

// Invitations returns the pending invitations that an organization has sent. An
// accepted one that waits for the 3rd of the month is among them.
// Source: pub-organization-v2-account-listinvitations.
func (c *ClientV2) Invitations(ctx context.Context, organization int64) (List[InvitationV2], int, error) {
	return pages(ctx, c, pathV2Invitations, organization, "invitations", false, (*InvitationV2).key)
}

// ReceivedInvitations returns the pending invitations to the caller's account.
// An account in an organization has none.
// Source: pub-organization-v2-account-listreceivedinvitations.
func (c *ClientV2) ReceivedInvitations(ctx context.Context) (List[InvitationV2], int, error) {
	return pages(ctx, c, pathV2Received, 0, "receivedInvitations", false, (*InvitationV2).key)
}

// LeaveRequests returns the pending requests to leave.
// Source: pub-organization-v2-account-listleaverequests.
func (c *ClientV2) LeaveRequests(ctx context.Context, organization int64) (List[LeaveRequest], int, error) {
	return pages(ctx, c, pathV2LeaveRequests, organization, "leaveRequests", false, func(l *LeaveRequest) Number { return l.Member })
}

// QuotaPolicies returns the quota policies of an organization.
// Source: pub-organization-v2-quota-policy-listquotapolicies.
func (c *ClientV2) QuotaPolicies(ctx context.Context, organization int64) (List[QuotaPolicy], int, error) {
	return pages(ctx, c, pathV2Policies, organization, "quotaPolicies", false, func(p *QuotaPolicy) Number { return p.Number })
}

// A List is the rows of all pages of a listing, each once.
type List[T any] = httpx.List[T]

// pages reads all pages of a list, whose path may have the number of an
// organization. name is that of the list in the answers; if anyName, it may have
// another one.
func pages[T any, K comparable](
	ctx context.Context, c *ClientV2, template string, organization int64, name string, anyName bool, key func(*T) K,
) (List[T], int, error) {
	path := strings.Replace(template, "{organizationNo}", strconv.FormatInt(organization, 10), 1)
	rows, unparsed, err := httpx.Pages[T, K]{
		Operation: template,
		URL: func(n int) string {
			return path + "?pageNo=" + strconv.Itoa(n) + "&pageSize=" + strconv.Itoa(pageSize)
		},
		Read:   func(r *httpx.Reader) httpx.Page[T] { return page[T](r, name, anyName) },
		Key:    key,
		Size:   pageSize,
		Max:    c.maxPages,
		Advice: "if there are that many rows, raise refresh_timeout or rate_limit",
	}.List(ctx, c.Client)
	if err == nil && len(rows.Rows) == 0 && rows.Total > 0 {
		return List[T]{}, 0, c.Undecodable(httpx.Request{Operation: template}, "page 0 is empty, and totalElements is %d", rows.Total)
	}
	return rows, unparsed, err
}

// page reads an answer whose list has a name.
func page[T any](r *httpx.Reader, name string, anyName bool) httpx.Page[T] {
	var answer struct {
		Total Number `json:"totalElements"`
		Size  Number `json:"pageSize"`
		Pages Number `json:"totalPages"`
	}
	rows := httpx.Envelope[T](r, name, anyName, r.Fields(&answer))
	return httpx.Page[T]{Rows: rows, Total: answer.Total, Size: answer.Size, Pages: answer.Pages}
}
