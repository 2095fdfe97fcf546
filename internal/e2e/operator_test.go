//go:build e2e

package e2e_test

// What the exporter does when an operator, or the machine, gives it a file that
// blocks, a log that nobody reads, a signal too early or a port in use.

import (
	"bytes"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// pipeInPlaceOf replaces a file by a named pipe, which blocks its readers.
func pipeInPlaceOf(t *testing.T, file string) {
	t.Helper()
	if err := os.Remove(file); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Mkfifo(file, 0o600); err != nil {
		t.Fatal(err)
	}
}

// A certificate file that blocks fails its organization. A reload and a stop do
// not wait for it.
func TestCertificateFileThatBlocks(t *testing.T) {
	server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "null") }))
	t.Cleanup(server.Close)
	ca := filepath.Join(t.TempDir(), "ca.pem")
	writePEM(t, ca, "CERTIFICATE", server.Certificate().Raw)
	other := "organizations:\n" + organization("other", newSite(t, "ncp", 3120))
	e := startExporter(t, other+organizationAt(server.URL, "acme", "ncp", fmt.Sprintf(
		", collectors: [organization], refresh_timeout: 3s, error_ttl: 1s, cache_ttl: 1s, max_stale: 5s, http_client_config: {tls_config: {ca_file: %s}}", ca)))
	succeeds := func() bool {
		h, ok := e.scrape("/metrics").healthOf("acme")["organization"]
		return ok && h.success
	}
	waitFor(t, 10*time.Second, "the organization is read", succeeds)
	pipeInPlaceOf(t, ca)
	waitFor(t, 20*time.Second, "the organization fails", func() bool { return !succeeds() })
	start := time.Now()
	e.reload(other)
	if took := time.Since(start); took > 5*time.Second {
		t.Errorf("the reload took %s", took)
	}
	e.stopWithin(5 * time.Second)
}

// A log that nobody reads delays neither scrapes nor the end.
func TestLogThatNobodyReads(t *testing.T) {
	key := writeFile(t, t.TempDir(), "key", siteSecret)
	e := newExporter(t, fmt.Sprintf("organizations: [{name: acme, cloud: ncp, base_url: '%s', access_key: %s, secret_key_file: %s, cache_ttl: 1s}]\n",
		newSite(t, "ncp", 3121).url(), siteAccess, key))
	unread, output, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer unread.Close()
	// A pipe of one page, of which little is left, is full soon.
	const page = 4096
	if _, _, errno := syscall.Syscall(syscall.SYS_FCNTL, output.Fd(), syscall.F_SETPIPE_SZ, page); errno != 0 {
		t.Fatal(errno)
	}
	if _, err := output.Write(bytes.Repeat([]byte("."), page-1500)); err != nil { // some lines of the start fit
		t.Fatal(err)
	}
	cmd := e.command()
	cmd.Stderr = output
	e.startWith(cmd)
	output.Close()
	for i := range 60 {
		if i == 30 { // each refresh has a line about it from now on
			if err := os.Remove(key); err != nil {
				t.Fatal(err)
			}
		}
		status, _, took, err := e.ask(http.MethodGet, "/metrics", 3*time.Second)
		if err != nil || status != http.StatusOK || took > 3*time.Second {
			t.Fatalf("scrape %d: %d %v after %s", i, status, err, took)
		}
		time.Sleep(200 * time.Millisecond)
	}
	e.stopWithin(3 * time.Second)
}

// A reload rejects a configuration that blocks, and names only the first of very
// many errors.
func TestReloadOfBadFiles(t *testing.T) {
	e := startExporter(t, "organizations:\n"+organization("acme", newSite(t, "ncp", 3122)))
	reload := func(message string) (took time.Duration) {
		t.Helper()
		status, body, took, err := e.ask(http.MethodPost, "/-/reload", time.Minute)
		if err != nil || status != http.StatusInternalServerError || len(body) > 5000 || !bytes.Contains(body, []byte(message)) {
			t.Errorf("want status 500 and %q, have %d, %v and %d bytes: %.300s", message, status, err, len(body), body)
		}
		return took
	}
	pipeInPlaceOf(t, e.config)
	e.client.Timeout = 15 * time.Second
	if took := reload("not a regular file"); took > time.Second {
		t.Errorf("the reload took %s", took)
	}
	if err := os.Remove(e.config); err != nil {
		t.Fatal(err)
	}
	var many strings.Builder
	many.WriteString("organizations:\n")
	for i := range 60_000 {
		fmt.Fprintf(&many, "  - {name: o%d, cloud: ncp, access_key: A, secret_key: B, unknown: 1}\n", i)
	}
	e.configure(many.String())
	e.client.Timeout = time.Minute
	reload("and 59990 more")
	e.stopWithin(3 * time.Second)
}

// SIGHUP ends the program neither soon after its start nor while it stops.
func TestHangupAtAnyTime(t *testing.T) {
	t.Run("starting", func(t *testing.T) {
		e := newExporter(t, "organizations:\n"+organization("acme", newSite(t, "ncp", 3123)))
		for _, after := range []time.Duration{0, time.Millisecond, 2 * time.Millisecond, 5 * time.Millisecond, 10 * time.Millisecond, 20 * time.Millisecond, 40 * time.Millisecond} {
			died := 0
			for range 5 {
				e.launch()
				time.Sleep(after)
				_ = e.cmd.Process.Signal(syscall.SIGHUP)
				select {
				case <-e.ended:
					died++
				case <-time.After(100 * time.Millisecond):
					_ = e.process.stop() // SIGTERM may come too early, too
				}
			}
			t.Logf("%s after the start: %d of 5 died", after, died)
			if died > 0 && after >= 10*time.Millisecond { // the runtime starts first
				t.Errorf("%s after the start: %d of 5 died", after, died)
			}
		}
	})
	t.Run("stopping", func(t *testing.T) {
		slow := hostile(t, func(w http.ResponseWriter, _ *http.Request) {
			time.Sleep(2 * time.Second)
			fmt.Fprint(w, "null")
		})
		e := startExporter(t, "organizations:\n"+organizationAt(slow, "acme", "ncp", ", collectors: [organization], cache_ttl: 0s"))
		answered := make(chan string, 1)
		go func() {
			status, _, took, err := e.ask(http.MethodGet, "/metrics", scrapeTimeout)
			answered <- fmt.Sprintf("%d %v %t", status, err, took > time.Second)
		}()
		time.Sleep(500 * time.Millisecond)
		_ = e.cmd.Process.Signal(syscall.SIGTERM)
		time.Sleep(200 * time.Millisecond)
		_ = e.cmd.Process.Signal(syscall.SIGHUP)
		if have := <-answered; have != "200 <nil> true" {
			t.Errorf("the running scrape: %s", have)
		} // the cleanup wants exit code 0
	})
}

// A port that is in use ends the program before it calls an API.
func TestPortInUse(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	var calls atomic.Int64
	url := hostile(t, func(w http.ResponseWriter, _ *http.Request) {
		calls.Add(1)
		fmt.Fprint(w, "null")
	})
	config := writeFile(t, t.TempDir(), "config.yml", "organizations:\n"+organizationAt(url, "acme", "ncp", ""))
	for range 20 {
		out, err := exec.Command(binary, "--config.file="+config, "--web.listen-address="+taken.Addr().String(), "--log.format=json").CombinedOutput()
		var exit *exec.ExitError
		if !errors.As(err, &exit) || exit.ExitCode() != 1 {
			t.Fatalf("want exit code 1, have %v\n%s", err, out)
		}
	}
	if calls.Load() != 0 {
		t.Errorf("%d calls in 20 starts", calls.Load())
	}
}
