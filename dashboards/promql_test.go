package dashboards_test

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/promql/parser"
)

// grafana replaces Grafana's variables as Grafana would.
func grafana(expr string) string {
	return strings.NewReplacer("$__rate_interval", "5m", "$__interval", "1m", "$__range", "1h").Replace(expr)
}

func parse(t *testing.T, where, expr string) parser.Expr {
	t.Helper()
	e, err := parser.NewParser(parser.Options{}).ParseExpr(grafana(expr))
	if err != nil {
		t.Fatalf("%s: %v in %s", where, err, expr)
	}
	return e
}

// selectors returns every selector in an expression.
func selectors(e parser.Node) (all []*parser.VectorSelector) {
	parser.Inspect(e, func(n parser.Node, _ []parser.Node) error {
		if s, ok := n.(*parser.VectorSelector); ok {
			all = append(all, s)
		}
		return nil
	})
	return all
}

func isRecorded(s *parser.VectorSelector) bool { return strings.Contains(s.Name, ":") }

// A vocabulary is every metric that an expression may name, with its labels.
type vocabulary map[string][]string

// known returns the metrics of the exporter, of Prometheus and of our rules.
func known(t *testing.T) vocabulary {
	t.Helper()
	v := vocabulary{
		"up":                      nil,
		"scrape_duration_seconds": nil,
		"ALERTS":                  {"alertname", "alertstate", "severity"},
		"ALERTS_FOR_STATE":        {"alertname", "severity"},
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
		v[name] = append(slices.Clone(v[name]), "cluster", "job", "instance") // of the target
	}
	// A rule may use those before it and itself.
	for _, r := range rules(t) {
		if r.Record != "" {
			v[r.Record] = nil
			e := parse(t, r.Record, r.Expr)
			v[r.Record] = v.labels(e)
			v[r.Record] = v.labels(e) // once more, for what the rule takes from itself
			continue
		}
		for _, name := range []string{"ALERTS", "ALERTS_FOR_STATE"} {
			v[name] = append(v[name], v.labels(parse(t, r.Alert, r.Expr))...)
		}
	}
	return v
}

// labels returns the labels that the result of e may have.
func (v vocabulary) labels(e parser.Expr) []string {
	set := map[string]bool{}
	add := func(names ...string) {
		for _, n := range names {
			set[n] = true
		}
	}
	switch e := e.(type) {
	case *parser.VectorSelector:
		add(v[e.Name]...)
	case *parser.MatrixSelector:
		add(v.labels(e.VectorSelector)...)
	case *parser.SubqueryExpr:
		add(v.labels(e.Expr)...)
	case *parser.ParenExpr:
		add(v.labels(e.Expr)...)
	case *parser.UnaryExpr:
		add(v.labels(e.Expr)...)
	case *parser.AggregateExpr:
		switch inner := v.labels(e.Expr); {
		case e.Op == parser.TOPK || e.Op == parser.BOTTOMK:
			add(inner...)
		case e.Without:
			add(slices.DeleteFunc(inner, func(l string) bool { return slices.Contains(e.Grouping, l) })...)
		default:
			add(e.Grouping...)
		}
	case *parser.BinaryExpr:
		left, right := v.labels(e.LHS), v.labels(e.RHS)
		switch m := e.VectorMatching; {
		case m == nil: // with a number
			add(left...)
			add(right...)
		case e.Op == parser.LOR:
			add(left...)
			add(right...)
		case e.Op == parser.LAND, e.Op == parser.LUNLESS, !m.On && len(m.MatchingLabels) == 0:
			add(left...)
		case m.Card == parser.CardManyToOne:
			add(left...)
			add(m.Include...)
		case m.Card == parser.CardOneToMany:
			add(right...)
			add(m.Include...)
		case m.On:
			add(m.MatchingLabels...)
		default:
			add(slices.DeleteFunc(left, func(l string) bool { return slices.Contains(m.MatchingLabels, l) })...)
		}
	case *parser.Call:
		if slices.Contains([]string{"absent", "absent_over_time", "scalar", "vector", "time"}, e.Func.Name) {
			break
		}
		for _, a := range e.Args {
			add(v.labels(a)...)
		}
		if e.Func.Name == "label_replace" || e.Func.Name == "label_join" {
			add(e.Args[1].(*parser.StringLiteral).Val)
		}
	}
	return slices.Sorted(maps.Keys(set))
}

// check reports every metric and label in expr that nothing has.
func (v vocabulary) check(t *testing.T, where, expr string) parser.Expr {
	t.Helper()
	e := parse(t, where, expr)
	for _, problem := range v.problems(e) {
		t.Errorf("%s: %s", where, problem)
	}
	return e
}

func (v vocabulary) problems(e parser.Expr) (all []string) {
	parser.Inspect(e, func(n parser.Node, _ []parser.Node) error {
		switch n := n.(type) {
		case *parser.VectorSelector:
			have, ok := v[n.Name]
			if !ok {
				all = append(all, "there is no metric "+n.Name)
				return nil
			}
			for _, m := range n.LabelMatchers {
				if m.Name != model.MetricNameLabel && !slices.Contains(have, m.Name) {
					all = append(all, n.Name+" has no label "+m.Name)
				}
			}
		case *parser.AggregateExpr:
			have := v.labels(n.Expr)
			for _, l := range n.Grouping {
				if !slices.Contains(have, l) {
					all = append(all, "there is no label "+l+" to aggregate by in "+n.String())
				}
			}
		case *parser.BinaryExpr:
			if n.VectorMatching == nil {
				return nil
			}
			left, right := v.labels(n.LHS), v.labels(n.RHS)
			for _, l := range n.VectorMatching.MatchingLabels {
				on := n.VectorMatching.On
				if !slices.Contains(left, l) && (on || !slices.Contains(right, l)) || on && !slices.Contains(right, l) {
					all = append(all, "there is no label "+l+" on both sides of "+n.String())
				}
			}
		}
		return nil
	})
	return all
}

// keepsName reports whether the result of e may still have a metric's name,
// which makes a row or a line of its own.
func keepsName(e parser.Expr) bool {
	switch e := e.(type) {
	case *parser.VectorSelector:
		return true
	case *parser.ParenExpr:
		return keepsName(e.Expr)
	case *parser.AggregateExpr:
		return (e.Op == parser.TOPK || e.Op == parser.BOTTOMK) && keepsName(e.Expr)
	case *parser.BinaryExpr:
		switch {
		case e.Op == parser.LOR:
			return keepsName(e.LHS) || keepsName(e.RHS)
		case e.Op.IsSetOperator(), e.Op.IsComparisonOperator() && !e.ReturnBool:
			return keepsName(e.LHS)
		}
	case *parser.Call:
		if e.Func.Name == "last_over_time" || e.Func.Name == "label_replace" || strings.HasPrefix(e.Func.Name, "sort") {
			for _, a := range e.Args {
				if m, ok := a.(*parser.MatrixSelector); ok {
					return keepsName(m.VectorSelector)
				}
				if keepsName(a) {
					return true
				}
			}
		}
	}
	return false
}

// Names and labels that nothing exports are found.
func TestUnknownNames(t *testing.T) {
	v := known(t)
	for expr, want := range map[string]string{
		`cloudorg_member`: "there is no metric cloudorg_member",
		`sum by (status) (rate(cloudorg_exporter_calls_total{code="5.."}[5m]))`: "there is no metric cloudorg_exporter_calls_total",
		"# a comment\nup == 1 and on (job) nothing":                             "there is no metric nothing",
		`cloudorg_members{state="x"}`:                                           "cloudorg_members has no label state",
		`max by (collector) (max by (organization) (cloudorg_groups))`:          "there is no label collector to aggregate by in",
	} {
		have := v.problems(parse(t, expr, expr))
		if !slices.ContainsFunc(have, func(p string) bool { return strings.HasPrefix(p, want) }) {
			t.Errorf("%s: want %q, have %q", expr, want, have)
		}
	}
}
