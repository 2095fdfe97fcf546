// Package awsapi is a read-only client of AWS Organizations
// (https://docs.aws.amazon.com/organizations/latest/APIReference/).
//
// It knows nothing of metrics or snapshots. Its types hold what the exporter
// needs of an answer; the personal fields of the API, e-mail addresses and names
// of accounts, are never decoded. Requests are signed, and credentials found, by
// AWS's own library; answers are read by ours, as the library's loses a listing
// over one field of an unexpected type, and takes an empty body for an empty
// list.
package awsapi

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/cloudorg-exporter/cloudorg_exporter/internal/httpx"
)

// The operations of all calls. There are no others.
const (
	describeOrganization   = "DescribeOrganization"
	listRoots              = "ListRoots"
	listUnits              = "ListOrganizationalUnitsForParent"
	listAccounts           = "ListAccounts"
	listAccountsForParent  = "ListAccountsForParent"
	listHandshakes         = "ListHandshakesForOrganization"
	listReceivedHandshakes = "ListHandshakesForAccount"
	listCreations          = "ListCreateAccountStatus"
	listAdministrators     = "ListDelegatedAdministrators"
	listDelegatedServices  = "ListDelegatedServicesForAccount"
	listPolicies           = "ListPolicies"
	listTargets            = "ListTargetsForPolicy"
	listServiceAccess      = "ListAWSServiceAccessForOrganization"
)

func operations() []string {
	return []string{
		describeOrganization, listRoots, listUnits, listAccounts, listAccountsForParent, listHandshakes, listReceivedHandshakes,
		listCreations, listAdministrators, listDelegatedServices, listPolicies, listTargets, listServiceAccess,
	}
}

// A Config says where the API is and who calls it.
type Config struct {
	BaseURL     string // without a trailing slash
	Region      string // that requests are signed for
	Credentials *Credentials
	Transport   *httpx.Transport
}

// A Client calls the API with one credential. It is safe for concurrent use.
type Client struct {
	*httpx.Client
	credentials *Credentials
}

// New returns a Client.
func New(cfg Config) *Client {
	return &Client{
		credentials: cfg.Credentials,
		Client: httpx.New(httpx.API{
			Name:       "aws",
			BaseURL:    cfg.BaseURL,
			Operations: operations(),
			Sign: func(req *http.Request, operation string, now time.Time) {
				sign(req, operation, cfg.Region, now)
			},
			Explain:     explain,
			ErrorFields: []string{"__type"},
			Time:        parseTime,
			NullRows:    true,
			Secrets:     cfg.Credentials.secrets,
			Pace:        pace(),
		}, cfg.Transport),
	}
}

// Organization returns the organization that the key's account belongs to. It
// returns, as all calls do, the number of fields that could not be parsed.
// Source: DescribeOrganization.
func (c *Client) Organization(ctx context.Context) (Organization, int, error) {
	return get(ctx, c, describeOrganization, parameters{}, func(r *httpx.Reader) Organization {
		var o Organization
		found := false
		r.Object(func(name string) {
			if name == "Organization" {
				found = r.Object(r.Fields(&o))
			}
		})
		if !found {
			r.Fail("unexpected shape: no Organization")
		}
		return o
	})
}

// Roots returns the root of the tree of units; today there is exactly one.
// Source: ListRoots.
func (c *Client) Roots(ctx context.Context) ([]Root, int, error) {
	return pages(ctx, c, listRoots, "Roots", parameters{}, func(o *Root) string { return o.ID })
}

// Units returns the organizational units right below a root or unit.
// Source: ListOrganizationalUnitsForParent.
func (c *Client) Units(ctx context.Context, parent string) ([]Unit, int, error) {
	return pages(ctx, c, listUnits, "OrganizationalUnits", parameters{ParentID: parent}, func(u *Unit) string { return u.ID })
}

// Accounts returns the accounts of the organization. Source: ListAccounts.
func (c *Client) Accounts(ctx context.Context) ([]Account, int, error) {
	return pages(ctx, c, listAccounts, "Accounts", parameters{}, func(a *Account) string { return a.ID })
}

// AccountsOf returns the accounts right below a root or unit.
// Source: ListAccountsForParent.
func (c *Client) AccountsOf(ctx context.Context, parent string) ([]Account, int, error) {
	return pages(ctx, c, listAccountsForParent, "Accounts", parameters{ParentID: parent}, func(a *Account) string { return a.ID })
}

// Handshakes returns the handshakes of the organization: those that wait for an
// answer, and those that ended within the last 30 days.
// Source: ListHandshakesForOrganization.
func (c *Client) Handshakes(ctx context.Context) ([]Handshake, int, error) {
	return pages(ctx, c, listHandshakes, "Handshakes", parameters{}, func(h *Handshake) string { return h.ID })
}

// ReceivedHandshakes returns the handshakes that the key's account is part of.
// Source: ListHandshakesForAccount.
func (c *Client) ReceivedHandshakes(ctx context.Context) ([]Handshake, int, error) {
	return pages(ctx, c, listReceivedHandshakes, "Handshakes", parameters{}, func(h *Handshake) string { return h.ID })
}

// Creations returns the requests to create an account that are running or have
// failed. Source: ListCreateAccountStatus.
func (c *Client) Creations(ctx context.Context) ([]Creation, int, error) {
	return pages(ctx, c, listCreations, "CreateAccountStatuses", parameters{States: []string{"IN_PROGRESS", "FAILED"}}, func(c *Creation) string { return c.ID })
}

// Administrators returns the accounts that administer a service for the
// organization. Source: ListDelegatedAdministrators.
func (c *Client) Administrators(ctx context.Context) ([]Administrator, int, error) {
	return pages(ctx, c, listAdministrators, "DelegatedAdministrators", parameters{}, func(a *Administrator) string { return a.ID })
}

// DelegatedServices returns the services that an account administers.
// Source: ListDelegatedServicesForAccount.
func (c *Client) DelegatedServices(ctx context.Context, account string) ([]Service, int, error) {
	return pages(ctx, c, listDelegatedServices, "DelegatedServices", parameters{AccountID: account}, func(s *Service) string { return s.Principal })
}

// Policies returns the policies of a type. Source: ListPolicies.
func (c *Client) Policies(ctx context.Context, kind string) ([]Policy, int, error) {
	return pages(ctx, c, listPolicies, "Policies", parameters{Filter: kind}, func(p *Policy) string { return p.ID })
}

// Targets returns what a policy is attached to. Source: ListTargetsForPolicy.
func (c *Client) Targets(ctx context.Context, policy string) ([]Target, int, error) {
	return pages(ctx, c, listTargets, "Targets", parameters{PolicyID: policy}, func(t *Target) string { return t.ID })
}

// ServiceAccess returns the services that may act in all accounts of the
// organization. Source: ListAWSServiceAccessForOrganization.
func (c *Client) ServiceAccess(ctx context.Context) ([]Service, int, error) {
	return pages(ctx, c, listServiceAccess, "EnabledServicePrincipals", parameters{}, func(s *Service) string { return s.Principal })
}

// parameters are the body of a request.
type parameters struct {
	MaxResults int      `json:",omitempty"`
	NextToken  string   `json:",omitempty"`
	ParentID   string   `json:"ParentId,omitempty"`
	PolicyID   string   `json:"PolicyId,omitempty"`
	AccountID  string   `json:"AccountId,omitempty"`
	Filter     string   `json:",omitempty"`
	States     []string `json:",omitempty"`
}

// get calls an operation and decodes its answer with read. Credentials that
// have expired are replaced once, if there are others.
func get[T any](ctx context.Context, c *Client, operation string, p parameters, read func(*httpx.Reader) T) (T, int, error) {
	var none T
	body, err := json.Marshal(p)
	if err != nil {
		return none, 0, err
	}
	attempt := func(keys aws.Credentials) (T, int, error) {
		return httpx.Get(withKeys(ctx, keys), c.Client, httpx.Request{
			Operation: operation, Method: http.MethodPost, URL: "/", Body: body,
			Header: http.Header{"Content-Type": {"application/x-amz-json-1.1"}},
		}, read)
	}
	keys, err := c.credentials.get(ctx, aws.Credentials{})
	if err != nil {
		return none, 0, err
	}
	out, unparsed, err := attempt(keys)
	if !errors.Is(err, errExpired) {
		return out, unparsed, err
	}
	fresh, renewErr := c.credentials.get(ctx, keys)
	switch {
	case renewErr != nil:
		return none, 0, renewErr
	case fresh.AccessKeyID == keys.AccessKeyID && fresh.SessionToken == keys.SessionToken:
		return none, 0, err
	}
	return attempt(fresh)
}
