//go:build e2e

package e2e_test

// A restart with stored data: no call, the same data, and no change lost.

import (
	"fmt"
	"maps"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/cloudorg-exporter/cloudorg_exporter/internal/sim"
)

// storedOf returns the series of an organization that survive a restart: all
// but the exporter's own, and the days until an invitation expires.
func storedOf(r reading, organization string) map[string]float64 {
	stored := maps.Clone(r[organization])
	maps.DeleteFunc(stored, func(series string, _ float64) bool {
		return strings.HasPrefix(series, "cloudorg_exporter_") || strings.HasSuffix(familyOf(series), "_expiry_days")
	})
	return stored
}

// A restart within cache_ttl makes no call. The exporter is ready at once and
// serves the same.
func TestRestart(t *testing.T) {
	sites := map[string]*site{"acme": newSite(t, "ncp", 3010), "beta": newSite(t, "scp", 3011)}
	yaml := "defaults: {cache_ttl: 10m}\norganizations:\n"
	for name, s := range sites {
		yaml += organization(name, s)
	}
	for how, end := range map[string]func(*exporter){
		"SIGTERM": (*exporter).stop,
		"SIGKILL": func(e *exporter) { e.kill() },
	} {
		t.Run(how, func(t *testing.T) {
			e := newExporter(t, yaml, "--storage.path="+filepath.Join(t.TempDir(), "state"))
			e.start()
			e.waitReady()
			before := e.scrape("/metrics")
			end(e)
			calls := sites["acme"].count() + sites["beta"].count()

			started := time.Now()
			e.start()
			if !e.ready() {
				t.Error("the exporter is not ready at once")
			}
			took := time.Since(started)
			after := e.scrape("/metrics")
			for _, page := range []string{"/", "/organization?name=acme", "/probe?target=beta"} { // start what is due
				if status, _, _ := e.get(page); status != http.StatusOK {
					t.Errorf("%s: %d", page, status)
				}
			}
			compared := 0
			for name := range sites {
				if diff := cmp.Diff(storedOf(before, name), storedOf(after, name)); diff != "" {
					t.Errorf("%s (-before +after):\n%s", name, diff)
				}
				compared += len(storedOf(after, name))
			}
			if have := sites["acme"].count() + sites["beta"].count() - calls; have != 0 {
				t.Errorf("want no call, have %d", have)
			}
			e.stop()
			t.Logf("%s: ready %s after the start, %d series are the same, no call", how, took.Round(time.Millisecond), compared)
		})
	}
}

// A restart while the API is down serves the stored data until max_stale. What
// changes meanwhile is counted once, even if the data has expired before it is
// read again.
func TestRestartInOutage(t *testing.T) {
	t.Parallel()
	const maxStale = 8 * time.Second
	company := newEvolving()
	s := startSite(t, newSimulator(t, apiNamed("ncp"), sim.Config{Company: company.at}), apiNamed("ncp"), 3020)
	e := newExporter(t, fmt.Sprintf("defaults: {cache_ttl: 500ms, error_ttl: 500ms, max_stale: %s, rate_limit: 1000}\norganizations:\n", maxStale)+
		organization("acme", s), "--storage.path="+filepath.Join(t.TempDir(), "state"))
	e.start()
	e.waitReady()
	e.stop()
	s.down()
	company.advance()

	e.start()
	if !e.ready() {
		t.Error("the exporter is not ready at once")
	}
	before := e.scrape("/metrics")
	members := before.healthOf("acme")["members"]
	readAt := time.UnixMilli(int64(members.at * 1e3))
	if data := before.dataOf("acme"); !present(data, "members") || !present(data, "invitations") {
		t.Fatalf("no data is served: %v", data)
	}
	failing := func(r reading) bool {
		h := r.healthOf("acme")["members"]
		return !h.success && h.reason == "network" && h.at == members.at
	}
	var r reading
	// scrape does not wait for the retries of a refresh.
	scrape := func() reading {
		r, err := e.tryScrape("/metrics", time.Second)
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	waitFor(t, 5*time.Second, "the collectors fail", func() bool {
		r = scrape()
		return failing(r)
	})
	if diff := cmp.Diff(before.dataOf("acme"), r.dataOf("acme")); diff != "" {
		t.Errorf("the stored data has changed (-restored +failing):\n%s", diff)
	}
	e.stop() // a second restart does not make the data younger
	e.start()
	waitFor(t, 2*maxStale, "the data has expired", func() bool {
		r = scrape()
		return !present(r.dataOf("acme"), "members")
	})
	if age := time.Since(readAt); age < maxStale || age > maxStale+2*time.Second {
		t.Errorf("want the data served until it is %s old, have %s", maxStale, age)
	}
	if !failing(r) {
		t.Errorf("the time of the last success is lost: %+v", r.healthOf("acme")["members"])
	}
	e.kill()
	s.up()
	e.start()
	waitFor(t, 20*time.Second, "the organization is read again", func() bool {
		r = e.scrape("/metrics")
		return company.shownIn(r) && r.healthOf("acme")["members"].success
	})
	if diff := cmp.Diff(company.transitions, transitionsOf(r)); diff != "" {
		t.Errorf("transitions (-want +have):\n%s", diff)
	}
	if diff := cmp.Diff(company.changes, changeLines(e.log)); diff != "" {
		t.Errorf("lines of the log (-want +have):\n%s", diff)
	}
	e.stop()
}

// A start with 1,000 stored organizations makes no call.
func TestStartOfThousand(t *testing.T) {
	const organizations = 1000
	s := newSite(t, "ncp", 3030)
	var yaml strings.Builder
	yaml.WriteString("defaults: {cache_ttl: 1h, rate_limit: 10000}\norganizations:\n")
	for i := range organizations {
		yaml.WriteString(organization(fmt.Sprintf("organization-%04d", i), s))
	}
	e := newExporter(t, yaml.String(), "--storage.path="+filepath.Join(t.TempDir(), "state"))
	began := time.Now()
	e.start()
	e.waitReady()
	first, calls := time.Since(began), s.count()
	e.stop()

	began = time.Now()
	e.start()
	listening := time.Since(began)
	ready := e.ready()
	took := time.Since(began)
	if !ready || took > 10*time.Second {
		t.Errorf("ready: %t, after %s", ready, took)
	}
	r := e.scrape("/metrics")
	delete(r, "")
	if len(r) != organizations {
		t.Errorf("want %d organizations, have %d", organizations, len(r))
	}
	for name := range r {
		if h := r.healthOf(name)["members"]; !h.success {
			t.Errorf("%s: %+v", name, h)
		}
	}
	if have := s.count() - calls; have != 0 {
		t.Errorf("want no call, have %d", have)
	}
	t.Logf("the first start, with %d calls: ready after %s; the second, without a call: listening after %s, ready after %s; %d MiB",
		calls, first.Round(time.Millisecond), listening.Round(time.Millisecond), took.Round(time.Millisecond), e.memory("VmRSS"))
	e.stop()
}
