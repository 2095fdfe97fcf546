package web

import (
	"fmt"
	"hash/fnv"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/cloudorg-exporter/cloudorg_exporter/internal/org"
)

// An organization is one as the page shows it.
type organization struct {
	Anchor     string
	Name       string
	Cloud      string
	CloudName  string // the cloud's own name for it; empty if unknown
	CloudID    string
	State      state
	Probe      string // link to its metrics
	Oldest     string // age of the oldest data; empty if there is none
	Refreshed  string // how long ago; empty if never
	Took       string
	Next       string // how long until; empty if due
	Problems   []problem
	Collectors []collector

	Members     *members // nil: not configured
	Invitations *pending
	Received    *pending
	Withdrawals *pending
}

// A problem is what one cause has done to some collectors.
type problem struct {
	Reason     string
	Collectors string
	Advice     string
}

// A collector is one as the page shows it.
type collector struct {
	Name  string
	State state
	Items string // their number; empty if unknown
	Age   string // of the data; empty if it was never read
	At    time.Time
	Took  string // empty if it was never tried
	Why   *why   // nil if it is well
	Odd   uint64 // fields that could not be read
}

// Words returns the parts of the name, between which a narrow screen may break
// it.
func (c collector) Words() []string { return strings.Split(c.Name, "_") }

// A why is the latest error of a collector, and what it leads to.
type why struct {
	Reason string
	Err    string
	Since  string
	Serves string // what a scrape gets
}

func newOrganization(r ranked, probe string, now time.Time) organization {
	o := organization{
		Anchor: anchor(r.Organization),
		Name:   r.Organization,
		Cloud:  r.Cloud,
		State:  r.state,
		Probe:  probe + "?target=" + url.QueryEscape(r.Organization),
	}
	if len(r.Info.Items) > 0 {
		o.CloudName, o.CloudID = r.Info.Items[0].Name, r.Info.Items[0].ID
	}
	if !r.Refreshed.IsZero() {
		o.Refreshed, o.Took = span(now.Sub(r.Refreshed)), brief(r.Took)
		if r.Next.After(now) {
			o.Next = span(r.Next.Sub(now))
		}
	}
	items := counts(r.Snapshot)
	var oldest time.Time
	for _, l := range r.Listings() {
		o.Collectors = append(o.Collectors, newCollector(l, items[l.Collector], now))
		if !l.At.IsZero() && (oldest.IsZero() || l.At.Before(oldest)) {
			oldest = l.At
		}
		switch {
		case l.Err != nil:
			o.Problems = addProblem(o.Problems, problem{l.Err.Reason, l.Collector, l.Err.Advice})
		case stateOf(l.Health, now) == expired:
			o.Problems = addProblem(o.Problems, problem{expired.String(), l.Collector, "no refresh has ended in time: see whether Prometheus still scrapes this"})
		}
	}
	if !oldest.IsZero() {
		o.Oldest = span(now.Sub(oldest))
	}
	o.Members = newMembers(r.Snapshot)
	o.Invitations = newInvitations(r.Invitations, now, "Pending invitations", sentTo)
	o.Received = newInvitations(r.Received, now, "Received invitations", receivedFrom)
	o.Withdrawals = newWithdrawals(r.Withdrawals, now)
	return o
}

func newCollector(l org.Listing, items int, now time.Time) collector {
	c := collector{Name: l.Collector, State: stateOf(l.Health, now), At: l.At.UTC(), Odd: l.Unreadable}
	if l.Present {
		c.Items = strconv.Itoa(items)
	}
	if !l.At.IsZero() {
		c.Age = span(now.Sub(l.At))
	}
	if l.Err != nil || !l.At.IsZero() {
		c.Took = brief(l.Took)
	}
	if l.Err != nil {
		c.Why = &why{Reason: l.Err.Reason, Err: shorten(l.Err.Error()), Since: span(now.Sub(l.Failing)), Serves: "nothing"}
		if c.State == stale {
			c.Why.Serves = fmt.Sprintf("data %s old, for another %s", c.Age, span(l.Until.Sub(now)))
		}
	}
	return c
}

// counts returns the number of items of each listing.
func counts(s *org.Snapshot) map[string]int {
	return map[string]int{
		"organization": len(s.Info.Items), "groups": len(s.Groups.Items), "members": len(s.Members.Items),
		"invitations": len(s.Invitations.Items), "received_invitations": len(s.Received.Items),
		"withdrawals": len(s.Withdrawals.Items), "policies": len(s.Policies.Items), "api_version": len(s.Versions.Items),
	}
}

// addProblem adds p, to the one with the same cause and cure if there is one.
func addProblem(all []problem, p problem) []problem {
	i := slices.IndexFunc(all, func(q problem) bool { return p.Reason == q.Reason && p.Advice == q.Advice })
	if i < 0 {
		return append(all, p)
	}
	all[i].Collectors += ", " + p.Collectors
	return all
}

// anchor returns the fragment of an organization, whatever is in its name. It
// stays the same when the order changes.
func anchor(name string) string {
	h := fnv.New64a()
	_, _ = h.Write([]byte(name)) // cannot fail
	return "o" + strconv.FormatUint(h.Sum64(), 36)
}

// shorten bounds an error's text.
func shorten(text string) string {
	const longest = 600
	if len(text) <= longest {
		return text
	}
	return strings.ToValidUTF8(text[:longest], "") + "…"
}
