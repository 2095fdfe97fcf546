package org

import (
	"maps"
	"time"
)

// keep completes s, which a source has just read, with what prev still has to
// say of the listings that failed, and with the running totals.
func (s *Snapshot) keep(prev *Snapshot, now time.Time, cfg CacheConfig) {
	s.Info = keep(prev.Info, s.Info, now, cfg)
	s.Groups = keep(prev.Groups, s.Groups, now, cfg)
	s.Members = keep(prev.Members, s.Members, now, cfg)
	s.Invitations = keep(prev.Invitations, s.Invitations, now, cfg)
	s.Received = keep(prev.Received, s.Received, now, cfg)
	s.Withdrawals = keep(prev.Withdrawals, s.Withdrawals, now, cfg)
	s.Policies = keep(prev.Policies, s.Policies, now, cfg)
	s.Versions = keep(prev.Versions, s.Versions, now, cfg)
}

// keep returns next, or next's failure with prev's items if they may still be
// believed.
func keep[T any](prev, next Section[T], now time.Time, cfg CacheConfig) Section[T] {
	next.Failures = prev.Failures
	next.Unreadable += prev.Unreadable
	switch {
	case !next.Configured:
		return Section[T]{}
	case next.Err == nil:
		next.Present = true
		next.Until = next.At.Add(cfg.MaxStale)
		return next
	}
	next.Failures++
	next.Failing = prev.Failing
	if prev.Err == nil {
		next.Failing = now
	}
	next.Items, next.Present, next.At, next.Until = prev.Items, prev.Present, prev.At, prev.Until
	return servedAt(next, now)
}

// outlast makes the listings that were read well last until the next refresh is
// due, however long that takes: with a cache_ttl above max_stale, or because of
// another listing's Retry-After.
func (s *Snapshot) outlast(due time.Time) {
	for _, l := range s.Listings() {
		if l.Err == nil {
			l.Until = later(l.Until, due)
		}
	}
}

// Inherit takes over the running totals of old, the last snapshot of a cache
// that c replaces. It must be called before c is asked for anything.
func (c *Cache) Inherit(old Snapshot) {
	was := old.all()
	for i, l := range c.last.all() {
		if l.Configured {
			l.Failures, l.Unreadable = was[i].Failures, was[i].Unreadable
		}
	}
	if c.last.Members.Configured {
		c.last.Transitions = old.Transitions
	}
}

// servedAt returns s without the listings that are too old at now. They must
// go even if no refresh comes, or none ends.
func (s Snapshot) servedAt(now time.Time) Snapshot {
	s.Info = servedAt(s.Info, now)
	s.Groups = servedAt(s.Groups, now)
	s.Members = servedAt(s.Members, now)
	s.Invitations = servedAt(s.Invitations, now)
	s.Received = servedAt(s.Received, now)
	s.Withdrawals = servedAt(s.Withdrawals, now)
	s.Policies = servedAt(s.Policies, now)
	s.Versions = servedAt(s.Versions, now)
	return s
}

func servedAt[T any](s Section[T], now time.Time) Section[T] {
	if s.Present && now.After(s.Until) {
		s.Items, s.Present = nil, false
	}
	return s
}

// maxTransitions bounds how many different ones are told apart: a cloud that
// makes up statuses must not fill the memory over the months.
const maxTransitions = 1000

// count brings the transitions up to date with next's members, which are in the
// order of their identifiers, and remembers them for the next time.
func (c *Cache) count(next, prev *Snapshot) {
	next.Transitions = prev.Transitions
	if !next.Members.Configured || next.Members.Err != nil {
		return
	}
	next.Transitions = make(map[Transition]uint64, len(next.Known.Transitions))
	for _, t := range next.Known.Transitions {
		next.Transitions[t] = 0
	}
	maps.Copy(next.Transitions, prev.Transitions)
	if next.Members.Incomplete {
		return // what vanished while it was read has not left
	}
	if c.members != nil {
		transitions(c.members, next.Members.Items, func(t Transition) {
			if _, seen := next.Transitions[t]; !seen && len(next.Transitions) >= maxTransitions {
				t = Transition{Unknown, Unknown}
			}
			next.Transitions[t]++
		})
	}
	c.members = next.Members.Items
	if c.members == nil {
		c.members = []Member{} // nobody is a reading too
	}
}

// transitions calls changed for each member whose status differs between two
// readings, both ordered by ID.
func transitions(before, after []Member, changed func(Transition)) {
	for {
		before, after = identified(before), identified(after)
		switch {
		case len(before) == 0 && len(after) == 0:
			return
		case len(after) == 0 || len(before) > 0 && before[0].ID < after[0].ID:
			changed(Transition{before[0].Status, None})
			before = before[1:]
		case len(before) == 0 || after[0].ID < before[0].ID:
			changed(Transition{None, after[0].Status})
			after = after[1:]
		default:
			if before[0].Status != after[0].Status {
				changed(Transition{before[0].Status, after[0].Status})
			}
			before, after = before[1:], after[1:]
		}
	}
}

// identified skips the rows that cannot be told apart from others, or that an
// earlier row stands for.
func identified(m []Member) []Member {
	for len(m) > 0 && (m[0].ID == "" || m[0].Repeat) {
		m = m[1:]
	}
	return m
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}
