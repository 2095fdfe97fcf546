package dashboards_test

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// repository is where the runbooks can be read: the module's path. Who moves
// them changes it here and in alerts.yml.
const repository = "https://github.com/cloudorg-exporter/cloudorg_exporter/blob/main/docs/runbooks/"

// Alerts keep the manners of mixins.
func TestAlertManners(t *testing.T) {
	seen := map[string]bool{}
	for _, a := range alerts(t) {
		if !regexp.MustCompile(`^CloudOrg([A-Z][a-zA-Z]+)+$`).MatchString(a.Alert) || seen[a.Alert] {
			t.Errorf("%s: not CamelCase after CloudOrg, or there twice", a.Alert)
		}
		seen[a.Alert] = true
		if len(a.Labels) != 1 || !slices.Contains([]string{"critical", "warning", "info"}, a.Labels["severity"]) {
			t.Errorf("%s: want the label severity alone: critical, warning or info", a.Alert)
		}
		if s := a.Annotations["summary"]; strings.Contains(s, "{{") || !strings.HasSuffix(s, ".") {
			t.Errorf("%s: the summary must be a fixed sentence: %s", a.Alert, s)
		}
		if d := a.Annotations["description"]; !strings.Contains(d, "$labels.") || !strings.HasSuffix(d, ".") && !strings.HasSuffix(d, "}}") {
			t.Errorf("%s: the description must name what it is about: %s", a.Alert, d)
		}
		if url := a.Annotations["runbook_url"]; url != repository+a.Alert+".md" {
			t.Errorf("%s: runbook_url: want %s, have %s", a.Alert, repository+a.Alert+".md", url)
		}
		if len(a.Annotations) != 3 {
			t.Errorf("%s: want summary, description, runbook_url", a.Alert)
		}
		if m := regexp.MustCompile(`[<>]=? *-?[0-9.]+`).FindString(a.Expr); m != "" && !slices.Contains([]string{"> 0", "<= 2", "> -7"}, m) {
			t.Errorf("%s: the threshold in %q belongs into rules.yml", a.Alert, m)
		}
	}
}

// Each alert has a runbook, with the four parts of one, and each runbook an
// alert.
func TestRunbooks(t *testing.T) {
	want := map[string]bool{}
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
		for _, part := range []string{"# " + a.Alert + "\n", "\n## Meaning\n", "\n## Impact\n", "\n## Diagnosis\n", "\n## Mitigation\n"} {
			at := strings.Index(text, part)
			if at <= last && part[0] != '#' || at < 0 {
				t.Errorf("%s: %q is missing, or not in its place", file, strings.TrimSpace(part))
			}
			last = at
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
		"The alerting rules are in [dashboards/alerts.yml](../dashboards/alerts.yml), their thresholds at the top of\n" +
		"[dashboards/rules.yml](../dashboards/rules.yml). What an alert says names the organization, the ids and the numbers.\n\n" +
		"| alert | severity | when | lasting | what to do |\n| --- | --- | --- | --- | --- |\n")
	for _, a := range alerts(t) {
		wait := "at once"
		if a.For != "" {
			wait = a.For
		}
		fmt.Fprintf(&b, "| [%[1]s](runbooks/%[1]s.md) | %s | %s | %s | %s |\n", a.Alert, a.Labels["severity"], a.Annotations["summary"], wait, mitigation(t, a.Alert))
	}
	b.WriteString("\n## Thresholds\n\n| recorded as | value | used by |\n| --- | --- | --- |\n")
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
		if len(users) == 0 {
			t.Errorf("%s is used by no alert", r.Record)
		}
		fmt.Fprintf(&b, "| `%s` | %s | %s |\n", r.Record, r.Expr, strings.Join(users, ", "))
	}
	golden(t, filepath.Join("..", "docs", "alerts.md"), []byte(b.String()))
}

// mitigation returns the first paragraph under Mitigation of an alert's
// runbook.
func mitigation(t *testing.T, alert string) string {
	t.Helper()
	_, text, _ := strings.Cut(string(read(t, filepath.Join("..", "docs", "runbooks", alert+".md"))), "\n## Mitigation\n\n")
	text, _, _ = strings.Cut(text, "\n\n")
	return strings.Join(strings.Fields(text), " ")
}
