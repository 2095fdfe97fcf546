//go:build e2e

package e2e_test

// Rules, dashboards and alerts with a real Prometheus server and Alertmanager.

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/cloudorg-exporter/cloudorg_exporter/internal/sim"
)

// invitedAccount is the account whose invitation expires.
const invitedAccount = 9000007

// TestMonitoring runs what an operator runs: two exporters, Prometheus with our
// rules, Alertmanager with a webhook. One exporter is the demo. The other has an
// organization in which an invitation expires when the test says so, and one
// whose key is refused. Every panel must have data, and an alert must reach the
// webhook, outlast an outage of the API, and resolve.
func TestMonitoring(t *testing.T) {
	t.Parallel()
	alertmanager, dir := findProgram(t, "prometheus-alertmanager", "alertmanager"), t.TempDir()

	company := &inviter{sent: time.Now().Add(-10 * 24 * time.Hour)}
	cloud := newSimulator(t, apiNamed("ncp"), sim.Config{Company: company.at})
	api := startSite(t, cloud, apiNamed("ncp"), 3093)
	received := &webhook{}
	hook := httptest.NewServer(received)
	t.Cleanup(hook.Close)

	am := freeAddress(t)
	demo := startDemo(t)
	controlled := startExporter(t, fmt.Sprintf(`
defaults: {cache_ttl: 1s, error_ttl: 1s, max_stale: 4s, refresh_timeout: 2s, rate_limit: 100}
organizations:
  - {name: acme, cloud: ncp, base_url: %q, access_key: %s, secret_key: %s}
  - {name: refused, cloud: ncp, base_url: %q, access_key: %s, secret_key: anotherSecret}
`, api.url(), siteAccess, siteSecret, api.url(), siteAccess), "--storage.path="+filepath.Join(dir, "exporter"))
	runProcess(t, alertmanager, "--cluster.listen-address=", "--web.listen-address="+am, "--storage.path="+filepath.Join(dir, "am"),
		"--config.file="+writeFile(t, dir, "alertmanager.yml", fmt.Sprintf(`
route: {receiver: webhook, group_by: [alertname, organization], group_wait: 0s, group_interval: 1s, repeat_interval: 1h}
receivers: [{name: webhook, webhook_configs: [{url: %q, send_resolved: true}]}]
%s`, hook.URL, readFile(t, filepath.Join(dashboards, "inhibit_rules.yml")))))
	shortenRules(t, dashboards, dir, "rules.yml", "alerts.yml", "thresholds.yml")
	p := startPrometheus(t, dir, fmt.Sprintf(`
global: {scrape_interval: 1s, scrape_timeout: 1s, evaluation_interval: 1s}
rule_files: [rules.yml, alerts.yml, thresholds.yml]
alerting: {alertmanagers: [{static_configs: [{targets: [%q]}]}]}
scrape_configs: [{job_name: cloudorg, static_configs: [{targets: [%q, %q]}]}]
`, am, demo.listenAddress(), controlled.listenAddress()), "--rules.alert.resend-delay=1s")

	waitFor(t, time.Minute, "2 targets are up", func() bool { return p.value(`sum(up{job="cloudorg"})`) == 2 })
	waitFor(t, 30*time.Second, "all rules evaluate", p.rulesAreHealthy)
	waitFor(t, 30*time.Second, "the webhook is told of the refused key", func() bool {
		return received.is("CloudOrgCredentialsRefused", "refused", "firing")
	})
	if received.is("CloudOrgInvitationLapsed", "acme", "firing") {
		t.Fatal("CloudOrgInvitationLapsed fires before anything has lapsed")
	}

	// One listing fails that has been read before.
	waitFor(t, 30*time.Second, "the organization is read", func() bool {
		return p.value(`min(cloudorg_collector_success{organization="acme"})`) == 1
	})
	outage := sim.NCPError("COMMON_103")
	outage.AfterAuth = true // the wrong key is refused as before
	cloud.SetFault("/org", outage)

	t.Run("every panel has data", func(t *testing.T) { everyPanelHasData(t, p) })
	cloud.SetFault("/org", sim.Fault{})

	company.send(time.Now().Add(-31 * 24 * time.Hour))
	waitFor(t, 30*time.Second, "the webhook is told of the expired invitation", func() bool {
		return received.is("CloudOrgInvitationLapsed", "acme", "firing")
	})
	if have := received.description("CloudOrgInvitationLapsed", "acme"); !strings.Contains(have, fmt.Sprintf("account %d ", invitedAccount)) {
		t.Errorf("the alert does not name the account: %s", have)
	}

	cloud.SetFault("*", outage)
	waitFor(t, 30*time.Second, "the invitations are absent in the outage", func() bool {
		return p.value(`count(cloudorg_pending_invitations{organization="acme"}) or vector(0)`) == 0
	})
	time.Sleep(5 * time.Second) // a few evaluations
	if !received.is("CloudOrgInvitationLapsed", "acme", "firing") {
		t.Error("an outage of the API has resolved the alert")
	}

	company.send(time.Now())
	cloud.SetFault("*", sim.Fault{})
	waitFor(t, 30*time.Second, "a new invitation resolves the alert", func() bool {
		return received.is("CloudOrgInvitationLapsed", "acme", "resolved")
	})
	for _, alert := range []string{"CloudOrgMemberLeft", "CloudOrgMemberJoinedUninvited", "CloudOrgMembersDropped", "CloudOrgExporterDown"} {
		if received.is(alert, "acme", "firing") || received.is(alert, "", "firing") {
			t.Errorf("%s fires, and nothing of the kind has happened", alert)
		}
	}
	// One wrong key is one alert, although five listings fail because of it.
	if have := received.about("refused"); !slices.Equal(have, []string{"CloudOrgCredentialsRefused"}) {
		t.Errorf("alerts about the refused key: %v", have)
	}
	t.Logf("alerts that the webhook received: %s", received.names())
}

// everyPanelHasData makes each query of each dashboard for any organization, and
// again without the recording rules.
func everyPanelHasData(t *testing.T, p *promAPI) {
	// Rates and quantiles need some scrapes, and some events happen every few days
	// of the demo.
	const limit = 90 * time.Second
	files, err := filepath.Glob(filepath.Join(dashboards, "*.json"))
	if err != nil || len(files) == 0 {
		t.Fatalf("dashboards: %v, %v", files, err)
	}
	queries := 0
	for _, f := range files {
		for _, q := range panelQueries(t, f) {
			queries++
			start := time.Now()
			for !p.some(q.expr) {
				if time.Since(start) > limit {
					t.Errorf("%s: %s: no data: %s", filepath.Base(f), q.panel, q.expr)
					break
				}
				time.Sleep(500 * time.Millisecond)
			}
			if recorded := regexp.MustCompile(`[a-z_]+:cloudorg_[a-z0-9_:]+`); recorded.MatchString(q.expr) && !p.some(recorded.ReplaceAllString(q.expr, "nothing")) {
				t.Errorf("%s: %s: no data without the rules: %s", filepath.Base(f), q.panel, q.expr)
			}
		}
	}
	t.Logf("%d dashboards, %d queries, each with data", len(files), queries)
}

type panelQuery struct{ panel, expr string }

// panelQueries returns a dashboard's queries for any organization and instance,
// as Grafana would send them.
func panelQueries(t *testing.T, file string) (all []panelQuery) {
	t.Helper()
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	type panel struct {
		Title   string `json:"title"`
		Targets []struct {
			Expr string `json:"expr"`
		} `json:"targets"`
	}
	var d struct {
		Panels []struct {
			panel
			Panels []panel `json:"panels"` // of a collapsed row
		} `json:"panels"`
	}
	if err := json.Unmarshal(b, &d); err != nil {
		t.Fatal(err)
	}
	// Panels of one organization are queried for all at once: data of one is
	// enough.
	substitute := strings.NewReplacer(`organization="$organization"`, `organization=~".+"`, "$organization", ".*", "$cluster", ".*", "$instance", ".*", "$__rate_interval", "30s", "$__interval", "15s")
	var panels []panel
	for _, p := range d.Panels {
		panels = append(append(panels, p.panel), p.Panels...)
	}
	for _, p := range panels {
		for _, q := range p.Targets {
			expr := substitute.Replace(q.Expr)
			if strings.Contains(expr, "$") {
				t.Errorf("%s: %s: what is the variable in %s?", filepath.Base(file), p.Title, expr)
			}
			all = append(all, panelQuery{p.Title, expr})
		}
	}
	return all
}

// An inviter is the sample organization, in which one invitation was sent when
// the test says.
type inviter struct {
	mu   sync.Mutex
	sent time.Time
}

func (o *inviter) send(at time.Time) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.sent = at
}

func (o *inviter) at(t time.Time) sim.Company {
	o.mu.Lock()
	defer o.mu.Unlock()
	c := sim.Sample(t)
	c.Invitations = slices.DeleteFunc(slices.Clone(c.Invitations), func(i sim.Invitation) bool { return i.ID != invitedAccount })
	c.Invitations[0].Sent = o.sent
	return c
}

// A webhook records the notifications of Alertmanager.
type webhook struct {
	mu     sync.Mutex
	alerts map[[2]string]notice // the latest, by alert and organization
}

type notice struct {
	Status      string            `json:"status"`
	Labels      map[string]string `json:"labels"`
	Annotations map[string]string `json:"annotations"`
}

// ServeHTTP receives a notification.
func (w *webhook) ServeHTTP(_ http.ResponseWriter, r *http.Request) {
	var n struct {
		Alerts []notice `json:"alerts"`
	}
	if err := json.NewDecoder(r.Body).Decode(&n); err != nil {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.alerts == nil {
		w.alerts = map[[2]string]notice{}
	}
	for _, a := range n.Alerts {
		w.alerts[[2]string{a.Labels["alertname"], a.Labels["organization"]}] = a
	}
}

func (w *webhook) is(alert, organization, status string) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.alerts[[2]string{alert, organization}].Status == status
}

func (w *webhook) description(alert, organization string) string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.alerts[[2]string{alert, organization}].Annotations["description"]
}

// about returns the alerts about an organization that were received.
func (w *webhook) about(organization string) (all []string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for k := range w.alerts {
		if k[1] == organization {
			all = append(all, k[0])
		}
	}
	slices.Sort(all)
	return all
}

func (w *webhook) names() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	var all []string
	for k, a := range w.alerts {
		all = append(all, fmt.Sprintf("%s %s (%s)", k[0], k[1], a.Status))
	}
	slices.Sort(all)
	return strings.Join(all, ", ")
}
