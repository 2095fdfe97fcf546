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
	"time"

	"github.com/cloudorg-exporter/cloudorg_exporter/internal/httpx"
)

// The paths of all calls, in every version. All are GET; there are no others.
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
	Version        string                         // of the API, such as "1.3"; empty: the newest
	OrganizationID string                         // empty: the key's own organization
	PageSize       int                            // rows requested per page; the API may return fewer
	Keys           func() (access, secret string) // called for each attempt, so that keys can change
	Transport      *httpx.Transport
}

// A Client calls the API with one account's key. It is safe for concurrent
// use.
type Client struct {
	*httpx.Client
	cfg Config
}

// New returns a Client.
func New(cfg Config) *Client {
	return &Client{
		cfg: cfg,
		Client: httpx.New(httpx.API{
			Name:       "scp",
			BaseURL:    cfg.BaseURL,
			Operations: []string{pathVersions, pathInvitations, pathReceived, pathAccounts, pathOrganizations},
			Sign: func(req *http.Request, path string, now time.Time) {
				if path == pathVersions {
					return // needs no key, and gets none
				}
				access, secret := cfg.Keys()
				sign(req, now, access, secret)
				req.Header.Set("Accept-Language", "en-US")
				if cfg.Version != "" {
					req.Header.Set("Scp-Api-Version", "organization "+cfg.Version)
				}
			},
			ErrorFields: []string{"error", "errors"},
			Time:        parseTime,
			Explain: func(status int, _ http.Header, body []byte) httpx.Error {
				return explain(status, body, cfg.Version)
			},
			Secrets: func() []string {
				access, secret := cfg.Keys()
				return []string{access, secret}
			},
		}, cfg.Transport),
	}
}

// Invitations returns the invitations that the organization has sent, in any
// state. It returns, as all calls do, the number of fields that could not be
// parsed. Source: ListOrganizationInvitations.
func (c *Client) Invitations(ctx context.Context) ([]Invitation, int, error) {
	return pages(ctx, c, pathInvitations, "organization_invitations", func(i *Invitation) string { return i.ID })
}

// Accounts returns the accounts of the organization. Source: ListAccounts.
func (c *Client) Accounts(ctx context.Context) ([]Account, int, error) {
	return pages(ctx, c, pathAccounts, "accounts", func(a *Account) string { return a.ID })
}

// Organizations returns the organizations that the key can see. A member
// account's key sees none. Source: ListOrganizations.
func (c *Client) Organizations(ctx context.Context) ([]Organization, int, error) {
	return pages(ctx, c, pathOrganizations, "organizations", func(o *Organization) string { return o.ID })
}

// ReceivedInvitations returns the invitations that the key's account has
// received, in any state. Source: ListAccountInvitations.
func (c *Client) ReceivedInvitations(ctx context.Context) ([]ReceivedInvitation, int, error) {
	return whole(ctx, c, pathReceived, "account_invitations", func(i *ReceivedInvitation) string { return i.ID })
}

// Versions returns the versions of the API. The call needs no key and sends none.
// Source: common/api-version.
func (c *Client) Versions(ctx context.Context) ([]Version, int, error) {
	return whole(ctx, c, pathVersions, "versions", func(v *Version) string { return v.ID })
}

// maxPages limits a list that does not end.
const maxPages = 1000

// pages reads all pages of path. name is that of the list in the answers. Nothing
// in the URL needs escaping: how an escaped one is signed is not documented.
func pages[T any](ctx context.Context, c *Client, path, name string, key func(*T) string) ([]T, int, error) {
	query := url.Values{"size": {strconv.Itoa(c.cfg.PageSize)}}
	if c.cfg.OrganizationID != "" {
		query.Set("organization_id", c.cfg.OrganizationID)
	}
	list, unparsed, err := httpx.Pages[T, string]{
		Operation: path,
		URL: func(page int) string {
			query.Set("page", strconv.Itoa(page))
			return path + "?" + query.Encode()
		},
		Read:   func(r *httpx.Reader) httpx.Page[T] { return page[T](r, name) },
		Key:    key,
		Size:   c.cfg.PageSize,
		Max:    maxPages,
		Advice: "is page_size too small?",
	}.List(ctx, c.Client)
	return list.Rows, unparsed, err
}

// whole calls path, which has one page. name is that of the list in the answer.
func whole[T any](ctx context.Context, c *Client, path, name string, key func(*T) string) ([]T, int, error) {
	rows, unparsed, err := httpx.Get(ctx, c.Client, httpx.Request{Operation: path},
		func(r *httpx.Reader) []T { return page[T](r, name).Rows })
	distinct := httpx.Distinct[T, string]{Key: key}
	distinct.Add(rows)
	return distinct.Rows, unparsed, err
}

// page reads an answer whose list has a name.
func page[T any](r *httpx.Reader, name string) httpx.Page[T] {
	var answer struct {
		Size  httpx.Number `json:"size"`
		Count httpx.Number `json:"count"`
	}
	rows := httpx.Envelope[T](r, name, false, r.Fields(&answer))
	return httpx.Page[T]{Rows: rows, Total: answer.Count, Size: answer.Size}
}
