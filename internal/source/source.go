// Package source turns what the clouds' APIs say into org.Snapshot: one file
// per cloud.
package source

import (
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/go-kit/log"
	"github.com/go-kit/log/level"
	promconfig "github.com/prometheus/common/config"

	"github.com/cloudorg-exporter/cloudorg_exporter/internal/config"
	"github.com/cloudorg-exporter/cloudorg_exporter/internal/httpx"
	"github.com/cloudorg-exporter/cloudorg_exporter/internal/org"
)

// idle is how long a connection is kept for the next call. It outlives no
// refresh for long: of 1,000 organizations, the next refreshes are minutes away.
const idle = 15 * time.Second

// A Deps is what the sources of all organizations share.
type Deps struct {
	Logger    log.Logger
	UserAgent string
	Observer  Observer
	// Transport carries the calls of all organizations, for tests. Nil: each
	// has its own, made of its http_client_config.
	Transport http.RoundTripper
}

// An Observer is told what happens to the organizations, by cloud and name.
type Observer interface {
	Added(cloud, organization string)
	Removed(cloud, organization string)
	Refreshed(cloud, organization string)
	// Called is told of each API call: its path template, its status or 0 for
	// none, and the time until the answer began.
	Called(cloud, organization, endpoint string, status int, took time.Duration)
	Throttled(cloud, organization string)
	// Offset is told the API's clock minus ours.
	Offset(cloud, organization string, offset time.Duration)
}

// NewCache returns the Cache of the organization o. Nothing is called before
// it is asked.
func NewCache(o config.Organization, deps Deps) (*org.Cache, error) {
	logger := log.With(deps.Logger, "cloud", o.Cloud, "organization", o.Name)
	credential, err := config.NewCredential(o.AccessKey, o.SecretKey, func(err error) {
		level.Warn(logger).Log("msg", "key cannot be read again", "err", err, "serving", "the last key that could")
	})
	if err != nil {
		return nil, fmt.Errorf("organization %q: %w", o.Name, err)
	}
	transport := deps.Transport
	if transport == nil {
		transport, err = promconfig.NewRoundTripperFromConfig(o.HTTP, "cloudorg",
			promconfig.WithUserAgent(deps.UserAgent), promconfig.WithIdleConnTimeout(idle))
		if err != nil {
			return nil, fmt.Errorf("organization %q: http_client_config: %w", o.Name, err)
		}
	}
	limits := httpx.Config{
		Transport: transport, Concurrency: o.Concurrency, RateLimit: o.RateLimit,
		Observe: func(c httpx.Call) { observe(deps.Observer, o, c) },
	}
	source, first, closed := newSource(o, credential.Keys, limits, logger)
	return org.NewCache(source, first, org.CacheConfig{
		TTL: o.CacheTTL, ErrorTTL: o.ErrorTTL, MaxStale: o.MaxStale, Timeout: o.RefreshTimeout,
		Logger:    deps.Logger,
		Revision:  credential.Revision,
		Refreshed: func() { deps.Observer.Refreshed(o.Cloud, o.Name) },
		Closed:    closed,
	}), nil
}

// newSource returns the source of o, its snapshot before any refresh, and what
// to call in the end.
func newSource(o config.Organization, keys func() (string, string), limits httpx.Config, logger log.Logger) (org.Source, org.Snapshot, func()) {
	if o.Cloud == config.SCP {
		s := newSCP(o, keys, limits)
		return s, s.first, s.client.CloseIdleConnections
	}
	n := newNCP(o, keys, limits, logger)
	return n, n.first, n.client.CloseIdleConnections
}

func observe(to Observer, o config.Organization, c httpx.Call) {
	to.Called(o.Cloud, o.Name, c.Endpoint, c.Status, c.Took)
	if c.Throttled {
		to.Throttled(o.Cloud, o.Name)
	}
	if c.Offset != nil {
		to.Offset(o.Cloud, o.Name, *c.Offset)
	}
}

// first returns the snapshot before any refresh: names, and the listings that
// are wanted.
func first(o config.Organization, known org.Known) org.Snapshot {
	s := org.Snapshot{Cloud: o.Cloud, Organization: o.Name, Known: known, MaxItems: o.MaxItems}
	s.Configure(o.Collectors)
	return s
}

// read fills a section, if it is wanted, with what get returns: the items and
// how many of their fields could not be read. A panic fails the section, not the
// process.
func read[T any](s *org.Section[T], get func() ([]T, int, error)) {
	if !s.Configured {
		return
	}
	start := time.Now()
	defer func() {
		if p := recover(); p != nil {
			s.Err = failure(fmt.Errorf("panic: %v", p))
		}
	}()
	items, unreadable, err := get()
	s.Took = time.Since(start)
	if err != nil {
		s.Err = failure(err)
		return
	}
	s.Items, s.At, s.Unreadable = items, time.Now(), uint64(unreadable)
}

// mapped returns each row of a listing in the domain's terms.
func mapped[A, B any](rows []A, unreadable int, err error, f func(A) B) ([]B, int, error) {
	if err != nil {
		return nil, 0, err
	}
	out := make([]B, len(rows))
	for i, row := range rows {
		out[i] = f(row)
	}
	return out, unreadable, nil
}

// failure puts a client's error into the domain's terms.
func failure(err error) *org.Error {
	var e *httpx.Error
	if !errors.As(err, &e) {
		return &org.Error{Reason: string(httpx.Other), Err: err}
	}
	return &org.Error{
		Reason:     string(e.Reason),
		Lasting:    e.Reason.Lasting(),
		RetryAfter: e.RetryAfter,
		Advice:     advice(e),
		Err:        err,
	}
}

// expiry returns when an invitation lapses, if both are known.
func expiry(created time.Time, lifetime time.Duration) time.Time {
	if created.IsZero() || lifetime == 0 {
		return time.Time{}
	}
	return created.Add(lifetime)
}
