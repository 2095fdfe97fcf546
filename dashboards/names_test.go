package dashboards_test

import (
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// A vocabulary is every metric that an expression may name, with its labels.
type vocabulary map[string][]string

// known returns the metrics of the exporter, of Prometheus and of our rules.
func known(t *testing.T) vocabulary {
	t.Helper()
	v := vocabulary{
		"up":                      nil,
		"scrape_duration_seconds": nil,
		"ALERTS":                  {"alertname", "alertstate", "severity"},
	}
	for name, m := range reference(t) {
		switch m.Type {
		case "histogram":
			v[name+"_bucket"] = append(slices.Clone(m.Labels), "le")
			v[name+"_sum"], v[name+"_count"] = m.Labels, m.Labels
		case "summary":
			v[name] = append(slices.Clone(m.Labels), "quantile")
			v[name+"_sum"], v[name+"_count"] = m.Labels, m.Labels
		default:
			v[name] = m.Labels
		}
	}
	for name := range v {
		v[name] = append(slices.Clone(v[name]), "job", "instance") // of the target
	}
	// A rule may stand on those before it and on itself.
	for _, r := range rules(t) {
		e, err := parse(r.Expr)
		if err != nil {
			t.Fatal(err)
		}
		switch {
		case r.Record != "":
			v[r.Record] = v.labels(e)
		default:
			v["ALERTS"] = append(v["ALERTS"], v.labels(e)...)
		}
	}
	return v
}

// labels returns the labels that the result of e may have: those of the
// metrics in it, unless it is aggregated.
func (v vocabulary) labels(e expression) []string {
	labels := slices.Concat(e.by, e.made)
	if len(e.by) == 0 {
		for _, s := range e.selectors {
			labels = append(labels, v[s.metric]...)
		}
	}
	slices.Sort(labels)
	return slices.Compact(labels)
}

// check reports every name in expr that nothing exports.
func (v vocabulary) check(t *testing.T, where, expr string) (e expression) {
	t.Helper()
	e, err := parse(expr)
	if err != nil {
		t.Errorf("%s: %v", where, err)
		return e
	}
	inside := slices.Clone(e.made)
	for _, s := range e.selectors {
		labels, ok := v[s.metric]
		if !ok {
			t.Errorf("%s: there is no metric %s", where, s.metric)
			continue
		}
		for _, l := range s.labels {
			if !slices.Contains(labels, l) {
				t.Errorf("%s: %s has no label %s", where, s.metric, l)
			}
		}
		inside = append(inside, labels...)
	}
	for _, l := range slices.Concat(e.by, e.other) {
		if !slices.Contains(inside, l) {
			t.Errorf("%s: no metric in it has the label %s: %s", where, l, expr)
		}
	}
	return e
}

var (
	inTemplate = regexp.MustCompile(`\$labels\.([a-z_]+)`)
	inText     = regexp.MustCompile(`\b(?:[a-z_]+:)?cloudorg[_:][a-z0-9_:]*[a-z0-9]`)
	inLegend   = regexp.MustCompile(`{{ *([a-z_]+) *}}`)
)

// Each name in a rule must be one that something exports, and each label in an
// alert's text one that the alert has.
func TestNamesInRules(t *testing.T) {
	v := known(t)
	for _, r := range rules(t) {
		where := r.Record + r.Alert
		labels := v.labels(v.check(t, where, r.Expr))
		for name, text := range r.Annotations {
			for _, m := range inTemplate.FindAllStringSubmatch(text, -1) {
				if !slices.Contains(labels, m[1]) {
					t.Errorf("%s: %s: the alert has no label %s, only %v", where, name, m[1], labels)
				}
			}
			if name != "description" {
				continue
			}
			for _, m := range inText.FindAllString(text, -1) {
				if _, ok := v[m]; !ok {
					t.Errorf("%s: %s: there is no metric %s", where, name, m)
				}
			}
		}
	}
}

// Each name in a dashboard must be one that something exports.
func TestNamesInDashboards(t *testing.T) {
	v := known(t)
	for _, d := range dashboards(t) {
		for _, p := range d.Panels {
			where := d.file + ": " + p.Title
			var labels []string
			for _, target := range p.Targets {
				have := v.labels(v.check(t, where, target.Expr))
				labels = append(labels, have...)
				for _, m := range inLegend.FindAllStringSubmatch(target.Legend, -1) {
					if !slices.Contains(have, m[1]) {
						t.Errorf("%s: legend: there is no label %s", where, m[1])
					}
				}
			}
			for _, tr := range p.Transformations {
				for name := range maps.Keys(tr.Options.RenameByName) {
					if name != "Value" && !strings.HasPrefix(name, "Value #") && !slices.Contains(labels, name) {
						t.Errorf("%s: column: there is no label %s", where, name)
					}
				}
			}
		}
		for _, a := range d.Annotations.List {
			if a.BuiltIn == 1 {
				continue
			}
			where := d.file + ": annotation " + a.Name
			labels := v.labels(v.check(t, where, a.Expr))
			if a.Target.Expr != a.Expr {
				t.Errorf("%s: expr and target.expr differ", where)
			}
			for _, m := range inLegend.FindAllStringSubmatch(a.Title+a.Text, -1) {
				if !slices.Contains(labels, m[1]) {
					t.Errorf("%s: there is no label %s", where, m[1])
				}
			}
		}
		for _, q := range d.Templating.List {
			if q.Type != "query" {
				continue
			}
			metric, label, ok := strings.Cut(strings.TrimSuffix(strings.TrimPrefix(q.Definition, "label_values("), ")"), ", ")
			if !ok || !slices.Contains(v[metric], label) {
				t.Errorf("%s: variable %s: %s has no label %s", d.file, q.Name, metric, label)
			}
		}
	}
}

// unused are the metrics that no dashboard and no rule uses, and why.
func unused() map[string]string { return map[string]string{} }

// Each metric of ours must be used, or be listed as deliberately unused.
func TestEveryMetricIsUsed(t *testing.T) {
	used := map[string]bool{}
	note := func(expr string) {
		e, err := parse(expr)
		if err != nil {
			t.Error(err)
		}
		for _, s := range e.selectors {
			used[s.metric] = true
			for _, suffix := range []string{"_bucket", "_sum", "_count"} {
				used[strings.TrimSuffix(s.metric, suffix)] = true
			}
		}
	}
	for _, r := range rules(t) {
		note(r.Expr)
	}
	for _, d := range dashboards(t) {
		for _, p := range d.Panels {
			for _, target := range p.Targets {
				note(target.Expr)
			}
		}
	}
	for name := range reference(t) {
		if !strings.HasPrefix(name, "cloudorg_") {
			continue
		}
		switch _, deliberately := unused()[name]; {
		case deliberately && used[name]:
			t.Errorf("%s is used, and on the list of those that are not", name)
		case !deliberately && !used[name]:
			t.Errorf("%s is used by no dashboard and no rule, and not listed as unused", name)
		}
	}
	for _, r := range rules(t) {
		if r.Record != "" && !used[r.Record] {
			t.Errorf("%s is recorded for nothing", r.Record)
		}
	}
}

// The names of other metrics than ours do not pass.
func TestUnknownNamesAreFound(t *testing.T) {
	v := known(t)
	for expr, want := range map[string]string{
		`cloudorg_member`: "cloudorg_member",
		`sum by (status) (rate(cloudorg_exporter_calls_total{code="5.."}[5m]))`: "cloudorg_exporter_calls_total",
		"# a comment\nup == 1 and on (job) nothing":                             "nothing",
	} {
		e, err := parse(expr)
		if err != nil {
			t.Fatal(err)
		}
		var missing []string
		for _, s := range e.selectors {
			if _, ok := v[s.metric]; !ok {
				missing = append(missing, s.metric)
			}
		}
		if !slices.Equal(missing, []string{want}) {
			t.Errorf("%s: want %s, have %v", expr, want, missing)
		}
	}
}
