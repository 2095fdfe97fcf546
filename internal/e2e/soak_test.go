//go:build e2e

package e2e_test

// Many organizations with faults, reloads and key rotations at random times: no
// scrape fails and nothing leaks. The usage is in testdata/soak.md.

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/cloudorg-exporter/cloudorg_exporter/internal/sim"
)

var soakTime = flag.Duration("soak", time.Minute, "how long TestSoak lasts")

const (
	soakOrganizations = 50
	soakScrapers      = 20
	soakSeed          = 20261115
)

// A tenant is an organization of the soak test, whose keys change.
type tenant struct {
	name      string
	site      *site
	config    string // further lines of its configuration
	dir       string // of its key files
	temporary bool   // it is not in every configuration

	mu      sync.Mutex
	secrets []string // all of them, the latest last
}

// newTenant returns the tenant with a number. In its company a day passes every
// minute.
func newTenant(t *testing.T, number int, ca *authority) *tenant {
	t.Helper()
	a := apis()[number%len(apis())]
	simulated := newSimulator(t, a, sim.Config{
		Company: sim.Living(uint64(number), 6, 40), Clock: sim.Clock{Start: time.Now(), Speed: 1440},
	})
	n := &tenant{
		name: fmt.Sprintf("tenant-%d", number), dir: t.TempDir(), temporary: number%9 == 8, config: a.config,
		site: startSite(t, simulated, a, 2000+number),
	}
	for _, e := range a.endpoints {
		if e.config != "" && number%8 > 3 { // every second tenant of the API
			n.config = a.config + e.config
		}
	}
	if number%3 == 0 {
		n.site.restart(ca.config(n.site.host(), time.Hour))
	}
	n.rotate(t)
	return n
}

// rotate gives the tenant new keys.
func (n *tenant) rotate(t *testing.T) {
	n.mu.Lock()
	defer n.mu.Unlock()
	generation := len(n.secrets)
	access, secret := fmt.Sprintf("ACCESS%s%08d", n.name, generation), fmt.Sprintf("soak-secret-%s-%08d", n.name, generation)
	n.secrets = append(n.secrets, secret)
	n.site.truth.SetKeys(access, secret)
	for file, text := range map[string]string{"access": access, "secret": secret} {
		path := filepath.Join(n.dir, file)
		if err := os.WriteFile(path+".new", []byte(text+"\n"), 0o600); err != nil {
			t.Error(err)
		}
		if err := os.Rename(path+".new", path); err != nil {
			t.Error(err)
		}
	}
}

// soakYAML returns the configuration of some tenants. It differs in some of them
// from that of another generation.
func soakYAML(tenants []*tenant, generation int, ca *authority) string {
	var b strings.Builder
	b.WriteString("defaults: {cache_ttl: 1s, error_ttl: 1s, max_stale: 20s, refresh_timeout: 12s, rate_limit: 1000, concurrency: 2}\norganizations:\n")
	for i, n := range tenants {
		collectors := n.site.api.collectors
		if i == 0 {
			collectors = []string{"policies"}
		}
		fmt.Fprintf(&b, "  - name: %s\n    cloud: %s\n    base_url: %s\n    access_key_file: %s\n    secret_key_file: %s\n    max_items: %d\n    collectors: [%s]\n%s",
			n.name, n.site.api.cloud, n.site.url(), filepath.Join(n.dir, "access"), filepath.Join(n.dir, "secret"),
			100+generation*(1-min(1, (i+generation)%3)), strings.Join(collectors, ", "), n.config)
		if strings.HasPrefix(n.site.url(), "https") {
			fmt.Fprintf(&b, "    http_client_config: {tls_config: {ca_file: %s}}\n", ca.file)
		}
	}
	return b.String()
}

// A usage is what the program uses of the machine.
type usage struct {
	when                       string
	goroutines, files, sockets int
	heap                       int // KiB
	resident                   int // MiB
}

// usage measures an idle exporter.
func (e *exporter) usage(when string) usage {
	e.t.Helper()
	time.Sleep(300 * time.Millisecond)
	e.collectGarbage()
	own := e.scrape("/metrics")[""]
	sockets := 0
	dir := fmt.Sprintf("/proc/%d/fd", e.cmd.Process.Pid)
	files, err := os.ReadDir(dir)
	if err != nil {
		e.t.Fatal(err)
	}
	for _, f := range files {
		if target, err := os.Readlink(filepath.Join(dir, f.Name())); err == nil && strings.HasPrefix(target, "socket:") {
			sockets++
		}
	}
	return usage{
		when: when, goroutines: int(own["go_goroutines"]), files: len(files), sockets: sockets,
		heap: int(own["go_memstats_heap_alloc_bytes"]) >> 10, resident: e.memory("VmRSS"),
	}
}

// A scraper scrapes as Prometheus does. Counters must not fall from one scrape
// to the next.
type scraper struct {
	t        *testing.T
	exporter *exporter
	tenants  []*tenant
	random   *rand.Rand
	counters map[string]float64
	scrapes  atomic.Int64
	failed   atomic.Int64 // without a response in time
}

// scrape makes one scrape and checks it.
func (s *scraper) scrape(client *http.Client) {
	path, whole := "/metrics", true
	switch n := s.tenants[s.random.IntN(len(s.tenants))]; s.random.IntN(4) {
	case 0:
		if !n.temporary {
			path, whole = "/probe?target="+url.QueryEscape(n.name), false
		}
	case 1:
		path, whole = "/metrics?collect[]=members&collect[]=api_version", false
	}
	timeout := allow(8*time.Second, 5*time.Second) + time.Duration(s.random.IntN(6))*time.Second
	mine := *s.exporter
	mine.client = client
	status, body, took, err := mine.ask(http.MethodGet, path, timeout)
	s.scrapes.Add(1)
	if err != nil || status != http.StatusOK || took > timeout {
		s.failed.Add(1)
	}
	if err != nil || status != http.StatusOK {
		s.t.Errorf("%s: %s: %d after %s, %v: %.200s", time.Now().Format(time.TimeOnly), path, status, took, err, body)
		return
	}
	if took > timeout {
		s.t.Errorf("%s took %s, and Prometheus waits %s", path, took, timeout)
	}
	r, err := parseReading(body)
	if err != nil {
		s.t.Errorf("%s: %v", path, err)
		return
	}
	temporary := map[string]bool{}
	for _, n := range s.tenants {
		temporary[n.name] = n.temporary
	}
	for name, series := range r {
		if temporary[name] {
			continue // its counters start at 0 again
		}
		for key, value := range series {
			family := familyOf(key)
			if !strings.HasSuffix(family, "_total") && !strings.HasSuffix(family, "_count") && !strings.HasSuffix(family, "_bucket") {
				continue
			}
			if value < s.counters[key] {
				s.t.Errorf("%s: %s went from %v to %v", path, key, s.counters[key], value)
			}
			s.counters[key] = value
		}
		if whole && name != "" && len(series) < 10 {
			s.t.Errorf("%s has %d series only", name, len(series))
		}
	}
}

// TestSoak runs 50 organizations with faults, key rotations, reloads and scrapes
// at random times, and measures what the program uses before and after.
func TestSoak(t *testing.T) {
	ca := newAuthority(t)
	tenants := make([]*tenant, soakOrganizations)
	for i := range tenants {
		tenants[i] = newTenant(t, i+1, ca)
	}
	one, all := soakYAML(tenants[:1], 0, ca), soakYAML(tenants, 0, ca)
	exporter := startExporter(t, one, "--scrape.timeout-offset="+allow(4*time.Second, 2*time.Second).String())
	settle := func(want int) {
		t.Helper()
		waitFor(t, time.Minute, fmt.Sprintf("all collectors of %d organizations succeed", want), func() bool {
			r := exporter.scrape("/metrics")
			delete(r, "")
			for name := range r {
				for _, h := range r.healthOf(name) {
					if !h.success {
						return false
					}
				}
			}
			return len(r) == want
		})
	}
	settle(1)
	usages := []usage{exporter.usage("1 organization, before")}
	exporter.reload(all)
	settle(soakOrganizations)
	usages = append(usages, exporter.usage("50 organizations, before"))

	stop := make(chan struct{})
	var work, scraping sync.WaitGroup
	var begun, rotations, reloads, refused atomic.Int64
	sleep := func(d time.Duration) bool {
		timer := time.NewTimer(d)
		defer timer.Stop()
		select {
		case <-timer.C:
			return true
		case <-stop:
			return false
		}
	}
	for i, n := range tenants {
		random := rand.New(rand.NewPCG(soakSeed, uint64(i)))
		all := soakFaults(n.site.api, ca)
		work.Go(func() {
			for sleep(upTo(random, 4*time.Second)) {
				f, e := all[random.IntN(len(all))], n.site.api.endpoints[random.IntN(len(n.site.api.endpoints))]
				if f.want(e) == "" {
					continue
				}
				e.instance = "" // a group or unit of the sample
				f.begin(n.site, e)
				begun.Add(1)
				sleep(upTo(random, 3*time.Second))
				if f.end != nil {
					f.end(n.site, e)
				} else {
					healAll(n.site, e)
				}
			}
		})
	}
	work.Go(func() {
		random := rand.New(rand.NewPCG(soakSeed, 1001))
		for sleep(upTo(random, time.Second)) {
			tenants[random.IntN(len(tenants))].rotate(t)
			rotations.Add(1)
		}
	})
	work.Go(func() {
		random := rand.New(rand.NewPCG(soakSeed, 1002))
		for generation := 1; sleep(200*time.Millisecond + upTo(random, 2*time.Second)); generation++ {
			var configured []*tenant
			for _, n := range tenants {
				if !n.temporary || random.IntN(2) == 0 {
					configured = append(configured, n)
				}
			}
			yaml, want := soakYAML(configured, generation, ca), http.StatusOK
			if random.IntN(4) == 0 {
				yaml, want = yaml+"  - {name: tenant-1, cloud: ncp}\n", http.StatusInternalServerError
				refused.Add(1)
			}
			reloads.Add(1)
			exporter.configure(yaml)
			if random.IntN(4) == 0 { // a write in between would be read instead
				_ = exporter.cmd.Process.Signal(syscall.SIGHUP)
				sleep(200 * time.Millisecond) // the file is read by then
				continue
			}
			if status, body, _, err := exporter.ask(http.MethodPost, "/-/reload", scrapeTimeout); status != want || err != nil {
				t.Errorf("reload: want %d, have %d %s %v", want, status, body, err)
			}
		}
	})
	scrapers := make([]*scraper, soakScrapers)
	for i := range scrapers {
		s := &scraper{t: t, exporter: exporter, tenants: tenants, random: rand.New(rand.NewPCG(soakSeed, uint64(2000+i))), counters: map[string]float64{}}
		scrapers[i] = s
		scraping.Go(func() {
			client := &http.Client{Transport: &http.Transport{}}
			defer client.CloseIdleConnections()
			for sleep(upTo(s.random, 500*time.Millisecond)) {
				s.scrape(client)
			}
		})
	}
	time.Sleep(*soakTime)
	close(stop)
	work.Wait()
	scraping.Wait()

	for _, n := range tenants {
		n.site.truth.SetFault("*", sim.Fault{})
		n.site.instead.Store(nil)
	}
	exporter.reload(all)
	time.Sleep(13 * time.Second) // longer than a scrape takes whose client is gone
	settle(soakOrganizations)
	usages = append(usages, exporter.usage("50 organizations, after"))
	exporter.reload(one)
	settle(1)
	usages = append(usages, exporter.usage("1 organization, after"))

	var b strings.Builder
	b.WriteString("| | goroutines | file descriptors | of them sockets | heap, KiB | resident, MiB |\n| --- | --- | --- | --- | --- | --- |\n")
	for _, m := range usages {
		fmt.Fprintf(&b, "| %s | %d | %d | %d | %d | %d |\n", m.when, m.goroutines, m.files, m.sockets, m.heap, m.resident)
	}
	scrapes, failed := int64(0), int64(0)
	for _, s := range scrapers {
		scrapes += s.scrapes.Load()
		failed += s.failed.Load()
	}
	var kinds []string
	calls := 0
	for _, a := range apis() {
		count := 0
		for _, n := range tenants {
			if n.site.api.name == a.name {
				count++
				calls += n.site.count()
			}
		}
		kinds = append(kinds, fmt.Sprintf("%d of %s", count, a.name))
	}
	fmt.Fprintf(&b, "\n%s: %d organizations (%s), %d faults, %d key rotations, %d reloads of which %d were refused, %d API calls, %d scrapes of which %d failed.\n",
		*soakTime, len(tenants), strings.Join(kinds, ", "), begun.Load(), rotations.Load(), reloads.Load(), refused.Load(), calls, scrapes, failed)
	t.Log("\n" + b.String())
	checkUsages(t, usages)
	log := exporter.log.String()
	for _, n := range tenants {
		for _, secret := range n.secrets {
			if strings.Contains(log, secret) {
				t.Errorf("the log shows %s", secret)
			}
		}
	}
	if strings.Contains(log, "panic") || strings.Contains(log, "@example.test") {
		t.Errorf("the log: %s", exporter.log.end())
	}
	if *update {
		checkTable(t, "soak", b.String())
	}
}

// checkUsages compares the usage after the soak with that before.
func checkUsages(t *testing.T, m []usage) {
	t.Helper()
	const connections = 3 * soakOrganizations // concurrency is 2; one more may not be idle yet
	before, fifty, fiftyAfter, after := m[0], m[1], m[2], m[3]
	if after.goroutines > before.goroutines+3 || after.files > before.files+2 || after.sockets > before.sockets+2 || after.heap > before.heap+8<<10 {
		t.Errorf("one organization uses more than before: %+v, before %+v", after, before)
	}
	if fiftyAfter.sockets > before.sockets+connections || fiftyAfter.goroutines > before.goroutines+2*connections+3 || fiftyAfter.heap > fifty.heap+16<<10 {
		t.Errorf("fifty organizations use more than before: %+v, before %+v", fiftyAfter, fifty)
	}
}

// soakFaults returns the faults that any site can have, whatever its company.
func soakFaults(a *api, ca *authority) (chosen []fault) {
	for _, f := range faults(a, ca) {
		if f.tls || f.socks || f.replaces {
			continue
		}
		chosen = append(chosen, f)
	}
	return chosen
}
