package web

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"github.com/cloudorg-exporter/cloudorg_exporter/internal/org"
)

// A state is how a listing, or the worst one of an organization, fares. The
// greater, the worse.
type state int

const (
	ok      state = iota // the latest refresh read it
	waiting              // no refresh has ended yet
	stale                // the latest refresh failed: older data is served
	expired              // nobody has asked for a refresh for too long: nothing is served
	failing              // the latest refresh failed: nothing is served
)

// ill reports whether somebody should look.
func (s state) ill() bool { return s > waiting }

// String returns the word for s, which is also the parameter that asks for it.
func (s state) String() string {
	return [...]string{"ok", "waiting", "stale", "expired", "failing"}[s]
}

// Shape returns the character that stands beside the word, so that colour says
// nothing that is not said twice.
func (s state) Shape() string {
	return [...]string{"✓", "○", "▲", "◆", "✕"}[s]
}

// Meaning explains s to somebody who meets it for the first time.
func (s state) Meaning() string {
	return [...]string{
		"the latest refresh read it",
		"no refresh has ended yet",
		"the latest refresh failed; what was read before is served until max_stale has passed",
		"not refreshed for longer than max_stale, as no scrape has asked; nothing is served",
		"the latest refresh failed, and nothing is left to serve",
	}[s]
}

// states returns all states, the worst first.
func states() []state { return []state{failing, expired, stale, waiting, ok} }

// stateOf returns the state of a listing.
func stateOf(h *org.Health, now time.Time) state {
	served := h.Present && !now.After(h.Until)
	switch {
	case h.Err != nil && served:
		return stale
	case h.Err != nil:
		return failing
	case h.At.IsZero():
		return waiting
	case !served:
		return expired
	}
	return ok
}

// A ranked is a snapshot with what decides its place on the page.
type ranked struct {
	*org.Snapshot
	state state
	ill   int // listings in a state other than ok
}

// rank puts the worst organization first.
func rank(snapshots []org.Snapshot, now time.Time) []ranked {
	out := make([]ranked, len(snapshots))
	for i := range snapshots {
		out[i].Snapshot = &snapshots[i]
		for _, l := range out[i].Listings() {
			st := stateOf(l.Health, now)
			out[i].state = max(out[i].state, st)
			if st != ok {
				out[i].ill++
			}
		}
	}
	slices.SortStableFunc(out, func(a, b ranked) int {
		return cmp.Or(int(b.state-a.state), b.ill-a.ill, strings.Compare(a.Organization, b.Organization))
	})
	return out
}
