package web

import (
	"slices"
	"strconv"
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

// A cause is one reason for which collectors of an organization fail.
type cause struct {
	org.Collector // the one that has been failing for the longest time
	Names         []string
	All           bool                // every collector of the organization fails for it
	Errors        map[string][]string // the calls that failed, by what came back
}

// causes returns why collectors fail, each cause once. Collectors whose data is still
// served, and those without data, are causes of their own.
func causes(all []org.Collector) (causes []*cause) {
	for _, same := range org.Causes(all, func(l org.Collector) string { return strconv.FormatBool(l.Present) }) {
		longest := slices.MinFunc(same, func(a, b org.Collector) int { return a.FailingSince.Compare(b.FailingSince) })
		c := &cause{Collector: longest, All: len(same) == len(all), Errors: map[string][]string{}}
		for _, l := range same {
			c.Names = append(c.Names, l.Name)
			call, text, _ := strings.Cut(clean(l.Err.Error()), ": ")
			if !slices.Contains(c.Errors[text], call) {
				c.Errors[text] = append(c.Errors[text], call)
			}
		}
		causes = append(causes, c)
	}
	return causes
}

// A row is an organization as the pages show it.
type row struct {
	*org.Snapshot
	Collectors []collector // instead of the Snapshot's
	State      state       // the worst of theirs
	Read       int         // how many of them the latest refresh read
	Oldest     time.Time   // when the oldest listing was read; zero if none was
	Causes     []*cause
	Sent       []org.Invitation // pending ones
	Expiry     time.Time        // the next one of those; zero if unknown
	Waiting    tally
	Facets     map[string][]string // values of the parameters that select it
}

func newRow(s *org.Snapshot, now time.Time) *row {
	all := s.Collectors()
	r := &row{
		Snapshot: s,
		Causes:   causes(all),
		Sent:     pending(s.Invitations.Items),
		Waiting:  tallyOf(s, now),
		Facets:   map[string][]string{"cloud": {s.Cloud}},
	}
	for _, l := range all {
		c := collector{l, stateOf(&l.Health, s.Next, now)}
		r.Collectors = append(r.Collectors, c)
		r.State = max(r.State, c.State)
		if l.Success() {
			r.Read++
		}
		if org.CompareTimes(l.LastSuccess, r.Oldest) < 0 {
			r.Oldest = l.LastSuccess
		}
		if l.Err != nil && !slices.Contains(r.Facets["reason"], string(l.Err.Reason)) {
			r.Facets["reason"] = append(r.Facets["reason"], string(l.Err.Reason))
		}
	}
	for _, i := range r.Sent {
		if i.Expires.After(now) {
			r.Expiry = i.Expires
			break
		}
	}
	r.Facets["state"] = []string{r.State.String()}
	for k := range r.Waiting {
		r.Facets["decision"] = append(r.Facets["decision"], string(k))
	}
	return r
}
