// Package ncpapi has read-only clients of the two versions of NAVER Cloud
// Platform's Organization API: Client
// (https://api.ncloud-docs.com/docs/en/organization-overview) and ClientV2
// (https://api.ncloud-docs.com/docs/pub-organization-v2-overview).
//
// It knows nothing of metrics or snapshots. Its types hold what the exporter
// needs of an answer; the personal fields of the API, logins, e-mail addresses
// and names of people, are never decoded.
package ncpapi

import (
	"context"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/cloudorg-exporter/cloudorg_exporter/internal/httpx"
)

// The path templates of all calls. All are GET; there are no others.
const (
	pathOrganization  = "/open-api/v1/org"
	pathGroupTree     = "/open-api/v1/group/tree"
	pathGroupAccounts = "/open-api/v1/account/group/{no}"
	pathInvitations   = "/open-api/v1/account/invite/invitation"
	pathWithdrawals   = "/open-api/v1/account/leave"
	pathPolicies      = "/open-api/v1/policy/list"
)

// A Config says where the API is and who calls it.
type Config struct {
	BaseURL   string                         // without a trailing slash; a path in it is signed
	Keys      func() (access, secret string) // called for each attempt, so that keys can change
	Transport *httpx.Transport
	MaxPages  int // pages of a list, for ClientV2 alone; 0: ten thousand
}

// A Client calls version 1 of the API as one organization's master account. It
// is safe for concurrent use.
type Client struct{ *httpx.Client }

// New returns a Client.
func New(cfg Config) *Client {
	return &Client{newHTTP(cfg, pathOrganization, pathGroupTree, pathGroupAccounts, pathInvitations, pathWithdrawals, pathPolicies)}
}

// newHTTP returns a client of the gateway, by which both versions are called.
func newHTTP(cfg Config, paths ...string) *httpx.Client {
	return httpx.New(httpx.API{
		Name:       "ncp",
		BaseURL:    cfg.BaseURL,
		Operations: paths,
		Sign: func(req *http.Request, _ string, now time.Time) {
			access, secret := cfg.Keys()
			sign(req, now, access, secret)
		},
		Explain:     explain,
		Time:        parseTime,
		ErrorFields: []string{"error", "errors", "errorCode", "code", "responseError"},
		Secrets: func() []string {
			access, secret := cfg.Keys()
			return []string{access, secret}
		},
	}, cfg.Transport)
}

// Organization returns the caller's organization, and, as all calls do, the
// number of fields that could not be parsed. The organization has no Number if
// the account has neither made nor joined one: the answer is null, {}, or an
// organization without its number. Any other object is an error.
// Source: organization-get-org.
func (c *Client) Organization(ctx context.Context) (Organization, int, error) {
	return httpx.Get(ctx, c.Client, httpx.Request{Operation: pathOrganization}, func(r *httpx.Reader) Organization {
		documented := []string{
			"organizationNo", "organizationName", "organizationDesc",
			"masterMemberNo", "masterMemberName", "masterMemberEmailAddress", "masterMemberYn",
			"memberNo", "memberStatusCode", "joinYmdt", "regYmdt",
		}
		var o Organization
		read := r.Fields(&o)
		empty, known := true, false
		r.Object(func(name string) {
			empty, known = false, known || slices.Contains(documented, name)
			read(name)
		})
		if !empty && !known {
			r.Fail("unexpected shape: no field of an organization")
		}
		return o
	})
}

// GroupTree returns the rows of the group tree: groups and accounts, flat.
// Source: organization-get-group-tree.
func (c *Client) GroupTree(ctx context.Context) ([]TreeRow, int, error) {
	return httpx.Get(ctx, c.Client, httpx.Request{Operation: pathGroupTree}, httpx.Rows[TreeRow])
}

// Groups returns the rows of the group tree that are groups.
func (c *Client) Groups(ctx context.Context) ([]TreeRow, int, error) {
	return httpx.Get(ctx, c.Client, httpx.Request{Operation: pathGroupTree}, func(r *httpx.Reader) []TreeRow {
		return slices.Concat(httpx.RowBlocks(r, (*TreeRow).NamesGroup)...)
	})
}

// GroupAccounts returns the accounts of a group, in blocks: there may be
// 100,000. Whether they include the accounts of sub-groups is not documented.
// Source: organization-get-account-group.
func (c *Client) GroupAccounts(ctx context.Context, group int64) ([][]Account, int, error) {
	path := strings.Replace(pathGroupAccounts, "{no}", strconv.FormatInt(group, 10), 1)
	return httpx.Get(ctx, c.Client, httpx.Request{Operation: pathGroupAccounts, URL: path}, func(r *httpx.Reader) [][]Account {
		return httpx.RowBlocks(r, func(*Account) bool { return true })
	})
}

// Invitations returns the invitations that the caller can see. Whether these
// are the sent or the received ones is not documented.
// Source: organization-get-account-invite.
func (c *Client) Invitations(ctx context.Context) ([]Invitation, int, error) {
	return httpx.Get(ctx, c.Client, httpx.Request{Operation: pathInvitations}, httpx.Rows[Invitation])
}

// Withdrawals returns the pending requests to leave.
// Source: organization-get-account-leave.
func (c *Client) Withdrawals(ctx context.Context) ([]Withdrawal, int, error) {
	return httpx.Get(ctx, c.Client, httpx.Request{Operation: pathWithdrawals}, httpx.Rows[Withdrawal])
}

// Policies returns the quota policies.
// Source: organization-get-policy-list.
func (c *Client) Policies(ctx context.Context) ([]Policy, int, error) {
	return httpx.Get(ctx, c.Client, httpx.Request{Operation: pathPolicies}, httpx.Rows[Policy])
}
