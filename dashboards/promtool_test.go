package dashboards_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v2"
)

// The rules are valid, record what they should, and docs/prometheus.yml loads
// them from where it is.
func TestPromtool(t *testing.T) {
	t.Parallel()
	promtool := findPromtool(t)
	promtool(t, "check", "rules", "--lint=all", "--lint-fatal", "rules.yml", "alerts.yml", "thresholds.yml")
	promtool(t, "check", "config", filepath.Join("..", "docs", "prometheus.yml"))
	promtool(t, "test", "rules", "rules_test.yml", "alerts_test.yml", "freeze_test.yml")
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

// Alertmanager takes the inhibition rules.
func TestAlertmanagerTakesInhibitRules(t *testing.T) {
	amtool, err := exec.LookPath("amtool")
	if err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal("amtool is missing: install the Debian package prometheus-alertmanager")
		}
		t.Skip("amtool is missing (Debian package prometheus-alertmanager): the inhibition rules are not tested")
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
