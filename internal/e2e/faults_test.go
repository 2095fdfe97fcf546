//go:build e2e

package e2e_test

import (
	"flag"
	"fmt"
	"maps"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/cloudorg-exporter/cloudorg_exporter/internal/sim"
)

var update = flag.Bool("update", false, "rewrite the generated tables in testdata")

// A cell is one fault at one endpoint, or at all of a cloud: an organization
// of its own, at a site of its own.
type cell struct {
	fault
	endpoint
	site *site
	want map[string]string // outcome, by collector

	step   string
	before map[string]float64 // what the organization says when all is well
	at     map[string]float64 // when each listing was read last, as the fault was first seen
	seen   time.Time          // when that was, or when it ended
	found  string             // the outcome, for the table

	probing atomic.Pointer[string] // what is wrong with a scrape in the meantime; nil: it has not ended
}

// probeOffset is how long a probe may take to render, with 500 organizations
// in trouble beside it.
func probeOffset() time.Duration { return allow(2*time.Second, time.Second/2) }

// probe scrapes the organization alone, with a short time to answer in.
func (c *cell) probe(exporter *child) {
	timeout := 2 * probeOffset() // less than a refresh may take
	var wrong string
	status, body, took, err := exporter.ask(http.MethodGet, "/probe?target="+url.QueryEscape(c.name()), timeout)
	if err == nil {
		_, err = parseReading(body)
	}
	switch {
	case err != nil || status != http.StatusOK:
		wrong = fmt.Sprintf("%s: probe: %d, %v", c.name(), status, err)
	case took > timeout:
		wrong = fmt.Sprintf("%s: the probe took %s, more than Prometheus waits", c.name(), took)
	}
	c.probing.Store(&wrong)
}

// name is the organization's.
func (c *cell) name() string { return c.cloud + " " + c.title + " " + c.fault.name }

// newCell makes the cell of a fault at an endpoint.
func newCell(t *testing.T, number int, f fault, e endpoint, ca *authority) *cell {
	c := &cell{fault: f, endpoint: e, step: "waits", want: map[string]string{}}
	for _, name := range collectorsOf(e.cloud) {
		c.want[name] = sameData
	}
	for _, other := range endpoints() {
		if other.cloud != e.cloud || !f.whole && other.path != e.path {
			continue
		}
		for _, name := range other.collectors {
			c.want[name] = f.want(other)
		}
	}
	c.site = newSite(t, e.cloud, number, nil)
	if f.tls {
		c.site.restart(ca.config(c.site.host(), time.Hour))
	}
	if f.socks {
		c.site.front = newSocks(t, c.site)
	}
	return c
}

// yaml is the organization in the configuration.
func (c *cell) yaml(ca *authority) string {
	var b strings.Builder
	fmt.Fprintf(&b, "  - name: %q\n    cloud: %s\n    base_url: %s\n    access_key: %s\n    secret_key: %s\n    collectors: [%s]\n",
		c.name(), c.cloud, c.site.url(), siteAccess, siteSecret, strings.Join(collectorsOf(c.cloud), ", "))
	switch {
	case c.tls:
		fmt.Fprintf(&b, "    http_client_config: {tls_config: {ca_file: %s}}\n", ca.file)
	case c.socks:
		fmt.Fprintf(&b, "    insecure_http: true\n    http_client_config: {proxy_url: 'socks5://%s'}\n", c.site.front.address)
	}
	if c.stale {
		b.WriteString("    max_stale: 6s\n")
	}
	return b.String()
}

// look compares a reading with what should be, and goes on to the next step if
// it is there. It returns what is wrong.
func (c *cell) look(r reading) string {
	h, data := r.healthOf(c.name()), r.dataOf(c.name())
	var wrong strings.Builder
	bad := func(format string, args ...any) {
		fmt.Fprintf(&wrong, "%s, %s: "+format+"\n", append([]any{c.name(), c.step}, args...)...)
	}
	for name, want := range c.want {
		switch {
		case !fails(want) || c.step == "waits":
			if h[name].reason != "" {
				bad("%s fails: %s", name, h[name].reason)
			}
		case h[name].reason != "" && h[name].reason != want:
			bad("%s: want %s, have %s", name, want, h[name].reason)
		}
	}
	good := !slices.ContainsFunc(collectorsOf(c.cloud), func(name string) bool { return !h[name].success })
	switch c.step {
	case "waits":
		if good {
			c.before, c.step = data, "begins"
			c.site.watch(c.path)
			c.begin(c.site, c.path)
		}
	case "begins":
		if !c.begun(h) {
			break
		}
		c.step, c.seen, c.at = "lasts", time.Now(), map[string]float64{}
		for name := range c.want {
			c.at[name] = h[name].at
		}
		c.checkData(data, bad)
	case "lasts":
		c.checkData(data, bad)
		for name, want := range c.want {
			if fails(want) && h[name].at != c.at[name] {
				bad("%s was read at %v, after %v", name, h[name].at, c.at[name])
			}
		}
		if !c.lasted(h, data) {
			break
		}
		wrong.WriteString(*c.probing.Load())
		c.checkQuiet(bad)
		c.step = "heals"
		if c.end != nil {
			c.end(c.site, c.path)
		} else {
			healAll(c.site, c.path)
		}
		c.seen = time.Now()
	case "heals":
		after := float64(c.seen.UnixMilli()) / 1e3
		if !good || slices.ContainsFunc(collectorsOf(c.cloud), func(name string) bool { return h[name].at < after }) {
			break
		}
		// Members that were not listed for a while have come and gone.
		if diff := difference(c.before, data, "cloudorg_member_transitions_total", "cloudorg_decode_warnings_total"); diff != "" {
			bad("it says something else than before:\n%s", diff)
		}
		c.step = "done"
	}
	return wrong.String()
}

// fails reports whether an outcome is a failure.
func fails(outcome string) bool { return outcome != sameData && outcome != otherData }

// anyFails reports whether the fault fails a listing.
func (c *cell) anyFails() bool {
	return slices.ContainsFunc(slices.Collect(maps.Values(c.want)), fails)
}

// begun reports whether the fault shows.
func (c *cell) begun(h map[string]health) bool {
	if !c.anyFails() { // the answer has come, and a refresh has ended since
		calls := c.site.calls()
		return len(calls) > 1 && h[c.collectors[len(c.collectors)-1]].at > float64(calls[0].UnixMilli())/1e3
	}
	for name, want := range c.want {
		if fails(want) && (h[name].reason != want || h[name].success) {
			return false
		}
	}
	return true
}

// lasted reports whether the fault has lasted for a probe and another refresh,
// which read all that can be read, and if need be until what was read before is
// too old.
func (c *cell) lasted(h map[string]health, data map[string]float64) bool {
	if c.probing.Load() == nil || time.Since(c.seen) < c.quiet || time.Now().Before(c.quietUntil) {
		return false
	}
	for name, want := range c.want {
		if !fails(want) {
			if h[name].at <= c.at[name] {
				return false
			}
		} else if c.stale && shows(data, name) {
			return false
		}
	}
	return time.Since(c.seen) > time.Second
}

// shows reports whether data has a collector's listing.
func shows(data map[string]float64, collector string) bool {
	for series := range data {
		if strings.HasPrefix(series, headline(collector)+"{") {
			return true
		}
	}
	return false
}

// checkData says in what the data is not what it was, unless it should not be.
func (c *cell) checkData(data map[string]float64, bad func(string, ...any)) {
	for name, want := range c.want {
		if want == otherData {
			c.found = otherData
			// An organization or version that is not there has no series.
			if name != "organization" && name != "api_version" && !shows(data, name) {
				bad("%s shows nothing", name)
			}
			return
		}
	}
	c.found = c.fault.want(c.endpoint)
	if c.stale {
		return
	}
	if diff := difference(c.before, data); diff != "" {
		bad("the last good data has changed:\n%s", diff)
	}
}

// checkQuiet says when the endpoint was asked though it had asked not to be.
func (c *cell) checkQuiet(bad func(string, ...any)) {
	calls := c.site.calls()
	for i, call := range calls {
		switch {
		case i > 0 && call.Sub(calls[i-1]) < c.quiet-10*time.Millisecond:
			bad("it was asked again after %s", call.Sub(calls[i-1]))
		case i > 0 && call.Before(c.quietUntil):
			bad("it was asked again %s early", c.quietUntil.Sub(call))
		}
	}
}

// maxMemory is how much the program may need for the 500 organizations of the
// matrix and their scrapes, in MiB.
const maxMemory = 400

// TestFaults combines every endpoint of both clouds with every fault.
func TestFaults(t *testing.T) {
	began := time.Now()
	forbidden, err := net.Listen("tcp", strings.Split(strings.TrimPrefix(otherHost, "http://"), "/")[0])
	if err != nil {
		t.Fatal(err)
	}
	go func() {
		_ = http.Serve(forbidden, http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			t.Errorf("the other host was asked for %s", r.URL)
		}))
	}()
	defer forbidden.Close()

	ca := newAuthority(t)
	all := faults(ca)
	var cells []*cell
	for _, f := range all {
		clouds := map[string]bool{}
		for _, e := range endpoints() {
			if !f.whole || !clouds[e.cloud] {
				clouds[e.cloud] = true
				cells = append(cells, newCell(t, len(cells), f, e, ca))
			}
		}
	}
	yaml := "defaults: {cache_ttl: 500ms, error_ttl: 500ms, refresh_timeout: 5s, rate_limit: 10000}\norganizations:\n"
	for _, c := range cells {
		yaml += c.yaml(ca)
	}
	exporter := startChild(t, buildChild(t), yaml, "--scrape.timeout-offset="+probeOffset().String())
	path := "/metrics?"
	for _, name := range []string{"organization", "groups", "members", "invitations", "received_invitations", "withdrawals", "policies", "api_version"} {
		path += "collect[]=" + name + "&"
	}
	var probes sync.WaitGroup
	defer probes.Wait()
	turns := make(chan struct{}, 8)
	most, slowest := 0, time.Duration(0)
	for deadline := time.Now().Add(2 * time.Minute); ; time.Sleep(100 * time.Millisecond) {
		start := time.Now()
		r := exporter.scrape(path)
		slowest = max(slowest, time.Since(start))
		most = max(most, exporter.memory("VmRSS"))
		waiting := 0
		for _, c := range cells {
			if c.step == "done" {
				continue
			}
			step := c.step
			if wrong := c.look(r); wrong != "" {
				t.Error(wrong)
				c.step = "done"
			}
			if step != c.step && c.step == "lasts" {
				probes.Go(func() {
					turns <- struct{}{}
					c.probe(exporter)
					<-turns
				})
			}
			if c.step != "done" {
				waiting++
			}
		}
		if waiting == 0 {
			break
		}
		if time.Now().After(deadline) {
			for _, c := range cells {
				if c.step != "done" {
					t.Errorf("%s: waited in vain while it %s: %v, %d calls", c.name(), c.step, r.healthOf(c.name()), len(c.site.calls()))
				}
			}
			break
		}
	}
	if most > maxMemory {
		t.Errorf("memory: want at most %d MiB, have %d", maxMemory, most)
	}
	t.Logf("%d organizations, %d cells, in %s; the slowest scrape %s, the most memory %d MiB", len(cells), len(all)*len(endpoints()), time.Since(began).Round(time.Second), slowest.Round(time.Millisecond), most)
	checkSilence(t, exporter, cells)
	document(t, "matrix", table(all, cells))
}

// checkSilence looks for secrets and personal data in all that the program
// shows and writes.
func checkSilence(t *testing.T, c *child, cells []*cell) {
	t.Helper()
	private := append(sim.Sample(time.Now()).PersonalData(), siteAccess, siteSecret, "@example.test", "k.example", "forged=line\n")
	for _, cell := range cells {
		if cell.site.signature != "" {
			private = append(private, cell.site.signature)
		}
	}
	shown := map[string]string{"the log": c.log.String()}
	paths := []string{"/metrics", "/config", "/sd", "/probe?target=" + strings.ReplaceAll(cells[0].name(), " ", "%20")}
	for page := 1; page <= 1+len(cells)/25; page++ {
		paths = append(paths, fmt.Sprintf("/?page=%d", page))
	}
	for _, path := range paths {
		status, body, _ := c.get(path)
		if status != http.StatusOK {
			t.Errorf("%s: %d", path, status)
		}
		shown[path] = string(body)
	}
	for where, text := range shown {
		if len(text) == 0 {
			t.Errorf("%s is empty", where)
		}
		for _, p := range private {
			if at := strings.Index(text, p); at >= 0 {
				t.Errorf("%s shows %q: …%s…", where, p, text[max(0, at-100):min(len(text), at+100)])
			}
		}
	}
}

// table is the matrix as Markdown: a row for each fault, a column for each
// endpoint.
func table(all []fault, cells []*cell) string {
	var b strings.Builder
	b.WriteString("| fault |")
	rule := "| --- |"
	for _, e := range endpoints() {
		fmt.Fprintf(&b, " %s %s |", e.cloud, e.title)
		rule += " --- |"
	}
	b.WriteString("\n" + rule + "\n")
	for _, f := range all {
		fmt.Fprintf(&b, "| %s |", f.name)
		for _, e := range endpoints() {
			found := ""
			for _, c := range cells {
				if c.fault.name == f.name && c.cloud == e.cloud && (c.path == e.path || f.whole) {
					found = c.found
					if f.whole {
						found = f.want(e)
					}
				}
			}
			fmt.Fprintf(&b, " %s |", found)
		}
		b.WriteString("\n")
	}
	return b.String()
}

// document compares a generated table with testdata/part.md, or writes it.
func document(t *testing.T, part, have string) {
	t.Helper()
	file := filepath.Join("testdata", part+".md")
	if *update && !t.Failed() {
		if err := os.WriteFile(file, []byte(have), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), have); diff != "" {
		t.Errorf("%s (-want +have), write it with -update:\n%s", file, diff)
	}
}

// A name that there is not is a fault of the network like others; a reload
// that corrects it is enough. Nothing is asked to find out: the top level
// domain is one that name servers never see (RFC 7686).
func TestNoSuchHost(t *testing.T) {
	s := newSite(t, "ncp", 1990, nil)
	c := &cell{endpoint: endpoints()[0], site: s}
	c.fault.name = "no such host"
	right := "defaults: {cache_ttl: 500ms, error_ttl: 500ms, refresh_timeout: 2s}\norganizations:\n" + c.yaml(nil)
	wrong := strings.Replace(right, s.url(), "http://nowhere.onion\n    insecure_http: true", 1)
	exporter := startChild(t, buildChild(t), wrong)
	until := func(what string, happened func(health) bool) {
		t.Helper()
		for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(50 * time.Millisecond) {
			all := exporter.scrape("/metrics").healthOf(c.name())
			good := 0
			for _, name := range collectorsOf("ncp") {
				if happened(all[name]) {
					good++
				}
			}
			if good == len(collectorsOf("ncp")) {
				return
			}
			if time.Now().After(deadline) {
				t.Fatalf("waited in vain until %s: %v\n%s", what, all, exporter.log.end())
			}
		}
	}
	until("all fail", func(h health) bool { return h.reason == "network" && !h.success })
	if !strings.Contains(exporter.log.String(), "no such host") {
		t.Errorf("the log does not say why:\n%s", exporter.log.end())
	}
	exporter.configure(right)
	if status, body, _, err := exporter.ask(http.MethodPost, "/-/reload", scrapeTimeout); status != http.StatusOK || err != nil {
		t.Fatalf("reload: %d %s %v", status, body, err)
	}
	until("all are read", func(h health) bool { return h.reason == "" && h.success })
}
