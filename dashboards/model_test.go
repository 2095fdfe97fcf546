package dashboards_test

import (
	"bytes"
	"encoding/json"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"
)

// Grafana provisions a dashboard from a file if the model is complete: nothing
// is asked for and nothing is left to a migration.
func TestDashboardModel(t *testing.T) {
	uids := map[string]bool{}
	for _, d := range dashboards(t) {
		if d.SchemaVersion != 39 || d.ID != nil || d.Title == "" || d.Description == "" || !slices.Contains(d.Tags, "cloudorg") {
			t.Errorf("%s: schemaVersion 39, id null, title, description, tag cloudorg: have %+v", d.file, d.SchemaVersion)
		}
		if !regexp.MustCompile(`^[a-z-]{1,40}$`).MatchString(d.UID) || uids[d.UID] {
			t.Errorf("%s: uid %q is not a good one, or not unique", d.file, d.UID)
		}
		uids[d.UID] = true
		if v := d.Templating.List; len(v) < 2 || v[0].Type != "datasource" || v[0].Name != "datasource" || v[0].Query != "prometheus" {
			t.Errorf("%s: the first variable is the data source", d.file)
		}
		for _, v := range d.Templating.List[1:] {
			// Grafana 9 reads definition, 10 reads query.query.
			q, _ := v.Query.(map[string]any)
			if !fromVariable(v.Datasource) || q["query"] != v.Definition || q["refId"] == nil || v.Refresh == 0 {
				t.Errorf("%s: variable %s: want a data source, the same query twice, a refresh", d.file, v.Name)
			}
		}
		for _, a := range d.Annotations.List {
			if a.BuiltIn != 1 && (!fromVariable(a.Datasource) || a.Step == "") {
				t.Errorf("%s: annotation %s: want a data source and a step", d.file, a.Name)
			}
		}
	}
}

func fromVariable(d datasource) bool { return d == datasource{"prometheus", "${datasource}"} }

// Panels must not overlap on the grid of 24 columns, nor leave it.
func TestDashboardLayout(t *testing.T) {
	for _, d := range dashboards(t) {
		ids := map[int]bool{}
		taken := map[[2]int]string{}
		for _, p := range d.Panels {
			g := p.GridPos
			if p.ID == 0 || ids[p.ID] {
				t.Errorf("%s: %s: id %d is not unique", d.file, p.Title, p.ID)
			}
			ids[p.ID] = true
			if g.W < 1 || g.H < 1 || g.X < 0 || g.Y < 0 || g.X+g.W > 24 {
				t.Errorf("%s: %s: outside of the grid: %+v", d.file, p.Title, g)
			}
			for x := g.X; x < g.X+g.W; x++ {
				for y := g.Y; y < g.Y+g.H; y++ {
					if other := taken[[2]int{x, y}]; other != "" {
						t.Fatalf("%s: %s overlaps %s", d.file, p.Title, other)
					}
					taken[[2]int{x, y}] = p.Title
				}
			}
		}
	}
}

// Each panel says what it shows, in which unit, and what nothing means.
func TestPanels(t *testing.T) {
	for _, d := range dashboards(t) {
		titles := map[string]bool{}
		for _, p := range d.Panels {
			where := d.file + ": " + p.Title
			def := p.FieldConfig.Defaults
			if p.Title == "" || titles[p.Title] || !strings.HasSuffix(p.Description, ".") {
				t.Errorf("%s: want a title of its own and a description in sentences", where)
			}
			titles[p.Title] = true
			if def.Unit == "" || def.NoValue == "" || len(def.Thresholds.Steps) == 0 || def.Thresholds.Steps[0].Value != nil {
				t.Errorf("%s: want a unit, a text for no data, thresholds that begin with null", where)
			}
			if !fromVariable(p.Datasource) || len(p.Targets) == 0 {
				t.Errorf("%s: want the data source of the variable, and a query", where)
			}
			refs := map[string]bool{}
			for _, q := range p.Targets {
				if !fromVariable(q.Datasource) || q.RefID == "" || refs[q.RefID] || q.Instant == q.Range {
					t.Errorf("%s: query %s: want the data source, a letter of its own, instant or range", where, q.RefID)
				}
				refs[q.RefID] = true
				if (p.Type == "table") != (q.Format == "table") || (p.Type == "table") != q.Instant && p.Type != "stat" {
					t.Errorf("%s: query %s: a table is made of instant queries in table format, nothing else is", where, q.RefID)
				}
			}
			if !slices.Contains([]string{"stat", "table", "timeseries", "state-timeline"}, p.Type) {
				t.Errorf("%s: Grafana 9.3 has no panel %q", where, p.Type)
			}
			for _, o := range p.FieldConfig.Overrides {
				// Grafana 9.3 reads displayMode, newer ones read cellOptions.
				has := func(id string) bool {
					return slices.ContainsFunc(o.Properties, func(p struct {
						ID    string `json:"id"`
						Value any    `json:"value"`
					},
					) bool {
						return p.ID == id
					})
				}
				if has("custom.cellOptions") != has("custom.displayMode") {
					t.Errorf("%s: %s: want both cellOptions and displayMode", where, o.Matcher.Options)
				}
			}
		}
	}
}

// A table of what has a deadline is sorted by it, the worst row first.
func TestTablesAreSorted(t *testing.T) {
	// Whether a column is worst where it is greatest.
	worst := map[string]bool{"Days left": false, "Days": true, "Failing": true, "Next lapse": false, "Age": true}
	for _, d := range dashboards(t) {
		for _, p := range d.Panels {
			columns := map[string]bool{}
			for _, tr := range p.Transformations {
				for from, to := range tr.Options.RenameByName {
					columns[to] = true
					if tr.Options.ExcludeByName[from] {
						t.Errorf("%s: %s: column %s is renamed and left out", d.file, p.Title, from)
					}
				}
			}
			sorted := map[string]bool{}
			for _, s := range p.Options.SortBy {
				sorted[s.DisplayName] = true
				if !columns[s.DisplayName] {
					t.Errorf("%s: %s: sorted by %q, which is no column", d.file, p.Title, s.DisplayName)
				}
				if desc, ok := worst[s.DisplayName]; ok && desc != s.Desc {
					t.Errorf("%s: %s: the worst %s must come first", d.file, p.Title, s.DisplayName)
				}
			}
			for column := range worst {
				if columns[column] && !sorted[column] {
					t.Errorf("%s: %s: not sorted by %s", d.file, p.Title, column)
				}
			}
			for _, o := range p.FieldConfig.Overrides {
				if !columns[o.Matcher.Options] {
					t.Errorf("%s: %s: an override of %q, which is no column", d.file, p.Title, o.Matcher.Options)
				}
			}
		}
	}
}

// In a window of 1280 pixels a column of the grid has about 51: nothing that
// has a fixed size may need more.
func TestNothingIsCutOff(t *testing.T) {
	const column, border, letter, cell = 51, 32, 7.5, 75
	for _, d := range dashboards(t) {
		for _, p := range d.Panels {
			space := float64(p.GridPos.W*column - border)
			if need := float64(utf8.RuneCountInString(p.Title)) * letter; need > space {
				t.Errorf("%s: the title %q needs %.0f pixels of %.0f", d.file, p.Title, need, space)
			}
			if p.Type == "timeseries" && (p.GridPos.W < 6 || p.GridPos.H < 7) || p.Type == "stat" && (p.GridPos.W < 3 || p.GridPos.H < 4) {
				t.Errorf("%s: %s is too small", d.file, p.Title)
			}
			if p.Type != "table" {
				continue
			}
			width := map[string]float64{}
			for _, tr := range p.Transformations {
				for _, name := range tr.Options.RenameByName {
					width[name] = max(cell, float64(utf8.RuneCountInString(name))*letter+16)
				}
			}
			for _, o := range p.FieldConfig.Overrides {
				for _, property := range o.Properties {
					if property.ID == "custom.width" {
						fixed := property.Value.(float64)
						if fixed < float64(utf8.RuneCountInString(o.Matcher.Options))*letter {
							t.Errorf("%s: %s: the head of column %s is cut off", d.file, p.Title, o.Matcher.Options)
						}
						width[o.Matcher.Options] = fixed
					}
				}
			}
			var need float64
			for _, w := range width {
				need += w
			}
			if need > space {
				t.Errorf("%s: the columns of %q need %.0f pixels of %.0f", d.file, p.Title, need, space)
			}
		}
	}
}

// Changes must be readable as a diff.
func TestDashboardFormat(t *testing.T) {
	for _, d := range dashboards(t) {
		var flat, want bytes.Buffer
		if err := json.Compact(&flat, d.raw); err != nil {
			t.Fatal(err)
		}
		if err := json.Indent(&want, flat.Bytes(), "", "  "); err != nil {
			t.Fatal(err)
		}
		want.WriteByte('\n')
		golden(t, d.file, want.Bytes())
	}
}

// Dashboards must work where the recording rules are not loaded: what is
// recorded stands beside what it is made of.
func TestDashboardsNeedNoRules(t *testing.T) {
	for _, d := range dashboards(t) {
		for _, p := range d.Panels {
			for _, q := range p.Targets {
				e, err := parse(q.Expr)
				if err != nil {
					t.Fatal(err)
				}
				recorded := func(s selector) bool { return strings.Contains(s.metric, ":") }
				if slices.ContainsFunc(e.selectors, recorded) &&
					!(strings.Contains(q.Expr, " or ") && slices.ContainsFunc(e.selectors, func(s selector) bool { return !recorded(s) })) {
					t.Errorf("%s: %s: query %s has nothing but recorded series", d.file, p.Title, q.RefID)
				}
			}
		}
	}
}
