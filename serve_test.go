package main

import (
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/cloudorg-exporter/cloudorg_exporter/internal/sim"
)

func TestServe(t *testing.T) {
	_, url := simulate(t, nil)
	_, other := simulate(t, func(c *sim.Config) { c.Caller = sim.SubAccount })
	p := start(t, "--config.file="+write(t, "config.yml", "organizations:\n"+organization("acme", url)+organization("beta", other)))
	p.ready()

	all := p.get("/metrics")
	for _, want := range []string{
		`cloudorg_members{cloud="ncp",organization="acme",status="JOIN"} 3`,
		`cloudorg_collector_success{cloud="ncp",collector="members",organization="beta"} 0`,
		`cloudorg_exporter_api_requests_total{cloud="ncp",code="200",endpoint="/open-api/v1/account/group/{no}",organization="acme"} 4`,
		`cloudorg_exporter_api_requests_total{cloud="ncp",code="401",endpoint="/open-api/v1/org",organization="beta"} 1`,
		`cloudorg_exporter_api_throttled_total{cloud="ncp",organization="acme"} 0`,
		`cloudorg_exporter_refreshes_total{cloud="ncp",organization="acme"} 1`,
		`cloudorg_exporter_config_last_reload_successful 1`,
		`cloudorg_exporter_build_info{`,
		`go_goroutines `,
	} {
		if !strings.Contains(all, "\n"+want) {
			t.Errorf("/metrics lacks %s", want)
		}
	}
	probe := p.get("/probe?target=acme")
	if strings.Contains(probe, `organization="beta"`) || strings.Contains(probe, "go_goroutines") || !strings.Contains(probe, "cloudorg_members{") {
		t.Errorf("/probe has not the one organization alone:\n%s", probe)
	}
	for _, path := range []string{"/metrics?collect[]=groups", "/probe?target=acme&collect[]=groups"} {
		for line := range strings.SplitSeq(strings.TrimSpace(p.get(path)), "\n") {
			if !strings.HasPrefix(line, "#") && !strings.HasPrefix(line, "cloudorg_group") && !strings.Contains(line, `collector="groups"`) {
				t.Errorf("%s has %s", path, line)
			}
		}
	}
	for path, want := range map[string]int{
		"/probe": 400, "/probe?target=": 400, "/probe?target=acme&target=beta": 400,
		"/probe?target=http://example.test": 404, "/probe?target=nobody": 404,
		"/metrics?collect[]=no": 400, "/probe?target=acme&collect[]=": 400,
		"/nothing": 404, "/-/reload": 403, "/debug/pprof/": 404,
	} {
		if have, _ := p.do(http.MethodGet, path); have != want {
			t.Errorf("%s: want %d, have %d", path, want, have)
		}
	}
	if open := p.get("/metrics", "Accept", "application/openmetrics-text;version=1.0.0"); !strings.HasSuffix(open, "# EOF\n") {
		t.Error("OpenMetrics is not negotiated")
	}
	if err := p.stop(); err != nil {
		t.Errorf("a signal is no failure: %v", err)
	}
}

// However many scrape, the API is asked once.
func TestServeHerd(t *testing.T) {
	ncp, url := simulate(t, nil)
	ncp.SetFault("*", sim.Fault{Delay: 100 * time.Millisecond})
	p := start(t, "--config.file="+write(t, "config.yml", "organizations:\n"+organization("acme", url)))
	var wg sync.WaitGroup
	for range 50 {
		wg.Go(func() {
			if _, body := p.do(http.MethodGet, "/metrics"); !strings.Contains(body, "\ncloudorg_groups{") {
				t.Error("a scrape of the cold exporter went without data")
			}
		})
	}
	wg.Wait()
	for path, n := range ncp.Calls() {
		if want := map[bool]int{true: 4, false: 1}[path == "/account/group/{no}"]; n != want {
			t.Errorf("%s: want %d calls, have %d", path, want, n)
		}
	}
}

// While the API hangs, a scrape is answered within its budget; when it answers
// again, all is as before.
func TestServeHang(t *testing.T) {
	ncp, url := simulate(t, nil)
	p := start(t, "--config.file="+write(t, "config.yml", "organizations:\n"+organization("acme", url, "cache_ttl: 100ms", "error_ttl: 100ms", "refresh_timeout: 2s")))
	p.ready()
	ncp.SetFault("*", sim.Fault{Hang: true})
	time.Sleep(100 * time.Millisecond) // cache_ttl
	scrape := func() (string, time.Duration) {
		start := time.Now()
		return p.get("/metrics", "X-Prometheus-Scrape-Timeout-Seconds", "0.8"), time.Since(start)
	}
	first, took := scrape()
	if took > 800*time.Millisecond || !strings.Contains(first, "\ncloudorg_groups{") {
		t.Errorf("want the last data within 0.8s, have %s", took)
	}
	p.until("the refresh has run out of time", func() bool {
		body, took := scrape()
		if took > 800*time.Millisecond || !strings.Contains(body, "\ncloudorg_groups{") {
			t.Errorf("want the last data within 0.8s, have %s", took)
		}
		return strings.Contains(body, `reason="timeout"`)
	})
	ncp.SetFault("*", sim.Fault{})
	p.until("it has recovered", func() bool {
		body, _ := scrape()
		return !strings.Contains(body, "cloudorg_collector_error{")
	})
	for _, want := range []string{"collector failed", `reason=timeout`, `serving="data of`, "collector recovered"} {
		if !strings.Contains(p.log.String(), want) {
			t.Errorf("the log lacks %q:\n%s", want, p.log)
		}
	}
}

// Whoever asks while the last scrape runs learns that the exporter stops; the
// scrape is answered.
func TestServeDrain(t *testing.T) {
	ncp, url := simulate(t, nil)
	p := start(t, "--config.file="+write(t, "config.yml", "organizations:\n"+organization("acme", url, "cache_ttl: 0s", "refresh_timeout: 5s")))
	p.ready()
	ncp.SetFault("*", sim.Fault{Hang: true})
	before := ncp.Calls()["/org"]
	scraped := make(chan string)
	go func() {
		defer close(scraped)
		_, body := p.do(http.MethodGet, "/metrics", "X-Prometheus-Scrape-Timeout-Seconds", "2.5")
		scraped <- body
	}()
	p.until("the scrape waits", func() bool { return ncp.Calls()["/org"] > before })
	stopped := make(chan error, 1)
	go func() { stopped <- p.stop() }()
	p.until("it is not ready", func() bool {
		status, body := p.do(http.MethodGet, "/-/ready")
		return status == http.StatusServiceUnavailable && strings.Contains(body, "stopping")
	})
	if body := <-scraped; !strings.Contains(body, "\ncloudorg_groups{") {
		t.Errorf("want the last data, have %.300s", body)
	}
	if err := <-stopped; err != nil {
		t.Errorf("want it stopped well, have %v", err)
	}
}

// No login, e-mail address, personal name or key is shown anywhere, whatever
// happens.
func TestServePrivacy(t *testing.T) {
	t.Parallel()
	company := sim.Living(3, 5, 60)
	ncp, url := simulate(t, func(c *sim.Config) { c.Company = company })
	p := start(t, "--web.enable-lifecycle", "--web.enable-pprof", "--config.file="+write(t, "config.yml",
		"organizations:\n"+organization("acme", url, "cache_ttl: 0s", "error_ttl: 0s", "refresh_timeout: 1s",
			"collectors: [organization, groups, members, invitations, withdrawals, policies]")))
	p.ready()
	var shown strings.Builder
	for _, f := range []sim.Fault{
		{},
		sim.NCPGateway("200"), sim.NCPError("COMMON_201"),
		{CutJSON: true},
		{Garbage: true},
		{Status: 403, Body: `{"code": "X_1", "message": "hanbit@example.test: no"}`},
		{Status: 500, Body: "<html>"},
	} {
		ncp.SetFault("/account/*", f)
		for _, path := range []string{"/metrics", "/probe?target=acme", "/", "/config", "/sd", "/debug/pprof/cmdline"} {
			shown.WriteString(p.get(path))
		}
	}
	p.do(http.MethodPost, "/-/reload")
	shown.WriteString(p.log.String())
	for _, private := range append(company(time.Now()).PersonalData(), access, secret, "hanbit@example.test") {
		if strings.Contains(shown.String(), private) {
			t.Errorf("%q is shown", private)
		}
	}
}

// The demo has every NCP metric, and its values move.
func TestDemo(t *testing.T) {
	t.Parallel()
	p := start(t, "--demo")
	p.ready()
	first := p.get("/probe?target=demo")
	for name := range strings.FieldsSeq(`
		organization_info organization_joined_timestamp_seconds groups group_info members group_members
		member_transitions_total pending_invitations invitation_created_timestamp_seconds
		invitation_expiry_timestamp_seconds invitation_expiry_days invitation_reported_expire_days
		pending_withdrawals withdrawal_requested_timestamp_seconds policies policy_applied_groups
		collector_success collector_duration_seconds collector_last_success_timestamp_seconds
		collector_failures_total items_dropped decode_warnings_total`) {
		if !strings.Contains(first, "\ncloudorg_"+name+"{") {
			t.Errorf("the demo lacks cloudorg_%s", name)
		}
	}
	sent := func(body string) string {
		_, rest, _ := strings.Cut(body, "\ncloudorg_invitation_created_timestamp_seconds{")
		line, _, _ := strings.Cut(rest, "\n")
		return line
	}
	p.until("the first invitation has aged", func() bool { return sent(p.get("/probe?target=demo")) != sent(first) })
}
