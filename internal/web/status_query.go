package web

import (
	"net/url"
	"strconv"
	"strings"
)

// A query is what the page's parameters ask for. What it does not understand
// it takes as not given: a link must not break a page that is read in haste.
type query struct {
	Name    string // part of the organization's name
	State   string // a state's word, attention, or empty for all
	Refresh int    // seconds until the page asks for itself again; 0: never
	page    int    // from 1
}

const (
	attention      = "attention" // every state that is ill
	defaultRefresh = 60
	longestName    = 200
)

func parseQuery(params url.Values) query {
	q := query{Name: strings.TrimSpace(params.Get("name")), Refresh: defaultRefresh, page: 1}
	if len(q.Name) > longestName {
		q.Name = q.Name[:longestName]
	}
	q.Name = strings.ToValidUTF8(q.Name, "")
	for _, o := range q.States() {
		if o.Value == params.Get("state") {
			q.State = o.Value
		}
	}
	for _, o := range q.Refreshes() {
		if o.Value == params.Get("refresh") {
			q.Refresh, _ = strconv.Atoi(o.Value)
		}
	}
	if n, err := strconv.Atoi(params.Get("page")); err == nil && n > 0 {
		q.page = n
	}
	return q
}

// An option is a choice in the page's form.
type option struct {
	Value    string
	Text     string
	Selected bool
}

// States returns the choice of states.
func (q query) States() []option {
	options := []option{{Text: "all"}, {Value: attention, Text: "needs attention"}}
	for _, s := range states() {
		options = append(options, option{Value: s.String(), Text: s.String()})
	}
	for i := range options {
		options[i].Selected = options[i].Value == q.State
	}
	return options
}

// Refreshes returns the choice of how often the page refreshes itself.
func (q query) Refreshes() []option {
	options := []option{{Value: "15", Text: "15 s"}, {Value: "60", Text: "1 min"}, {Value: "300", Text: "5 min"}, {Value: "0", Text: "off"}}
	for i := range options {
		options[i].Selected = options[i].Value == strconv.Itoa(q.Refresh)
	}
	return options
}

// Legend explains the states.
func (p page) Legend() []state { return states() }

// Filtered reports whether some organizations are left out.
func (q query) Filtered() bool { return q.Name != "" || q.State != "" }

// Unfiltered returns a link to all organizations.
func (q query) Unfiltered() string {
	q.Name, q.State, q.page = "", "", 1
	return q.link()
}

// link returns a link to what q asks for.
func (q query) link() string {
	v := url.Values{}
	if q.Name != "" {
		v.Set("name", q.Name)
	}
	if q.State != "" {
		v.Set("state", q.State)
	}
	if q.Refresh != defaultRefresh {
		v.Set("refresh", strconv.Itoa(q.Refresh))
	}
	if q.page > 1 {
		v.Set("page", strconv.Itoa(q.page))
	}
	return "?" + v.Encode()
}

// A tally is how many organizations are in a state, and the link to them.
type tally struct {
	State   state
	Count   int
	Href    string
	Current bool
}

// tallies counts the organizations by state, whatever state q asks for.
func (q query) tallies(all []ranked) []tally {
	var counts [failing + 1]int
	for _, r := range all {
		if q.named(r) {
			counts[r.state]++
		}
	}
	var out []tally
	for _, s := range states() {
		link := q
		link.State, link.page = s.String(), 1
		if counts[s] > 0 || q.State == s.String() {
			out = append(out, tally{s, counts[s], link.link(), q.State == s.String()})
		}
	}
	return out
}

// filter returns the organizations that q asks for.
func (q query) filter(all []ranked) []ranked {
	var out []ranked
	for _, r := range all {
		inState := q.State == "" || q.State == r.state.String() || q.State == attention && r.state.ill()
		if inState && q.named(r) {
			out = append(out, r)
		}
	}
	return out
}

// named reports whether r's name, here or in its cloud, has what q asks for.
func (q query) named(r ranked) bool {
	has := func(name string) bool { return strings.Contains(strings.ToLower(name), strings.ToLower(q.Name)) }
	return has(r.Organization) || len(r.Info.Items) > 0 && has(r.Info.Items[0].Name)
}

// A pager leads through the pages.
type pager struct {
	Page, Pages    int
	First, Last    int // the organizations shown, counted from 1
	Previous, Next string
}

// cut returns the organizations of the page that q asks for, or of the last
// one.
func (q query) cut(found []ranked) (pager, []ranked) {
	p := pager{Pages: max(1, (len(found)+perPage-1)/perPage)}
	p.Page = min(q.page, p.Pages)
	first, last := (p.Page-1)*perPage, min(p.Page*perPage, len(found))
	p.First, p.Last = first+1, last
	if p.Page > 1 {
		q.page = p.Page - 1
		p.Previous = q.link()
	}
	if p.Page < p.Pages {
		q.page = p.Page + 1
		p.Next = q.link()
	}
	return p, found[first:last]
}
