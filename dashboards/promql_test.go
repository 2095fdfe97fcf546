package dashboards_test

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// An expression is the names in a PromQL expression. promtool and Prometheus
// judge its syntax: see TestPromtool and the end-to-end test.
type expression struct {
	selectors []selector
	by        []string // labels that the result is aggregated by
	other     []string // labels it is matched on, or aggregated without
	made      []string // labels that label_replace makes
}

// A selector is a metric's name and the labels that it is selected by.
type selector struct {
	metric string
	labels []string
}

var (
	token  = regexp.MustCompile("^(?:\\s+|#[^\n]*|\"(?:[^\"\\\\]|\\\\.)*\"|'(?:[^'\\\\]|\\\\.)*'|`[^`]*`|[0-9][0-9a-zA-Z.]*|[a-zA-Z_:][a-zA-Z0-9_:]*|=~|!~|!=|==|>=|<=|.)")
	word   = regexp.MustCompile(`^[a-zA-Z_:][a-zA-Z0-9_:]*$`)
	isText = regexp.MustCompile("^[\"'`]")
)

// grafana stands for what Grafana puts in the place of its variables.
func grafana(expr string) string {
	return strings.NewReplacer("$__rate_interval", "5m", "$__interval", "1m", "$__range", "1h").Replace(expr)
}

// parse finds the names in expr.
func parse(expr string) (e expression, err error) {
	tokens := tokens(grafana(expr))
	type call struct {
		function string
		argument int
	}
	var calls []call
	for i := 0; i < len(tokens); i++ {
		t, next := tokens[i], ""
		if i+1 < len(tokens) {
			next = tokens[i+1]
		}
		switch {
		case t == "(":
			function := ""
			if i > 0 {
				function = tokens[i-1]
			}
			calls = append(calls, call{function: function})
		case t == ")":
			if len(calls) == 0 {
				return e, fmt.Errorf("one ) too many in %s", expr)
			}
			calls = calls[:len(calls)-1]
		case t == "," && len(calls) > 0:
			calls[len(calls)-1].argument++
		case isText.MatchString(t):
			if len(calls) > 0 && calls[len(calls)-1].function == "label_replace" {
				switch text := t[1 : len(t)-1]; calls[len(calls)-1].argument {
				case 1:
					e.made = append(e.made, text)
				case 3:
					e.other = append(e.other, text)
				}
			}
		case t == "{":
			return e, fmt.Errorf("a selector without a name in %s", expr)
		case !word.MatchString(t), slices.Contains(operators(), t):
		case slices.Contains([]string{"by", "on", "without", "ignoring", "group_left", "group_right"}, t):
			if next != "(" {
				continue
			}
			end := i + 2 + slices.Index(tokens[i+2:], ")")
			for _, l := range tokens[i+2 : end] {
				switch {
				case l == ",":
				case t == "by":
					e.by = append(e.by, l)
				default:
					e.other = append(e.other, l)
				}
			}
			i = end
		case next == "(", slices.Contains(aggregations(), t):
		default:
			s := selector{metric: t}
			if next == "{" {
				end := i + 2 + slices.Index(tokens[i+2:], "}")
				for _, l := range tokens[i+2 : end] {
					if word.MatchString(l) {
						s.labels = append(s.labels, l)
					}
				}
				i = end
			}
			e.selectors = append(e.selectors, s)
		}
	}
	if len(calls) > 0 {
		return e, fmt.Errorf("one ( too many in %s", expr)
	}
	return e, nil
}

func tokens(expr string) []string {
	var all []string
	for expr != "" {
		t := token.FindString(expr)
		expr = expr[len(t):]
		if strings.TrimSpace(t) != "" && t[0] != '#' {
			all = append(all, t)
		}
	}
	return all
}

func operators() []string {
	return []string{"and", "or", "unless", "bool", "offset", "atan2", "inf", "nan"}
}

func aggregations() []string {
	return []string{"sum", "min", "max", "avg", "count", "group", "topk", "bottomk", "quantile", "stddev", "stdvar", "count_values"}
}
