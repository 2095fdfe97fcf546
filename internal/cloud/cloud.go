// Package cloud has one set of files per cloud, what their refreshes share, and
// the table of all clouds. It turns what their APIs say into org.Listings.
package cloud

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"slices"
	"time"

	"github.com/go-kit/log"
	"go.yaml.in/yaml/v2"

	"github.com/cloudorg-exporter/cloudorg_exporter/internal/capture"
	"github.com/cloudorg-exporter/cloudorg_exporter/internal/config"
	"github.com/cloudorg-exporter/cloudorg_exporter/internal/httpx"
	"github.com/cloudorg-exporter/cloudorg_exporter/internal/org"
	"github.com/cloudorg-exporter/cloudorg_exporter/internal/store"
)

// A Cloud is everything the exporter knows about one provider.
type Cloud struct {
	config.Cloud                // its name, collectors and YAML keys
	Fields       capture.Fields // what its API documents
	// Open returns the source of an organization, whose keys are those that
	// Keys returned. It calls no API: transport carries the calls of the source.
	// The lines of logger have the labels cloud and organization.
	Open func(keys config.Organization, transport *httpx.Transport, logger log.Logger) (Source, error)
}

// All returns the table of clouds. A new cloud is a line here.
func All() []Cloud {
	return []Cloud{ncpCloud(), scpCloud(), awsCloud()}
}

// Configs returns what the configuration needs to know of All.
func Configs() []config.Cloud {
	return mapped(All(), func(c Cloud) config.Cloud { return c.Cloud })
}

// A Source is the org.Source of a cloud. Its credential can change.
type Source interface {
	org.Source
	// Known returns what the cloud is known to report.
	Known() org.Known
	// Revision counts the changes of the credential.
	Revision() uint64
	// Secret returns the credential as it is now, to be hashed.
	Secret() string
}

// Deps is what all organizations share.
type Deps struct {
	Logger    log.Logger
	UserAgent string
	Observer  Observer
	Store     *store.Dir // keeps what survives a restart; nil: nothing does
	// Transport carries all calls, for tests. Nil: each organization has its
	// own, made from its http_client_config.
	Transport http.RoundTripper
	Capture   *capture.Capture // writes all calls; nil: nothing does
}

// An Observer counts what happens to the organizations. Its methods are called with
// the cloud and the name of one.
type Observer interface {
	Added(cloud, organization string)
	Removed(cloud, organization string)
	Refreshed(cloud, organization string)
	// Called is called after each API call, with its operation, its HTTP status or 0
	// for no answer, and the time until the answer began.
	Called(cloud, organization, operation string, status int, took time.Duration)
	Throttled(cloud, organization string)
	// Offset is called with the API's clock minus ours.
	Offset(cloud, organization string, offset time.Duration)
	// Reloaded is called after each Reload, with its error.
	Reloaded(err error)
}

// newCache returns the Cache of the organization o, whose refreshes take their
// memory from budget. It calls no API.
func newCache(o config.Organization, deps Deps, budget *httpx.Budget) (*org.Cache, error) {
	base, all := o.Base(), All()
	cloud := all[slices.IndexFunc(all, func(c Cloud) bool { return c.Name == base.Cloud })]
	transport, err := organizationTransport(base, cloud.Fields, deps)
	if err != nil {
		return nil, fmt.Errorf("http_client_config: %w", err)
	}
	source, err := cloud.Open(o, transport, log.With(deps.Logger, "cloud", base.Cloud, "organization", base.Name))
	if err != nil {
		return nil, err
	}
	cfg := org.Config{
		Cloud: base.Cloud, Organization: base.Name, Collectors: base.Collectors, Known: source.Known(), MaxItems: int(base.MaxItems),
		TTL: base.CacheTTL.Duration, ErrorTTL: base.ErrorTTL.Duration, MaxStale: base.MaxStale.Duration, Timeout: base.RefreshTimeout.Duration,
		Logger:    deps.Logger,
		Revision:  source.Revision,
		Refreshed: func() { deps.Observer.Refreshed(base.Cloud, base.Name) },
	}
	if deps.Store != nil {
		text, err := yaml.Marshal(o)
		if err != nil {
			return nil, err
		}
		cfg.Store = deps.Store.File(base.Name, o.Identity(), func() string { return source.Secret() + "\n" + string(text) })
	}
	return org.NewCache(&bounded{source, transport, budget.NewAccount(), cfg.MaxItems}, cfg), nil
}

// organizationTransport returns the Transport of the calls of an organization.
func organizationTransport(base *config.Common, fields capture.Fields, deps Deps) (*httpx.Transport, error) {
	next := deps.Transport
	if next == nil {
		var err error
		if next, err = base.HTTP.RoundTripper(deps.UserAgent, newTransport); err != nil {
			return nil, err
		}
	}
	if deps.Capture != nil {
		next = deps.Capture.Transport(next, base.Cloud, fields)
	}
	return httpx.NewTransport(httpx.Config{
		Next:        next,
		Proxy:       base.HTTP.Proxy(),
		Concurrency: int(base.Concurrency),
		RateLimit:   base.RateLimit,
		Throttled:   func() { deps.Observer.Throttled(base.Cloud, base.Name) },
		Observe: func(c httpx.Call) {
			deps.Observer.Called(base.Cloud, base.Name, c.Operation, c.Status, c.Took)
			if c.Offset != nil {
				deps.Observer.Offset(base.Cloud, base.Name, *c.Offset)
			}
		},
	}), nil
}

// newTransport returns an http.Transport that limits the headers of a response.
func newTransport() *http.Transport {
	return &http.Transport{
		DialContext:            new(net.Dialer).DialContext,
		OnProxyConnectResponse: httpx.OnProxyConnectResponse,
		MaxIdleConnsPerHost:    1000, // all calls of an organization go to one host
		MaxResponseHeaderBytes: 64 << 10,
		IdleConnTimeout:        15 * time.Second, // the next refresh is minutes away
		TLSHandshakeTimeout:    10 * time.Second,
		DisableCompression:     true,
	}
}

// bounded is a Source that limits the memory and the size of its listings.
type bounded struct {
	Source
	transport *httpx.Transport
	account   *httpx.Account
	maxItems  int
}

// Read reads the listings within the budget of the process, and rejects those
// that are implausibly large.
func (b *bounded) Read(ctx context.Context) org.Listings {
	ctx, end := b.account.WithRefresh(ctx)
	defer end()
	l := b.Source.Read(ctx)
	checkSizes(&l, b.maxItems)
	return l
}

// Close closes idle connections.
func (b *bounded) Close() error {
	b.account.Close()
	b.transport.CloseIdleConnections()
	return nil
}

// from returns the transitions from a status to others.
func from(status string, others ...string) []org.Transition {
	return mapped(others, func(to string) org.Transition { return org.Transition{From: status, To: to} })
}

// expiry returns when an invitation expires; zero if that is unknown.
func expiry(created time.Time, lifetime time.Duration) time.Time {
	if created.IsZero() || lifetime == 0 {
		return time.Time{}
	}
	return created.Add(lifetime)
}
