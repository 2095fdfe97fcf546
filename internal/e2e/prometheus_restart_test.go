//go:build e2e

package e2e_test

// What Prometheus shows of an exporter that restarts, or changes to another
// version of the API: increase() and alerts.

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/cloudorg-exporter/cloudorg_exporter/internal/sim"
)

// A roster is a company whose accounts join and leave when the test says so.
// One invitation has expired.
type roster struct {
	mu           sync.Mutex
	joined, left int64
}

func (r *roster) change(join, leave int64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.joined += join
	r.left += leave
}

// at is the company for the simulator: the accounts 100 to 199, without the
// first that have left, and those that have joined.
func (r *roster) at(t time.Time) sim.Company {
	r.mu.Lock()
	defer r.mu.Unlock()
	c := sim.Sample(t)
	c.Members = slices.Clone(c.Members[:1])
	for id := 100 + r.left; id < 200+r.joined; id++ {
		c.Members = append(c.Members, sim.Member{Account: sim.Account{ID: id}, Group: c.Groups[0].ID, Since: sim.SampleTime()})
	}
	c.Invitations = []sim.Invitation{{Account: sim.Account{ID: invitedAccount}, Sent: t.Add(-31 * 24 * time.Hour)}}
	return c
}

// members returns the number of accounts.
func (r *roster) members() float64 {
	r.mu.Lock()
	defer r.mu.Unlock()
	return float64(101 + r.joined - r.left)
}

// TestPrometheusOverRestarts restarts two exporters, one with a store and one
// without, under a real Prometheus server. increase() must show each change that
// an exporter has seen once: with a store, that includes what changed while it
// was down. Alerts about an organization stand over a restart, even if the API is
// down.
func TestPrometheusOverRestarts(t *testing.T) {
	t.Parallel()
	company, dir := &roster{}, t.TempDir()
	sites, exporters := map[string]*site{}, map[string]*exporter{}
	var targets []string
	for i, name := range []string{"stored", "plain"} {
		sites[name] = startSite(t, newSimulator(t, apiNamed("ncp"), sim.Config{Company: company.at}), apiNamed("ncp"), 3080+i)
		yaml := "defaults: {cache_ttl: 500ms, error_ttl: 500ms, refresh_timeout: 2s, rate_limit: 1000}\norganizations:\n" + organization(name, sites[name])
		exporters[name] = newExporter(t, yaml)
		if name == "stored" {
			exporters[name].flags = append(exporters[name].flags, "--storage.path="+filepath.Join(dir, "state"))
		}
		exporters[name].start()
		targets = append(targets, fmt.Sprintf("%q", exporters[name].listenAddress()))
	}
	shortenRules(t, dashboards, dir, "rules.yml", "alerts.yml")
	prometheus := startPrometheus(t, dir, fmt.Sprintf(`
global: {scrape_interval: 500ms, scrape_timeout: 500ms, evaluation_interval: 1s}
rule_files: [rules.yml, alerts.yml]
scrape_configs: [{job_name: cloudorg, static_configs: [{targets: [%s]}]}]
`, strings.Join(targets, ", ")))
	const joined, left = `cloudorg_member_transitions_total{from="none",to="JOIN",organization=%q}`, `cloudorg_member_transitions_total{from="JOIN",to="none",organization=%q}`
	const firing = `ALERTS{alertname="CloudOrgInvitationLapsed",alertstate="firing",organization=%q}`
	value := func(expr, name string) float64 { return prometheus.value(fmt.Sprintf(expr, name)) }
	both := func(what string, reached func(name string) bool) {
		t.Helper()
		waitFor(t, 30*time.Second, what, func() bool { return reached("stored") && reached("plain") })
	}
	restart := func(end func(*exporter), join, leave int64) {
		t.Helper()
		for _, e := range exporters {
			end(e)
		}
		both("Prometheus has seen that both are down", func(name string) bool { return value(`cloudorg_groups{organization=%q}`, name) == -1 })
		company.change(join, leave)
		for _, e := range exporters {
			e.start()
		}
	}
	counted := func(what string, stored, plain, storedLeft, plainLeft float64) {
		t.Helper()
		both(what+" is scraped", func(name string) bool {
			want := map[string][2]float64{"stored": {stored, storedLeft}, "plain": {plain, plainLeft}}[name]
			return value(`sum(cloudorg_members{organization=%q})`, name) == company.members() &&
				value(joined, name) == want[0] && value(left, name) == want[1]
		})
	}

	counted("the first reading", 0, 0, 0, 0)
	both("the alert fires", func(name string) bool { return value(firing, name) == 1 })
	company.change(3, 0)
	counted("a change", 3, 3, 0, 0)
	restart((*exporter).stop, 2, 1) // these are seen with a store only
	counted("a restart", 5, 0, 1, 0)
	company.change(4, 0)
	counted("a change", 9, 4, 1, 0)
	restart(func(e *exporter) { e.kill() }, 0, 2)
	counted("a crash", 9, 0, 3, 0)
	company.change(0, 1)
	counted("a change", 9, 0, 4, 1)
	for _, q := range []struct {
		function, counter, name string
		want                    float64
	}{
		{"increase", joined, "stored", 3 + 2 + 4},
		{"increase", joined, "plain", 3 + 4},
		{"increase", left, "stored", 1 + 2 + 1},
		{"increase", left, "plain", 1},
		{"resets", joined, "stored", 0},
		{"resets", joined, "plain", 2},
	} {
		have := value(q.function+"("+q.counter+"[10m])", q.name)
		// increase() extrapolates by half an interval on either side at most.
		samples := value("count_over_time("+q.counter+"[10m])", q.name)
		if samples < 10 || have < q.want || have > q.want*samples/(samples-1) {
			t.Errorf("%s of %s, of %s: want %v, have %v, of %v samples", q.function, q.counter, q.name, q.want, have, samples)
		}
		t.Logf("%s(%s): %.2f", q.function, fmt.Sprintf(q.counter, q.name), have)
	}

	for _, s := range sites {
		s.down()
	}
	restart((*exporter).stop, 0, 0)
	both("the collectors fail", func(name string) bool {
		return value(`max(cloudorg_collector_success{organization=%q})`, name) == 0
	})
	for end := time.Now().Add(5 * time.Second); time.Now().Before(end); time.Sleep(500 * time.Millisecond) {
		if have := value(`sum(cloudorg_members{organization=%q})`, "stored"); have != company.members() {
			t.Errorf("stored: want %v members in the outage, have %v", company.members(), have)
		}
		for name := range sites {
			if value(firing, name) != 1 {
				t.Errorf("%s: the alert has resolved in the outage", name)
			}
		}
	}
	if have := value(`sum(cloudorg_members{organization=%q})`, "plain"); have != -1 {
		t.Errorf("plain: want no members in the outage, have %v", have)
	}
	for _, e := range exporters {
		e.stop()
	}
}

// TestPrometheusOverVersions reloads an exporter from version 1 of NCP's API to
// version 2 and back, under a real Prometheus server. The two call the same
// members by other statuses. No member may seem to have changed, and no alert
// about members may fire.
func TestPrometheusOverVersions(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	ncp := startSite(t, newSimulator(t, apiNamed("ncp"), sim.Config{}), apiNamed("ncp"), 3082)
	yaml := func(version string) string {
		return "defaults: {cache_ttl: 500ms, error_ttl: 500ms, rate_limit: 1000}\norganizations:\n" + organization("acme", ncp) + "    api_version: " + version + "\n"
	}
	e := startExporter(t, yaml("v1"))
	shortenRules(t, dashboards, dir, "rules.yml", "alerts.yml")
	prometheus := startPrometheus(t, dir, fmt.Sprintf(`
global: {scrape_interval: 500ms, scrape_timeout: 500ms, evaluation_interval: 1s}
rule_files: [rules.yml, alerts.yml]
scrape_configs: [{job_name: cloudorg, static_configs: [{targets: [%q]}]}]
`, e.listenAddress()))
	const alerts = `count_over_time(ALERTS{alertname=~"CloudOrgMember.*",alertstate="firing"}[10m])`
	for _, step := range []struct{ version, status string }{{"v1", "JOIN"}, {"v2", "JOINED"}, {"v1", "JOIN"}} {
		e.reload(yaml(step.version))
		waitFor(t, 30*time.Second, step.version+" is scraped", func() bool {
			return prometheus.value(`cloudorg_members{organization="acme",status="`+step.status+`"}`) == 3
		})
		time.Sleep(5 * time.Second) // for a rule that takes what it sees for a change
	}
	if changes := prometheus.value(`sum(max_over_time(cloudorg_member_transitions_total[10m]))`); changes != 0 {
		t.Errorf("members that seem to have changed: %v", changes)
	}
	if prometheus.some(alerts) {
		t.Errorf("alerts about members: %v", prometheus.query(`ALERTS{alertname=~"CloudOrgMember.*"}`))
	}
	if evaluated := prometheus.value(`count(organization:cloudorg_members:sum)`); evaluated < 1 {
		t.Errorf("the rules are not evaluated: %v", evaluated)
	}
}
