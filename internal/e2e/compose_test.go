//go:build e2e

package e2e_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"go.yaml.in/yaml/v2"
)

const composeDir = "../../deploy/compose"

// A composition is what this test reads of compose.yml.
type composition struct {
	Services map[string]struct {
		Command []string
		Ports   []string
		Volumes []string
	}
}

// TestCompose runs the demo of deploy/compose without containers: the same
// commands, and the same files at the same places below a directory. Only the
// addresses and the durations in the rules differ.
func TestCompose(t *testing.T) {
	programs := map[string]string{
		"prometheus":   findProgram(t, "prometheus"),
		"alertmanager": findProgram(t, "prometheus-alertmanager", "alertmanager"),
		"exporter":     binary,
	}
	var compose composition
	readYAML(t, filepath.Join(composeDir, "compose.yml"), &compose)

	// The addresses here, and the same in the files.
	address, replacements := map[string]string{}, []string{}
	for _, s := range []struct{ name, port string }{{"exporter", "10076"}, {"prometheus", "9090"}, {"alertmanager", "9093"}} {
		address[s.name] = freeAddress(t)
		replacements = append(replacements, `"`+s.name+":"+s.port+`"`, `"`+address[s.name]+`"`)
		if want := []string{"127.0.0.1:" + s.port + ":" + s.port}; !slices.Equal(compose.Services[s.name].Ports, want) {
			t.Errorf("%s: want the ports %s, have %s", s.name, want, compose.Services[s.name].Ports)
		}
	}
	replacer := strings.NewReplacer(replacements...)

	// The file system of all containers in one.
	root := t.TempDir()
	for name, service := range compose.Services {
		for _, v := range service.Volumes {
			from, to, _ := strings.Cut(v, ":")
			to, readOnly := strings.CutSuffix(to, ":ro")
			place := filepath.Join(root, to)
			if !strings.HasPrefix(from, ".") { // a volume of its own
				if err := os.MkdirAll(place, 0o700); err != nil {
					t.Fatal(err)
				}
				continue
			}
			if !readOnly {
				t.Errorf("%s may write to %s", name, from)
			}
			if err := os.MkdirAll(filepath.Dir(place), 0o700); err != nil {
				t.Fatal(err)
			}
			writeFile(t, filepath.Dir(place), filepath.Base(place), replacer.Replace(readFile(t, filepath.Join(composeDir, from))))
		}
	}
	rules := filepath.Join(root, "etc/prometheus/rules")
	shortenRules(t, rules, rules, "rules.yml", "alerts.yml")
	for name, program := range programs {
		args := []string{"--web.listen-address=" + address[name]}
		for _, a := range compose.Services[name].Command {
			if flag, path, ok := strings.Cut(a, "=/"); ok {
				a = flag + "=" + filepath.Join(root, path)
			}
			args = append(args, a)
		}
		runProcess(t, program, args...)
	}

	p := &promAPI{t: t, url: "http://" + address["prometheus"]}
	waitFor(t, time.Minute, "both targets are up", func() bool { return p.value("sum(up)") == 2 })
	waitFor(t, 90*time.Second, "all rules evaluate", p.rulesAreHealthy)
	waitFor(t, 90*time.Second, "the organizations are recorded", func() bool { return p.some(`{__name__=~".+:cloudorg_.+", organization="demo"}`) })
	am := &promAPI{t: t, url: "http://" + address["alertmanager"]}
	waitFor(t, 2*time.Minute, "an alert of the demo is at Alertmanager", func() bool { return am.hasAlert("demo") })

	t.Run("Grafana", func(t *testing.T) { checkGrafana(t, root, compose) })
}

// hasAlert reports whether an Alertmanager has an alert of ours about an
// organization, for one of its receivers.
func (p *promAPI) hasAlert(organization string) bool {
	var alerts []struct {
		Labels    map[string]string
		Receivers []struct{ Name string }
	}
	if !p.read("/api/v2/alerts", &alerts) {
		return false
	}
	for _, a := range alerts {
		if a.Labels["organization"] == organization && strings.HasPrefix(a.Labels["alertname"], "CloudOrg") && len(a.Receivers) > 0 {
			p.t.Logf("%s of %s, for %s", a.Labels["alertname"], organization, a.Receivers[0].Name)
			return true
		}
	}
	return false
}

// checkGrafana compares Grafana's provisioning with the files: Grafana itself
// does not run here.
func checkGrafana(t *testing.T, root string, compose composition) {
	provisioning := filepath.Join(root, "etc/grafana/provisioning")
	var sources struct {
		Datasources []struct{ URL, Type string }
	}
	readYAML(t, filepath.Join(provisioning, "datasources/cloudorg.yml"), &sources)
	if len(sources.Datasources) != 1 || sources.Datasources[0].URL != "http://prometheus:9090" || sources.Datasources[0].Type != "prometheus" {
		t.Errorf("the data source is %v", sources.Datasources)
	}
	var provisioned struct {
		Providers []struct {
			Options struct{ Path string }
		}
	}
	readYAML(t, filepath.Join(provisioning, "dashboards/cloudorg.yml"), &provisioned)
	mounted, _ := filepath.Glob(filepath.Join(root, provisioned.Providers[0].Options.Path, "*.json"))
	all, _ := filepath.Glob(filepath.Join(dashboards, "*.json"))
	if len(all) == 0 || len(mounted) != len(all) {
		t.Errorf("want %d dashboards, Grafana has %d", len(all), len(mounted))
	}
	if len(compose.Services["grafana"].Command) != 0 {
		t.Error("Grafana has a command, which this test does not know")
	}
}

func readYAML(t *testing.T, file string, into any) {
	t.Helper()
	if err := yaml.Unmarshal([]byte(readFile(t, file)), into); err != nil {
		t.Fatalf("%s: %v", file, err)
	}
}
