//go:build e2e

package e2e_test

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"

	"github.com/cloudorg-exporter/cloudorg_exporter/internal/sim"
)

// holdProgram compares with an older program.
var holdProgram = flag.String("program", "", "run this program in TestHold instead of the one that is built")

// TestHold runs a hostile cloud, a hostile network and a clumsy operator against
// the built program. Each subtest says what it measured. Traffic stays on
// loopback and is bounded.
func TestHold(t *testing.T) {
	if *holdProgram != "" {
		use(t, *holdProgram)
	}
	for _, tt := range []struct {
		name string
		run  func(t *testing.T)
	}{
		{"rows of one organization", func(t *testing.T) { holdRows(t, 1, false, 512) }},
		{"rows of eight organizations and a good one", func(t *testing.T) { holdRows(t, 8, true, 512) }},
		{"account lists of one organization", func(t *testing.T) { holdLists(t, 512) }},
		{"valid rows of eight organizations and a good one", func(t *testing.T) { holdValidRows(t, 512) }},
		{"in 128 MiB with ten organizations", holdContainer},
		{"headers of one organization", func(t *testing.T) { holdHeaders(t, 1, 128) }},
		{"headers of eight organizations", func(t *testing.T) { holdHeaders(t, 8, 128) }},
		{"long names", holdNames},
		{"text in errors", holdText},
		{"certificate file that hangs", holdCertificate},
		{"log that nobody reads", holdLog},
		{"configuration that is a pipe", holdConfig},
		{"sighup", holdHangup},
		{"silent connections", holdConnections},
		{"slow readers", holdReaders},
		{"resets over HTTP/2", holdResets},
		{"slow formats", holdFormats},
		{"plain connections to the TLS port", holdHandshakes},
		{"port in use", holdPort},
		{"organizations that hang", holdReady},
	} {
		t.Run(tt.name, func(t *testing.T) { tt.run(t) })
	}
}

const mib = 1 << 20

// use makes another program the one under test until the test ends.
func use(t *testing.T, program string) {
	built := binary
	binary = program
	t.Cleanup(func() { binary = built })
}

// hostile serves an API of its own making.
func hostile(t *testing.T, h http.HandlerFunc) string {
	t.Helper()
	s := httptest.NewServer(h)
	t.Cleanup(func() {
		s.CloseClientConnections()
		s.Close()
	})
	return s.URL
}

// holdOrganization is the YAML of an organization.
func holdOrganization(name, cloud, url, keys string) string {
	return fmt.Sprintf("  - {name: %s, cloud: %s, base_url: '%s', access_key: EXAMPLEACCESSKEY0001, secret_key: exampleSecretKey0123456789ABCDEFabcdef00, rate_limit: 10000%s}\n", name, cloud, url, keys)
}

// watch returns the largest VmHWM until stop is called. It ends a program that
// takes more than 3 GiB.
func (c *exporter) watch() (stop func() int) {
	done, result := make(chan struct{}), make(chan int, 1)
	go func() {
		most := 0
		for {
			most = max(most, c.peak())
			if most > 3000 {
				_ = c.cmd.Process.Kill()
			}
			select {
			case <-done:
				result <- most
				return
			case <-time.After(50 * time.Millisecond):
			}
		}
	}()
	return sync.OnceValue(func() int {
		close(done)
		return <-result
	})
}

// peak returns VmHWM in MiB, or 0 if the program has ended.
func (c *exporter) peak() (mibs int) {
	status, _ := os.ReadFile(fmt.Sprintf("/proc/%d/status", c.cmd.Process.Pid))
	_, line, _ := strings.Cut(string(status), "VmHWM:")
	_, _ = fmt.Sscan(line, &mibs)
	return mibs >> 10
}

// line returns whether the metrics have a line.
func (c *exporter) line(path, text string) bool {
	status, body, _, err := c.ask(http.MethodGet, path, scrapeTimeout)
	return err == nil && status == http.StatusOK && bytes.Contains(body, []byte("\n"+text+"\n"))
}

// wait waits until happened.
func (c *exporter) wait(limit time.Duration, what string, happened func() bool) time.Duration {
	c.t.Helper()
	start := time.Now()
	for !happened() {
		if time.Since(start) > limit || zombie(c.cmd.Process.Pid) {
			c.t.Fatalf("timed out after %s waiting until %s\n%s", limit, what, c.log.end())
		}
		time.Sleep(50 * time.Millisecond)
	}
	return time.Since(start)
}

func failsWith(cloud, organization, collector, reason string) string {
	return fmt.Sprintf(`cloudorg_collector_error{cloud="%s",collector="%s",organization="%s",reason="%s"} 1`, cloud, collector, organization, reason)
}

// goodNCP is a simulated organization.
func goodNCP(t *testing.T) string {
	t.Helper()
	ncp := sim.NewNCP(sim.Config{AccessKey: "EXAMPLEACCESSKEY0001", SecretKey: "exampleSecretKey0123456789ABCDEFabcdef00", Company: sim.Sample})
	s := httptest.NewServer(ncp)
	t.Cleanup(func() {
		ncp.Close()
		s.Close()
	})
	return s.URL
}

// hundredThousand serves one group of 100,000 members.
func hundredThousand(t *testing.T) string {
	t.Helper()
	var list strings.Builder
	for i := range 100_000 {
		fmt.Fprintf(&list, `,{"memberNo": %d, "organizationGroupNo": 611, "memberName": "member-%d", "memberStatusCode": "JOIN"}`, 9000000+i, i)
	}
	body := "[" + list.String()[1:] + "]"
	return hostile(t, func(w http.ResponseWriter, r *http.Request) {
		if strings.HasSuffix(r.URL.Path, "/account/group/611") {
			_, _ = io.WriteString(w, body)
			return
		}
		fmt.Fprint(w, `[{"organizationGroupNo": 611, "groupYn": "Y"}]`)
	})
}

// pageOfRows writes a page of 1.9 million rows.
func pageOfRows(w http.ResponseWriter, row string) {
	b := bufio.NewWriterSize(w, 64<<10)
	defer b.Flush()
	fmt.Fprint(b, `{"count":999999999999,"size":1,"accounts":[{}`)
	for range 1_900_000 {
		if _, err := b.WriteString(row); err != nil {
			return
		}
	}
	fmt.Fprint(b, "]}")
}

func holdRows(t *testing.T, organizations int, good bool, limit int) {
	url := hostile(t, func(w http.ResponseWriter, _ *http.Request) { pageOfRows(w, ",{}") })
	yaml := "defaults: {refresh_timeout: 1m, error_ttl: 1s, cache_ttl: 1s}\norganizations:\n"
	for i := range organizations {
		yaml += holdOrganization(fmt.Sprintf("bad%d", i), "scp", url, ", collectors: [members]")
	}
	if good {
		yaml += holdOrganization("good", "ncp", hundredThousand(t), ", collectors: [members]")
	}
	c := startExporter(t, yaml)
	peak := c.watch()
	defer func() { t.Logf("peak %d MiB", peak()) }()
	for i := range organizations {
		c.wait(2*time.Minute, "it is rejected", func() bool {
			return c.line(fmt.Sprintf("/probe?target=bad%d", i), failsWith("scp", fmt.Sprintf("bad%d", i), "members", "decode"))
		})
	}
	var took time.Duration
	if good {
		took = c.wait(time.Minute, "the good one is read", func() bool {
			return c.line("/probe?target=good", `cloudorg_members{cloud="ncp",organization="good",status="JOIN"} 100000`)
		})
	}
	time.Sleep(5 * time.Second) // more refreshes
	have := peak()
	t.Logf("peak %d MiB; good one after %s", have, took)
	if have > limit {
		t.Errorf("peak: want at most %d MiB, have %d", limit, have)
	}
}

// holdValidRows is eight organizations that each have a million rows, which are
// valid, and differ.
func holdValidRows(t *testing.T, limit int) {
	url := hostile(t, func(w http.ResponseWriter, _ *http.Request) {
		b := bufio.NewWriterSize(w, 64<<10)
		defer b.Flush()
		fmt.Fprint(b, `{"count":1000000,"size":1000000,"accounts":[{}`)
		for i := range 999_999 {
			fmt.Fprintf(b, `,{"id":"account-of-a-hostile-organization-%d","state":"ACTIVE"}`, i)
		}
		fmt.Fprint(b, "]}")
	})
	yaml := "defaults: {refresh_timeout: 1m, error_ttl: 1s, cache_ttl: 1s}\norganizations:\n"
	for i := range 8 {
		yaml += holdOrganization(fmt.Sprintf("bad%d", i), "scp", url, ", collectors: [members]")
	}
	yaml += holdOrganization("good", "ncp", hundredThousand(t), ", collectors: [members], cache_ttl: 1s")
	c := startExporter(t, yaml)
	peak := c.watch()
	defer func() { t.Logf("peak %d MiB", peak()) }()
	took := c.wait(time.Minute, "the good one is read", func() bool {
		return c.line("/probe?target=good", `cloudorg_members{cloud="ncp",organization="good",status="JOIN"} 100000`)
	})
	for i := range 8 {
		c.wait(2*time.Minute, "the refresh ends", func() bool {
			c.line(fmt.Sprintf("/probe?target=bad%d", i), "")
			return c.line("/metrics", fmt.Sprintf(`cloudorg_exporter_refreshes_total{cloud="scp",organization="bad%d"} 1`, i)) ||
				!c.line("/metrics", fmt.Sprintf(`cloudorg_exporter_refreshes_total{cloud="scp",organization="bad%d"} 0`, i))
		})
	}
	time.Sleep(10 * time.Second)
	have := peak()
	t.Logf("peak %d MiB; good one after %s", have, took)
	if have > limit {
		t.Errorf("peak: want at most %d MiB, have %d", limit, have)
	}
}

func holdLists(t *testing.T, limit int) {
	var tree strings.Builder
	for i := range 70 {
		fmt.Fprintf(&tree, `,{"organizationGroupNo": %d, "groupYn": "Y"}`, i+1)
	}
	url := hostile(t, func(w http.ResponseWriter, r *http.Request) {
		if strings.HasSuffix(r.URL.Path, "/tree") {
			fmt.Fprint(w, "["+tree.String()[1:]+"]")
			return
		}
		b := bufio.NewWriterSize(w, 64<<10)
		defer b.Flush()
		fmt.Fprint(b, "[{}")
		for range 1_900_000 {
			if _, err := b.WriteString(",{}"); err != nil {
				return
			}
		}
		fmt.Fprint(b, "]")
	})
	c := startExporter(t, "organizations:\n"+holdOrganization("bad", "ncp", url, ", collectors: [members], error_ttl: 1s"))
	peak := c.watch()
	defer func() { t.Logf("peak %d MiB", peak()) }()
	c.wait(2*time.Minute, "it is rejected", func() bool { return c.line("/metrics", failsWith("ncp", "bad", "members", "decode")) })
	time.Sleep(3 * time.Second)
	have := peak()
	if have > limit {
		t.Errorf("peak: want at most %d MiB, have %d", limit, have)
	}
}

// holdContainer is a container of 128 MiB: ten normal organizations, of which one
// turns hostile.
func holdContainer(t *testing.T) {
	t.Setenv("GOMEMLIMIT", "100MiB")
	good := goodNCP(t)
	url := hostile(t, func(w http.ResponseWriter, _ *http.Request) { pageOfRows(w, `,{"state":"ACTIVE"}`) })
	yaml := "defaults: {refresh_timeout: 30s, error_ttl: 1s, cache_ttl: 1s}\norganizations:\n" + holdOrganization("bad", "scp", url, ", collectors: [members]")
	for i := range 10 {
		yaml += holdOrganization(fmt.Sprintf("good%d", i), "ncp", good, "")
	}
	c := startExporter(t, yaml)
	peak := c.watch()
	defer func() { t.Logf("peak %d MiB", peak()) }()
	c.wait(time.Minute, "it is rejected", func() bool { return c.line("/metrics", failsWith("scp", "bad", "members", "decode")) })
	for range 10 {
		time.Sleep(time.Second)
		for i := range 10 {
			if !c.line("/metrics", fmt.Sprintf(`cloudorg_collector_success{cloud="ncp",collector="members",organization="good%d"} 1`, i)) {
				t.Errorf("good%d is not served", i)
			}
		}
	}
	have := peak()
	if have > 128 {
		t.Errorf("peak: want at most 128 MiB, have %d", have)
	}
}

func holdHeaders(t *testing.T, organizations, limit int) {
	var head bytes.Buffer
	fmt.Fprint(&head, "HTTP/1.1 200 OK\r\n")
	for i := 0; head.Len() < 10*mib-100; i++ {
		fmt.Fprintf(&head, "%x:\r\n", i)
	}
	fmt.Fprint(&head, "Content-Length: 4\r\n\r\nnull")
	var calls atomic.Int64
	url := hostile(t, func(w http.ResponseWriter, _ *http.Request) {
		calls.Add(1)
		conn, _, err := http.NewResponseController(w).Hijack()
		if err != nil {
			return
		}
		defer conn.Close()
		_, _ = conn.Write(head.Bytes())
	})
	yaml := "organizations:\n"
	for i := range organizations {
		yaml += holdOrganization(fmt.Sprintf("bad%d", i), "ncp", url, "")
	}
	c := startExporter(t, yaml)
	peak := c.watch()
	defer func() { t.Logf("peak %d MiB", peak()) }()
	c.wait(30*time.Second, "it is ready", func() bool {
		status, _, _, err := c.ask(http.MethodGet, "/-/ready", time.Second)
		return err == nil && status == http.StatusOK
	})
	have, n := peak(), calls.Load()
	t.Logf("peak %d MiB, %d calls", have, n)
	if have > limit {
		t.Errorf("peak: want at most %d MiB, have %d", limit, have)
	}
	if !c.line("/metrics", failsWith("ncp", "bad0", "organization", "decode")) {
		t.Error("want reason decode")
	}
	if want := int64(4 * organizations); n != want { // organization, tree, invitations, withdrawals
		t.Errorf("want %d calls, none again, have %d", want, n)
	}
}

func holdNames(t *testing.T) {
	name := strings.Repeat("x", 4080)
	url := hostile(t, func(w http.ResponseWriter, _ *http.Request) {
		b := bufio.NewWriter(w)
		defer b.Flush()
		for i := range 20_000 {
			fmt.Fprintf(b, `%c{"organizationGroupNo": %d, "groupYn": "Y", "organizationGroupName": "%s", "policyName": "%s"}`, "[,"[min(i, 1)], i+1, name, name)
		}
		fmt.Fprint(b, "]")
	})
	c := startExporter(t, "organizations:\n"+holdOrganization("bad", "ncp", url, ", collectors: [groups], cache_ttl: 1s, error_ttl: 1s"))
	peak := c.watch()
	defer func() { t.Logf("peak %d MiB", peak()) }()
	c.wait(30*time.Second, "it is refreshed", func() bool {
		status, _, _, err := c.ask(http.MethodGet, "/-/ready", time.Second)
		return err == nil && status == http.StatusOK
	})
	most := 0
	for range 6 {
		_, body, _ := c.get("/metrics")
		most = max(most, len(body))
		time.Sleep(time.Second)
	}
	t.Logf("scrape of %d KiB, peak %d MiB", most>>10, peak())
	if most > 10*mib {
		t.Errorf("a scrape of %d MiB", most/mib)
	}
	if !c.line("/metrics", failsWith("ncp", "bad", "groups", "decode")) {
		t.Error("want reason decode")
	}
}

// holdText answers with what net/http quotes in its errors.
func holdText(t *testing.T) {
	for name, answer := range map[string]string{
		"location": "HTTP/1.1 302 Found\r\nLocation: http://[%%zz/%s/person@example.com/" + strings.Repeat("x", 32<<10) + "\r\nContent-Length: 0\r\n\r\n",
		"header":   "HTTP/1.1 200 OK\r\nno colon %s person@example.com " + strings.Repeat("x", mib/2) + "\r\nContent-Length: 0\r\n\r\n",
		"status":   "HTTP/1.1 2OO %s person@example.com " + strings.Repeat("x", mib/2) + "\r\n\r\n",
		"no http":  "SSH-2.0-%s person@example.com " + strings.Repeat("x", mib/2) + "\r\n\r\n",
	} {
		t.Run(name, func(t *testing.T) {
			var calls atomic.Int64
			url := hostile(t, func(w http.ResponseWriter, r *http.Request) {
				calls.Add(1)
				conn, _, err := http.NewResponseController(w).Hijack()
				if err != nil {
					return
				}
				defer conn.Close()
				fmt.Fprintf(conn, answer, r.Header.Get("X-Ncp-Iam-Access-Key"))
			})
			c := startExporter(t, "organizations:\n"+holdOrganization("bad", "ncp", url, ", collectors: [organization]"))
			c.wait(20*time.Second, "it is refreshed", func() bool {
				status, _, _, err := c.ask(http.MethodGet, "/-/ready", time.Second)
				return err == nil && status == http.StatusOK
			})
			_, page, _ := c.get("/")
			_, metrics, _ := c.get("/metrics")
			shown := c.log.String() + string(page)
			longest := 0
			for line := range strings.Lines(c.log.String()) {
				longest = max(longest, len(line))
			}
			reason := "other"
			if name != "location" {
				reason = "decode"
			}
			t.Logf("longest line %d bytes, %d calls", longest, calls.Load())
			if longest > 2000 || strings.Contains(shown, "person@example.com") || strings.Contains(shown, "EXAMPLEACCESSKEY0001") {
				t.Errorf("longest line %d bytes; address shown: %t; key shown: %t", longest, strings.Contains(shown, "person@example.com"), strings.Contains(shown, "EXAMPLEACCESSKEY0001"))
			}
			if want := failsWith("ncp", "bad", "organization", reason); !strings.Contains(string(metrics), want) || calls.Load() != 1 {
				t.Errorf("want one call and reason %s, have %d calls\n%s", reason, calls.Load(), c.log.end())
			}
		})
	}
}

// holdCertificate replaces a certificate file by a pipe.
func holdCertificate(t *testing.T) {
	server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "null") }))
	t.Cleanup(server.Close)
	ca := filepath.Join(t.TempDir(), "ca.pem")
	writePEM(t, ca, server.Certificate().Raw)
	other := "organizations:\n" + holdOrganization("other", "ncp", goodNCP(t), "")
	yaml := other + holdOrganization("acme", "ncp", server.URL, fmt.Sprintf(", collectors: [organization], refresh_timeout: 3s, error_ttl: 1s, cache_ttl: 1s, max_stale: 5s, http_client_config: {tls_config: {ca_file: %s}}", ca))
	c := startExporter(t, yaml)
	good := `cloudorg_collector_success{cloud="ncp",collector="organization",organization="acme"} 1`
	c.wait(10*time.Second, "it is read", func() bool { return c.line("/metrics", good) })
	if err := os.Remove(ca); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Mkfifo(ca, 0o600); err != nil {
		t.Fatal(err)
	}
	took := c.wait(20*time.Second, "it fails", func() bool {
		return c.line("/metrics", strings.TrimSuffix(good, "1")+"0")
	})
	c.configure(other)
	start := time.Now()
	status, body, _, err := c.ask(http.MethodPost, "/-/reload", 15*time.Second)
	reload := time.Since(start)
	if err != nil || status != http.StatusOK || reload > 5*time.Second {
		t.Errorf("reload: %d %s %v after %s", status, body, err, reload)
	}
	t.Logf("success 0 after %s, reload in %s", took.Round(time.Millisecond), reload.Round(time.Millisecond))
	c.ends(5 * time.Second)
}

// ends ends the program and checks how long that takes.
func (c *exporter) ends(limit time.Duration) {
	c.t.Helper()
	c.client.CloseIdleConnections()
	start := time.Now()
	_ = c.cmd.Process.Signal(syscall.SIGTERM)
	for syscall.Kill(c.cmd.Process.Pid, 0) == nil && !zombie(c.cmd.Process.Pid) {
		if time.Since(start) > limit {
			c.t.Errorf("SIGTERM: not ended after %s", limit)
			_ = c.cmd.Process.Kill()
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	c.t.Logf("ended %s after SIGTERM", time.Since(start).Round(time.Millisecond))
}

func zombie(pid int) bool {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	_, rest, _ := strings.Cut(string(stat), ") ")
	return err != nil || strings.HasPrefix(rest, "Z")
}

// holdLog stops reading the log.
func holdLog(t *testing.T) {
	dir := t.TempDir()
	key := filepath.Join(dir, "key")
	if err := os.WriteFile(key, []byte("exampleSecretKey0123456789ABCDEFabcdef00"), 0o600); err != nil {
		t.Fatal(err)
	}
	config := filepath.Join(dir, "config.yml")
	text := fmt.Sprintf("organizations: [{name: acme, cloud: ncp, base_url: '%s', access_key: EXAMPLEACCESSKEY0001, secret_key_file: %s, cache_ttl: 1s}]\n", goodNCP(t), key)
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	address := freeAddress(t)
	read, write, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer read.Close()
	// Nobody reads: a pipe of one page is full soon.
	const setSize, page = 1031 /* F_SETPIPE_SZ */, 4096
	if _, _, errno := syscall.Syscall(syscall.SYS_FCNTL, write.Fd(), setSize, page); errno != 0 {
		t.Fatal(errno)
	}
	if _, err := write.Write(bytes.Repeat([]byte("."), page-1500)); err != nil { // some lines of the start fit
		t.Fatal(err)
	}
	cmd := exec.Command(binary, "--config.file="+config, "--web.listen-address="+address, "--log.level=debug")
	cmd.Stderr = write
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	write.Close()
	p := &process{cmd: cmd, log: &logBuffer{}, ended: make(chan struct{})}
	go func() {
		p.err = cmd.Wait()
		close(p.ended)
	}()
	defer p.kill()
	c := &exporter{process: p, t: t, url: "http://" + address, log: p.log, client: &http.Client{Transport: &http.Transport{}}}
	slowest := time.Duration(0)
	for i := range 60 {
		if i == 30 {
			_ = os.Remove(key)
		}
		start := time.Now()
		status, _, _, err := c.ask(http.MethodGet, "/metrics", 3*time.Second)
		if took := time.Since(start); err == nil && status == http.StatusOK {
			slowest = max(slowest, took)
		} else if i > 20 {
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			defer cancel()
			<-ctx.Done()
			t.Fatalf("scrape %d: %d %v after %s", i, status, err, took)
		}
		time.Sleep(200 * time.Millisecond)
		if time.Since(start) > 10*time.Second {
			t.Fatalf("scrape %d took %s", i, time.Since(start))
		}
	}
	t.Logf("slowest scrape %s", slowest)
	if slowest > 3*time.Second {
		t.Errorf("slowest scrape %s", slowest)
	}
	c.ends(3 * time.Second)
}

func holdConfig(t *testing.T) {
	c := startExporter(t, "organizations:\n"+holdOrganization("acme", "ncp", goodNCP(t), ""))
	if err := os.Remove(c.config); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Mkfifo(c.config, 0o600); err != nil {
		t.Fatal(err)
	}
	status, body, took, err := c.ask(http.MethodPost, "/-/reload", 15*time.Second)
	if err != nil || status != http.StatusInternalServerError || !bytes.Contains(body, []byte("not a regular file")) || took > time.Second {
		t.Errorf("a pipe: want 500 at once, have %d %.200s %v after %s", status, body, err, took)
	}
	_ = os.Remove(c.config)
	var many strings.Builder
	many.WriteString("organizations:\n")
	for i := range 60_000 {
		fmt.Fprintf(&many, "  - {name: o%d, cloud: ncp, access_key: A, secret_key: B, unknown: 1}\n", i)
	}
	c.configure(many.String())
	c.client.Timeout = time.Minute
	status, body, took, err = c.ask(http.MethodPost, "/-/reload", time.Minute)
	t.Logf("60,000 errors: %d bytes after %s", len(body), took)
	if err != nil || status != http.StatusInternalServerError || len(body) > 5000 || !bytes.Contains(body, []byte("and 59990 more")) {
		t.Errorf("60,000 errors: want the first ten and a number, have %d bytes, %v: %.300s", len(body), err, body)
	}
	c.ends(3 * time.Second)
}

// holdHangup sends SIGHUP while the program starts and while it drains.
func holdHangup(t *testing.T) {
	died := map[time.Duration]int{}
	yaml := "organizations:\n" + holdOrganization("acme", "ncp", goodNCP(t), "")
	config := filepath.Join(t.TempDir(), "config.yml")
	if err := os.WriteFile(config, []byte(yaml), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, after := range []time.Duration{0, time.Millisecond, 2 * time.Millisecond, 5 * time.Millisecond, 10 * time.Millisecond, 20 * time.Millisecond, 40 * time.Millisecond} {
		for range 5 {
			cmd := exec.Command(binary, "--config.file="+config, "--web.listen-address="+freeAddress(t))
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			time.Sleep(after)
			_ = cmd.Process.Signal(syscall.SIGHUP)
			time.Sleep(100 * time.Millisecond)
			if zombie(cmd.Process.Pid) {
				died[after]++
			}
			_ = cmd.Process.Signal(syscall.SIGTERM)
			_ = cmd.Wait()
		}
	}
	t.Logf("died of SIGHUP, of five each: %v", died)
	for after, n := range died {
		if after >= 10*time.Millisecond {
			t.Errorf("%s after the start: %d of 5 died", after, n)
		}
	}
	// Draining.
	slow := hostile(t, func(w http.ResponseWriter, _ *http.Request) {
		time.Sleep(2 * time.Second)
		fmt.Fprint(w, "null")
	})
	c := startExporter(t, "organizations:\n"+holdOrganization("acme", "ncp", slow, ", collectors: [organization], cache_ttl: 0s"))
	answered := make(chan string, 1)
	go func() {
		status, _, took, err := c.ask(http.MethodGet, "/metrics", scrapeTimeout)
		answered <- fmt.Sprintf("%d %v %t", status, err, took > time.Second)
	}()
	time.Sleep(500 * time.Millisecond)
	_ = c.cmd.Process.Signal(syscall.SIGTERM)
	time.Sleep(200 * time.Millisecond)
	_ = c.cmd.Process.Signal(syscall.SIGHUP)
	if have := <-answered; have != "200 <nil> true" {
		t.Errorf("the running scrape: %s", have)
	} // startChild's Cleanup wants exit code 0
}

// limited runs the program with few descriptors.
func limited(t *testing.T, descriptors int) {
	t.Helper()
	script := filepath.Join(t.TempDir(), "limited")
	text := fmt.Sprintf("#!/bin/sh\nulimit -n %d && exec %s \"$@\"\n", descriptors, binary)
	if err := os.WriteFile(script, []byte(text), 0o700); err != nil {
		t.Fatal(err)
	}
	use(t, script)
}

func holdConnections(t *testing.T) {
	health := freeAddress(t)
	limited(t, 256)
	c := startExporter(t, "organizations:\n"+holdOrganization("acme", "ncp", goodNCP(t), ", cache_ttl: 1s"), "--web.health-address="+health)
	address := strings.TrimPrefix(c.url, "http://")
	for kind, send := range map[string]string{
		"silent":      "",
		"one request": "GET /-/healthy HTTP/1.1\r\nHost: a\r\n\r\n",
		"part of one": "GET /-/healthy HTTP/1.1\r\nHo",
	} {
		var open []net.Conn
		for range 2000 {
			conn, err := net.DialTimeout("tcp", address, 2*time.Second)
			if err != nil {
				break
			}
			open = append(open, conn)
			_, _ = io.WriteString(conn, send)
		}
		scrapes, healths, slowest := 0, 0, time.Duration(0)
		for range 7 {
			c.client.CloseIdleConnections()
			c.client.Timeout = 3 * time.Second
			start := time.Now()
			if status, _, _, err := c.ask(http.MethodGet, "/metrics", 3*time.Second); err == nil && status == http.StatusOK {
				scrapes++
			}
			slowest = max(slowest, time.Since(start))
			client := http.Client{Timeout: 3 * time.Second, Transport: &http.Transport{DisableKeepAlives: true}}
			if resp, err := client.Get("http://" + health + "/-/healthy"); err == nil {
				resp.Body.Close()
				healths++
			}
		}
		for _, conn := range open {
			conn.Close()
		}
		t.Logf("%s: %d connections, %d of 7 scrapes, %d of 7 health checks, slowest %s", kind, len(open), scrapes, healths, slowest.Round(time.Millisecond))
		if scrapes != 7 || healths != 7 {
			t.Errorf("%s: %d of 7 scrapes, %d of 7 health checks", kind, scrapes, healths)
		}
	}
	if n := strings.Count(c.log.String(), "too many"); n > 4 {
		t.Errorf("%d lines about connections", n)
	}
}

// thousand is 1,000 organizations with 20 invitations each.
func thousand(t *testing.T) string {
	t.Helper()
	var invitations strings.Builder
	for i := range 20 {
		fmt.Fprintf(&invitations, `,{"memberNo": %d, "organizationNo": 4100, "regYmdt": 1793620800000, "expireDay": "7"}`, i+1)
	}
	url := hostile(t, func(w http.ResponseWriter, r *http.Request) {
		if strings.HasSuffix(r.URL.Path, "/invitation") {
			fmt.Fprint(w, "["+invitations.String()[1:]+"]")
			return
		}
		fmt.Fprint(w, "null")
	})
	yaml := "defaults: {cache_ttl: 1h}\norganizations:\n"
	for i := range 1000 {
		yaml += holdOrganization(fmt.Sprintf("org%d", i), "ncp", url, "")
	}
	return yaml
}

func (c *exporter) becomesReady(limit time.Duration) {
	c.t.Helper()
	c.wait(limit, "it is ready", func() bool {
		status, _, _, err := c.ask(http.MethodGet, "/-/ready", time.Second)
		return err == nil && status == http.StatusOK
	})
}

func holdReaders(t *testing.T) {
	c := startExporter(t, thousand(t))
	c.becomesReady(time.Minute)
	c.get("/metrics")
	before := c.memory("VmRSS")
	peak := c.watch()
	defer func() { t.Logf("peak %d MiB", peak()) }()
	address := strings.TrimPrefix(c.url, "http://")
	var open []net.Conn
	for i := range 300 {
		conn, err := net.DialTimeout("tcp", address, 2*time.Second)
		if err != nil {
			break
		}
		open = append(open, conn)
		path := "/metrics"
		if i%3 == 0 {
			path = "/metrics?collect[]=invitations"
		}
		_ = conn.(*net.TCPConn).SetReadBuffer(4096)
		fmt.Fprintf(conn, "GET %s HTTP/1.1\r\nHost: a\r\n\r\n", path)
	}
	time.Sleep(5 * time.Second)
	good, asked := 0, 0
	for range 10 {
		status, _, _, err := c.ask(http.MethodGet, "/-/healthy", 3*time.Second)
		asked++
		if err == nil && status == http.StatusOK {
			good++
		}
		time.Sleep(500 * time.Millisecond)
	}
	for _, conn := range open {
		conn.Close()
	}
	have := peak()
	t.Logf("%d readers: %d → %d MiB, health %d of %d", len(open), before, have, good, asked)
	if have > 512 || good != asked {
		t.Errorf("memory %d → %d MiB, health %d of %d", before, have, good, asked)
	}
}

func holdFormats(t *testing.T) {
	c := startExporter(t, thousand(t))
	c.becomesReady(time.Minute)
	c.get("/metrics")
	for _, path := range []string{"/metrics?name[]=x", "/config", "/"} {
		before := c.memory("VmRSS")
		c.collectGarbage()
		c.resetPeak()
		var answered, refused, none atomic.Int64
		var wg sync.WaitGroup
		end := time.Now().Add(8 * time.Second)
		for range 20 {
			wg.Go(func() {
				for time.Now().Before(end) {
					status, _, _, err := c.ask(http.MethodGet, path, 10*time.Second)
					switch {
					case err != nil:
						none.Add(1)
					case status == http.StatusOK:
						answered.Add(1)
					default:
						refused.Add(1)
						time.Sleep(time.Second) // Retry-After
					}
				}
			})
		}
		wg.Wait()
		have := c.memory("VmHWM")
		t.Logf("20 clients of %s: %d answered, %d refused, %d failed; %d → %d MiB", path, answered.Load(), refused.Load(), none.Load(), before, have)
		if have > 512 || answered.Load() == 0 { // one that has no time left is cut off
			t.Errorf("%s: %d MiB, %d answered, %d failed", path, have, answered.Load(), none.Load())
		}
	}
}

// webConfig writes a web.config.file with a certificate.
func webConfig(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	writeCertificate(t, dir)
	file := filepath.Join(dir, "web.yml")
	if err := os.WriteFile(file, []byte("tls_server_config: {cert_file: cert.pem, key_file: key.pem}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

// startTLS starts the program with TLS on its main address.
func startTLS(t *testing.T) (c *exporter, address string) {
	t.Helper()
	health := freeAddress(t)
	c = newExporter(t, "organizations:\n"+holdOrganization("acme", "ncp", goodNCP(t), ""), "--web.health-address="+health, "--web.config.file="+webConfig(t))
	address, c.url = strings.TrimPrefix(c.url, "http://"), "http://"+health
	c.start()
	t.Cleanup(c.stop)
	c.becomesReady(20 * time.Second)
	return c, address
}

func holdResets(t *testing.T) {
	c, address := startTLS(t)
	before := c.memory("VmRSS")
	conn, err := tls.Dial("tcp", address, &tls.Config{InsecureSkipVerify: true, NextProtos: []string{"h2"}})
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if _, err := io.WriteString(conn, http2.ClientPreface); err != nil {
		t.Fatal(err)
	}
	framer := http2.NewFramer(conn, conn)
	_ = framer.WriteSettings()
	go func() { _, _ = io.Copy(io.Discard, conn) }()
	var block bytes.Buffer
	encoder := hpack.NewEncoder(&block)
	for _, f := range [][2]string{{":method", "GET"}, {":scheme", "https"}, {":path", "/metrics"}, {":authority", address}, {"accept-encoding", "gzip"}} {
		_ = encoder.WriteField(hpack.HeaderField{Name: f[0], Value: f[1]})
	}
	requests, end := 0, time.Now().Add(10*time.Second)
	for id := uint32(1); time.Now().Before(end) && requests < 100_000; id += 2 {
		if framer.WriteHeaders(http2.HeadersFrameParam{StreamID: id, BlockFragment: block.Bytes(), EndStream: true, EndHeaders: true}) != nil ||
			framer.WriteRSTStream(id, http2.ErrCodeCancel) != nil {
			break
		}
		requests++
	}
	have := c.memory("VmHWM")
	t.Logf("%d requests that are reset: %d → %d MiB", requests, before, have)
	if have > 256 {
		t.Errorf("peak %d MiB", have)
	}
	c.becomesReady(5 * time.Second)
}

func holdHandshakes(t *testing.T) {
	c, address := startTLS(t)
	lines := strings.Count(c.log.String(), "level=warn")
	for i := range 5000 {
		conn, err := net.DialTimeout("tcp", address, 2*time.Second)
		if err != nil {
			t.Fatal(err)
		}
		if i%2 == 0 {
			_, _ = io.WriteString(conn, "GET / HTTP/1.0\r\n\r\n")
		}
		conn.Close()
	}
	time.Sleep(time.Second)
	have := strings.Count(c.log.String(), "level=warn") - lines
	t.Logf("%d warnings of 5000 connections", have)
	if have > 10 {
		t.Errorf("%d warnings of 5000 connections, half of which sent nothing\n%s", have, c.log.end())
	}
}

func holdPort(t *testing.T) {
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
	config := filepath.Join(t.TempDir(), "config.yml")
	if err := os.WriteFile(config, []byte("organizations:\n"+holdOrganization("acme", "ncp", url, "")), 0o600); err != nil {
		t.Fatal(err)
	}
	for range 20 {
		out, err := exec.Command(binary, "--config.file="+config, "--web.listen-address="+taken.Addr().String(), "--log.format=json").CombinedOutput()
		var exit *exec.ExitError
		if !errors.As(err, &exit) || exit.ExitCode() != 1 {
			t.Fatalf("want exit code 1, have %v\n%s", err, out)
		}
	}
	t.Logf("%d calls in 20 starts", calls.Load())
	if calls.Load() != 0 {
		t.Errorf("%d calls in 20 starts", calls.Load())
	}
}

func holdReady(t *testing.T) {
	good := goodNCP(t)
	stop := make(chan struct{})
	silent := hostile(t, func(_ http.ResponseWriter, r *http.Request) {
		select {
		case <-r.Context().Done():
		case <-stop:
		}
	})
	defer close(stop)
	yaml := "defaults: {refresh_timeout: 2s}\norganizations:\n"
	for i := range 100 {
		url := good
		if i%5 < 2 {
			url = silent
		}
		yaml += holdOrganization("org"+strconv.Itoa(i), "ncp", url, "")
	}
	start := time.Now()
	c := startExporter(t, yaml)
	c.becomesReady(time.Minute)
	took := time.Since(start)
	t.Logf("ready after %s", took.Round(100*time.Millisecond))
	if took > 15*time.Second {
		t.Errorf("ready after %s", took)
	}
}
