package web

import (
	"cmp"
	"fmt"
	"maps"
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

// Meaning explains s.
func (s state) Meaning() string {
	return [...]string{
		"the latest refresh succeeded",
		"the first refresh has not ended",
		"a refresh is due and has not ended: check that Prometheus scrapes this exporter",
		"the latest refresh failed; older data is exported until max_stale",
		"no refresh for longer than max_stale; no data is exported: check that Prometheus scrapes this exporter",
		"the latest refresh failed; no data is exported",
	}[s]
}

// stateOf returns the state of a listing of s.
func stateOf(s *org.Snapshot, h *org.Health, now time.Time) state {
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
	case now.Sub(s.Next) > late:
		return overdue
	}
	return ok
}

// A cause is one reason for which collectors of an organization fail.
type cause struct {
	Reason     string
	Advice     string
	Collectors string // their names
	Errors     []string
	Since      time.Time
	Served     string // what is exported meanwhile
}

// causes returns why collectors of s fail, each cause once, and each error that
// differs in more than its call.
func causes(s *org.Snapshot, c clock) []*cause {
	var all []*cause
	names, calls := map[*cause][]string{}, map[*cause]map[string][]string{}
	collectors := s.Collectors()
	for _, l := range collectors {
		if l.Err == nil {
			continue
		}
		next := &cause{Reason: string(l.Err.Reason), Advice: cmp.Or(l.Err.Advice, "wait: the next refresh may succeed"), Since: l.FailingSince, Served: "no data is exported"}
		if stateOf(s, &l.Health, c.now) == stale {
			next.Served = "data of " + c.Stamp(l.LastSuccess) + " is exported until " + c.Stamp(l.Expires)
		}
		if i := slices.IndexFunc(all, func(o *cause) bool {
			return o.Reason == next.Reason && o.Advice == next.Advice && o.Served == next.Served
		}); i >= 0 {
			next = all[i]
		} else {
			all, calls[next] = append(all, next), map[string][]string{}
		}
		if l.FailingSince.Before(next.Since) {
			next.Since = l.FailingSince
		}
		names[next] = append(names[next], l.Name)
		call, text, _ := strings.Cut(cut(l.Err.Error(), 600), ": ")
		if !slices.Contains(calls[next][text], call) {
			calls[next][text] = append(calls[next][text], call)
		}
	}
	for _, f := range all {
		if f.Collectors = strings.Join(names[f], ", "); len(names[f]) == len(collectors) {
			f.Collectors = "all collectors"
		}
		for _, text := range slices.Sorted(maps.Keys(calls[f])) {
			f.Errors = append(f.Errors, strings.TrimSuffix(strings.Join(calls[f][text], ", ")+": "+text, ": "))
		}
	}
	return all
}

// A clock writes times as they are read at now, in UTC and in zone.
type clock struct {
	now  time.Time
	zone *time.Location
}

// When writes the distance of t from now.
func (c clock) When(t time.Time) string {
	if t.After(c.now) {
		return "in " + span(t.Sub(c.now))
	}
	return c.Age(t) + " ago"
}

// Age writes how long ago t was.
func (c clock) Age(t time.Time) string { return span(c.now.Sub(t)) }

// Stamp writes t in UTC and, if that differs, in the clock's zone.
func (c clock) Stamp(t time.Time) string {
	utc, local := t.UTC(), t.In(c.zone)
	text := utc.Format("2006-01-02 15:04 UTC")
	switch _, offset := local.Zone(); {
	case offset == 0:
		return text
	case local.Day() != utc.Day():
		return text + local.Format(" / 2 Jan 15:04 MST")
	}
	return text + local.Format(" / 15:04 MST")
}

// span writes a duration in its two largest units. A negative one, which two
// clocks that differ can make, is 0 s.
func span(d time.Duration) string {
	d = max(0, d)
	two := func(large, small time.Duration, names ...any) string {
		text := fmt.Sprintf("%d\u00a0%s", d/large, names[0])
		if rest := d % large / small; rest > 0 && d < 10*day {
			text += fmt.Sprintf(" %d\u00a0%s", rest, names[1])
		}
		return text
	}
	switch {
	case d >= day:
		return two(day, time.Hour, "d", "h")
	case d >= time.Hour:
		return two(time.Hour, time.Minute, "h", "min")
	case d >= time.Minute:
		return two(time.Minute, time.Second, "min", "s")
	}
	return two(time.Second, time.Second, "s")
}

// cut limits a text to n bytes.
func cut(text string, n int) string {
	if len(text) <= n {
		return text
	}
	return strings.ToValidUTF8(text[:n], "") + "…"
}
