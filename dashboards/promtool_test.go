package dashboards_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"go.yaml.in/yaml/v2"
)

// The rules are valid, record what they should, and docs/prometheus.yml loads
// them from where it is.
func TestPromtool(t *testing.T) {
	t.Parallel()
	promtool := findPromtool(t)
	promtool(t, "check", "rules", "--lint=all", "--lint-fatal", "rules.yml", "alerts.yml", "thresholds.yml")
	promtool(t, "check", "config", filepath.Join("..", "docs", "prometheus.yml"))
	promtool(t, "test", "rules", "rules_test.yml", "alerts_test.yml", "freeze_test.yml", "quota_test.yml")
}

// docs/prometheus.yml names all rule files. Prometheus ignores those that do not
// exist.
func TestDocumentedConfiguration(t *testing.T) {
	var c struct {
		RuleFiles []string `yaml:"rule_files"`
	}
	if err := yaml.Unmarshal(read(t, filepath.Join("..", "docs", "prometheus.yml")), &c); err != nil {
		t.Fatal(err)
	}
	if len(c.RuleFiles) != 3 {
		t.Errorf("want 3 rule files, have %q", c.RuleFiles)
	}
	for _, f := range c.RuleFiles {
		if _, err := os.Stat(filepath.Join("..", "docs", f)); err != nil {
			t.Error(err)
		}
	}
}

// Each inhibition rule has alerts on both sides, which have the labels that must
// be equal. A label that both lack is equal to Alertmanager.
func TestInhibitRules(t *testing.T) {
	var c struct {
		Rules []struct {
			Source []string `yaml:"source_matchers"`
			Target []string `yaml:"target_matchers"`
			Equal  []string `yaml:"equal"`
		} `yaml:"inhibit_rules"`
	}
	if err := yaml.Unmarshal(read(t, "inhibit_rules.yml"), &c); err != nil || len(c.Rules) == 0 {
		t.Fatalf("%d rules, %v", len(c.Rules), err)
	}
	v := known(t)
	for _, r := range c.Rules {
		for _, matcher := range []string{r.Source[0], r.Target[0]} {
			_, pattern, _ := strings.Cut(matcher, "=")
			name := regexp.MustCompile("^(?:" + strings.Trim(pattern, `~"`) + ")$")
			found := 0
			for _, a := range alerts(t) {
				if !name.MatchString(a.Alert) {
					continue
				}
				found++
				have := v.labels(parse(t, a.Alert, a.Expr))
				for _, l := range r.Equal {
					if !slices.Contains(have, l) {
						t.Errorf("%s has no label %s", a.Alert, l)
					}
				}
			}
			if found == 0 {
				t.Errorf("no alert matches %s", matcher)
			}
		}
	}
}

// The compose file's Alertmanager has the inhibition rules.
func TestComposeHasInhibitRules(t *testing.T) {
	_, rules, found := strings.Cut(string(read(t, "inhibit_rules.yml")), "\ninhibit_rules:\n")
	if !found || !strings.HasSuffix(string(read(t, filepath.Join("..", "deploy", "compose", "alertmanager.yml"))), "\ninhibit_rules:\n"+rules) {
		t.Error("deploy/compose/alertmanager.yml has other inhibition rules than inhibit_rules.yml")
	}
}

// Alertmanager takes the inhibition rules.
func TestAlertmanagerTakesInhibitRules(t *testing.T) {
	if !withPromtool() {
		t.Skip("needs amtool (Debian package prometheus-alertmanager): make rules")
	}
	amtool, err := exec.LookPath("amtool")
	if err != nil {
		t.Fatal("amtool is missing: install the Debian package prometheus-alertmanager")
	}
	file := filepath.Join(t.TempDir(), "alertmanager.yml")
	text := append([]byte("route: {receiver: nobody}\nreceivers: [{name: nobody}]\n"), read(t, "inhibit_rules.yml")...)
	if err := os.WriteFile(file, text, 0o600); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.CommandContext(t.Context(), amtool, "check-config", file).CombinedOutput(); err != nil {
		t.Errorf("amtool: %v\n%s", err, out)
	}
}

// Every rate of the dashboards has data with a scrape each minute, whether Grafana
// makes 60 seconds, 75 seconds or 4 minutes of $__rate_interval, and with a scrape
// each quarter of an hour.
func TestRatesHaveData(t *testing.T) {
	promtool := findPromtool(t)
	v := known(t)
	tests := promtests{EvaluationInterval: "1m"}
	for _, s := range []struct {
		scrape time.Duration
		at     string
	}{{time.Minute, "15m"}, {15 * time.Minute, "80m"}} {
		test := promtest{Name: s.scrape.String(), Interval: resolution.String()}
		seen := map[string]bool{}
		for _, d := range dashboards(t) {
			for _, p := range d.all() {
				for _, q := range p.Targets {
					if !strings.Contains(q.Expr, "$__rate_interval") {
						continue
					}
					for _, sel := range selectors(parse(t, p.Title, q.Expr)) {
						if !seen[sel.Name] {
							test.Series = append(test.Series, counters(sel.Name, v[sel.Name], s.scrape)...)
						}
						seen[sel.Name] = true
					}
					for _, window := range []string{"60s", "75s", "4m"} {
						expr := strings.NewReplacer("$cluster", ".*", "$instance", ".*", "$organization", ".*", "$__rate_interval", window).Replace(q.Expr)
						test.Exprs = append(test.Exprs, promexpr{Expr: "count(" + expr + ") > bool 0", At: s.at, Want: []promsample{{"{}", 1}}})
					}
				}
			}
		}
		if len(test.Exprs) == 0 {
			t.Fatal("there are no rates")
		}
		tests.Tests = append(tests.Tests, test)
	}
	text, err := yaml.Marshal(tests)
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "rates.yml")
	if err := os.WriteFile(file, text, 0o600); err != nil {
		t.Fatal(err)
	}
	promtool(t, "test", "rules", file)
}

// counters returns series of a counter, or of a histogram's two buckets, that
// grow with each scrape.
func counters(name string, labels []string, scrape time.Duration) (all []promseries) {
	buckets := []string{""}
	if slices.Contains(labels, "le") {
		buckets = []string{"0.1", "+Inf"}
	}
	values := "_ _ 1" // half a minute after the full one
	for i := range 20 {
		values += fmt.Sprintf(" _x%d %d", scrape/resolution-1, i+2)
	}
	for _, le := range buckets {
		value := map[string]string{"le": le, "cluster": ""}
		var pairs []string
		for _, l := range slices.Compact(slices.Sorted(slices.Values(labels))) {
			if _, ok := value[l]; !ok {
				value[l] = "x"
			}
			pairs = append(pairs, fmt.Sprintf("%s=%q", l, value[l]))
		}
		all = append(all, promseries{name + "{" + strings.Join(pairs, ",") + "}", values})
	}
	return all
}
