//go:build e2e

package e2e_test

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

// A tenant is an organization of the soak test, with keys that change.
type tenant struct {
	name  string
	site  *site
	dir   string // of its key files
	guest bool   // it comes and goes
	sim   simulator

	mu      sync.Mutex
	secrets []string // all there have been
}

// newTenant makes the number'th of them. Its company lives: a day passes every
// minute.
func newTenant(t *testing.T, number int, ca *authority) *tenant {
	t.Helper()
	cloud := "ncp"
	if number%5 > 2 {
		cloud = "scp"
	}
	clock := sim.Clock{Start: time.Now(), Speed: 1440}
	company := sim.Living(uint64(number), 6, 40)
	n := &tenant{name: fmt.Sprintf("tenant-%d", number), dir: t.TempDir(), guest: number%10 == 9}
	if cloud == "scp" {
		n.sim = sim.NewSCP(sim.Config{Company: company, Clock: clock, Unexpected: t.Errorf})
	} else {
		n.sim = sim.NewNCP(sim.Config{Company: company, Clock: clock, Unexpected: t.Errorf})
	}
	t.Cleanup(n.sim.Close)
	n.site = newSite(t, cloud, 2000+number, nil)
	if number%4 == 0 {
		n.site.restart(ca.config(n.site.host(), time.Hour))
	}
	n.site.truth.Close()
	n.site.truth = n.sim
	n.site.now.Store(&n.site.truth)
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
	n.sim.SetKeys(access, secret)
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

// soakYAML is the configuration of some tenants; other generations limit some
// of them differently.
func soakYAML(tenants []*tenant, generation int, ca *authority) string {
	var b strings.Builder
	b.WriteString("defaults: {cache_ttl: 1s, error_ttl: 1s, max_stale: 20s, refresh_timeout: 12s, rate_limit: 1000, concurrency: 2}\norganizations:\n")
	for i, n := range tenants {
		fmt.Fprintf(&b, "  - {name: %s, cloud: %s, base_url: '%s', access_key_file: %s, secret_key_file: %s, max_items: %d",
			n.name, n.site.cloud, n.site.url(), filepath.Join(n.dir, "access"), filepath.Join(n.dir, "secret"), 100+generation*(1-min(1, (i+generation)%3)))
		if i == 0 {
			b.WriteString(", collectors: [policies]")
		}
		if strings.HasPrefix(n.site.url(), "https") {
			fmt.Fprintf(&b, ", http_client_config: {tls_config: {ca_file: %s}}", ca.file)
		}
		b.WriteString("}\n")
	}
	return b.String()
}

// A measure is what the program has of the machine.
type measure struct {
	name                                 string
	goroutines, files, sockets, heap, ms int
}

// measure looks at the child when it has nothing to do.
func (c *child) measure(name string) measure {
	c.t.Helper()
	time.Sleep(300 * time.Millisecond)
	c.collectGarbage()
	own := c.scrape("/metrics")[""]
	sockets := 0
	dir := fmt.Sprintf("/proc/%d/fd", c.cmd.Process.Pid)
	files, err := os.ReadDir(dir)
	if err != nil {
		c.t.Fatal(err)
	}
	for _, f := range files {
		if target, err := os.Readlink(filepath.Join(dir, f.Name())); err == nil && strings.HasPrefix(target, "socket:") {
			sockets++
		}
	}
	return measure{
		name: name, goroutines: int(own["go_goroutines"]), files: len(files), sockets: sockets,
		heap: int(own["go_memstats_heap_alloc_bytes"]) >> 10, ms: c.memory("VmRSS"),
	}
}

// A scraper scrapes as Prometheus does and does not forget.
type scraper struct {
	t       *testing.T
	exposed *child
	tenants []*tenant
	dice    *rand.Rand
	last    map[string]float64 // counters
	scrapes atomic.Int64
}

// scrape makes one scrape and checks it.
func (s *scraper) scrape(client *http.Client) {
	path, whole := "/metrics", true
	switch n := s.tenants[s.dice.IntN(len(s.tenants))]; s.dice.IntN(4) {
	case 0:
		if !n.guest {
			path, whole = "/probe?target="+url.QueryEscape(n.name), false
		}
	case 1:
		path, whole = "/metrics?collect[]=members&collect[]=api_version", false
	}
	timeout := allow(8*time.Second, 5*time.Second) + time.Duration(s.dice.IntN(6))*time.Second
	mine := *s.exposed
	mine.client = client
	status, body, took, err := mine.ask(http.MethodGet, path, timeout)
	s.scrapes.Add(1)
	if err != nil || status != http.StatusOK {
		s.t.Errorf("%s: %d, %v: %.200s", path, status, err, body)
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
	guests := map[string]bool{}
	for _, n := range s.tenants {
		guests[n.name] = n.guest
	}
	for name, series := range r {
		if guests[name] {
			continue // what has come back counts from 0
		}
		for key, value := range series {
			family, _, _ := strings.Cut(key, "{")
			if !strings.HasSuffix(family, "_total") && !strings.HasSuffix(family, "_count") && !strings.HasSuffix(family, "_bucket") {
				continue
			}
			if value < s.last[key] {
				s.t.Errorf("%s: %s went from %v to %v", path, key, s.last[key], value)
			}
			s.last[key] = value
		}
		if whole && name != "" && len(series) < 10 {
			s.t.Errorf("%s has %d series only", name, len(series))
		}
	}
}

// TestSoak lets everything happen at once, for a while, and looks at what is
// left of it.
func TestSoak(t *testing.T) {
	ca := newAuthority(t)
	tenants := make([]*tenant, soakOrganizations)
	for i := range tenants {
		tenants[i] = newTenant(t, i+1, ca)
	}
	one, all := soakYAML(tenants[:1], 0, ca), soakYAML(tenants, 0, ca)
	exporter := startChild(t, buildChild(t), one, "--scrape.timeout-offset="+allow(4*time.Second, 2*time.Second).String())
	reload := func(yaml string) {
		exporter.configure(yaml)
		if status, body, _, err := exporter.ask(http.MethodPost, "/-/reload", scrapeTimeout); status != http.StatusOK || err != nil {
			t.Fatalf("reload: %d %s %v", status, body, err)
		}
	}
	settle := func(want int) {
		t.Helper()
		for deadline := time.Now().Add(time.Minute); ; time.Sleep(200 * time.Millisecond) {
			good, listings, bad := map[string]bool{}, 0, ""
			for name := range exporter.scrape("/metrics") {
				if name != "" {
					good[name] = true
				}
			}
			r := exporter.scrape("/metrics")
			for name := range good {
				for collector, h := range r.healthOf(name) {
					listings++
					if !h.success && collector != "" {
						bad += " " + name + "/" + collector + ":" + h.reason
					}
				}
			}
			if len(good) == want && bad == "" {
				return
			}
			if time.Now().After(deadline) {
				t.Fatalf("%d organizations of %d, %d listings, of which fail%s", len(good), want, listings, bad)
			}
		}
	}
	settle(1)
	measures := []measure{exporter.measure("1 organization, before")}
	reload(all)
	settle(soakOrganizations)
	measures = append(measures, exporter.measure("50 organizations, before"))

	stop := make(chan struct{})
	var work, scraping sync.WaitGroup
	var broken, rotations, reloads, refused atomic.Int64
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
	upTo := func(dice *rand.Rand, d time.Duration) time.Duration { return time.Duration(dice.Int64N(int64(d))) }
	chosen := soakFaults(ca)
	for i, n := range tenants {
		dice := rand.New(rand.NewPCG(soakSeed, uint64(i)))
		mine := map[string]bool{}
		var paths []string
		for _, e := range endpoints() {
			if e.cloud == n.site.cloud && !mine[e.path] {
				mine[e.path] = true
				path := e.path
				if path == oneGroup {
					path = "/account/group/*"
				}
				paths = append(paths, path)
			}
		}
		work.Go(func() {
			for sleep(upTo(dice, 4*time.Second)) {
				f, path := chosen[dice.IntN(len(chosen))], paths[dice.IntN(len(paths))]
				f.begin(n.site, path)
				broken.Add(1)
				sleep(upTo(dice, 3*time.Second))
				if f.end != nil {
					f.end(n.site, path)
				} else {
					healAll(n.site, path)
				}
			}
		})
	}
	work.Go(func() {
		dice := rand.New(rand.NewPCG(soakSeed, 1001))
		for sleep(upTo(dice, time.Second)) {
			tenants[dice.IntN(len(tenants))].rotate(t)
			rotations.Add(1)
		}
	})
	work.Go(func() {
		dice := rand.New(rand.NewPCG(soakSeed, 1002))
		for generation := 1; sleep(200*time.Millisecond + upTo(dice, 2*time.Second)); generation++ {
			var there []*tenant
			for _, n := range tenants {
				if !n.guest || dice.IntN(2) == 0 {
					there = append(there, n)
				}
			}
			yaml, want := soakYAML(there, generation, ca), http.StatusOK
			if dice.IntN(4) == 0 {
				yaml, want = yaml+"  - {name: tenant-1, cloud: ncp}\n", http.StatusInternalServerError
				refused.Add(1)
			}
			reloads.Add(1)
			exporter.configure(yaml)
			if dice.IntN(4) == 0 { // a write in between would be read instead
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
		s := &scraper{t: t, exposed: exporter, tenants: tenants, dice: rand.New(rand.NewPCG(soakSeed, uint64(2000+i))), last: map[string]float64{}}
		scrapers[i] = s
		scraping.Go(func() {
			client := &http.Client{Transport: &http.Transport{}}
			defer client.CloseIdleConnections()
			for sleep(upTo(s.dice, 500*time.Millisecond)) {
				s.scrape(client)
			}
		})
	}
	time.Sleep(*soakTime)
	close(stop)
	work.Wait()
	scraping.Wait()

	for _, n := range tenants {
		n.sim.SetFault("*", sim.Fault{})
		n.site.instead.Store(nil)
	}
	reload(all)
	time.Sleep(13 * time.Second) // longer than a scrape that nobody waits for any more
	settle(soakOrganizations)
	measures = append(measures, exporter.measure("50 organizations, after"))
	reload(one)
	settle(1)
	measures = append(measures, exporter.measure("1 organization, after"))

	var b strings.Builder
	b.WriteString("| | goroutines | file descriptors | of them sockets | heap, KiB | resident, MiB |\n| --- | --- | --- | --- | --- | --- |\n")
	for _, m := range measures {
		fmt.Fprintf(&b, "| %s | %d | %d | %d | %d | %d |\n", m.name, m.goroutines, m.files, m.sockets, m.heap, m.ms)
	}
	scrapes := int64(0)
	for _, s := range scrapers {
		scrapes += s.scrapes.Load()
	}
	fmt.Fprintf(&b, "\n%s: %d faults, %d key rotations, %d reloads of which %d were refused, %d scrapes, none failed.\n",
		*soakTime, broken.Load(), rotations.Load(), reloads.Load(), refused.Load(), scrapes)
	t.Log("\n" + b.String())
	checkMeasures(t, measures)
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
		document(t, "soak", b.String())
	}
}

// checkMeasures compares what is left with what there was.
func checkMeasures(t *testing.T, m []measure) {
	t.Helper()
	const connections = 3 * soakOrganizations // two at once, and one that is not yet idle when it is time for the next
	before, fifty, fiftyAfter, after := m[0], m[1], m[2], m[3]
	if after.goroutines > before.goroutines+3 || after.files > before.files+2 || after.sockets > before.sockets+2 || after.heap > before.heap+8<<10 {
		t.Errorf("of fifty organizations that are gone, something is left: %+v, before %+v", after, before)
	}
	if fiftyAfter.sockets > before.sockets+connections || fiftyAfter.goroutines > before.goroutines+2*connections+3 || fiftyAfter.heap > fifty.heap+16<<10 {
		t.Errorf("fifty organizations need more than before: %+v, before %+v", fiftyAfter, fifty)
	}
}

// soakFaults are the faults that any site can have.
func soakFaults(ca *authority) (chosen []fault) {
	for _, f := range faults(ca) {
		if f.tls || f.socks || strings.HasPrefix(f.name, "their clock") {
			continue
		}
		chosen = append(chosen, f)
	}
	return chosen
}
