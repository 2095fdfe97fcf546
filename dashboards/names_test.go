package dashboards_test

import (
	"regexp"
	"slices"
	"strings"
	"testing"
)

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
		have := v.labels(v.check(t, where, r.Expr))
		for name, text := range r.Annotations {
			for _, m := range inTemplate.FindAllStringSubmatch(text, -1) {
				if !slices.Contains(have, m[1]) {
					t.Errorf("%s: %s: the alert has no label %s, only %v", where, name, m[1], have)
				}
			}
			if name != "description" {
				continue
			}
			for _, m := range inText.FindAllString(text, -1) {
				if _, ok := v[m]; !ok && m != "cloudorg_" {
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
		for _, p := range d.all() {
			where := d.file + ": " + p.Title
			var all []string
			for _, q := range p.Targets {
				have := v.labels(v.check(t, where, q.Expr))
				all = append(all, have...)
				for _, m := range inLegend.FindAllStringSubmatch(q.Legend, -1) {
					if !slices.Contains(have, m[1]) {
						t.Errorf("%s: legend: there is no label %s", where, m[1])
					}
				}
			}
			for from := range p.columns() {
				if from != "Value" && !strings.HasPrefix(from, "Value #") && !slices.Contains(all, from) {
					t.Errorf("%s: column: there is no label %s", where, from)
				}
			}
		}
		for _, a := range d.Annotations.List {
			if a.BuiltIn == 1 {
				continue
			}
			where := d.file + ": annotation " + a.Name
			have := v.labels(v.check(t, where, a.Expr))
			if a.Target.Expr != a.Expr {
				t.Errorf("%s: expr and target.expr differ", where)
			}
			for _, m := range inLegend.FindAllStringSubmatch(a.Title+a.Text, -1) {
				if !slices.Contains(have, m[1]) {
					t.Errorf("%s: there is no label %s", where, m[1])
				}
			}
		}
		for _, q := range d.Templating.List {
			if q.Type != "query" {
				continue
			}
			selector, label, ok := strings.Cut(strings.TrimSuffix(strings.TrimPrefix(q.Definition, "label_values("), ")"), ", ")
			if !ok || !slices.Contains(v.labels(v.check(t, d.file+": variable "+q.Name, selector)), label) {
				t.Errorf("%s: variable %s: %s has no label %s", d.file, q.Name, selector, label)
			}
		}
	}
}

// unused are the metrics that no dashboard and no rule uses, and why.
func unused() map[string]string {
	const aws = "of AWS, whose panels and rules are not made yet"
	return map[string]string{
		"cloudorg_organization_feature_set": aws, "cloudorg_handshakes": aws, "cloudorg_policy_type_enabled": aws,
		"cloudorg_policy_attached_targets": aws, "cloudorg_account_creations": aws, "cloudorg_account_creation_failures": aws,
		"cloudorg_account_creation_last_failure_timestamp_seconds": aws, "cloudorg_delegated_administrators": aws,
		"cloudorg_delegation_enabled_timestamp_seconds": aws, "cloudorg_service_access_enabled_timestamp_seconds": aws,
	}
}

// Each of the exporter's metrics must be used, or be listed as deliberately
// unused.
func TestEveryMetricIsUsed(t *testing.T) {
	used := map[string]bool{}
	note := func(where, expr string) {
		for _, s := range selectors(parse(t, where, expr)) {
			used[s.Name] = true
			for _, suffix := range []string{"_bucket", "_sum", "_count"} {
				used[strings.TrimSuffix(s.Name, suffix)] = true
			}
		}
	}
	for _, r := range rules(t) {
		note(r.Record+r.Alert, r.Expr)
	}
	for _, d := range dashboards(t) {
		for _, p := range d.all() {
			for _, q := range p.Targets {
				note(p.Title, q.Expr)
			}
		}
		for _, a := range d.Annotations.List {
			if a.BuiltIn != 1 {
				note(a.Name, a.Expr)
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
			t.Errorf("no dashboard and no rule uses %s", r.Record)
		}
	}
}
