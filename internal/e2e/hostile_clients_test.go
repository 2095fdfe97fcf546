//go:build e2e

package e2e_test

// What the exporter needs and still serves while clients connect to it and send
// nothing, do not read, cancel, or ask for what is slow to render.

import (
	"bytes"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"os/exec"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"
)

// TestHostileClients makes many connections or requests. Scrapes and health
// checks must be answered meanwhile.
func TestHostileClients(t *testing.T) {
	t.Run("silent connections", silentConnections)
	t.Run("slow readers", slowReaders)
	t.Run("slow formats", slowFormats)
	t.Run("resets over HTTP/2", resets)
	t.Run("plain connections to the TLS port", plainHandshakes)
}

// silentConnections opens more connections than the program has descriptors.
func silentConnections(t *testing.T) {
	health := freeAddress(t)
	e := newExporter(t, "organizations:\n"+organizationAt(newSite(t, "ncp", 3110).url(), "acme", "ncp", ", cache_ttl: 1s"), "--web.health-address="+health)
	e.startWith(exec.Command("sh", append([]string{"-c", `ulimit -n 256 && exec "$0" "$@"`, binary}, e.flags...)...))
	t.Cleanup(e.stop)
	e.client.Timeout = 3 * time.Second
	for _, kind := range []struct{ name, sent string }{
		{"silent", ""},
		{"one request", "GET /-/healthy HTTP/1.1\r\nHost: a\r\n\r\n"},
		{"part of one", "GET /-/healthy HTTP/1.1\r\nHo"},
	} {
		var open []net.Conn
		for range 2000 {
			conn, err := net.DialTimeout("tcp", e.listenAddress(), 2*time.Second)
			if err != nil {
				break
			}
			open = append(open, conn)
			_, _ = io.WriteString(conn, kind.sent)
		}
		const checks = 7
		scrapes, healthy, slowest := 0, 0, time.Duration(0)
		for range checks {
			e.client.CloseIdleConnections()
			start := time.Now()
			if status, _, _, err := e.ask(http.MethodGet, "/metrics", e.client.Timeout); err == nil && status == http.StatusOK {
				scrapes++
			}
			slowest = max(slowest, time.Since(start))
			client := http.Client{Timeout: e.client.Timeout, Transport: &http.Transport{DisableKeepAlives: true}}
			if resp, err := client.Get("http://" + health + "/-/healthy"); err == nil {
				resp.Body.Close()
				healthy++
			}
		}
		for _, conn := range open {
			conn.Close()
		}
		t.Logf("%s: %d connections, the slowest scrape %s", kind.name, len(open), slowest.Round(time.Millisecond))
		if scrapes != checks || healthy != checks {
			t.Errorf("%s: want %d scrapes and health checks, have %d and %d", kind.name, checks, scrapes, healthy)
		}
	}
	if n := len(e.log.lines("too many")); n > 4 {
		t.Errorf("%d lines about connections", n)
	}
}

// startThousand starts an exporter with 1,000 organizations of 20 invitations
// each, and waits until they have been read.
func startThousand(t *testing.T) *exporter {
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
	var yaml strings.Builder
	yaml.WriteString("defaults: {cache_ttl: 1h}\norganizations:\n")
	for i := range 1000 {
		yaml.WriteString(organizationAt(url, fmt.Sprintf("org%d", i), "ncp", ""))
	}
	e := startExporter(t, yaml.String())
	e.waitReady()
	e.get("/metrics")
	return e
}

// slowReaders asks for large scrapes and does not read them.
func slowReaders(t *testing.T) {
	e := startThousand(t)
	for i := range 300 {
		conn, err := net.DialTimeout("tcp", e.listenAddress(), 2*time.Second)
		if err != nil {
			break
		}
		defer conn.Close()
		path := "/metrics"
		if i%3 == 0 {
			path = "/metrics?collect[]=invitations"
		}
		_ = conn.(*net.TCPConn).SetReadBuffer(4096)
		fmt.Fprintf(conn, "GET %s HTTP/1.1\r\nHost: a\r\n\r\n", path)
	}
	time.Sleep(5 * time.Second) // the scrapes are rendered
	for range 10 {
		if status, _, _, err := e.ask(http.MethodGet, "/-/healthy", 3*time.Second); err != nil || status != http.StatusOK {
			t.Errorf("health check: %d %v", status, err)
		}
		time.Sleep(500 * time.Millisecond)
	}
	e.checkPeak(512)
}

// slowFormats makes 20 clients ask for the pages that take longest to render.
func slowFormats(t *testing.T) {
	e := startThousand(t)
	for _, path := range []string{"/metrics?name[]=x", "/config", "/"} {
		e.collectGarbage()
		e.resetPeak()
		var answered, refused, failed atomic.Int64 // one that has no time left is cut off
		var clients sync.WaitGroup
		end := time.Now().Add(8 * time.Second)
		for range 20 {
			clients.Go(func() {
				for time.Now().Before(end) {
					status, _, _, err := e.ask(http.MethodGet, path, scrapeTimeout)
					switch {
					case err != nil:
						failed.Add(1)
					case status == http.StatusOK:
						answered.Add(1)
					default:
						refused.Add(1)
						time.Sleep(time.Second) // Retry-After
					}
				}
			})
		}
		clients.Wait()
		t.Logf("%s: %d answered, %d refused, %d failed", path, answered.Load(), refused.Load(), failed.Load())
		if answered.Load() == 0 {
			t.Errorf("%s: none is answered", path)
		}
		e.checkPeak(512)
	}
}

// startTLS starts an exporter with TLS at address. Its url is that of the health
// checks.
func startTLS(t *testing.T, number int) (e *exporter, address string) {
	t.Helper()
	dir, health := t.TempDir(), freeAddress(t)
	newAuthority(t).writeFiles(dir, net.IPv4(127, 0, 0, 1))
	web := writeFile(t, dir, "web.yml", "tls_server_config: {cert_file: cert.pem, key_file: key.pem}\n")
	e = newExporter(t, "organizations:\n"+organization("acme", newSite(t, "ncp", number)), "--web.health-address="+health, "--web.config.file="+web)
	address, e.url = e.listenAddress(), "http://"+health
	e.start()
	t.Cleanup(e.stop)
	e.waitReady()
	return e, address
}

// resets sends scrapes over one HTTP/2 connection and cancels each at once.
func resets(t *testing.T) {
	e, address := startTLS(t, 3111)
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
			break // the exporter has closed the connection
		}
		requests++
	}
	t.Logf("%d requests", requests)
	e.checkPeak(256)
	start := time.Now()
	e.waitReady()
	if took := time.Since(start); took > 5*time.Second {
		t.Errorf("ready again after %s", took)
	}
}

// plainHandshakes connects without TLS, and closes the connection at once. The
// log must not have a line for each.
func plainHandshakes(t *testing.T) {
	e, address := startTLS(t, 3112)
	// At the default level, not at that of these tests.
	lines := func() int { return strings.Count(e.log.String(), "\n") - len(e.log.lines("level=debug ")) }
	before := lines()
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
	time.Sleep(time.Second) // the lines are written
	if have := lines() - before; have > 10 {
		t.Errorf("%d lines for 5000 connections, half of which sent nothing\n%s", have, e.log.end())
	}
}
