package web

import (
	"cmp"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/cloudorg-exporter/cloudorg_exporter/internal/org"
)

// Status serves the overview: what has to be decided, how current the data is,
// and a row for each organization, the worst first. A view starts the refreshes
// that are due of the organizations that it shows.
func Status(cfg StatusConfig) http.Handler {
	p := newPages(cfg)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		p.serve(w, func() (int, string, any) { return http.StatusOK, "overview", p.overview(parseQuery(r.URL.Query())) })
	})
}

// An overview is the data of the template of that name.
type overview struct {
	head
	Tone      state // of the headline
	Decisions []count
	Outdated  int     // organizations whose data is not current
	States    []state // of those
	Facets    []facet
	Query     query
	Columns   []column
	Rows      []*row
	Total     int
	Changes   []change
	Again     string // value of the parameter "refresh" that switches loading again on, or off
}

func (p *pages) overview(q query) overview {
	c := clock{p.Now(), p.Zone}
	snapshots := p.Snapshots()
	rows := make([]*row, len(snapshots))
	for i := range snapshots {
		rows[i] = newRow(&snapshots[i], c)
	}
	slices.SortStableFunc(rows, func(a, b *row) int {
		return cmp.Or(int(b.State-a.State), b.Unread-a.Unread, b.tally.decisions()-a.tally.decisions(), cmp.Compare(a.Organization, b.Organization))
	})
	o := overview{head: p.head(c), Query: q, Total: len(rows), Facets: facets(rows), Decisions: decisions(rows), Changes: changes(rows, 10)}
	var shown []string
	for _, r := range rows {
		if r.State != ok {
			o.Outdated++
			if !slices.Contains(o.States, r.State) {
				o.States = append(o.States, r.State)
			}
		}
		if q.matches(r) {
			o.Rows, shown = append(o.Rows, r), append(shown, r.Organization)
		}
	}
	o.Columns = q.sort(o.Rows)
	o.headline(p)
	o.reload(p.Start != nil)
	if p.Start != nil {
		p.Start(shown)
	}
	return o
}

// decisions adds up what waits in rows.
func decisions(rows []*row) []count {
	var sum tally
	for _, r := range rows {
		for k, n := range r.tally {
			sum[k] += n
		}
	}
	all := sum.counts()
	for i := range all {
		c := &all[i]
		for _, r := range rows {
			if r.tally[c.kind] > 0 {
				c.Most = append(c.Most, r)
			}
		}
		slices.SortStableFunc(c.Most, func(a, b *row) int { return b.tally[c.kind] - a.tally[c.kind] })
		const most = 3
		c.Others = max(0, len(c.Most)-most)
		c.Most = c.Most[:len(c.Most)-c.Others]
	}
	return all
}

// Of returns the number of c's things in r.
func (c count) Of(r *row) int { return r.tally[c.kind] }

// headline sets the title: what has to be decided, and how current the data is.
func (o *overview) headline(p *pages) {
	n := 0
	for _, c := range o.Decisions {
		if !c.News() {
			n += c.N
		}
	}
	if o.Outdated > 0 {
		o.Tone = o.States[0]
	}
	if n > 0 {
		o.Tone = max(o.Tone, overdue)
	}
	var parts []string
	switch {
	case n > 0:
		parts = append(parts, plural(n, "item needs", "items need")+" a decision")
	case o.Outdated == 0: // else data that is not current may need one
		parts = append(parts, "Nothing needs a decision")
	}
	if p.Scraped != nil && o.now.Sub(p.Scraped()) > late {
		o.Tone = max(o.Tone, overdue)
		parts = append(parts, "No scrape for "+o.Age(p.Scraped()))
	}
	switch {
	case o.Total == 0:
		o.Tone = waiting
		parts = []string{"No organizations configured on this instance (check --shard)"}
	case o.Outdated == 0:
		parts = append(parts, "Data is current")
	default:
		parts = append(parts, fmt.Sprintf("Data of %d of %s is current", o.Total-o.Outdated, plural(o.Total, "organization", "organizations")))
	}
	o.Title = strings.Join(parts, ". ")
}

func plural(n int, one, more string) string {
	if n == 1 {
		return "1 " + one
	}
	return strconv.Itoa(n) + " " + more
}

// soon is after how many seconds a page is loaded again while a refresh runs.
const soon = 5

// reload decides when the browser loads the page again: when the reader wants
// it, and soon while a refresh runs.
func (o *overview) reload(started bool) {
	n, err := strconv.Atoi(o.Query.Get("refresh"))
	switch o.Again = "30"; {
	case err == nil && n >= soon && n <= 3600:
		o.Reload, o.Again = n, ""
	case err != nil && started && (slices.Contains(o.States, waiting) || slices.Contains(o.States, overdue)):
		o.Reload, o.Again = soon, "0"
	}
}

// A row is an organization as the pages show it. Numbers are -1 if unknown.
type row struct {
	*org.Snapshot
	State                         state
	Causes                        []*cause
	Facets                        map[string][]string // values of parameters that select it
	Members, Invitations, Leaving int
	Expiry                        time.Time // of the next pending invitation
	Oldest                        time.Time // when the oldest listing was read
	All, Read, Unread             int       // collectors, and those that the latest refresh read, or did not
	tally                         tally
	Counts                        []count
}

func newRow(s *org.Snapshot, c clock) *row {
	r := &row{Snapshot: s, Causes: causes(s, c), tally: tallyOf(s, c.now), Members: -1, Invitations: -1, Leaving: -1}
	r.Counts = r.tally.counts()
	for _, l := range s.Collectors() {
		r.State = max(r.State, stateOf(s, &l.Health, c.now))
		if r.All++; l.Success() {
			r.Read++
		}
		if earlier(l.LastSuccess, r.Oldest) < 0 {
			r.Oldest = l.LastSuccess
		}
	}
	r.Unread = r.All - r.Read
	r.Facets = map[string][]string{"state": {r.State.String()}, "cloud": {s.Cloud}, "reason": nil, "decision": nil}
	for _, cause := range r.Causes {
		if !slices.Contains(r.Facets["reason"], cause.Reason) {
			r.Facets["reason"] = append(r.Facets["reason"], cause.Reason)
		}
	}
	for _, c := range r.Counts {
		r.Facets["decision"] = append(r.Facets["decision"], c.Value)
	}
	if l := s.Members; l.Present {
		r.Members = len(l.Items)
		for _, m := range l.Items {
			if m.Repeat {
				r.Members--
			}
		}
	}
	if l := s.Invitations; l.Present {
		r.Invitations = 0
		for _, i := range l.Items {
			if i.Pending {
				r.Invitations++
				if i.Expires.After(c.now) && earlier(i.Expires, r.Expiry) < 0 {
					r.Expiry = i.Expires
				}
			}
		}
	}
	if s.Withdrawals.Present {
		r.Leaving = len(s.Withdrawals.Items)
	}
	return r
}
