package org

import (
	"slices"
	"time"
)

// Tally counts rows by what the function by returns: 0 for each known value that
// no row has. A row for which it returns the zero value does not count.
func Tally[T any, K comparable](rows []T, known []K, by func(T) K) map[K]int {
	var none K
	counts := map[K]int{}
	for _, k := range known {
		counts[k] = 0
	}
	for _, row := range rows {
		if k := by(row); k != none {
			counts[k]++
		}
	}
	return counts
}

// MembersByStatus counts each member once: 0 for each known status that none has.
func (s *Snapshot) MembersByStatus() map[string]int {
	return Tally(s.Members.Items, s.Known.Members, func(m Member) string {
		if m.Repeat {
			return ""
		}
		return m.Status
	})
}

// MemberCount counts each member once.
func (s *Snapshot) MemberCount() (n int) {
	for _, ofStatus := range s.MembersByStatus() {
		n += ofStatus
	}
	return n
}

// Pending returns the pending ones of invitations, in the same order. All of a
// million may be: then they are not copied.
func Pending(invitations []Invitation) []Invitation {
	ended := func(i Invitation) bool { return !i.Pending }
	if !slices.ContainsFunc(invitations, ended) {
		return invitations
	}
	return slices.DeleteFunc(slices.Clone(invitations), ended)
}

// Causes groups the collectors that failed for the same reason, with the same
// advice and with the same detail. The groups, and the collectors of a group, are
// in the order of all.
func Causes(all []Collector, detail func(Collector) string) (groups [][]Collector) {
	type cause struct {
		reason         Reason
		advice, detail string
	}
	index := map[cause]int{} // in groups
	for _, c := range all {
		if c.Err == nil {
			continue
		}
		why := cause{c.Err.Reason, c.Err.Advice, detail(c)}
		i, seen := index[why]
		if !seen {
			i = len(groups)
			index[why], groups = i, append(groups, nil)
		}
		groups[i] = append(groups[i], c)
	}
	return groups
}

// CompareTimes compares two times. An unknown one is the latest.
func CompareTimes(a, b time.Time) int {
	if a.IsZero() || b.IsZero() {
		return b.Compare(a)
	}
	return a.Compare(b)
}
