package web

import (
	"cmp"
	"net/url"
	"slices"
	"strings"
	"time"
)

// A query is the parameters of the overview that are not empty.
type query struct{ url.Values }

func parseQuery(given url.Values) query {
	q := query{url.Values{}}
	for _, key := range []string{"name", "state", "reason", "cloud", "decision", "sort", "refresh"} {
		if v := strings.TrimSpace(strings.ToValidUTF8(given.Get(key), "")); v != "" {
			q.Set(key, cut(v, 200))
		}
	}
	return q
}

// With returns a link to q with another value of a parameter.
func (q query) With(key, value string) string {
	v := url.Values{}
	for k := range q.Values {
		v.Set(k, q.Get(k))
	}
	v.Set(key, value)
	if value == "" {
		v.Del(key)
	}
	return "?" + v.Encode()
}

// Is reports whether a parameter has a value.
func (q query) Is(key, value string) bool { return q.Get(key) == value }

// Toggle returns a link to q with a value of a parameter, or without the value
// that it has.
func (q query) Toggle(key, value string) string {
	if q.Is(key, value) {
		value = ""
	}
	return q.With(key, value)
}

// SortBy returns a link that sorts by a column, or in reverse if q sorts by it.
func (q query) SortBy(column string) string {
	if cmp.Or(q.Get("sort"), "state") == column {
		column = "-" + column
	}
	return q.With("sort", column)
}

// Filters returns by what q selects.
func (q query) Filters() (all []string) {
	for _, key := range []string{"name", "state", "reason", "cloud", "decision"} {
		if q.Has(key) {
			all = append(all, key+" “"+q.Get(key)+"”")
		}
	}
	return all
}

// A facet is a parameter that selects the organizations with one of its values.
type facet struct {
	Name   string
	of     func(*row) []string
	Values []string
	Counts map[string]int // of the organizations that have a value and match the other parameters
}

// matches reports whether q selects r by its name and by all facets but one.
func (q query) matches(r *row, all []facet, but string) bool {
	for _, f := range all {
		if f.Name != but && q.Has(f.Name) && !slices.Contains(f.of(r), q.Get(f.Name)) {
			return false
		}
	}
	return strings.Contains(strings.ToLower(r.Organization), strings.ToLower(q.Get("name")))
}

// facets returns the facets of rows.
func (q query) facets(rows []*row) []facet {
	all := []facet{
		{Name: "state", of: func(r *row) []string { return []string{r.State.String()} }},
		{Name: "reason", of: func(r *row) []string { return r.Reasons }},
		{Name: "cloud", of: func(r *row) []string { return []string{r.Cloud} }},
		{Name: "decision", of: func(r *row) (values []string) {
			for _, c := range r.Counts {
				values = append(values, c.Value)
			}
			return values
		}},
	}
	for i := range all {
		f := &all[i]
		f.Counts = map[string]int{}
		if q.Has(f.Name) { // no organization may have it
			f.Values, f.Counts[q.Get(f.Name)] = []string{q.Get(f.Name)}, 0
		}
		for _, r := range rows {
			for _, value := range f.of(r) {
				if _, seen := f.Counts[value]; !seen {
					f.Values, f.Counts[value] = append(f.Values, value), 0
				}
				if q.matches(r, all, f.Name) {
					f.Counts[value]++
				}
			}
		}
	}
	return all
}

// A column is one by which the overview can be sorted.
type column struct {
	Name    string // value of the parameter "sort"; with a minus, in reverse
	Title   string
	Number  bool
	Sorted  string // value of aria-sort; empty if it is not sorted by it
	compare func(a, b *row) int
}

// sort sorts rows, which are sorted by their state, by the column that q names.
// It returns the columns, and whether there is such a column.
func (q query) sort(rows []*row) (all []column, found bool) {
	greatest := func(of func(*row) int) func(a, b *row) int { return func(a, b *row) int { return of(b) - of(a) } }
	text := func(of func(*row) string) func(a, b *row) int {
		return func(a, b *row) int { return cmp.Compare(of(a), of(b)) }
	}
	first := func(of func(*row) time.Time) func(a, b *row) int {
		return func(a, b *row) int { return earlier(of(a), of(b)) }
	}
	all = []column{
		{Name: "state", Title: "State", compare: func(_, _ *row) int { return 0 }},
		{Name: "name", Title: "Organization", compare: text(func(r *row) string { return r.Organization })},
		{Name: "cloud", Title: "Cloud", compare: text(func(r *row) string { return r.Cloud })},
		{Name: "decisions", Title: "To decide", Number: true, compare: greatest(func(r *row) int { return r.tally.decisions() })},
		{Name: "members", Title: "Members", Number: true, compare: greatest(func(r *row) int { return r.Members })},
		{Name: "invitations", Title: "Invitations", Number: true, compare: greatest(func(r *row) int { return r.Invitations })},
		{Name: "expiry", Title: "Next expiry", compare: first(func(r *row) time.Time { return r.Expiry })},
		{Name: "leaving", Title: "Requests to leave", Number: true, compare: greatest(func(r *row) int { return r.Leaving })},
		{Name: "collectors", Title: "Collectors", Number: true, compare: greatest(func(r *row) int { return r.Unread })},
		{Name: "age", Title: "Data age", Number: true, compare: first(func(r *row) time.Time { return r.Oldest })},
	}
	by, reverse := strings.CutPrefix(cmp.Or(q.Get("sort"), "state"), "-")
	i := slices.IndexFunc(all, func(c column) bool { return c.Name == by })
	if i < 0 {
		return all, false
	}
	slices.SortStableFunc(rows, all[i].compare)
	all[i].Sorted = "ascending"
	if down := all[i].Number || by == "state"; down != reverse {
		all[i].Sorted = "descending"
	}
	if reverse {
		slices.Reverse(rows)
	}
	return all, true
}

// earlier compares two times. An unknown one is the latest.
func earlier(a, b time.Time) int {
	if a.IsZero() || b.IsZero() {
		return b.Compare(a)
	}
	return a.Compare(b)
}
