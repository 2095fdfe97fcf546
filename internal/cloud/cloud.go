// Package cloud has one file per cloud, and the table of all clouds. It turns
// what their APIs say into org.Listings.
package cloud

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
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
	Known        org.Known
	// KnownBy replaces Known if it depends on the keys. Nil: it does not.
	KnownBy func(keys config.Organization) org.Known
	// Open returns the source of an organization, whose keys are those that
	// Keys returned. It calls no API.
	Open func(keys config.Organization, env Env) (Source, error)
}

// All returns the table of clouds. A new cloud is a line here.
func All() []Cloud {
	return []Cloud{ncpCloud(), scpCloud(), awsCloud()}
}

// Configs returns what the configuration needs to know of All.
func Configs() []config.Cloud {
	var all []config.Cloud
	for _, c := range All() {
		all = append(all, c.Cloud)
	}
	return all
}

// An Env is what the source of an organization is given.
type Env struct {
	Transport *httpx.Transport // carries its calls
	Logger    log.Logger       // with the labels cloud and organization
}

// A Source is an org.Source whose credential can change.
type Source interface {
	org.Source
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
	// Budget limits what the organizations hold together. NewFleet fills it in.
	Budget  *httpx.Budget
	Capture *capture.Capture // writes all calls; nil: nothing does
}

// An Observer is told what happens to the organizations, by cloud and name.
type Observer interface {
	Added(cloud, organization string)
	Removed(cloud, organization string)
	Refreshed(cloud, organization string)
	// Called is told of each API call: its operation, its HTTP status or 0 for
	// no answer, and the time until the answer began.
	Called(cloud, organization, operation string, status int, took time.Duration)
	Throttled(cloud, organization string)
	// Offset is told the API's clock minus ours.
	Offset(cloud, organization string, offset time.Duration)
	// Reloaded is told whether the configuration could be loaded.
	Reloaded(err error)
}

// idleTimeout is how long a connection is kept for the next call. The next
// refresh is minutes away.
const idleTimeout = 15 * time.Second

// newCache returns the Cache of the organization o. It calls no API.
func newCache(o config.Organization, deps Deps) (*org.Cache, error) {
	base := o.Base()
	var cloud Cloud
	for _, c := range All() {
		if c.Name == base.Cloud {
			cloud = c
		}
	}
	transport, proxy := deps.Transport, base.HTTP.Proxy()
	if transport == nil {
		var err error
		if transport, err = base.HTTP.RoundTripper(deps.UserAgent, newTransport); err != nil {
			return nil, fmt.Errorf("organization %q: http_client_config: %w", base.Name, err)
		}
	}
	if deps.Capture != nil {
		transport = deps.Capture.Transport(transport, base.Cloud, cloud.Fields)
	}
	source, err := cloud.Open(o, Env{
		Logger: log.With(deps.Logger, "cloud", base.Cloud, "organization", base.Name),
		Transport: httpx.NewTransport(httpx.Config{
			Next:        transport,
			Proxy:       proxy,
			Concurrency: int(base.Concurrency),
			RateLimit:   base.RateLimit,
			Throttled:   func() { deps.Observer.Throttled(base.Cloud, base.Name) },
			Observe: func(c httpx.Call) {
				deps.Observer.Called(base.Cloud, base.Name, c.Operation, c.Status, c.Took)
				if c.Offset != nil {
					deps.Observer.Offset(base.Cloud, base.Name, *c.Offset)
				}
			},
		}),
	})
	if err != nil {
		return nil, fmt.Errorf("organization %q: %w", base.Name, err)
	}
	if cloud.KnownBy != nil {
		cloud.Known = cloud.KnownBy(o)
	}
	cfg := org.Config{
		Cloud: base.Cloud, Organization: base.Name, Collectors: base.Collectors, Known: cloud.Known, MaxItems: int(base.MaxItems),
		TTL: base.CacheTTL.Duration, ErrorTTL: base.ErrorTTL.Duration, MaxStale: base.MaxStale.Duration, Timeout: base.RefreshTimeout.Duration,
		Logger:    deps.Logger,
		Revision:  source.Revision,
		Refreshed: func() { deps.Observer.Refreshed(base.Cloud, base.Name) },
	}
	if deps.Store != nil {
		text, err := yaml.Marshal(o)
		if err != nil {
			return nil, fmt.Errorf("organization %q: %w", base.Name, err)
		}
		cfg.Store = deps.Store.File(base.Name, o.Identity(), func() string { return source.Secret() + "\n" + string(text) })
	}
	return org.NewCache(&bounded{source, deps.Budget.NewAccount(), cfg.MaxItems}, cfg), nil
}

// newTransport returns an http.Transport that bounds what it reads.
func newTransport() *http.Transport {
	return &http.Transport{
		DialContext:            new(net.Dialer).DialContext,
		OnProxyConnectResponse: httpx.OnProxyConnectResponse,
		MaxIdleConnsPerHost:    1000, // all calls of an organization go to one host
		MaxResponseHeaderBytes: 64 << 10,
		IdleConnTimeout:        idleTimeout,
		TLSHandshakeTimeout:    10 * time.Second,
		DisableCompression:     true,
	}
}

// bounded is a source whose readings have bounds.
type bounded struct {
	Source
	account  *httpx.Account
	maxItems int
}

// Read reads the listings within the budget of the process, and rejects those
// that are implausibly large.
func (b *bounded) Read(ctx context.Context) org.Listings {
	ctx, end := b.account.WithRefresh(ctx)
	defer end()
	l := b.Source.Read(ctx)
	checkSizes(&l)
	checkText(&l, b.maxItems)
	return l
}

// Close closes the source.
func (b *bounded) Close() error {
	b.account.Close()
	if closer, ok := b.Source.(io.Closer); ok {
		return closer.Close()
	}
	return nil
}

// read fills a listing, if it is configured, with what get returns: the items
// and the number of fields that could not be parsed. explain turns get's error
// into the domain's. A panic fails the listing, not the process.
func read[T any](l *org.Listing[T], explain func(error) *org.Error, get func() ([]T, int, error)) {
	if !l.Configured {
		return
	}
	start := time.Now()
	defer func() {
		if p := recover(); p != nil {
			l.Err = &org.Error{Reason: org.Other, Err: fmt.Errorf("panic: %v", p)}
		}
	}()
	items, unparsed, err := get()
	l.Took = time.Since(start)
	if err != nil {
		l.Err = explain(err)
		return
	}
	l.Items, l.At, l.Unparsed = items, time.Now(), unparsed
}

// mapped returns each row of a listing in the domain's terms.
func mapped[A, B any](rows []A, unparsed int, err error, f func(A) B) ([]B, int, error) {
	if err != nil {
		return nil, 0, err
	}
	out := make([]B, len(rows))
	for i, row := range rows {
		out[i] = f(row)
	}
	return out, unparsed, nil
}

// explain turns a client's error into the domain's, with the advice that fits
// all clouds.
func explain(err error) *org.Error {
	if explained, ok := errors.AsType[*org.Error](err); ok {
		return explained
	}
	var e *httpx.Error
	if !errors.As(err, &e) {
		return &org.Error{Reason: org.Other, Err: err}
	}
	out := &org.Error{Reason: org.Reason(e.Kind), RetryAfter: e.RetryAfter, Err: err, Advice: "check base_url"}
	switch e.Kind {
	case httpx.Auth:
		out.Advice = "check access_key and secret_key: the key may be mistyped, disabled or of another environment"
	case httpx.Forbidden:
		out.Advice = "give the key's account the missing permission, or remove the collector from the configuration"
	case httpx.ClockSkew:
		out.Advice = "set this machine's clock: a signature is valid for five minutes"
	case httpx.Throttled:
		out.Advice = "raise cache_ttl or lower rate_limit; check whether other programs use the same key"
	case httpx.Timeout:
		out.Advice = "raise refresh_timeout; check the network, and rate_limit if the organization has many groups"
	case httpx.Network:
		out.Advice = networkAdvice(e)
	case httpx.Decode:
		out.Advice = "if base_url is right, the API has changed: please report this message"
	case httpx.Server:
		out.Advice = "server error in the cloud: retry later, or give its support the request ID"
	case httpx.Other:
	}
	return out
}

// expiry returns when an invitation expires; zero if that is unknown.
func expiry(created time.Time, lifetime time.Duration) time.Time {
	if created.IsZero() || lifetime == 0 {
		return time.Time{}
	}
	return created.Add(lifetime)
}
