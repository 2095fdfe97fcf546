package org

import (
	"context"
	"slices"
	"time"

	"github.com/go-kit/log/level"
)

const (
	// saveTimeout limits how long a new snapshot waits for its Store.
	saveTimeout = 10 * time.Second
	// closeGrace is what remains of that time when the Cache is closed.
	closeGrace = 500 * time.Millisecond
)

// Saved is what outlives a Cache: in a Store over a restart, or in the Cache
// that replaces it after a reload.
type Saved struct {
	Snapshot
	Baseline Baseline
	Failures int // refreshes in a row with an error that is not permanent
}

// A Store keeps what one Cache saves.
type Store interface {
	// Load returns what was saved last, or nil if there is nothing that can be
	// used. The error says why something that is there cannot be used. A zero
	// Next makes a refresh due at once. Load returns when ctx ends, at the
	// latest.
	Load(ctx context.Context) (*Saved, error)
	// Save replaces what was saved last, or leaves it as it is and returns an
	// error. It returns when ctx ends, at the latest, and may go on then.
	Save(ctx context.Context, s Saved) error
}

// Restore takes over what the Store has. It must be called before the first
// refresh.
func (c *Cache) Restore(ctx context.Context) {
	if c.cfg.Store == nil {
		return
	}
	s, err := c.cfg.Store.Load(ctx)
	if err != nil {
		level.Warn(c.cfg.Logger).Log("msg", "stored data not used", "err", err, "serving", "nothing until the first refresh")
	}
	if s == nil {
		return
	}
	c.adopt(*s)
	last := c.Last()
	level.Info(c.cfg.Logger).Log("msg", "restored", "refreshed", timestamp(s.Refreshed), "next", timestamp(last.Next))
}

// Saved returns what the Cache that replaces c can inherit. Close c first: what
// a running refresh still finds would be lost.
func (c *Cache) Saved() Saved {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.lastAt(c.cfg.Now())
	return c.last
}

// Inherit takes over what the Cache that c replaces has saved, and makes a
// refresh due at once, for the configuration has changed. It must be called
// before the first refresh.
func (c *Cache) Inherit(s Saved) {
	s.Next = time.Time{}
	c.adopt(s)
}

// Totals returns what of s holds for another cloud, address or version of the
// API: the counters, since when the listings fail, and the latest changes. The
// next reading is compared with none.
func (s Saved) Totals() Saved {
	totals := Saved{Snapshot: Snapshot{Transitions: s.Transitions, Changes: s.Changes}, Failures: s.Failures}
	before := s.all()
	for i, l := range totals.all() {
		h, was := l.health(), before[i].health()
		h.Configured, h.FailingSince = was.Configured, was.FailingSince
		h.Failures, h.DecodeWarnings = was.Failures, was.DecodeWarnings
	}
	return totals
}

// adopt takes over what s has of the configured listings. Each item ages as it
// did before. A refresh is due when it was, or at once if a listing is new, or
// if the clock has gone backwards.
func (c *Cache) adopt(s Saved) {
	revision := c.cfg.Revision() // it may read a file
	c.mu.Lock()
	defer c.mu.Unlock()
	c.revision = revision
	now := c.cfg.Now()
	due := s.Next
	if s.Refreshed.After(now) || due.After(now.Add(max(c.cfg.TTL, c.cfg.ErrorTTL, maxRetryAfter))) {
		due = time.Time{}
	}
	before := s.all()
	for i, l := range c.last.all() {
		if !l.health().Configured {
			continue
		}
		if !before[i].health().Configured {
			due = time.Time{}
			continue
		}
		l.adopt(before[i].listing)
		h := l.health()
		if !h.Present {
			continue
		}
		// Made of now, as a time that was stored has no monotonic clock.
		h.Expires = now.Add(c.cfg.MaxStale - max(0, now.Sub(h.LastSuccess)))
		if h.Success() && h.Expires.Before(due) {
			h.Expires = now.Add(due.Sub(now))
		}
	}
	c.last.Baseline = s.Baseline
	if c.last.Members.Configured {
		c.last.Transitions = s.Transitions
	}
	c.last.Changes, c.last.Refreshed, c.last.Took, c.last.Failures = s.Changes, s.Refreshed, s.Took, s.Failures
	if !due.IsZero() {
		c.last.Next = now.Add(due.Sub(now))
	}
	c.last.Version++
}

// Ready reports whether a refresh has ended, or what was restored or inherited
// can still be served: it has items, or its refresh is not due.
func (c *Cache) Ready() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	now := c.cfg.Now()
	if c.refreshed {
		return true
	}
	if c.last.Refreshed.IsZero() {
		return false
	}
	last := c.lastAt(now)
	present := func(l Collector) bool { return l.Present }
	return slices.ContainsFunc(last.Collectors(), present) || !reached(now, last.Next)
}

// Prime refreshes c if it has not ended a refresh yet and one is due.
func (c *Cache) Prime(ctx context.Context) {
	c.mu.Lock()
	refreshed := c.refreshed
	c.mu.Unlock()
	if !refreshed {
		c.Snapshot(ctx)
	}
}

// save stores s. It logs the first failure in a row, and the end of the row.
func (c *Cache) save(ctx context.Context, s Saved) {
	if c.cfg.Store == nil {
		return
	}
	err := c.cfg.Store.Save(ctx, s)
	switch {
	case err != nil && !c.unsaved:
		level.Warn(c.cfg.Logger).Log("msg", "storage write failed", "err", err, "serving", "new data; a restart continues from what was stored last")
	case err == nil && c.unsaved:
		level.Info(c.cfg.Logger).Log("msg", "storage write recovered")
	}
	c.unsaved = err != nil
}
