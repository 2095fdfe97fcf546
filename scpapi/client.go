// Package scpapi is a read-only client of Samsung Cloud Platform's Organization
// API (https://docs.e.samsungsdscloud.com/en/apireference/management/organization/).
//
// It knows nothing of metrics or snapshots. Its types hold what the exporter
// needs of an answer; the personal fields of the API, logins, e-mail addresses
// and names of accounts, are never decoded.
package scpapi

import (
	"context"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/cloudorg-exporter/cloudorg_exporter/internal/httpx"
)

// The paths of all calls, in every version. They are GETs, and there is no
// other.
const (
	pathVersions      = "/"
	pathInvitations   = "/v1/organization-invitations"
	pathReceived      = "/v1/account-invitations"
	pathAccounts      = "/v1/organization-accounts"
	pathOrganizations = "/v1/organizations"
)

// A Config says where the API is and who calls it.
type Config struct {
	BaseURL        string                         // without a trailing slash; all of it is signed
	Version        string                         // of the API, "1.3" say; empty takes the newest
	OrganizationID string                         // empty is the key's own organization
	PageSize       int                            // rows that are asked for at once; the API may give fewer
	Keys           func() (access, secret string) // asked for each attempt, so that keys can change
	HTTP           httpx.Config
}

// A Client calls the API with one account's key. It is safe for concurrent
// use.
type Client struct {
	base string
	cfg  Config
	http *httpx.Client
}

// New returns a Client.
func New(cfg Config) *Client {
	return &Client{
		base: strings.TrimRight(cfg.BaseURL, "/"),
		cfg:  cfg,
		http: httpx.New(httpx.API{
			Name:     "scp",
			Paths:    []string{pathVersions, pathInvitations, pathReceived, pathAccounts, pathOrganizations},
			Unsigned: []string{pathVersions},
			Sign: func(req *http.Request, now time.Time) {
				access, secret := cfg.Keys()
				sign(req, now, access, secret)
				req.Header.Set("Accept-Language", "en-US")
				if cfg.Version != "" {
					req.Header.Set("Scp-Api-Version", "organization "+cfg.Version)
				}
			},
			Explain: func(status int, _ http.Header, body []byte) httpx.Error {
				return explain(status, body, cfg.Version)
			},
			Secrets: func() []string {
				access, secret := cfg.Keys()
				return []string{access, secret}
			},
		}, cfg.HTTP),
	}
}

// CloseIdleConnections closes what is kept open for the next refresh.
func (c *Client) CloseIdleConnections() { c.http.CloseIdleConnections() }

// Invitations returns the invitations that the organization has sent, in any
// state. With the rows it returns, as all of these do, how many of their
// fields could not be read. Source: ListOrganizationInvitations.
func (c *Client) Invitations(ctx context.Context) ([]Invitation, int, error) {
	return pages[Invitation](ctx, c, pathInvitations, "organization_invitations")
}

// Accounts returns the accounts of the organization. Source: ListAccounts.
func (c *Client) Accounts(ctx context.Context) ([]Account, int, error) {
	return pages[Account](ctx, c, pathAccounts, "accounts")
}

// Organizations returns the organizations that the key can see: none for that
// of a plain member. Source: ListOrganizations.
func (c *Client) Organizations(ctx context.Context) ([]Organization, int, error) {
	return pages[Organization](ctx, c, pathOrganizations, "organizations")
}

// ReceivedInvitations returns the invitations that the key's account has
// received, in any state. Source: ListAccountInvitations.
func (c *Client) ReceivedInvitations(ctx context.Context) ([]ReceivedInvitation, int, error) {
	return whole[ReceivedInvitation](ctx, c, pathReceived, "account_invitations")
}

// Versions returns the versions of the API. It needs no key and sends none.
// Source: common/api-version.
func (c *Client) Versions(ctx context.Context) ([]Version, int, error) {
	return whole[Version](ctx, c, pathVersions, "versions")
}

// whole calls path, which is not paged. key names the list in the answer.
func whole[T any, R row[T]](ctx context.Context, c *Client, path, key string) ([]T, int, error) {
	p, unreadable, err := httpx.Get(ctx, c.http, path, c.base+path, envelope[T, R](key))
	if err != nil {
		return nil, 0, err
	}
	var l listing[T]
	for _, t := range p.rows {
		l.add(R(&t).key(), t)
	}
	return l.rows, unreadable, nil
}

// url returns the address of a page of path. What it is made of needs no
// escaping, which could not be signed with certainty.
func (c *Client) url(path string, page int) string {
	query := url.Values{"page": {strconv.Itoa(page)}, "size": {strconv.Itoa(c.cfg.PageSize)}}
	if c.cfg.OrganizationID != "" {
		query.Set("organization_id", c.cfg.OrganizationID)
	}
	return c.base + path + "?" + query.Encode()
}
