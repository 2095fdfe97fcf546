package dashboards_test

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v2"
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

// A promtest is one test of promtool's.
type promtest struct {
	Name  string `yaml:"name"`
	Rules []struct {
		Time      string `yaml:"eval_time"`
		Alert     string `yaml:"alertname"`
		ExpAlerts []any  `yaml:"exp_alerts"`
	} `yaml:"alert_rule_test"`
}

// Each alert must be tested where it fires, where it does not, and through an
// outage of the API if it is about an organization.
func TestEveryAlertIsTested(t *testing.T) {
	files, err := filepath.Glob("*_test.yml")
	if err != nil || len(files) == 0 {
		t.Fatalf("tests: %v, %v", files, err)
	}
	fires, quiet, outage := map[string]int{}, map[string]int{}, map[string]bool{}
	for _, f := range files {
		var tests struct {
			Tests []promtest `yaml:"tests"`
		}
		if err := yaml.Unmarshal(read(t, f), &tests); err != nil {
			t.Fatalf("%s: %v", f, err)
		}
		for _, test := range tests.Tests {
			for _, r := range test.Rules {
				if len(r.ExpAlerts) > 0 {
					fires[r.Alert]++
				} else {
					quiet[r.Alert]++
				}
				if f == "outage_test.yml" && strings.Contains(test.Name, "API") {
					outage[r.Alert] = true
				}
			}
		}
	}
	var mustFire, mustNot int
	for _, a := range alerts(t) {
		if fires[a.Alert] == 0 || quiet[a.Alert] == 0 {
			t.Errorf("%s: %d tests that it fires, %d that it does not", a.Alert, fires[a.Alert], quiet[a.Alert])
		}
		if strings.Contains(a.Expr, ":cloudorg_") && !outage[a.Alert] { // it stands on what is known of an organization
			t.Errorf("%s: not tested through an outage of the API", a.Alert)
		}
		mustFire += fires[a.Alert]
		mustNot += quiet[a.Alert]
	}
	t.Logf("%d alerts: %d checks that one fires, %d that it does not", len(alerts(t)), mustFire, mustNot)
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
