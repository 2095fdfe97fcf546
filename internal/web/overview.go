package web

import (
	"cmp"
	"maps"
	"net/http"
	"net/url"
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
	return p.handler(p.overview)
}

// A query is the parameters of a page that are not empty.
type query struct{ url.Values }

// Toggle returns a link to q with a value of a parameter, or without the value
// that it has.
func (q query) Toggle(key, value string) string {
	v := maps.Clone(q.Values)
	v.Set(key, value)
	if q.Get(key) == value {
		v.Del(key)
	}
	return "?" + v.Encode()
}

// An overview is the data of the template of that name.
type overview struct {
	page
	Tone    state // of the headline
	Waiting tally
	Scraped time.Time                 // the latest scrape, if it is too long ago; else zero
	Counts  map[string]map[string]int // organizations, by parameter and value
	Total   int
	Rows    []*row // those that are selected
	Changes []change
}

func (p *pages) overview(given url.Values) (int, string, any) {
	now, snapshots := p.Now(), p.Snapshots()
	o := overview{
		page:    p.page(given, "name", "state", "reason", "cloud", "decision", "sort", "refresh"),
		Counts:  map[string]map[string]int{"state": {}, "reason": {}, "cloud": {}, "decision": {}},
		Waiting: tally{},
		Total:   len(snapshots),
		Changes: changes(10, snapshots...),
	}
	for i := range snapshots {
		r := newRow(&snapshots[i], now)
		o.Tone = max(o.Tone, r.State)
		for k, n := range r.Waiting {
			o.Waiting[k] += n
		}
		for parameter, values := range r.Facets {
			for _, value := range values {
				o.Counts[parameter][value]++
			}
		}
		if o.selects(r) {
			o.Rows = append(o.Rows, r)
		}
	}
	if p.Scraped != nil && now.Sub(p.Scraped()) > late {
		o.Scraped = p.Scraped()
	}
	if o.Waiting.ToDecide() > 0 || !o.Scraped.IsZero() {
		o.Tone = max(o.Tone, overdue)
	}
	o.sort()
	o.reload(p.Start != nil)
	if p.Start != nil {
		var names []string
		for _, r := range o.Rows {
			names = append(names, r.Organization)
		}
		p.Start(names)
	}
	return http.StatusOK, "overview", o
}

// selects reports whether the parameters select r: by a part of its name, and by
// values that it has.
func (o *overview) selects(r *row) bool {
	for parameter := range o.Counts {
		if o.Query.Has(parameter) && !slices.Contains(r.Facets[parameter], o.Query.Get(parameter)) {
			return false
		}
	}
	return strings.Contains(strings.ToLower(r.Organization), strings.ToLower(o.Query.Get("name")))
}

// sort sorts the rows by the parameter "sort", and those that are equal, the
// worst first.
func (o *overview) sort() {
	unread := func(r *row) int { return len(r.Collectors) - r.Read }
	worst := func(a, b *row) int {
		return cmp.Or(int(b.State-a.State), unread(b)-unread(a), b.Waiting.ToDecide()-a.Waiting.ToDecide(), cmp.Compare(a.Organization, b.Organization))
	}
	orders := map[string]func(a, b *row) int{
		"state":     worst,
		"name":      func(a, b *row) int { return cmp.Compare(a.Organization, b.Organization) },
		"decisions": func(a, b *row) int { return b.Waiting.ToDecide() - a.Waiting.ToDecide() },
		"expiry":    func(a, b *row) int { return org.CompareTimes(a.Expiry, b.Expiry) },
		"age":       func(a, b *row) int { return org.CompareTimes(a.Oldest, b.Oldest) },
	}
	order, known := orders[cmp.Or(o.Query.Get("sort"), "state")]
	if !known {
		o.Ignored = append(o.Ignored, "sort="+o.Query.Get("sort"))
		order = worst
	}
	slices.SortFunc(o.Rows, func(a, b *row) int { return cmp.Or(order(a, b), worst(a, b)) })
}

// soon is after how many seconds a page is loaded again while a refresh runs,
// and the least that the parameter "refresh" can be.
const soon = 5

// reload decides when the browser loads the page again: when the reader wants
// it, and soon while a view has started refreshes.
func (o *overview) reload(started bool) {
	seconds, err := strconv.Atoi(o.Query.Get("refresh"))
	switch {
	case err == nil && (seconds == 0 || seconds >= soon && seconds <= 3600):
		o.Reload = seconds
	case o.Query.Has("refresh"):
		o.Ignored = append(o.Ignored, "refresh="+o.Query.Get("refresh"))
	case started && o.Counts["state"]["waiting"]+o.Counts["state"]["overdue"] > 0:
		o.Reload = soon
	}
}
