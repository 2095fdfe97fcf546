package org

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/go-kit/log"
	"github.com/go-kit/log/level"
)

// maxRetryAfter bounds how long a cloud can silence us.
const maxRetryAfter = time.Hour

// A CacheConfig says when a Cache refreshes.
type CacheConfig struct {
	TTL      time.Duration // a good refresh serves this long; 0: every scrape asks for one
	ErrorTTL time.Duration // no refresh for this long after a failed one; doubles while it goes on failing
	MaxStale time.Duration // how long the last good listing is served after failures
	Timeout  time.Duration // of one refresh, with all its calls and retries
	Logger   log.Logger    // nil: no logging

	// Revision counts the changes of what a refresh depends on, a key say. A
	// new value makes a refresh due at once. Nil if nothing can change.
	Revision func() uint64
	// Refreshed, if not nil, is called after every refresh.
	Refreshed func()
	// Closed, if not nil, is called at the end of Close.
	Closed func()
}

// A Cache serves the latest Snapshot of one organization. However many ask,
// it has at most one refresh running, and nobody waits longer than he wants.
type Cache struct {
	source Source
	cfg    CacheConfig

	name     string
	mu       sync.Mutex
	last     Snapshot
	members  []Member  // the latest complete reading, by ID; outlives max_stale
	due      time.Time // when the next refresh may start
	failures int       // refreshes in a row in which something failed that may pass
	revision uint64    // of the latest refresh
	flight   *flight   // the refresh that is running, or nil
	closed   bool
	running  sync.WaitGroup
}

// A flight is one refresh under way.
type flight struct {
	done   chan struct{} // closed when found is there
	found  Snapshot
	late   bool // it has kept one scrape waiting to the end of its budget; under Cache.mu
	cancel context.CancelFunc
}

// NewCache returns a Cache of source. It serves first, which names the
// organization and its listings, until a refresh has ended.
func NewCache(source Source, first Snapshot, cfg CacheConfig) *Cache {
	if cfg.Revision == nil {
		cfg.Revision = func() uint64 { return 0 }
	}
	if cfg.Logger == nil {
		cfg.Logger = log.NewNopLogger()
	}
	return &Cache{source: source, name: first.Organization, last: first, cfg: cfg}
}

// Name returns the organization's configured name.
func (c *Cache) Name() string { return c.name }

// Snapshot returns what is known of the organization, after the refresh that
// is due, if one is. It waits no longer than ctx lives; the refresh goes on
// for whoever asks next.
func (c *Cache) Snapshot(ctx context.Context) Snapshot {
	f := c.join(ctx)
	if f == nil {
		return c.Last()
	}
	select {
	case <-f.done:
		return f.found
	case <-ctx.Done():
	}
	c.mu.Lock()
	// A scrape that was given up early says nothing about the refresh.
	f.late = f.late || errors.Is(ctx.Err(), context.DeadlineExceeded)
	c.mu.Unlock()
	return c.Last()
}

// Last returns what is known of the organization now, without any wait.
func (c *Cache) Last() Snapshot {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.last.servedAt(time.Now())
}

// Serves reports whether Snapshot would return, without any wait, one of the
// edition e.
func (c *Cache) Serves(e Edition) bool {
	revision := c.cfg.Revision()
	c.mu.Lock()
	defer c.mu.Unlock()
	now := time.Now()
	return c.settled(revision, now) && c.last.editionAt(now) == e
}

// Close ends the refresh that is running and starts no other. It returns when
// nothing runs any more; Snapshot goes on serving what is known.
func (c *Cache) Close() {
	c.mu.Lock()
	c.closed = true
	if c.flight != nil {
		c.flight.cancel()
	}
	c.mu.Unlock()
	c.running.Wait()
	if c.cfg.Closed != nil {
		c.cfg.Closed()
	}
}

// join returns the refresh to wait for, started if it is due, or nil if there
// is none.
func (c *Cache) join(ctx context.Context) *flight {
	revision := c.cfg.Revision()
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.settled(revision, time.Now()) {
		return nil
	}
	if c.flight != nil {
		return c.flight
	}
	c.revision = revision
	// Detached: the scrape that starts a refresh must not end it for the others.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), c.cfg.Timeout)
	f := &flight{done: make(chan struct{}), cancel: cancel}
	c.flight = f
	c.running.Go(func() { c.refresh(ctx, f) })
	return f
}

// settled reports whether there is no refresh to wait for, nor one to start.
func (c *Cache) settled(revision uint64, now time.Time) bool {
	if c.flight != nil {
		return c.flight.late // one scrape has waited for it in vain; that is enough
	}
	return c.closed || revision == c.revision && now.Before(c.due)
}

// refresh makes a new snapshot and ends f.
func (c *Cache) refresh(ctx context.Context, f *flight) {
	defer f.cancel()
	start := time.Now()
	next := c.read(ctx)
	// Here, for a scrape must not wait while a hundred thousand are sorted.
	slices.SortStableFunc(next.Members.Items, func(a, b Member) int { return cmp.Compare(a.ID, b.ID) })
	now := time.Now()

	c.mu.Lock()
	if c.closed { // what was cut short on the way out has not failed
		f.found, c.flight = c.last.servedAt(now), nil
		c.mu.Unlock()
		close(f.done)
		return
	}
	prev := c.last
	next.Refreshes, next.Refreshed, next.Took = prev.Refreshes+1, now, now.Sub(start)
	next.keep(&prev, now, c.cfg)
	c.count(&next, &prev)
	c.due = now.Add(c.wait(&next))
	next.outlast(c.due)
	next.Next = c.due
	c.last, f.found, c.flight = next, next, nil
	c.mu.Unlock()

	c.log(&prev, &next)
	if c.cfg.Refreshed != nil {
		c.cfg.Refreshed()
	}
	close(f.done)
}

// read asks the source. A panic there fails every listing, not the process.
func (c *Cache) read(ctx context.Context) (s Snapshot) {
	defer func() {
		if p := recover(); p != nil {
			s = c.Last()
			for _, l := range s.Listings() {
				l.Err = &Error{Reason: "other", Err: fmt.Errorf("panic: %v", p)}
				l.Unreadable = 0
			}
		}
	}()
	return c.source.Snapshot(ctx)
}

// wait returns how long no refresh is due after s.
func (c *Cache) wait(s *Snapshot) time.Duration {
	var passing, lasting bool
	var after time.Duration
	for _, l := range s.Listings() {
		if l.Err == nil {
			continue
		}
		lasting = lasting || l.Err.Lasting
		passing = passing || !l.Err.Lasting
		after = max(after, min(l.Err.RetryAfter, maxRetryAfter))
	}
	longest := max(c.cfg.TTL, c.cfg.ErrorTTL)
	switch {
	case passing:
		wait := c.cfg.ErrorTTL
		for i := 0; i < c.failures && wait < longest; i++ {
			wait *= 2
		}
		c.failures++
		return max(min(wait, longest), after)
	case lasting:
		c.failures = 0
		return longest
	}
	c.failures = 0
	return c.cfg.TTL
}

// log writes one line for each listing that began to fail, fails for another
// reason, or recovered.
func (c *Cache) log(prev, next *Snapshot) {
	logger := log.With(c.cfg.Logger, "cloud", next.Cloud, "organization", next.Organization)
	before := prev.all()
	for i, l := range next.all() {
		was := before[i].Err
		switch {
		case !l.Configured:
		case l.Err != nil && (was == nil || was.Reason != l.Err.Reason):
			level.Warn(logger).Log("msg", "listing failed", "collector", l.Collector, "reason", l.Err.Reason,
				"err", l.Err, "serving", serving(l.Health), "next", next.Next.UTC().Format(time.RFC3339))
		case l.Err == nil && was != nil:
			level.Info(logger).Log("msg", "listing recovered", "collector", l.Collector,
				"failed_for", next.Refreshed.Sub(before[i].Failing).Round(time.Second))
		}
	}
	level.Debug(logger).Log("msg", "refreshed", "took", next.Took, "next", next.Next.UTC().Format(time.RFC3339))
}

// serving says what a scrape gets while a listing fails.
func serving(h *Health) string {
	if h.Present {
		return "data of " + h.At.UTC().Format(time.RFC3339) + " until " + h.Until.UTC().Format(time.RFC3339)
	}
	return "nothing"
}
