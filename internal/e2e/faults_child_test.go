//go:build e2e

package e2e_test

import (
	"bufio"
	"bytes"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
	"unicode/utf8"
)

// scrapeTimeout is what the scrapes here allow, as Prometheus would.
const scrapeTimeout = 10 * time.Second

// quiet makes the tests as strict as the times that users have set allow: half a
// second for rendering, the default. On a busy machine, with a simulator and
// 500 organizations in trouble on two cores, that says more about the machine.
var quiet = flag.Bool("quiet", false, "allow scrapes no more time than production does: the machine does nothing else")

// allow returns what is allowed: on a busy machine, or on a quiet one.
func allow(busy, alone time.Duration) time.Duration {
	if *quiet {
		return alone
	}
	return busy
}

// A child is the real program in a process of its own.
type child struct {
	t      *testing.T
	cmd    *exec.Cmd
	url    string
	config string // file
	log    *childLog
	client *http.Client
}

// A childLog is what a child writes, to be read while it writes.
type childLog struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *childLog) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *childLog) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// end returns the last lines.
func (l *childLog) end() string {
	text := l.String()
	return text[max(0, len(text)-4000):]
}

// buildChild builds the program.
func buildChild(t *testing.T) string {
	t.Helper()
	binary := filepath.Join(t.TempDir(), "cloudorg_exporter")
	out, err := exec.CommandContext(t.Context(), "go", "build", "-buildvcs=false", "-o", binary, "github.com/cloudorg-exporter/cloudorg_exporter").CombinedOutput()
	if err != nil {
		t.Fatalf("build: %v\n%s", err, out)
	}
	return binary
}

// startChild runs the program with a configuration until the test ends; it
// must end well then.
func startChild(t *testing.T, binary, yaml string, flags ...string) *child {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := listener.Addr().String()
	listener.Close()
	c := &child{
		t: t, url: "http://" + address, config: filepath.Join(t.TempDir(), "config.yml"), log: &childLog{},
		client: &http.Client{Transport: &http.Transport{}},
	}
	c.configure(yaml)
	c.cmd = exec.Command(binary, append(flags, "--config.file="+c.config, "--web.listen-address="+address,
		"--log.level=debug", "--web.enable-lifecycle", "--web.enable-pprof")...)
	c.cmd.Stderr = c.log
	if err := c.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.stop)
	for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(10 * time.Millisecond) {
		resp, err := c.client.Get(c.url + "/-/healthy")
		if err == nil {
			resp.Body.Close()
			return c
		}
		if time.Now().After(deadline) {
			t.Fatalf("it does not answer: %v\n%s", err, c.log.end())
		}
	}
}

// configure writes the configuration file.
func (c *child) configure(yaml string) {
	c.t.Helper()
	if err := os.WriteFile(c.config, []byte(yaml), 0o600); err != nil {
		c.t.Fatal(err)
	}
}

// stop ends the program as systemd does.
func (c *child) stop() {
	c.client.CloseIdleConnections()
	_ = c.cmd.Process.Signal(syscall.SIGTERM)
	timer := time.AfterFunc(20*time.Second, func() { _ = c.cmd.Process.Kill() })
	defer timer.Stop()
	if err := c.cmd.Wait(); err != nil {
		c.t.Errorf("it did not end well: %v\n%s", err, c.log.end())
	}
}

// get returns status and body of a page, and how long it took.
func (c *child) get(path string) (int, []byte, time.Duration) {
	c.t.Helper()
	status, body, took, err := c.ask(http.MethodGet, path, scrapeTimeout)
	if err != nil {
		c.t.Fatalf("%s: %v\n%s", path, err, c.log.end())
	}
	return status, body, took
}

// ask is get for a goroutine that cannot end the test.
func (c *child) ask(method, path string, timeout time.Duration) (int, []byte, time.Duration, error) {
	req, err := http.NewRequestWithContext(c.t.Context(), method, c.url+path, nil)
	if err != nil {
		return 0, nil, 0, err
	}
	req.Header.Set("X-Prometheus-Scrape-Timeout-Seconds", fmt.Sprint(timeout.Seconds()))
	start := time.Now()
	resp, err := c.client.Do(req)
	if err != nil {
		return 0, nil, 0, err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	return resp.StatusCode, body, time.Since(start), err
}

// memory returns a line of /proc/PID/status in MiB: VmRSS, or VmHWM for the
// most there has been since forgetPeak.
func (c *child) memory(line string) int {
	c.t.Helper()
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", c.cmd.Process.Pid))
	if err != nil {
		c.t.Fatal(err)
	}
	for text := range strings.Lines(string(status)) {
		if fields := strings.Fields(text); len(fields) > 1 && fields[0] == line+":" {
			kib, err := strconv.Atoi(fields[1])
			if err != nil {
				c.t.Fatal(err)
			}
			return kib >> 10
		}
	}
	c.t.Fatalf("no %s in %s", line, status)
	return 0
}

// forgetPeak makes the present memory the most there has been.
func (c *child) forgetPeak() {
	c.t.Helper()
	if err := os.WriteFile(fmt.Sprintf("/proc/%d/clear_refs", c.cmd.Process.Pid), []byte("5"), 0); err != nil {
		c.t.Fatal(err)
	}
}

// collectGarbage makes the program free what it can.
func (c *child) collectGarbage() {
	c.t.Helper()
	for range 3 {
		if status, _, _ := c.get("/debug/pprof/heap?gc=1"); status != http.StatusOK {
			c.t.Fatalf("pprof: %d", status)
		}
	}
}

// A reading is one scrape: the value of each series, by the organization in
// its labels.
type reading map[string]map[string]float64

// scrape reads a path that must be answered within the scrape's timeout, in
// valid UTF-8, without a series that stands twice.
func (c *child) scrape(path string) reading {
	c.t.Helper()
	status, body, took := c.get(path)
	if status != http.StatusOK {
		c.t.Fatalf("%s: %d %s", path, status, body[:min(len(body), 1000)])
	}
	if took > scrapeTimeout {
		c.t.Errorf("%s took %s, more than Prometheus waits", path, took)
	}
	r, err := parseReading(body)
	if err != nil {
		c.t.Fatalf("%s: %v", path, err)
	}
	return r
}

func parseReading(body []byte) (reading, error) {
	if !utf8.Valid(body) {
		return nil, fmt.Errorf("not UTF-8")
	}
	r := reading{}
	lines := bufio.NewScanner(bytes.NewReader(body))
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		line := lines.Text()
		if line == "" || line[0] == '#' {
			continue
		}
		at := strings.LastIndexByte(line, ' ')
		value, err := strconv.ParseFloat(line[at+1:], 64)
		if err != nil {
			return nil, fmt.Errorf("%q: %w", line, err)
		}
		series := line[:at]
		name := labelOf(series, "organization")
		if r[name] == nil {
			r[name] = map[string]float64{}
		}
		if _, twice := r[name][series]; twice {
			return nil, fmt.Errorf("%s stands twice", series)
		}
		r[name][series] = value
	}
	return r, lines.Err()
}

// labelOf returns the value of a label that needs no unescaping.
func labelOf(series, label string) string {
	_, rest, ok := strings.Cut(series, label+`="`)
	if !ok {
		return ""
	}
	value, _, _ := strings.Cut(rest, `"`)
	return value
}

// health is what a reading says of a collector.
type health struct {
	success bool
	reason  string // of its error; empty without one
	at      float64
}

// healthOf returns the health of an organization's collectors.
func (r reading) healthOf(organization string) map[string]health {
	all := map[string]health{}
	for series, value := range r[organization] {
		name := labelOf(series, "collector")
		h := all[name]
		switch family, _, _ := strings.Cut(series, "{"); family {
		case "cloudorg_collector_success":
			h.success = value == 1
		case "cloudorg_collector_error":
			h.reason = labelOf(series, "reason")
		case "cloudorg_collector_last_success_timestamp_seconds":
			h.at = value
		default:
			continue
		}
		all[name] = h
	}
	return all
}

// dataOf returns what a reading says of an organization itself: all but what
// counts time or failures.
func (r reading) dataOf(organization string) map[string]float64 {
	data := map[string]float64{}
	for series, value := range r[organization] {
		family, _, _ := strings.Cut(series, "{")
		switch {
		case strings.HasPrefix(family, "cloudorg_collector_"), strings.HasPrefix(family, "cloudorg_exporter_"),
			strings.HasSuffix(family, "_expiry_days"):
		default:
			data[series] = value
		}
	}
	return data
}

// difference says in what b differs from a, apart from the families that are
// left out.
func difference(a, b map[string]float64, except ...string) string {
	var out strings.Builder
	skip := func(series string) bool {
		for _, family := range except {
			if strings.HasPrefix(series, family+"{") {
				return true
			}
		}
		return false
	}
	for series, value := range a {
		if have, ok := b[series]; !skip(series) && (!ok || have != value) {
			fmt.Fprintf(&out, "- %s %v, have %v (%t)\n", series, value, have, ok)
		}
	}
	for series, value := range b {
		if _, ok := a[series]; !skip(series) && !ok {
			fmt.Fprintf(&out, "+ %s %v\n", series, value)
		}
	}
	return out.String()
}
