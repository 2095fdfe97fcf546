package dashboards_test

import (
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql/parser"
)

// These tests are a linter for dashboards. Each rejects something that was wrong
// on screen although every query was right.

// Grafana provisions a dashboard from a file if the model is complete.
func TestDashboardModel(t *testing.T) {
	uids := map[string]bool{}
	for _, d := range dashboards(t) {
		if d.SchemaVersion != 39 || d.ID != nil || d.Description == "" || !slices.Contains(d.Tags, "cloudorg") {
			t.Errorf("%s: want schemaVersion 39, id null, a description, the tag cloudorg", d.file)
		}
		if !strings.HasPrefix(d.Title, "Cloud organizations / ") {
			t.Errorf("%s: title %q does not tell it from others in a list", d.file, d.Title)
		}
		if d.UID == "" || uids[d.UID] {
			t.Errorf("%s: uid %q is not unique", d.file, d.UID)
		}
		uids[d.UID] = true
		if v := d.Templating.List; len(v) < 2 || v[0].Type != "datasource" || v[0].Name != "datasource" {
			t.Errorf("%s: the first variable must be the data source", d.file)
		}
		for _, v := range d.Templating.List {
			// Grafana 9 reads definition, 10 reads query.query.
			q, _ := v.Query.(map[string]any)
			if v.Type == "query" && (!fromVariable(v.Datasource) || q["query"] != v.Definition || v.Refresh == 0) {
				t.Errorf("%s: variable %s: want the data source of the variable, the same query twice, a refresh", d.file, v.Name)
			}
		}
		ids := map[int]bool{}
		for _, p := range append(d.all(), d.Panels...) {
			if p.Type == "row" && ids[p.ID] {
				t.Errorf("%s: %s: id %d is not unique", d.file, p.Title, p.ID)
			}
			ids[p.ID] = true
		}
		for _, p := range d.all() {
			where := d.file + ": " + p.Title
			if !strings.HasSuffix(p.Description, ".") || !fromVariable(p.Datasource) || len(p.Targets) == 0 {
				t.Errorf("%s: want a description, the data source of the variable, a query", where)
			}
			for _, q := range p.Targets {
				if !fromVariable(q.Datasource) || q.RefID == "" || q.Instant == q.Range {
					t.Errorf("%s: query %s: want the data source of the variable, and either instant or range", where, q.RefID)
				}
			}
		}
	}
}

func fromVariable(d datasource) bool { return d == datasource{"prometheus", "${datasource}"} }

// Panels that overlap are moved by Grafana.
func TestPanelsDoNotOverlap(t *testing.T) {
	for _, d := range dashboards(t) {
		layers := [][]panel{d.Panels}
		for _, p := range d.Panels {
			layers = append(layers, p.Panels)
		}
		for _, layer := range layers {
			for i, p := range layer {
				a := p.GridPos
				if a.X+a.W > 24 {
					t.Errorf("%s: %s leaves the grid", d.file, p.Title)
				}
				for _, other := range layer[:i] {
					b := other.GridPos
					if a.X < b.X+b.W && b.X < a.X+a.W && a.Y < b.Y+b.H && b.Y < a.Y+a.H {
						t.Errorf("%s: %s overlaps %s", d.file, p.Title, other.Title)
					}
				}
			}
		}
	}
}

// A recorded series keeps its name, and Grafana's merge transformation, or the
// legend, makes a row or a line of its own of it: eleven rows for two
// organizations.
func TestSeriesAreAggregated(t *testing.T) {
	for _, d := range dashboards(t) {
		for _, p := range d.all() {
			for _, q := range p.Targets {
				e := parse(t, d.file, q.Expr)
				recorded := slices.ContainsFunc(selectors(e), isRecorded)
				if keepsName(e) && (p.Type == "table" || recorded) {
					t.Errorf("%s: %s: query %s keeps a metric's name: %s", d.file, p.Title, q.RefID, q.Expr)
				}
			}
		}
	}
}

// A unit other than string formats account numbers: 8033298 as "8.03 Mil".
func TestTextColumnsHaveNoUnit(t *testing.T) {
	for _, d := range dashboards(t) {
		for _, p := range d.all() {
			if p.Type != "table" {
				continue
			}
			if u := p.FieldConfig.Defaults.Unit; u != "" {
				t.Errorf("%s: %s: the unit %q of the whole table formats its text columns", d.file, p.Title, u)
			}
			for from, shown := range p.columns() {
				unit := any(nil)
				for _, o := range p.FieldConfig.Overrides {
					if o.Matcher.Options == shown && o.property("unit") != nil {
						unit = o.property("unit")
					}
				}
				switch isText := !strings.HasPrefix(from, "Value"); {
				case isText && unit != "string":
					t.Errorf("%s: %s: text column %s has the unit %v", d.file, p.Title, shown, unit)
				case !isText && (unit == nil || unit == "short"):
					t.Errorf("%s: %s: column %s has the unit %v", d.file, p.Title, shown, unit)
				}
			}
		}
	}
}

// With a data source at Grafana's default of 15 s, $__rate_interval is 60 s for
// short ranges, or 75 s, in which a scrape each minute gives one sample: no rate.
// A minimal interval in each query makes it 4 minutes.
func TestRatesHaveSamples(t *testing.T) {
	const scrape = time.Minute
	for _, d := range dashboards(t) {
		for _, p := range d.all() {
			for _, q := range p.Targets {
				if !strings.Contains(q.Expr, "$__rate_interval") && !strings.Contains(q.Expr, "$__interval") {
					continue
				}
				for _, span := range []time.Duration{15 * time.Minute, time.Hour, 6 * time.Hour, 24 * time.Hour, 7 * 24 * time.Hour, 30 * 24 * time.Hour} {
					for _, points := range []int{360, 1280} { // pixels
						interval, rate := grafanaIntervals(t, q.Interval, span, points)
						if strings.Contains(q.Expr, "$__rate_interval") && rate < 4*scrape {
							t.Errorf("%s: %s: query %s: $__rate_interval is %v at a range of %v: set its interval", d.file, p.Title, q.RefID, rate, span)
						}
						if strings.Contains(q.Expr, "$__interval") && interval < scrape {
							t.Errorf("%s: %s: query %s: $__interval is %v at a range of %v: set its interval", d.file, p.Title, q.RefID, interval, span)
						}
					}
				}
			}
		}
	}
}

// grafanaIntervals returns $__interval and $__rate_interval as Grafana computes
// them for a data source with its default scrape interval.
func grafanaIntervals(t *testing.T, minimum string, span time.Duration, points int) (interval, rate time.Duration) {
	t.Helper()
	scrape := 15 * time.Second
	if minimum != "" {
		scrape = duration(t, minimum)
	}
	interval = max(span/time.Duration(points), scrape)
	return interval, max(interval+scrape, 4*scrape)
}

func TestGrafanaIntervals(t *testing.T) {
	for _, c := range []struct {
		minimum        string
		span           time.Duration
		interval, rate time.Duration
	}{
		{"", 15 * time.Minute, 15 * time.Second, time.Minute},
		{"", 16 * time.Hour, time.Minute, 75 * time.Second},
		{"1m", 15 * time.Minute, time.Minute, 4 * time.Minute},
		{"1m", 7 * 24 * time.Hour, 10*time.Minute + 30*time.Second, 11*time.Minute + 30*time.Second},
	} {
		if interval, rate := grafanaIntervals(t, c.minimum, c.span, 960); interval != c.interval || rate != c.rate {
			t.Errorf("%q, %v: want %v and %v, have %v and %v", c.minimum, c.span, c.interval, c.rate, interval, rate)
		}
	}
}

// A tile that asks a range shows its last point, which at a range of 7 days can
// be an hour old. A sparkline without a minimum of 0 exaggerates.
func TestTilesAskInstant(t *testing.T) {
	for _, d := range dashboards(t) {
		for _, p := range d.all() {
			if p.Type != "stat" {
				continue
			}
			for _, q := range p.Targets {
				if !q.Instant && (p.Options.GraphMode == "none" || p.Options.GraphMode == "") {
					t.Errorf("%s: %s: query %s asks a range and shows one value", d.file, p.Title, q.RefID)
				}
			}
			if p.Options.GraphMode == "area" && p.FieldConfig.Defaults.Min == nil {
				t.Errorf("%s: %s: the sparkline has no minimum", d.file, p.Title)
			}
		}
	}
}

// Grafana shows noValue in every empty cell of a table, and in the colour of the
// lowest threshold: "No such organization" beside a good one, "None open" in red,
// "Never read" in green.
func TestNoValueDoesNotLie(t *testing.T) {
	for _, d := range dashboards(t) {
		for _, p := range d.all() {
			where := d.file + ": " + p.Title
			f := p.FieldConfig.Defaults
			if f.NoValue == "" || p.Type == "table" && f.NoValue != "–" {
				t.Errorf("%s: noValue %q stands in empty cells", where, f.NoValue)
			}
			if p.Type == "table" || p.Type == "stat" {
				neutralFirst(t, where, f.Thresholds.Steps)
			}
			for _, o := range p.FieldConfig.Overrides {
				thresholds, ok := o.property("thresholds").(map[string]any)
				if !ok {
					continue
				}
				first, _ := thresholds["steps"].([]any)[0].(map[string]any)
				if first["color"] != "text" {
					t.Errorf("%s: %s: empty cells are %v", where, o.Matcher.Options, first["color"])
				}
			}
		}
	}
}

func neutralFirst(t *testing.T, where string, steps []step) {
	t.Helper()
	if len(steps) == 0 || steps[0].Value != nil || steps[0].Color != "text" {
		t.Errorf("%s: the first threshold colours the text for no value", where)
	}
}

// Grafana never shows noValue for a table of several queries, only its header. A
// table that may be empty has one query.
func TestTablesThatMayBeEmptyHaveOneQuery(t *testing.T) {
	// Never empty: they have a row for each organization or collector.
	full := []string{"Organizations, worst first", "Collectors"}
	for _, d := range dashboards(t) {
		for _, p := range d.all() {
			if p.Type == "table" && len(p.Targets) > 1 && !p.inRow && !slices.Contains(full, p.Title) {
				t.Errorf("%s: %s has %d queries", d.file, p.Title, len(p.Targets))
			}
		}
	}
}

// increase() over $__rate_interval in bars counts an event in several bars, as
// the window is longer than the step, and not in whole numbers.
func TestBarsCountOnce(t *testing.T) {
	for _, d := range dashboards(t) {
		for _, p := range d.all() {
			if p.FieldConfig.Defaults.Custom.DrawStyle != "bars" {
				continue
			}
			for _, q := range p.Targets {
				if strings.Contains(q.Expr, "$__rate_interval") {
					t.Errorf("%s: %s: query %s counts an event several times", d.file, p.Title, q.RefID)
				}
			}
		}
	}
}

// An annotation query with a window longer than its step makes a region of each
// event, which covers the panels.
func TestAnnotationsAreMoments(t *testing.T) {
	for _, d := range dashboards(t) {
		for _, a := range d.Annotations.List {
			if a.BuiltIn == 1 {
				continue
			}
			parser.Inspect(parse(t, d.file, a.Expr), func(n parser.Node, _ []parser.Node) error {
				if c, ok := n.(*parser.Call); ok && slices.Contains([]string{"increase", "rate", "delta", "changes", "resets"}, c.Func.Name) {
					if m, ok := c.Args[0].(*parser.MatrixSelector); ok && m.Range > duration(t, a.Step) {
						t.Errorf("%s: annotation %s: the window %v is longer than the step %s", d.file, a.Name, m.Range, a.Step)
					}
				}
				return nil
			})
		}
	}
}

var (
	linkTo   = regexp.MustCompile(`^/d/([a-z-]+)(?:/|\?|$)`)
	linkVar  = regexp.MustCompile(`\bvar-([a-z_]+)=`)
	queryVar = regexp.MustCompile(`\$\{([a-z_]+):queryparam\}`)
	usedVar  = regexp.MustCompile(`\$\{?([a-z][a-z_]*)\b`)
)

// A link to a dashboard without the variable, or with All for one that has no
// All, comes up empty.
func TestLinks(t *testing.T) {
	all := dashboards(t)
	byUID := map[string]dashboard{}
	for _, d := range all {
		byUID[d.UID] = d
	}
	check := func(where string, from, to dashboard, names []string) {
		for _, name := range names {
			v, ok := to.variable(name)
			if !ok {
				t.Errorf("%s: %s has no variable %s", where, to.file, name)
				continue
			}
			if source, ok := from.variable(name); ok && source.IncludeAll && !v.IncludeAll {
				t.Errorf("%s: variable %s of %s cannot take All", where, name, to.file)
			}
		}
	}
	for _, d := range all {
		for _, l := range d.Links {
			if l.Type != "dashboards" || !l.IncludeVars {
				continue
			}
			var names []string
			for _, v := range d.Templating.List {
				names = append(names, v.Name)
			}
			for _, to := range all {
				if to.UID != d.UID {
					check(d.file+": links", d, to, names)
				}
			}
		}
		for _, p := range d.all() {
			where := d.file + ": " + p.Title
			for _, o := range p.FieldConfig.Overrides {
				links, _ := o.property("links").([]any)
				if o.Matcher.Options == "Organization" && p.Type == "table" && len(links) == 0 {
					t.Errorf("%s: the organization has no link", where)
				}
				for _, l := range links {
					url, _ := l.(map[string]any)["url"].(string)
					m := linkTo.FindStringSubmatch(url)
					if m == nil {
						continue
					}
					to, ok := byUID[m[1]]
					if !ok {
						t.Errorf("%s: there is no dashboard %s", where, m[1])
						continue
					}
					// A value out of a row is one organization, and no All.
					for _, v := range linkVar.FindAllStringSubmatch(url, -1) {
						check(where, dashboard{}, to, []string{v[1]})
					}
					for _, v := range queryVar.FindAllStringSubmatch(url, -1) {
						check(where, d, to, []string{v[1]})
					}
				}
			}
			if slices.Contains(slices.Collect(maps.Values(p.columns())), "Organization") && !slices.ContainsFunc(p.FieldConfig.Overrides, func(o override) bool {
				return o.Matcher.Options == "Organization" && o.property("links") != nil
			}) && p.Type == "table" {
				t.Errorf("%s: the column Organization has no link", where)
			}
			for _, q := range p.Targets {
				for _, m := range usedVar.FindAllStringSubmatch(q.Expr, -1) {
					if _, ok := d.variable(m[1]); !ok {
						t.Errorf("%s: there is no variable %s", where, m[1])
					}
				}
			}
		}
	}
}

// What only some clouds have is in a collapsed row: elsewhere it is a third of
// the page that says nothing.
func TestPanelsAreForAllClouds(t *testing.T) {
	byCloud := samples(t)
	ncpStatuses := []string{"INVT", "JOIN", "LVREQ", "LEV"}
	// exports reports whether a cloud has one of the metrics in an expression.
	exports := func(cloud string, e parser.Expr) bool {
		return slices.ContainsFunc(selectors(e), func(s *parser.VectorSelector) bool {
			ncpOnly := slices.ContainsFunc(s.LabelMatchers, func(m *labels.Matcher) bool {
				return m.Type == labels.MatchEqual && m.Name == "status" && slices.Contains(ncpStatuses, m.Value)
			})
			return byCloud[s.Name][cloud] != "" && (cloud == "ncp" || !ncpOnly)
		})
	}
	for _, d := range dashboards(t) {
		if d.UID != "cloudorg-organization" {
			continue // the others show all clouds at once
		}
		for _, p := range d.all() {
			for _, cloud := range []string{"aws", "ncp", "scp"} {
				if !p.inRow && !slices.ContainsFunc(p.Targets, func(q target) bool { return exports(cloud, parse(t, d.file, q.Expr)) }) {
					t.Errorf("%s: %s is empty for %s, and not in a collapsed row", d.file, p.Title, cloud)
				}
			}
		}
	}
}

// A table of what has a deadline is sorted by it, the worst row first.
func TestTablesAreSorted(t *testing.T) {
	// Whether a column is worst where it is greatest.
	worst := map[string]bool{"Days left": false, "Days": true, "Failing": true, "Next expiry": false, "Data age": true}
	for _, d := range dashboards(t) {
		for _, p := range d.all() {
			columns := slices.Collect(maps.Values(p.columns()))
			var sorted []string
			for _, s := range p.Options.SortBy {
				sorted = append(sorted, s.DisplayName)
				if !slices.Contains(columns, s.DisplayName) {
					t.Errorf("%s: %s: sorted by %q, which is no column", d.file, p.Title, s.DisplayName)
				}
				if desc, ok := worst[s.DisplayName]; ok && desc != s.Desc {
					t.Errorf("%s: %s: the worst row is not the first by %q", d.file, p.Title, s.DisplayName)
				}
			}
			for _, c := range columns {
				if _, ok := worst[c]; ok && len(sorted) == 0 {
					t.Errorf("%s: %s is not sorted by %q", d.file, p.Title, c)
				}
			}
		}
	}
}

// Dashboards work where the recording rules are not loaded: beside a recorded
// series there is what it is made of.
func TestDashboardsNeedNoRules(t *testing.T) {
	for _, d := range dashboards(t) {
		for _, p := range d.all() {
			for _, q := range p.Targets {
				all := selectors(parse(t, d.file, q.Expr))
				if slices.ContainsFunc(all, isRecorded) && !slices.ContainsFunc(all, func(s *parser.VectorSelector) bool { return !isRecorded(s) }) {
					t.Errorf("%s: %s: query %s has nothing but recorded series", d.file, p.Title, q.RefID)
				}
			}
		}
	}
}
