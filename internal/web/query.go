package web

import (
	"cmp"
	"net/url"
	"slices"
	"strings"
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

// Is reports whether a parameter has a value.
func (q query) Is(key, value string) bool { return q.Get(key) == value }

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

// Toggle returns a link to q with a value of a parameter, or without the value
// that it has.
func (q query) Toggle(key, value string) string {
	if q.Is(key, value) {
		value = ""
	}
	return q.With(key, value)
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

// matches reports whether q selects r: by a part of its name, and by values
// that it has.
func (q query) matches(r *row) bool {
	for key, values := range r.Facets {
		if q.Has(key) && !slices.Contains(values, q.Get(key)) {
			return false
		}
	}
	return strings.Contains(strings.ToLower(r.Organization), strings.ToLower(q.Get("name")))
}

// A facet is a parameter by which organizations are selected, with the number
// of organizations for each of its values.
type facet struct {
	Name   string
	Values []string // in the order of the organizations
	Counts map[string]int
}

func facets(rows []*row) []facet {
	all := []facet{{Name: "state"}, {Name: "reason"}, {Name: "cloud"}}
	for i := range all {
		f := &all[i]
		f.Counts = map[string]int{}
		for _, r := range rows {
			for _, value := range r.Facets[f.Name] {
				if f.Counts[value]++; f.Counts[value] == 1 {
					f.Values = append(f.Values, value)
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
	Sorted  string // value of aria-sort; empty if the overview is not sorted by it
	Href    string
	compare func(a, b *row) int
}

// sort sorts rows, which are sorted by their state, by the column that q names,
// if there is one.
func (q query) sort(rows []*row) []column {
	all := []column{
		{Name: "state", Title: "State", compare: func(_, _ *row) int { return 0 }},
		{Name: "name", Title: "Organization", compare: func(a, b *row) int { return cmp.Compare(a.Organization, b.Organization) }},
		{Name: "cloud", Title: "Cloud", compare: func(a, b *row) int { return cmp.Compare(a.Cloud, b.Cloud) }},
		{Name: "decisions", Title: "To decide", Number: true, compare: func(a, b *row) int { return b.tally.decisions() - a.tally.decisions() }},
		{Name: "members", Title: "Members", Number: true, compare: func(a, b *row) int { return b.Members - a.Members }},
		{Name: "invitations", Title: "Invitations", Number: true, compare: func(a, b *row) int { return b.Invitations - a.Invitations }},
		{Name: "expiry", Title: "Next expiry", compare: func(a, b *row) int { return earlier(a.Expiry, b.Expiry) }},
		{Name: "leaving", Title: "Requests to leave", Number: true, compare: func(a, b *row) int { return b.Leaving - a.Leaving }},
		{Name: "collectors", Title: "Collectors", Number: true, compare: func(a, b *row) int { return b.Unread - a.Unread }},
		{Name: "age", Title: "Data age", Number: true, compare: func(a, b *row) int { return earlier(a.Oldest, b.Oldest) }},
	}
	by, reverse := strings.CutPrefix(cmp.Or(q.Get("sort"), "state"), "-")
	for i := range all {
		c := &all[i]
		c.Href = q.With("sort", c.Name)
		if c.Name != by {
			continue
		}
		slices.SortStableFunc(rows, c.compare)
		if reverse {
			slices.Reverse(rows)
		} else {
			c.Href = q.With("sort", "-"+c.Name)
		}
		c.Sorted = "ascending"
		if greatestFirst := c.Number || c.Name == "state"; greatestFirst != reverse {
			c.Sorted = "descending"
		}
	}
	return all
}
