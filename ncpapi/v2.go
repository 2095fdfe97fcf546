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

// A ClientV2 calls version 2 of the API. It is safe for concurrent use.
//
// The documentation of most fields could not be read. Fields under names that
// are only expected are optional.
type ClientV2 struct {
	base     string
	http     *httpx.Client
	maxPages int
}

// NewV2 returns a ClientV2.
func NewV2(cfg Config) *ClientV2 {
	return &ClientV2{
		base: strings.TrimRight(cfg.BaseURL, "/"),
		http: newHTTP(cfg, pathV2Organizations, pathV2Groups, pathV2Accounts, pathV2Invitations,
			pathV2LeaveRequests, pathV2Policies, pathV2Received),
		maxPages: cmp.Or(cfg.MaxPages, maxPages),
	}
}

// CloseIdleConnections closes the connections that are kept for later calls.
func (c *ClientV2) CloseIdleConnections() { c.http.CloseIdleConnections() }

// Organizations returns the caller's organization, or none. More than one is
// not documented.
// Source: pub-organization-v2-organization-listorganizations.
func (c *ClientV2) Organizations(ctx context.Context) ([]OrganizationV2, int, error) {
	p, unparsed, err := httpx.Get(ctx, c.http, httpx.Request{Operation: pathV2Organizations, URL: c.base + pathV2Organizations},
		envelope[OrganizationV2]("organizations", false))
	return p.rows, unparsed, err
}

// AccountGroups returns the groups of an organization, the top one included.
// Source: pub-organization-v2-account-group-listaccountgroups.
func (c *ClientV2) AccountGroups(ctx context.Context, organization int64) (List[AccountGroup], int, error) {
	return pages[AccountGroup](ctx, c, of(pathV2Groups, organization), envelope[AccountGroup]("accountGroups", false))
}

// Accounts returns the accounts of all groups of an organization: those that
// have joined and those that ask to leave. The name of the list is not
// documented.
// Source: pub-organization-v2-account-listaccounts.
func (c *ClientV2) Accounts(ctx context.Context, organization int64) (List[AccountV2], int, error) {
	return pages[AccountV2](ctx, c, of(pathV2Accounts, organization), envelope[AccountV2]("accounts", true))
}

// Invitations returns the pending invitations that an organization has sent. An
// accepted one that waits for the 3rd of the month is among them.
// Source: pub-organization-v2-account-listinvitations.
func (c *ClientV2) Invitations(ctx context.Context, organization int64) (List[InvitationV2], int, error) {
	return pages[InvitationV2](ctx, c, of(pathV2Invitations, organization), envelope[InvitationV2]("invitations", false))
}

// ReceivedInvitations returns the pending invitations to the caller's account.
// An account in an organization has none.
// Source: pub-organization-v2-account-listreceivedinvitations.
func (c *ClientV2) ReceivedInvitations(ctx context.Context) (List[InvitationV2], int, error) {
	return pages[InvitationV2](ctx, c, list{pathV2Received, pathV2Received}, envelope[InvitationV2]("receivedInvitations", false))
}

// LeaveRequests returns the pending requests to leave.
// Source: pub-organization-v2-account-listleaverequests.
func (c *ClientV2) LeaveRequests(ctx context.Context, organization int64) (List[LeaveRequest], int, error) {
	return pages[LeaveRequest](ctx, c, of(pathV2LeaveRequests, organization), envelope[LeaveRequest]("leaveRequests", false))
}

// QuotaPolicies returns the quota policies of an organization.
// Source: pub-organization-v2-quota-policy-listquotapolicies.
func (c *ClientV2) QuotaPolicies(ctx context.Context, organization int64) (List[QuotaPolicy], int, error) {
	return pages[QuotaPolicy](ctx, c, of(pathV2Policies, organization), envelope[QuotaPolicy]("quotaPolicies", false))
}

// A list is a path and its template.
type list struct{ template, path string }

// of returns a list of an organization.
func of(template string, organization int64) list {
	return list{template, strings.Replace(template, "{organizationNo}", strconv.FormatInt(organization, 10), 1)}
}
