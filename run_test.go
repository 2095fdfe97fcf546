package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/cloudorg-exporter/cloudorg_exporter/internal/sim"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	access = "EXAMPLEACCESSKEY0001"
	secret = "exampleSecretKey0123456789ABCDEFabcdef00"
)

// simulate serves a simulated NCP over HTTP.
func simulate(t *testing.T, change func(*sim.Config)) (*sim.NCP, string) {
	t.Helper()
	cfg := sim.Config{AccessKey: access, SecretKey: secret, Company: sim.Sample, Unexpected: t.Errorf}
	if change != nil {
		change(&cfg)
	}
	ncp := sim.NewNCP(cfg)
	server := httptest.NewServer(ncp)
	t.Cleanup(func() {
		ncp.Close()
		server.Close()
	})
	return ncp, server.URL
}

// organization is the YAML of an organization at url, with further keys.
func organization(name, url string, keys ...string) string {
	return fmt.Sprintf("  - name: %s\n    cloud: ncp\n    base_url: %s\n    access_key: %s\n    secret_key: %s\n    rate_limit: 1000\n    %s\n",
		name, url, access, secret, strings.Join(keys, "\n    "))
}

func write(t *testing.T, name, text string) string {
	t.Helper()
	if !filepath.IsAbs(name) {
		name = filepath.Join(t.TempDir(), name)
	}
	if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}

// A logBuffer is a buffer that may be read while it is written.
type logBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *logBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *logBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// A program is the running exporter.
type program struct {
	t    *testing.T
	url  string
	log  *logBuffer
	stop func() error // ends it as a signal does; its error
}

// start runs the exporter with args until the test ends.
func start(t *testing.T, args ...string) *program {
	t.Helper()
	address := free(t)
	p := &program{t: t, url: "http://" + address, log: &logBuffer{}}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	var err error
	go func() {
		defer close(done)
		err = run(ctx, append([]string{"--web.listen-address=" + address, "--log.level=debug"}, args...), io.Discard, p.log)
	}()
	p.stop = func() error {
		cancel()
		<-done
		http.DefaultClient.CloseIdleConnections()
		return err
	}
	t.Cleanup(func() { _ = p.stop() })
	p.until("it answers", func() bool {
		select {
		case <-done:
			t.Fatalf("it has ended: %v\n%s", err, p.log)
		default:
		}
		resp, err := http.Get(p.url + "/-/healthy")
		if err == nil {
			resp.Body.Close()
		}
		return err == nil
	})
	return p
}

// free returns an address on loopback that nobody listens on.
func free(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// until waits for something that happens soon.
func (p *program) until(what string, happened func() bool) {
	p.t.Helper()
	for deadline := time.Now().Add(20 * time.Second); !happened(); {
		if time.Now().After(deadline) {
			p.t.Fatalf("timed out waiting until %s\n%s", what, p.log)
		}
		time.Sleep(5 * time.Millisecond)
	}
}

// do makes a request and returns status and body.
func (p *program) do(method, path string, header ...string) (int, string) {
	p.t.Helper()
	req, err := http.NewRequestWithContext(p.t.Context(), method, p.url+path, nil)
	if err != nil {
		p.t.Fatal(err)
	}
	for i := 0; i < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		p.t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		p.t.Fatal(err)
	}
	return resp.StatusCode, string(body)
}

// get is do for a page that must be there.
func (p *program) get(path string, header ...string) string {
	p.t.Helper()
	status, body := p.do(http.MethodGet, path, header...)
	if status != http.StatusOK {
		p.t.Fatalf("%s: %d %s", path, status, body)
	}
	return body
}

// ready waits until every organization has been refreshed.
func (p *program) ready() {
	p.t.Helper()
	p.until("it is ready", func() bool {
		status, _ := p.do(http.MethodGet, "/-/ready")
		return status == http.StatusOK
	})
}
