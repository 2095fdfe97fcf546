//go:build e2e

package e2e_test

// Every fault at every endpoint: the reason that is shown, the data that is served
// meanwhile, and the recovery. The outcomes are in testdata/matrix.md.

import (
	"context"
	"errors"
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
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/cloudorg-exporter/cloudorg_exporter/internal/sim"
)

var update = flag.Bool("update", false, "rewrite the generated tables in testdata")

// A cell is one fault at one endpoint, or at all endpoints of a cloud. It has
// an organization and a site of its own.
type cell struct {
	fault
	endpoint
	site *site
	want map[string]string // outcome, by collector
}

// name returns the name of the organization.
func (c *cell) name() string { return c.site.api.name + " " + c.title + " " + c.fault.name }

// newCell makes the cell of a fault at an endpoint.
func newCell(t *testing.T, number int, a *api, f fault, e endpoint, ca *authority) *cell {
	c := &cell{fault: f, endpoint: e, want: map[string]string{}}
	for _, name := range a.collectors {
		c.want[name] = sameData
	}
	for _, other := range a.endpoints {
		if !f.whole && other.title != e.title {
			continue
		}
		for _, name := range other.collectors {
			c.want[name] = f.want(other)
		}
	}
	c.site = newSite(t, a.name, number)
	if f.tls {
		c.site.restart(ca.config(c.site.host(), time.Hour))
	}
	if f.socks {
		c.site.front = newSocks(t, c.site)
	}
	return c
}

// yaml returns the organization's configuration.
func (c *cell) yaml(ca *authority) string {
	text := organization(c.name(), c.site) + c.config
	switch {
	case c.tls:
		text += fmt.Sprintf("    http_client_config: {tls_config: {ca_file: %s}}\n", ca.file)
	case c.socks:
		text += fmt.Sprintf("    insecure_http: true\n    http_client_config: {proxy_url: 'socks5://%s'}\n", c.site.front.address)
	}
	if c.pastMaxStale {
		text += "    max_stale: " + c.site.api.maxStale + "\n"
	}
	return text
}

// A view is what one reading shows of a cell's organization.
type view struct {
	health map[string]health // by collector
	data   map[string]float64
}

// healthy reports whether every collector of the API succeeds.
func (v view) healthy(a *api) bool {
	return !slices.ContainsFunc(a.collectors, func(name string) bool { return !v.health[name].success })
}

// run takes the cell through its phases: healthy, the fault shows, the fault
// lasts, healthy again. It returns what is wrong, and the outcome for
// the table.
func (c *cell) run(ctx context.Context, all *feed, probe func(organization string) error) (outcome string, err error) {
	healthy, err := c.wait(ctx, all, "all collectors succeed", c.noneFails, func(v view) bool { return v.healthy(c.site.api) })
	if err != nil {
		return "", err
	}
	c.site.watch(c.endpoint)
	c.begin(c.site, c.endpoint)
	first, err := c.wait(ctx, all, "the fault shows", c.onlyWantedFail, c.shows)
	if err != nil {
		return "", err
	}
	shown := time.Now()
	if outcome, err = c.checkData(healthy, first); err != nil {
		return "", err
	}
	if err := probe(c.name()); err != nil {
		return "", err
	}
	lasting := func(v view) error {
		_, err := c.checkData(healthy, v)
		return errors.Join(c.onlyWantedFail(v), err, c.notRead(first, v))
	}
	if _, err := c.wait(ctx, all, "the fault has lasted", lasting, func(v view) bool { return c.lasted(shown, first, v) }); err != nil {
		return "", err
	}
	if err := c.checkRetryAfter(); err != nil {
		return "", err
	}
	if c.end != nil {
		c.end(c.site, c.endpoint)
	} else {
		healAll(c.site, c.endpoint)
	}
	ended := float64(time.Now().UnixMilli()) / 1e3
	last, err := c.wait(ctx, all, "all collectors succeed again", c.onlyWantedFail, func(v view) bool {
		return v.healthy(c.site.api) && !slices.ContainsFunc(c.site.api.collectors, func(name string) bool { return v.health[name].at < ended })
	})
	if err != nil {
		return "", err
	}
	// Members that were not listed for a while have come and gone.
	if diff := difference(healthy.data, last.data, "cloudorg_member_transitions_total", "cloudorg_decode_warnings_total"); diff != "" {
		return "", fmt.Errorf("the data differs from that before the fault:\n%s", diff)
	}
	return outcome, nil
}

// wait waits for a reading in which a phase is reached. Until then, each
// reading must pass the check.
func (c *cell) wait(ctx context.Context, all *feed, phase string, check func(view) error, reached func(view) bool) (v view, err error) {
	for {
		r, err := all.next(ctx)
		if err != nil {
			return v, fmt.Errorf("waiting until %s: %w: %v, %d calls", phase, err, v.health, len(c.site.calls()))
		}
		v = view{r.healthOf(c.name()), r.dataOf(c.name())}
		if err := check(v); err != nil {
			return v, fmt.Errorf("waiting until %s: %w", phase, err)
		}
		if reached(v) {
			return v, nil
		}
	}
}

// noneFails returns an error for each collector that fails.
func (c *cell) noneFails(v view) (err error) {
	for name, h := range v.health {
		if h.reason != "" {
			err = errors.Join(err, fmt.Errorf("%s fails: %s", name, h.reason))
		}
	}
	return err
}

// onlyWantedFail returns an error for each collector that fails and should not,
// or fails for another reason.
func (c *cell) onlyWantedFail(v view) (err error) {
	for name, want := range c.want {
		have := v.health[name].reason
		if have != "" && (!fails(want) || have != want) {
			err = errors.Join(err, fmt.Errorf("%s: want %s, have %s", name, want, have))
		}
	}
	return err
}

// fails reports whether an outcome is a failure.
func fails(outcome string) bool { return outcome != sameData && outcome != otherData }

// shows reports whether a view was made under the fault.
func (c *cell) shows(v view) bool {
	if !slices.ContainsFunc(slices.Collect(maps.Values(c.want)), fails) {
		// A refresh has ended since the endpoint was called.
		calls := c.site.calls()
		return len(calls) > 1 && v.health[c.collectors[len(c.collectors)-1]].at > float64(calls[0].UnixMilli())/1e3
	}
	for name, want := range c.want {
		if fails(want) && (v.health[name].reason != want || v.health[name].success) {
			return false
		}
	}
	return true
}

// notRead returns an error for each listing that was read although it should
// fail.
func (c *cell) notRead(first, v view) (err error) {
	for name, want := range c.want {
		if fails(want) && v.health[name].at != first.health[name].at {
			err = errors.Join(err, fmt.Errorf("%s was read at %v, after %v", name, v.health[name].at, first.health[name].at))
		}
	}
	return err
}

// lasted reports whether the fault has lasted for another refresh that read all
// that can be read, for its Retry-After, and past max_stale if it should.
func (c *cell) lasted(shown time.Time, first, v view) bool {
	if time.Since(shown) < max(c.retryAfter, time.Second) || time.Now().Before(c.retryAt) {
		return false
	}
	for name, want := range c.want {
		if !fails(want) {
			if v.health[name].at <= first.health[name].at {
				return false
			}
		} else if c.pastMaxStale && present(v.data, name) {
			return false
		}
	}
	return true
}

// present reports whether data has a collector's listing.
func present(data map[string]float64, collector string) bool {
	for series := range data {
		if strings.HasPrefix(series, headlines()[collector]+"{") {
			return true
		}
	}
	return false
}

// checkData compares the data under the fault with the data before it, and
// returns the outcome for the table.
func (c *cell) checkData(before, v view) (outcome string, err error) {
	for name, want := range c.want {
		if want != otherData {
			continue
		}
		if !slices.Contains(c.site.api.noSeries, name) && !present(v.data, name) {
			return "", fmt.Errorf("no data of %s", name)
		}
		return otherData, nil
	}
	outcome = c.fault.want(c.endpoint)
	if c.pastMaxStale {
		return outcome, nil
	}
	if diff := difference(before.data, v.data); diff != "" {
		return "", fmt.Errorf("the last good data has changed:\n%s", diff)
	}
	return outcome, nil
}

// checkRetryAfter returns an error for each call that was made before the
// endpoint's Retry-After had passed.
func (c *cell) checkRetryAfter() (err error) {
	calls := c.site.calls()
	for i := 1; i < len(calls); i++ {
		switch wait := calls[i].Sub(calls[i-1]); {
		case wait < c.retryAfter-10*time.Millisecond:
			err = errors.Join(err, fmt.Errorf("called again after %s", wait))
		case calls[i].Before(c.retryAt):
			err = errors.Join(err, fmt.Errorf("called again %s early", c.retryAt.Sub(calls[i])))
		}
	}
	return err
}

// A feed hands the latest reading to many cells.
type feed struct {
	mu      sync.Mutex
	latest  reading
	changed chan struct{} // closed when there is a new reading
}

// publish makes r the latest reading.
func (f *feed) publish(r reading) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.latest = r
	close(f.changed)
	f.changed = make(chan struct{})
}

// next waits for a reading that is published after the call.
func (f *feed) next(ctx context.Context) (reading, error) {
	f.mu.Lock()
	changed := f.changed
	f.mu.Unlock()
	select {
	case <-changed:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.latest, nil
}

// probeOffset is how long a probe may take to render, with 500 organizations
// in trouble beside it.
func probeOffset() time.Duration { return allow(2*time.Second, time.Second/2) }

// checkProbe scrapes an organization alone, with a timeout that is shorter than
// a refresh may take.
func (e *exporter) checkProbe(organization string) error {
	timeout := 2 * probeOffset()
	status, body, took, err := e.ask(http.MethodGet, "/probe?target="+url.QueryEscape(organization), timeout)
	if err == nil {
		_, err = parseReading(body)
	}
	switch {
	case err != nil || status != http.StatusOK:
		return fmt.Errorf("probe: %d, %w", status, err)
	case took > timeout:
		return fmt.Errorf("the probe took %s, more than Prometheus waits", took)
	}
	return nil
}

// maxMemory is how much the program may need for an organization of the matrix,
// with its part of the scrapes, in KiB.
const maxMemory = 800

// TestFaults combines every endpoint of the APIs with every fault.
func TestFaults(t *testing.T) {
	forbidden, err := net.Listen("tcp", strings.Split(strings.TrimPrefix(otherHost, "http://"), "/")[0])
	if err != nil {
		t.Fatal(err)
	}
	go func() {
		_ = http.Serve(forbidden, http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			t.Errorf("a redirect was followed to %s", r.URL)
		}))
	}()
	defer forbidden.Close()

	ca := newAuthority(t)
	m := make(matrix, len(apis()))
	for i, a := range apis() {
		t.Run(a.name, func(t *testing.T) { m[i] = runFaults(t, a, ca, 4000+1000*i) })
	}
	if !slices.ContainsFunc(m, func(r results) bool { return r.api == nil }) { // all have been run
		checkTable(t, "matrix", m.table())
	}
}

// results are the outcomes of all faults at all endpoints of an API.
type results struct {
	*api
	faults   []string             // in their order
	outcomes map[[2]string]string // by the title of the endpoint and the name of the fault
}

// runFaults runs all cells of an API at once, with one exporter. The sites get
// the numbers from first on.
func runFaults(t *testing.T, a *api, ca *authority, first int) results {
	t.Helper()
	began := time.Now()
	var cells []*cell
	combinations := 0
	yaml := "defaults: {" + a.defaults + "}\norganizations:\n"
	all := faults(a, ca)
	for _, f := range all {
		whole := false
		for _, e := range a.endpoints {
			if f.want(e) == "" {
				continue
			}
			combinations++
			if whole {
				continue
			}
			whole = f.whole
			c := newCell(t, first+len(cells), a, f, e, ca)
			cells = append(cells, c)
			yaml += c.yaml(ca)
		}
	}
	exporter := startExporter(t, yaml, "--scrape.timeout-offset="+probeOffset().String())

	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	readings := &feed{changed: make(chan struct{})}
	probes := make(chan struct{}, 8) // at once
	outcomes := make([]string, len(cells))
	var running sync.WaitGroup
	for i, c := range cells {
		running.Go(func() {
			var err error
			outcomes[i], err = c.run(ctx, readings, func(organization string) error {
				probes <- struct{}{}
				defer func() { <-probes }()
				return exporter.checkProbe(organization)
			})
			if err != nil {
				t.Errorf("%s: %v", c.name(), err)
			}
		})
	}
	finished := make(chan struct{})
	go func() {
		running.Wait()
		close(finished)
	}()

	path := "/metrics?collect[]=" + strings.Join(a.collectors, "&collect[]=")
	memory, slowest := 0, time.Duration(0)
	for done := false; !done; {
		start := time.Now()
		readings.publish(exporter.scrape(path))
		slowest = max(slowest, time.Since(start))
		memory = max(memory, exporter.memory("VmRSS"))
		select {
		case <-finished:
			done = true
		case <-time.After(100 * time.Millisecond):
		}
	}
	if limit := len(cells) * maxMemory >> 10; memory > limit {
		t.Errorf("memory: want at most %d MiB, have %d", limit, memory)
	}
	t.Logf("%d endpoints, %d faults, %d combinations, %d organizations, in %s; the slowest scrape %s, the most memory %d MiB", len(a.endpoints),
		len(all), combinations, len(cells), time.Since(began).Round(time.Second), slowest.Round(time.Millisecond), memory)
	checkSilence(t, exporter, a, cells)

	r := results{api: a, outcomes: map[[2]string]string{}}
	for _, f := range all {
		r.faults = append(r.faults, f.name)
	}
	for i, c := range cells {
		for _, e := range a.endpoints {
			switch at := [2]string{e.title, c.fault.name}; {
			case c.whole && outcomes[i] != "":
				r.outcomes[at] = c.fault.want(e)
			case e.title == c.title:
				r.outcomes[at] = outcomes[i]
			}
		}
	}
	return r
}

// A matrix is the results of all APIs.
type matrix []results

// table returns the outcomes as a Markdown table with a row for each fault.
func (m matrix) table() string {
	var rows []string
	for _, r := range m {
		at := 0 // faults that an API does not have stay between those that it has
		for _, f := range r.faults {
			if i := slices.Index(rows, f); i >= 0 {
				at = i + 1
				continue
			}
			rows = slices.Insert(rows, at, f)
			at++
		}
	}
	var b strings.Builder
	b.WriteString("| fault |" + columns())
	for _, f := range rows {
		outcome := func(i int, e endpoint) string { return m[i].outcomes[[2]string{e.title, f}] }
		fmt.Fprintf(&b, "| %s |%s", f, byAPI(outcome))
	}
	return b.String()
}

// checkSilence looks for secrets and personal data in all that the program
// shows and writes.
func checkSilence(t *testing.T, e *exporter, a *api, cells []*cell) {
	t.Helper()
	private := append(sim.Sample(time.Now()).PersonalData(), siteAccess, siteSecret, "@example.test", "k.example", "forged=line\n")
	private = append(private, a.private...)
	var signatures []string
	own := map[string]string{} // signature, by the page of its organization
	shown := map[string]string{"the log": e.log.String()}
	paths := []string{"/", "/metrics", "/config", "/sd", "/probe?target=" + url.QueryEscape(cells[0].name())}
	for _, c := range cells {
		path := "/organization?name=" + url.QueryEscape(c.name())
		paths = append(paths, path)
		if c.site.signature == "" {
			t.Errorf("%s: no signed call", c.name())
		}
		signatures, own[path] = append(signatures, c.site.signature), c.site.signature
	}
	for page := 1; page <= 1+len(cells)/25; page++ {
		paths = append(paths, fmt.Sprintf("/?page=%d", page))
	}
	for _, path := range paths {
		status, body, _ := e.get(path)
		if status != http.StatusOK {
			t.Errorf("%s: %d", path, status)
		}
		shown[path] = string(body)
	}
	for where, text := range shown {
		if len(text) == 0 {
			t.Errorf("%s is empty", where)
		}
		secrets := signatures
		if signature, ok := own[where]; ok {
			secrets = []string{signature}
		}
		for _, p := range slices.Concat(private, secrets) {
			if at := strings.Index(text, p); at >= 0 {
				t.Errorf("%s shows %q: …%s…", where, p, text[max(0, at-100):min(len(text), at+100)])
			}
		}
	}
}

// columns returns the end of the first lines of a table, for rows by byAPI.
func columns() (header string) {
	for _, a := range apis() {
		header += " " + a.name + " |"
	}
	return header + " exceptions |\n" + strings.Repeat("| --- ", len(apis())+2) + "|\n"
}

// byAPI returns the end of a table's row: the most frequent outcome of each API,
// and the endpoints with another one. outcome gets the number of the API; it is
// empty for an endpoint that the row does not apply to.
func byAPI(outcome func(i int, e endpoint) string) string {
	row, exceptions := "", []string{}
	for i, a := range apis() {
		times, most := map[string]int{}, "–"
		for _, e := range a.endpoints {
			if o := outcome(i, e); o != "" {
				times[o]++
				if times[o] > times[most] {
					most = o
				}
			}
		}
		row += " " + most + " |"
		for _, e := range a.endpoints {
			if o := outcome(i, e); o != "" && o != most {
				exceptions = append(exceptions, fmt.Sprintf("%s %s: %s", a.name, e.title, o))
			}
		}
	}
	return row + " " + strings.Join(exceptions, ", ") + " |\n"
}

// checkTable compares a table with testdata/name.md, or writes it.
func checkTable(t *testing.T, name, have string) {
	t.Helper()
	file := filepath.Join("testdata", name+".md")
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

// A host name that does not resolve is a network error; a reload that corrects
// it is enough. No name server is called: none sees the top-level domain onion
// (RFC 7686).
func TestNoSuchHost(t *testing.T) {
	t.Parallel()
	s := newSite(t, "ncp", 1990)
	right := "defaults: {cache_ttl: 500ms, error_ttl: 500ms, refresh_timeout: 2s}\norganizations:\n" + organization("acme", s)
	wrong := strings.Replace(right, s.url(), "http://nowhere.onion\n    insecure_http: true", 1)
	exporter := startExporter(t, wrong)
	all := func(state func(health) bool) func() bool {
		return func() bool {
			have := exporter.scrape("/metrics").healthOf("acme")
			return !slices.ContainsFunc(s.api.collectors, func(name string) bool { return !state(have[name]) })
		}
	}
	waitFor(t, 20*time.Second, "every collector fails", all(func(h health) bool { return h.reason == "network" && !h.success }))
	waitFor(t, 5*time.Second, "the log says why", func() bool { // the test reads it later than the metrics
		return len(exporter.log.lines("collector failed", "address nowhere.onion", "check base_url, DNS")) > 0
	})
	exporter.reload(right)
	waitFor(t, 20*time.Second, "every collector succeeds", all(func(h health) bool { return h.reason == "" && h.success }))
}
