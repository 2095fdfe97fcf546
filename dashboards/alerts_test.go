package dashboards_test

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/prometheus/prometheus/promql/parser"
)

// repository is where the runbooks can be read: the module's path. Who moves
// them changes it here and in alerts.yml.
const repository = "https://github.com/cloudorg-exporter/cloudorg_exporter/blob/main/docs/runbooks/"

// Alerts have what those of the Prometheus mixins have.
func TestAlertFields(t *testing.T) {
	seen := map[string]bool{}
	for _, a := range alerts(t) {
		if !regexp.MustCompile(`^CloudOrg([A-Z][a-zA-Z]+)+$`).MatchString(a.Alert) || seen[a.Alert] {
			t.Errorf("%s: not CamelCase after CloudOrg, or not unique", a.Alert)
		}
		seen[a.Alert] = true
		if len(a.Labels) != 1 || !slices.Contains([]string{"critical", "warning", "info"}, a.Labels["severity"]) {
			t.Errorf("%s: want the label severity alone: critical, warning or info", a.Alert)
		}
		if s := a.Annotations["summary"]; strings.Contains(s, "{{") || !strings.HasSuffix(s, ".") {
			t.Errorf("%s: the summary must be a fixed sentence: %s", a.Alert, s)
		}
		if d := a.Annotations["description"]; !strings.Contains(d, "$labels.") || !strings.HasSuffix(d, ".") {
			t.Errorf("%s: the description must name what it is about: %s", a.Alert, d)
		}
		if url := a.Annotations["runbook_url"]; url != repository+a.Alert+".md" {
			t.Errorf("%s: runbook_url: want %s, have %s", a.Alert, repository+a.Alert+".md", url)
		}
		if len(a.Annotations) != 3 {
			t.Errorf("%s: want summary, description, runbook_url", a.Alert)
		}
	}
}

// A threshold is a series that can be changed, with the default of
// thresholds.yml for where that file is missing or older. Numbers in an alert's
// comparisons are no thresholds.
func TestThresholds(t *testing.T) {
	defaults := map[string]string{}
	for _, r := range rules(t) {
		if strings.HasPrefix(r.Record, "cloudorg:threshold:") {
			defaults[r.Record] = r.Expr
		}
	}
	used := map[string]bool{}
	threshold := regexp.MustCompile(`scalar\((cloudorg:threshold:[a-z_]+) or vector\(([0-9.]+)\)\)`)
	for _, a := range alerts(t) {
		for _, m := range threshold.FindAllStringSubmatch(a.Expr, -1) {
			used[m[1]] = true
			if defaults[m[1]] != m[2] {
				t.Errorf("%s: the default of %s is %s, and in thresholds.yml %s", a.Alert, m[1], m[2], defaults[m[1]])
			}
		}
		if strings.Count(a.Expr, "cloudorg:threshold:") != len(threshold.FindAllString(a.Expr, -1)) {
			t.Errorf("%s: a threshold has no default", a.Alert)
		}
		parser.Inspect(parse(t, a.Alert, a.Expr), func(n parser.Node, _ []parser.Node) error {
			b, ok := n.(*parser.BinaryExpr)
			if !ok || !b.Op.IsComparisonOperator() {
				return nil
			}
			if v, ok := b.RHS.(*parser.NumberLiteral); ok && !slices.Contains([]float64{-7, 0, 1, 2}, v.Val) {
				t.Errorf("%s: the threshold in %s belongs into thresholds.yml", a.Alert, b)
			}
			return nil
		})
	}
	for name := range defaults {
		if !used[name] {
			t.Errorf("no alert uses %s", name)
		}
	}
}

// Each alert has a runbook with the five parts of one, whose first query uses the
// alert's thresholds; each runbook has an alert.
func TestRunbooks(t *testing.T) {
	want := map[string]bool{}
	threshold := regexp.MustCompile(`cloudorg:threshold:[a-z_]+`)
	for _, a := range alerts(t) {
		want[a.Alert+".md"] = true
		file := filepath.Join("..", "docs", "runbooks", a.Alert+".md")
		b, err := os.ReadFile(file)
		if err != nil {
			t.Error(err)
			continue
		}
		text := string(b)
		last := -1
		for _, part := range []string{"# " + a.Alert + "\n\n- **Meaning**: ", "\n- **Impact**: ", "\n- **See**: ", "\n```promql\n", "\n- **Do**: ", "\n- **Note**: "} {
			at := strings.Index(text, part)
			if at <= last {
				t.Errorf("%s: %q is missing, or not in its place", file, strings.TrimSpace(part))
			}
			last = at
		}
		queries := fence.FindStringSubmatch(text)
		if queries == nil {
			continue
		}
		first, _, _ := strings.Cut(queries[1], "\n\n")
		for _, name := range threshold.FindAllString(a.Expr, -1) {
			if !strings.Contains(first, "scalar("+name+")") {
				t.Errorf("%s: the first query does not use %s", file, name)
			}
		}
		outside := fence.ReplaceAllString(text, "")
		if m := regexp.MustCompile(`(?m)^(sum|max|min|count|organization|cloudorg)[_:a-z]* *[({<>=]`).FindString(outside); m != "" {
			t.Errorf("%s: a query outside of its code fence: %s", file, m)
		}
	}
	files, err := filepath.Glob(filepath.Join("..", "docs", "runbooks", "Cloud*.md"))
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		if !want[filepath.Base(f)] {
			t.Errorf("%s has no alert", f)
		}
	}
}

var fence = regexp.MustCompile("(?s)```promql\n(.*?)```")

// The queries in runbooks and in the README must name what exists.
func TestNamesInDocs(t *testing.T) {
	v := known(t)
	files, err := filepath.Glob(filepath.Join("..", "docs", "runbooks", "*.md"))
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range append(files, "README.md") {
		text := string(read(t, f))
		for _, m := range fence.FindAllStringSubmatch(text, -1) {
			for query := range strings.SplitSeq(strings.TrimSpace(m[1]), "\n\n") {
				v.check(t, f, query)
			}
		}
		for _, name := range inText.FindAllString(strings.ReplaceAll(text, "cloudorg_exporter", ""), -1) {
			if _, ok := v[name]; !ok && name != "cloudorg:threshold" { // all of those
				t.Errorf("%s: there is no metric %s", f, name)
			}
		}
	}
}

// docs/alerts.md is made of the alerts.
func TestAlertReference(t *testing.T) {
	var b strings.Builder
	b.WriteString("# Alerts\n\n<!-- Made of dashboards/alerts.yml by go test ./dashboards -update. -->\n\n" +
		"The alerting rules are in [dashboards/alerts.yml](../dashboards/alerts.yml), their thresholds in\n" +
		"[dashboards/thresholds.yml](../dashboards/thresholds.yml). How to load, tune and silence them: [dashboards/README.md](../dashboards/README.md).\n\n" +
		"| alert | severity | when | for | what to do |\n| --- | --- | --- | --- | --- |\n")
	for _, a := range alerts(t) {
		wait := "–"
		if a.For != "" {
			wait = a.For
		}
		fmt.Fprintf(&b, "| [%[1]s](runbooks/%[1]s.md) | %s | %s | %s | %s |\n", a.Alert, a.Labels["severity"], a.Annotations["summary"], wait, action(t, a.Alert))
	}
	b.WriteString("\n## Thresholds\n\n| recorded as | default | used by |\n| --- | --- | --- |\n")
	for _, r := range rules(t) {
		if !strings.HasPrefix(r.Record, "cloudorg:threshold:") {
			continue
		}
		var users []string
		for _, a := range alerts(t) {
			if strings.Contains(a.Expr, r.Record) {
				users = append(users, a.Alert)
			}
		}
		fmt.Fprintf(&b, "| `%s` | %s | %s |\n", r.Record, r.Expr, strings.Join(users, ", "))
	}
	golden(t, filepath.Join("..", "docs", "alerts.md"), []byte(b.String()))
}

// action returns what an alert's runbook says to do.
func action(t *testing.T, alert string) string {
	t.Helper()
	_, text, _ := strings.Cut(string(read(t, filepath.Join("..", "docs", "runbooks", alert+".md"))), "\n- **Do**: ")
	text, _, _ = strings.Cut(text, "\n")
	return text
}
