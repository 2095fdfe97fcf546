//go:build e2e

package e2e_test

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// scrapeTimeout is what the scrapes here allow, as Prometheus would.
const scrapeTimeout = 10 * time.Second

// quiet makes the tests as strict as production: half a second for rendering,
// the default. On a busy machine, with a simulator and 500 failing organizations
// on two cores, that would measure the machine.
var quiet = flag.Bool("quiet", false, "allow scrapes no more time than production does: the machine does nothing else")

// allow returns what is allowed: on a busy machine, or on a quiet one.
func allow(busy, alone time.Duration) time.Duration {
	if *quiet {
		return alone
	}
	return busy
}

// binary is the path of the program under test.
var binary string

// TestMain builds the program before the tests.
func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "cloudorg-e2e-")
	if err == nil {
		err = os.Chmod(dir, 0o755) // another user runs it in one test
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	binary = filepath.Join(dir, "cloudorg_exporter")
	build := exec.Command("go", "build", "-buildvcs=false", "-o", binary, "../..")
	build.Stdout, build.Stderr = os.Stderr, os.Stderr
	if err := build.Run(); err != nil {
		fmt.Fprintln(os.Stderr, "build:", err)
		os.Exit(1)
	}
	code := m.Run()
	_ = os.RemoveAll(dir) // what is left is in the directory for temporary files
	os.Exit(code)
}

// An exporter is the real program in a process of its own. It can be started
// more than once, with the same address, configuration, flags and log.
type exporter struct {
	*process // nil before the first start
	t        *testing.T
	flags    []string
	url      string
	config   string // file
	user     uint32 // who runs it; 0 is the test's user
	log      *logBuffer
	client   *http.Client
}

// newExporter returns an exporter that has not been started.
func newExporter(t *testing.T, yaml string, flags ...string) *exporter {
	t.Helper()
	e := newProgram(t, append(flags, "--log.level=debug", "--web.enable-lifecycle", "--web.enable-pprof")...)
	e.config = filepath.Join(t.TempDir(), "config.yml")
	e.flags = append(e.flags, "--config.file="+e.config)
	e.configure(yaml)
	return e
}

// newProgram returns an exporter without a configuration.
func newProgram(t *testing.T, flags ...string) *exporter {
	t.Helper()
	address := freeAddress(t)
	return &exporter{
		t: t, flags: append(flags, "--web.listen-address="+address), url: "http://" + address,
		log: &logBuffer{}, client: &http.Client{Transport: &http.Transport{}},
	}
}

// startDemo runs the program's demo until the test ends. It must exit with code
// 0.
func startDemo(t *testing.T) *exporter {
	t.Helper()
	e := newProgram(t, "--demo")
	e.start()
	t.Cleanup(e.stop)
	return e
}

// startExporter runs an exporter until the test ends. It must exit with code 0.
func startExporter(t *testing.T, yaml string, flags ...string) *exporter {
	t.Helper()
	e := newExporter(t, yaml, flags...)
	e.start()
	t.Cleanup(e.stop)
	return e
}

// command returns the command that starts the process.
func (e *exporter) command() *exec.Cmd {
	cmd := exec.Command(binary, e.flags...)
	if e.user != 0 {
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: e.user, Gid: e.user}}
		cmd.Dir = "/"
	}
	return cmd
}

// launch starts the process and does not wait for it.
func (e *exporter) launch() {
	e.t.Helper()
	e.process = startProcess(e.t, e.log, e.command())
}

// start starts the process and waits until it listens.
func (e *exporter) start() {
	e.t.Helper()
	e.startWith(e.command())
}

// startWith is start with another command.
func (e *exporter) startWith(cmd *exec.Cmd) {
	e.t.Helper()
	e.process = startProcess(e.t, e.log, cmd)
	for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(5 * time.Millisecond) {
		status, _, _, err := e.ask(http.MethodGet, "/-/healthy", scrapeTimeout)
		if err == nil && status == http.StatusOK {
			return
		}
		select {
		case <-e.ended:
			e.t.Fatalf("the exporter has exited: %v\n%s", e.err, e.log.end())
		default:
		}
		if time.Now().After(deadline) {
			e.t.Fatalf("timed out waiting until the exporter listens: %v\n%s", err, e.log.end())
		}
	}
}

// stop ends the process by SIGTERM. It must exit with code 0.
func (e *exporter) stop() {
	e.client.CloseIdleConnections()
	if err := e.process.stop(); err != nil {
		e.t.Errorf("exit after SIGTERM: %v\n%s", err, e.log.end())
	}
}

// stopWithin is stop with a limit.
func (e *exporter) stopWithin(limit time.Duration) {
	e.t.Helper()
	start := time.Now()
	e.stop()
	took := time.Since(start)
	if took > limit {
		e.t.Errorf("SIGTERM: want the exporter to end within %s, have %s", limit, took)
	}
	e.t.Logf("ended %s after SIGTERM", took.Round(time.Millisecond))
}

// listenAddress returns the host and port of the exporter.
func (e *exporter) listenAddress() string { return strings.TrimPrefix(e.url, "http://") }

// configure writes the configuration file.
func (e *exporter) configure(yaml string) {
	e.t.Helper()
	writeFile(e.t, filepath.Dir(e.config), filepath.Base(e.config), yaml)
}

// reload applies a configuration, which must be valid.
func (e *exporter) reload(yaml string) {
	e.t.Helper()
	e.configure(yaml)
	if status, body, _, err := e.ask(http.MethodPost, "/-/reload", scrapeTimeout); status != http.StatusOK || err != nil {
		e.t.Fatalf("reload: %d %s %v", status, body, err)
	}
}

// ready reports whether /-/ready answers 200.
func (e *exporter) ready() bool {
	status, _, _, err := e.ask(http.MethodGet, "/-/ready", scrapeTimeout)
	return err == nil && status == http.StatusOK
}

// waitReady waits until /-/ready answers 200.
func (e *exporter) waitReady() {
	e.t.Helper()
	waitFor(e.t, time.Minute, "the exporter is ready", e.ready)
}

// get returns status and body of a page, and how long it took.
func (e *exporter) get(path string) (int, []byte, time.Duration) {
	e.t.Helper()
	status, body, took, err := e.ask(http.MethodGet, path, scrapeTimeout)
	if err != nil {
		e.t.Fatalf("%s: %v\n%s", path, err, e.log.end())
	}
	return status, body, took
}

// ask is get with an error, for goroutines that cannot end the test.
func (e *exporter) ask(method, path string, timeout time.Duration) (int, []byte, time.Duration, error) {
	req, err := http.NewRequestWithContext(e.t.Context(), method, e.url+path, nil)
	if err != nil {
		return 0, nil, 0, err
	}
	req.Header.Set("X-Prometheus-Scrape-Timeout-Seconds", fmt.Sprint(timeout.Seconds()))
	start := time.Now()
	resp, err := e.client.Do(req)
	if err != nil {
		return 0, nil, 0, err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	return resp.StatusCode, body, time.Since(start), err
}

// scrape reads a path that must be answered within the scrape's timeout, in
// valid UTF-8, without a duplicate series.
func (e *exporter) scrape(path string) reading {
	e.t.Helper()
	status, body, took := e.get(path)
	if status != http.StatusOK {
		e.t.Fatalf("%s: %d %s", path, status, body[:min(len(body), 1000)])
	}
	if took > scrapeTimeout {
		e.t.Errorf("%s took %s, more than Prometheus waits", path, took)
	}
	r, err := parseReading(body)
	if err != nil {
		e.t.Fatalf("%s: %v", path, err)
	}
	return r
}

// tryScrape reads a path of an exporter that may not run, or not answer in time.
func (e *exporter) tryScrape(path string, timeout time.Duration) (reading, error) {
	status, body, _, err := e.ask(http.MethodGet, path, timeout)
	if err == nil && status != http.StatusOK {
		err = errors.New(http.StatusText(status))
	}
	if err != nil {
		return nil, err
	}
	return parseReading(body)
}

// memory returns a line of /proc/PID/status in MiB: VmRSS, or VmHWM for the
// peak since resetPeak.
func (e *exporter) memory(line string) int {
	e.t.Helper()
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", e.cmd.Process.Pid))
	if err != nil {
		e.t.Fatal(err)
	}
	for text := range strings.Lines(string(status)) {
		if fields := strings.Fields(text); len(fields) > 1 && fields[0] == line+":" {
			kib, err := strconv.Atoi(fields[1])
			if err != nil {
				e.t.Fatal(err)
			}
			return kib >> 10
		}
	}
	e.t.Fatalf("no %s in %s", line, status)
	return 0
}

// resetPeak makes the present memory the peak.
func (e *exporter) resetPeak() {
	e.t.Helper()
	if err := os.WriteFile(fmt.Sprintf("/proc/%d/clear_refs", e.cmd.Process.Pid), []byte("5"), 0); err != nil {
		e.t.Fatal(err)
	}
}

// collectGarbage makes the program free what it can.
func (e *exporter) collectGarbage() {
	e.t.Helper()
	for range 3 {
		if status, _, _ := e.get("/debug/pprof/heap?gc=1"); status != http.StatusOK {
			e.t.Fatalf("pprof: %d", status)
		}
	}
}
