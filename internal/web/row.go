package web

import (
	"slices"
	"strings"
	"time"

	"github.com/cloudorg-exporter/cloudorg_exporter/internal/org"
)

// late is how long after its due time a refresh is overdue, and after which the
// absence of scrapes is reported: Prometheus treats a series without a sample
// for five minutes as gone.
const late = 5 * time.Minute

// A state says how current the data of a listing is, or of an organization: the
// worst of its listings. The greater, the worse.
type state int

const (
	ok state = iota
	waiting
	overdue
	stale
	expired
	failing
)

func (s state) String() string {
	return [...]string{"ok", "waiting", "overdue", "stale", "expired", "failing"}[s]
}

// stateOf returns the state of a listing whose next refresh is due at next.
func stateOf(h *org.Health, next, now time.Time) state {
	served := h.Present && !now.After(h.Expires)
	switch {
	case h.Err != nil && served:
		return stale
	case h.Err != nil:
		return failing
	case h.LastSuccess.IsZero():
		return waiting
	case !served:
		return expired
	case now.Sub(next) > late:
		return overdue
	}
	return ok
}

// A collector is a listing without its items, and its state.
type collector struct {
	org.Collector
	State state
}

// A row is an organization as the pages show it.
type row struct {
	*org.Snapshot
	Collectors  []collector // instead of the Snapshot's
	State       state       // the worst of theirs
	Read        int         // how many of them the latest refresh read
	Oldest      time.Time   // when the oldest listing was read; zero if none was
	Causes      []*cause
	MemberCount int
	Statuses    map[string]int   // members by status, known ones in any case
	Sent        []org.Invitation // pending ones
	Expiry      time.Time        // the next one of those; zero if unknown
	Waiting     tally
	Facets      map[string][]string // values of the parameters that select it
}

func newRow(s *org.Snapshot, now time.Time) *row {
	r := &row{
		Snapshot: s,
		Statuses: map[string]int{},
		Sent:     pending(s.Invitations.Items),
		Waiting:  tallyOf(s, now),
		Facets:   map[string][]string{"cloud": {s.Cloud}},
	}
	for _, l := range s.Collectors() {
		c := collector{l, stateOf(&l.Health, s.Next, now)}
		r.Collectors = append(r.Collectors, c)
		r.State = max(r.State, c.State)
		if l.Success() {
			r.Read++
		}
		if earlier(l.LastSuccess, r.Oldest) < 0 {
			r.Oldest = l.LastSuccess
		}
		if l.Err != nil && !slices.Contains(r.Facets["reason"], string(l.Err.Reason)) {
			r.Facets["reason"] = append(r.Facets["reason"], string(l.Err.Reason))
		}
	}
	for _, code := range s.Known.Members {
		r.Statuses[code] = 0
	}
	for _, m := range s.Members.Items {
		if !m.Repeat {
			r.MemberCount++
			r.Statuses[m.Status]++
		}
	}
	for _, i := range r.Sent {
		if i.Expires.After(now) && earlier(i.Expires, r.Expiry) < 0 {
			r.Expiry = i.Expires
		}
	}
	r.Causes = causes(r.Collectors)
	r.Facets["state"] = []string{r.State.String()}
	for k := range r.Waiting {
		r.Facets["decision"] = append(r.Facets["decision"], string(k))
	}
	return r
}

// earlier compares two times. An unknown one is the latest.
func earlier(a, b time.Time) int {
	if a.IsZero() || b.IsZero() {
		return b.Compare(a)
	}
	return a.Compare(b)
}

// A cause is one reason for which collectors of an organization fail.
type cause struct {
	collector // the one that has been failing for the longest time
	Names     []string
	All       bool                // every collector fails for it
	Errors    map[string][]string // the calls that failed, by what came back
}

// causes returns why collectors fail, each cause once.
func causes(collectors []collector) (all []*cause) {
	for _, l := range collectors {
		if l.Err == nil {
			continue
		}
		i := slices.IndexFunc(all, func(c *cause) bool {
			return c.Err.Reason == l.Err.Reason && c.Err.Advice == l.Err.Advice && c.State == l.State
		})
		if i < 0 {
			i, all = len(all), append(all, &cause{collector: l, Errors: map[string][]string{}})
		}
		c := all[i]
		if l.FailingSince.Before(c.FailingSince) {
			c.collector = l
		}
		c.Names = append(c.Names, l.Name)
		c.All = len(c.Names) == len(collectors)
		call, text, _ := strings.Cut(clean(l.Err.Error()), ": ")
		if !slices.Contains(c.Errors[text], call) {
			c.Errors[text] = append(c.Errors[text], call)
		}
	}
	return all
}
