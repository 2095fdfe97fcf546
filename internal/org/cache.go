package org

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/go-kit/log"
	"github.com/go-kit/log/level"
)

const (
	// maxRetryAfter limits how long a cloud can keep us from calling it.
	maxRetryAfter = time.Hour
	// minWait is the shortest time a scrape waits for a running refresh.
	minWait = time.Second
	// lastingIncompletes is the number of incomplete readings in a row of which a
	// warning is logged.
	lastingIncompletes = 3
	// readGrace is how long a source may take to return when its time is over.
	readGrace = 500 * time.Millisecond
)

// A Config describes an organization and says when a Cache refreshes it.
type Config struct {
	Cloud        string
	Organization string   // configured name
	Collectors   []string // names of those that are read
	Known        Known
	MaxItems     int // limit of per-item series, per collector

	TTL      time.Duration // time from a good refresh to the next; 0: every scrape asks for one
	ErrorTTL time.Duration // time from a failed refresh to the next; doubles while refreshes fail
	MaxStale time.Duration // how long the items of a failing listing are served
	Timeout  time.Duration // of one refresh, all calls and retries
	Logger   log.Logger    // nil: no logging

	// Revision counts the changes of the credential. A new value makes a
	// refresh due at once. Nil if it cannot change.
	Revision func() uint64
	// Refreshed, if not nil, is called after every refresh.
	Refreshed func()
	// Store, if not nil, saves each snapshot before it is served.
	Store Store
	// Now returns the time. Nil: time.Now.
	Now func() time.Time
}

// A Cache serves the latest Snapshot of one organization. At most one refresh
// runs at a time, and callers wait no longer than their context allows.
type Cache struct {
	source Source
	cfg    Config

	reading atomic.Bool // the source has been called and has not returned
	unsaved bool        // the latest save failed; of the running refresh

	mu        sync.Mutex
	last      Saved
	revision  uint64   // at the start of the latest refresh
	running   *refresh // nil if none runs
	refreshed bool     // a refresh has ended
	closed    bool
	done      sync.WaitGroup
}

// A refresh is a refresh that runs.
type refresh struct {
	started    time.Time
	ended      chan struct{} // closed when found is set
	found      Snapshot
	cancel     context.CancelFunc // ends the reading
	cancelSave context.CancelFunc // nil until the reading has ended
}

// NewCache returns a Cache of source. Until a refresh has ended it serves a
// Snapshot without items.
func NewCache(source Source, cfg Config) *Cache {
	if cfg.Revision == nil {
		cfg.Revision = func() uint64 { return 0 }
	}
	if cfg.Refreshed == nil {
		cfg.Refreshed = func() {}
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Logger == nil {
		cfg.Logger = log.NewNopLogger()
	}
	cfg.Logger = log.With(cfg.Logger, "cloud", cfg.Cloud, "organization", cfg.Organization)
	return &Cache{source: source, cfg: cfg, last: Saved{Snapshot: Snapshot{
		Cloud: cfg.Cloud, Organization: cfg.Organization, Known: cfg.Known, MaxItems: cfg.MaxItems,
		Listings: Configure(cfg.Collectors),
	}}}
}

// Name returns the organization's configured name.
func (c *Cache) Name() string { return c.cfg.Organization }

// Snapshot returns the latest snapshot, after a refresh if one is due. It waits for
// the refresh until ctx ends, or until the refresh is older than the time that ctx
// allowed at the call. The refresh goes on for later callers.
func (c *Cache) Snapshot(ctx context.Context) Snapshot {
	if wait := c.Refresh(ctx); wait != nil {
		return wait()
	}
	return c.Last()
}

// Refresh starts a refresh if one is due. If a refresh runs, it returns a function
// that waits for it as Snapshot does; else nil.
func (c *Cache) Refresh(ctx context.Context) (wait func() Snapshot) {
	r := c.join(ctx)
	if r == nil {
		return nil
	}
	late, cancel := ctx, context.CancelFunc(func() {})
	if deadline, ok := ctx.Deadline(); ok {
		budget := max(time.Until(deadline), minWait)
		late, cancel = context.WithDeadline(ctx, r.started.Add(budget))
	}
	return func() Snapshot {
		defer cancel()
		select {
		case <-r.ended:
			return r.found
		case <-late.Done():
			return c.Last()
		}
	}
}

// Last returns the latest snapshot at once.
func (c *Cache) Last() Snapshot {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.lastAt(c.cfg.Now())
}

// lastAt returns the latest snapshot without the listings that are too old at
// now. They expire even if no refresh is made, or none ends.
func (c *Cache) lastAt(now time.Time) Snapshot {
	for _, l := range c.last.all() {
		if l.expire(now) {
			c.last.Version++
		}
	}
	return c.last.Snapshot
}

// Close ends the running refresh and starts no other. It returns when nothing
// runs any more, or after a second if something hangs. Snapshot goes on serving
// the latest data.
func (c *Cache) Close() {
	c.mu.Lock()
	c.closed = true
	if c.running != nil {
		c.running.cancel()
		if c.running.cancelSave != nil {
			time.AfterFunc(closeGrace, c.running.cancelSave)
		}
	}
	c.mu.Unlock()
	c.done.Wait()
	if closer, ok := c.source.(io.Closer); ok {
		_ = closer.Close()
	}
}

// join returns the running refresh, started if it is due, or nil if there is
// none.
func (c *Cache) join(ctx context.Context) *refresh {
	revision := c.cfg.Revision() // it may read a file
	c.mu.Lock()
	defer c.mu.Unlock()
	now := c.cfg.Now()
	switch {
	case c.running != nil:
		return c.running
	case c.closed, revision == c.revision && !reached(now, c.last.Next) && !setBack(now, c.last.Refreshed):
		return nil
	}
	c.revision = revision
	// Detached: the scrape that starts a refresh must not end it for others.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), c.cfg.Timeout)
	r := &refresh{started: now, ended: make(chan struct{}), cancel: cancel}
	c.running = r
	c.done.Go(func() { c.refresh(ctx, r) })
	return r
}

// refresh makes a new snapshot, stores it and then serves it, and ends r.
// Nothing slow is done under the lock.
func (c *Cache) refresh(ctx context.Context, r *refresh) {
	defer r.cancel()
	read := c.read(ctx)
	slices.SortStableFunc(read.Members.Items, func(a, b Member) int { return cmp.Compare(a.ID, b.ID) })
	now := c.cfg.Now()
	saving, cancel := context.WithTimeout(context.WithoutCancel(ctx), saveTimeout)
	defer cancel()

	c.mu.Lock()
	prev := c.lastAt(now)
	next := c.last
	r.cancelSave = cancel
	if c.closed { // a refresh that Close has cut short did not fail
		r.found, c.running = prev, nil
		c.mu.Unlock()
		close(r.ended)
		return
	}
	c.mu.Unlock()

	next.Listings, next.Refreshed, next.Took = read, now, now.Sub(r.started)
	before, subject := prev.all(), next.Baseline.Subject
	for i, l := range next.all() {
		l.keep(before[i].listing, now, c.cfg.MaxStale)
	}
	changes := next.compare()
	next.Next = now.Add(c.wait(&next))
	for _, l := range next.all() {
		if h := l.health(); h.Success() && h.Expires.Before(next.Next) {
			h.Expires = next.Next // cache_ttl, or a Retry-After of another listing, may exceed max_stale
		}
	}
	// Logged first: after a crash, changes that were stored are not found again.
	c.log(&prev, &next.Snapshot)
	c.logSubject(subject, next.Subject)
	c.logChanges(changes)
	c.save(saving, next)

	c.mu.Lock()
	next.Version = c.last.Version + 1
	c.last, c.refreshed, c.running = next, true, nil
	r.found = c.lastAt(c.cfg.Now())
	c.mu.Unlock()
	c.cfg.Refreshed()
	close(r.ended)
}

// read asks the source. It returns soon after ctx has ended, even if the source
// does not: then every listing has failed, and no other call is made before
// that one has returned.
func (c *Cache) read(ctx context.Context) Listings {
	if !c.reading.CompareAndSwap(false, true) {
		return failedListings(&Error{Reason: Timeout, Err: errors.New("the call of an earlier refresh has not returned")})
	}
	result := make(chan Listings, 1)
	go func() {
		l := c.readSource(ctx)
		c.reading.Store(false) // first: the next refresh may start at once
		result <- l
	}()
	select {
	case l := <-result:
		return l
	case <-ctx.Done():
	}
	select {
	case l := <-result:
		return l
	case <-time.After(readGrace):
		return failedListings(&Error{Reason: Timeout, Err: fmt.Errorf("the call has not returned: %w", ctx.Err())})
	}
}

// readSource asks the source. A panic there fails every listing, not the
// process.
func (c *Cache) readSource(ctx context.Context) (l Listings) {
	defer func() {
		if p := recover(); p != nil {
			l = failedListings(&Error{Reason: Other, Err: fmt.Errorf("panic: %v", p)})
		}
	}()
	return c.source.Read(ctx)
}

// failedListings returns listings that all failed with err.
func failedListings(err *Error) Listings {
	var l Listings
	for _, n := range l.all() {
		n.health().Err = err
	}
	return l
}

// wait returns the time from s to the next refresh, and counts those that fail
// in a row.
func (c *Cache) wait(s *Saved) time.Duration {
	var transient, permanent bool
	var after time.Duration
	for _, l := range s.Collectors() {
		if l.Err == nil {
			continue
		}
		permanent = permanent || l.Err.Reason.Permanent()
		transient = transient || !l.Err.Reason.Permanent()
		after = max(after, min(l.Err.RetryAfter, maxRetryAfter))
	}
	longest := max(c.cfg.TTL, c.cfg.ErrorTTL)
	if !transient {
		s.Failures = 0
		if permanent {
			return longest
		}
		return c.cfg.TTL
	}
	wait := c.cfg.ErrorTTL
	for i := 0; i < s.Failures && wait < longest; i++ {
		wait *= 2
	}
	s.Failures++
	return max(min(wait, longest), after)
}

// log writes one line for the first refresh without an error, and one for each
// collector that started to fail, fails for another reason, or recovered.
func (c *Cache) log(prev, next *Snapshot) {
	before := prev.Collectors()
	good := true
	first := false
	for i, l := range next.Collectors() {
		was := before[i]
		good = good && l.Err == nil
		first = first || was.LastSuccess.IsZero()
		switch {
		case l.Err != nil && (was.Err == nil || was.Err.Reason != l.Err.Reason):
			logger := c.cfg.Logger
			if l.Err.Advice != "" {
				logger = log.WithSuffix(logger, "advice", l.Err.Advice)
			}
			level.Warn(logger).Log("msg", "collector failed", "collector", l.Name, "reason", l.Err.Reason,
				"err", l.Err, "serving", serving(l.Health), "next", timestamp(next.Next))
		case l.Err == nil && was.Err != nil:
			level.Info(c.cfg.Logger).Log("msg", "collector recovered", "collector", l.Name,
				"failed_for", next.Refreshed.Sub(was.FailingSince).Round(time.Second))
		}
		switch {
		case l.Incompletes == lastingIncompletes && was.Incompletes < l.Incompletes:
			logger := c.cfg.Logger
			if l.Total != 0 {
				logger = log.WithSuffix(logger, "total", l.Total)
			}
			level.Warn(logger).Log("msg", "listing incomplete", "collector", l.Name, "refreshes", l.Incompletes,
				"serving", "the rows that were read, without changes", "rows", l.Items)
		case l.Incompletes == 0 && was.Incompletes >= lastingIncompletes:
			level.Info(c.cfg.Logger).Log("msg", "listing complete again", "collector", l.Name, "rows", l.Items)
		}
	}
	if good && first {
		level.Info(c.cfg.Logger).Log("msg", "first good reading", "collectors", len(before), "took", next.Took.Round(time.Millisecond), "next", timestamp(next.Next))
	}
	level.Debug(c.cfg.Logger).Log("msg", "refreshed", "took", next.Took, "next", timestamp(next.Next))
}

// logSubject warns that the account is in another organization than before, or
// in none.
func (c *Cache) logSubject(was, is *string) {
	if was != nil && is != nil && *was != *is {
		level.Warn(c.cfg.Logger).Log("msg", "organization changed", "from", cmp.Or(*was, None), "to", cmp.Or(*is, None),
			"serving", "the data of the new one, which is not compared with the old")
	}
}

// serving says what a scrape gets while a listing fails.
func serving(h Health) string {
	if h.Present {
		return "data of " + timestamp(h.LastSuccess) + " until " + timestamp(h.Expires)
	}
	return "nothing"
}

// reached reports whether it is t or later at now. The monotonic clock does not
// count time asleep, and the wall clock may be set back: the later one counts.
func reached(now, t time.Time) bool {
	return !now.Before(t) || !now.Round(0).Before(t.Round(0))
}

// setBack reports whether the wall clock was set back since t. What is due, and
// how old the data is, cannot be told then by the wall clock.
func setBack(now, t time.Time) bool {
	const tolerance = time.Second // clocks are adjusted by less all the time
	return now.Round(0).Add(tolerance).Before(t.Round(0))
}

func timestamp(t time.Time) string { return t.UTC().Format(time.RFC3339) }
