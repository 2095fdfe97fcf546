package main

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"math/big"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"golang.org/x/crypto/bcrypt"

	"github.com/cloudorg-exporter/cloudorg_exporter/internal/sim"
)

// rewrite changes a file the way a configuration manager does: at once.
func rewrite(t *testing.T, file, text string) {
	t.Helper()
	if err := os.WriteFile(file+".new", []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(file+".new", file); err != nil {
		t.Fatal(err)
	}
}

func TestReload(t *testing.T) {
	acme, acmeURL := simulate(t, nil)
	_, betaURL := simulate(t, func(c *sim.Config) { c.Caller = sim.SubAccount })
	file := write(t, "config.yml", "organizations:\n"+organization("acme", acmeURL)+organization("beta", betaURL))
	p := start(t, "--web.enable-lifecycle", "--config.file="+file)
	p.ready()
	p.get("/metrics")
	calls := acme.Calls()

	// A bad file changes nothing, and says so three times.
	rewrite(t, file, "organizations:\n"+organization("acme", acmeURL, "cache_tll: 5m"))
	status, body := p.do(http.MethodPost, "/-/reload")
	if status != http.StatusInternalServerError || !strings.Contains(body, `config.yml: organization "acme": line 8: unknown key "cache_tll"`) {
		t.Errorf("want 500 and the reason, have %d %s", status, body)
	}
	metrics := p.get("/metrics")
	for _, want := range []string{
		"cloudorg_exporter_config_last_reload_successful 0",
		`cloudorg_collector_success{cloud="ncp",collector="members",organization="beta"} 0`,
	} {
		if !strings.Contains(metrics, "\n"+want+"\n") {
			t.Errorf("after a bad reload %s is missing", want)
		}
	}
	if !strings.Contains(p.log.String(), "reload failed") {
		t.Errorf("the log does not say that the reload failed:\n%s", p.log)
	}

	// A good one adds and removes, changes one and keeps the counters of it,
	// and does not touch the one that is the same.
	rewrite(t, file, "organizations:\n"+organization("gamma", acmeURL)+organization("acme", acmeURL)+organization("beta", betaURL, "cache_ttl: 1m"))
	if status, body := p.do(http.MethodPut, "/-/reload"); status != http.StatusOK {
		t.Fatalf("want 200, have %d %s", status, body)
	}
	p.until("the new organization is read", func() bool {
		return strings.Contains(p.get("/metrics"), `cloudorg_groups{cloud="ncp",organization="gamma"} 4`)
	})
	p.until("the changed organization is read", func() bool {
		return strings.Contains(p.get("/metrics"), `cloudorg_collector_failures_total{cloud="ncp",collector="members",organization="beta"} 2`)
	})
	metrics = p.get("/metrics")
	for _, want := range []string{
		"cloudorg_exporter_config_last_reload_successful 1",
		`cloudorg_exporter_refreshes_total{cloud="ncp",organization="acme"} 1`,
	} {
		if !strings.Contains(metrics, "\n"+want+"\n") {
			t.Errorf("after a good reload %s is missing", want)
		}
	}
	if have := acme.Calls()["/org"]; have != calls["/org"]+1 {
		t.Errorf("want one call of /org for gamma and none for acme, have %d", have-calls["/org"])
	}

	// What is removed leaves no series. SIGHUP does the same as a request.
	rewrite(t, file, "organizations:\n"+organization("acme", acmeURL))
	if err := syscall.Kill(os.Getpid(), syscall.SIGHUP); err != nil {
		t.Fatal(err)
	}
	p.until("the removed organizations have gone", func() bool {
		metrics := p.get("/metrics")
		return !strings.Contains(metrics, `organization="beta"`) && !strings.Contains(metrics, `organization="gamma"`)
	})
	if status, _ := p.do(http.MethodGet, "/-/reload"); status != http.StatusMethodNotAllowed {
		t.Errorf("GET /-/reload: want 405, have %d", status)
	}
}

// Ready stays ready when a reload adds an organization that does not answer.
func TestReloadStaysReady(t *testing.T) {
	_, url := simulate(t, nil)
	silent, silentURL := simulate(t, nil)
	silent.SetFault("*", sim.Fault{Hang: true})
	file := write(t, "config.yml", "organizations:\n"+organization("acme", url))
	p := start(t, "--web.enable-lifecycle", "--config.file="+file)
	p.ready()
	rewrite(t, file, "organizations:\n"+organization("acme", url)+organization("silent", silentURL))
	if status, body := p.do(http.MethodPost, "/-/reload"); status != http.StatusOK {
		t.Fatalf("reload: %d %s", status, body)
	}
	if status, body := p.do(http.MethodGet, "/-/ready"); status != http.StatusOK {
		t.Errorf("want it ready, have %d %s", status, body)
	}
}

// A key is rotated under load: the old one stops, the new one is written, and
// no scrape fails.
func TestRotation(t *testing.T) {
	t.Parallel()
	ncp, url := simulate(t, nil)
	dir := t.TempDir()
	accessFile, secretFile := write(t, filepath.Join(dir, "access"), access+"\n"), write(t, filepath.Join(dir, "secret"), secret+"\n")
	p := start(t, "--config.file="+write(t, "config.yml", fmt.Sprintf(
		"organizations:\n  - {name: acme, cloud: ncp, base_url: %q, access_key_file: %s, secret_key_file: %s, cache_ttl: 0s, rate_limit: 10000}\n", url, accessFile, secretFile)))
	p.ready()
	var stop atomic.Bool
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for ; !stop.Load(); time.Sleep(5 * time.Millisecond) {
				if body := p.get("/metrics"); !strings.Contains(body, "\ncloudorg_groups{") {
					t.Error("a scrape went without data")
				}
			}
		})
	}
	good := func() bool {
		return !strings.Contains(p.get("/metrics"), "cloudorg_collector_error{")
	}
	for i := range 5 {
		key, word := fmt.Sprintf("NEWACCESSKEY%04d", i), fmt.Sprintf("newSecret%04d", i)
		ncp.SetKeys(key, word)
		p.until("the old key is refused", func() bool { return !good() })
		rewrite(t, accessFile, key+"\n")
		rewrite(t, secretFile, word+"\n")
		p.until("the new key is used", good)
	}
	// A file that cannot be read leaves the last key in use, with one warning.
	if err := os.Remove(secretFile); err != nil {
		t.Fatal(err)
	}
	for range 20 {
		if !good() {
			t.Error("the last key is not used any more")
		}
	}
	stop.Store(true)
	wg.Wait()
	if n := strings.Count(p.log.String(), "cannot re-read the key file"); n != 1 {
		t.Errorf("want one warning, have %d", n)
	}
}

// After a hundred reloads nothing is left of the organizations that were
// there for a while; goleak looks at the end of all tests.
func TestReloads(t *testing.T) {
	t.Parallel()
	_, url := simulate(t, nil)
	file := write(t, "config.yml", "organizations:\n"+organization("acme", url))
	p := start(t, "--web.enable-lifecycle", "--config.file="+file)
	p.ready()
	measure := func() (goroutines, files int, heap uint64) {
		http.DefaultClient.CloseIdleConnections()
		time.Sleep(50 * time.Millisecond)
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		open, err := os.ReadDir("/proc/self/fd")
		if err != nil {
			t.Fatal(err)
		}
		return runtime.NumGoroutine(), len(open), m.HeapAlloc
	}
	alone := func() {
		rewrite(t, file, "organizations:\n"+organization("acme", url))
		if status, body := p.do(http.MethodPost, "/-/reload"); status != http.StatusOK {
			t.Fatal(body)
		}
	}
	var goroutines, files int
	var heap uint64
	for i := range 100 {
		if i == 10 {
			alone()
			goroutines, files, heap = measure()
		}
		rewrite(t, file, "organizations:\n"+organization("acme", url)+organization(fmt.Sprintf("new%d", i), url))
		if status, body := p.do(http.MethodPost, "/-/reload"); status != http.StatusOK {
			t.Fatal(body)
		}
		if body := p.get("/metrics"); !strings.Contains(body, fmt.Sprintf(`cloudorg_groups{cloud="ncp",organization="new%d"} 4`, i)) {
			t.Fatalf("reload %d: the new organization is not served", i)
		}
	}
	alone()
	var g, f int
	var h uint64
	p.until("nothing is left of the organizations that have gone", func() bool { // the simulator's ends of connections close a little later
		g, f, h = measure()
		return g <= goroutines+5 && f <= files+5 && h <= heap+4<<20
	})
	t.Logf("after 10 reloads %d goroutines, %d files, %d bytes; after 100 %d, %d, %d", goroutines, files, heap, g, f, h)
}

// pemOf returns a certificate as a file has it.
func pemOf(der []byte) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
}

// certificate writes a self-signed certificate for 127.0.0.1 and its key.
func certificate(t *testing.T, dir string) *x509.CertPool {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true,
		DNSNames: []string{"localhost"}, KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	cert := pemOf(der)
	pool.AppendCertsFromPEM(cert)
	write(t, filepath.Join(dir, "cert.pem"), string(cert))
	write(t, filepath.Join(dir, "key.pem"), string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private})))
	return pool
}

// With TLS, client certificates and basic auth on the main address, health is
// still there for a kubelet that knows nothing of them.
func TestAccess(t *testing.T) {
	_, url := simulate(t, nil)
	dir := t.TempDir()
	pool := certificate(t, dir)
	hash, err := bcrypt.GenerateFromPassword([]byte("open sesame"), bcrypt.MinCost)
	if err != nil {
		t.Fatal(err)
	}
	web := write(t, filepath.Join(dir, "web.yml"), fmt.Sprintf(
		"tls_server_config: {cert_file: cert.pem, key_file: key.pem, client_auth_type: RequireAndVerifyClientCert, client_ca_file: cert.pem}\nbasic_auth_users: {prometheus: %q}\n", hash))
	health := free(t)
	p := &program{t: t}
	address := free(t)
	done := make(chan error, 1)
	ctx, cancel := context.WithCancel(context.Background())
	go func() {
		done <- run(ctx, []string{
			"--web.listen-address=" + address, "--web.health-address=" + health, "--web.config.file=" + web, "--web.enable-pprof",
			"--config.file=" + write(t, "config.yml", "organizations:\n"+organization("acme", url)),
		}, os.Stderr, &logBuffer{})
	}()
	p.log = &logBuffer{}
	p.url = "http://" + health
	p.until("it is healthy", func() bool {
		resp, err := http.Get(p.url + "/-/healthy")
		if err == nil {
			resp.Body.Close()
		}
		return err == nil
	})
	p.ready()
	if status, _ := p.do(http.MethodGet, "/metrics"); status != http.StatusNotFound {
		t.Errorf("the health address serves /metrics: %d", status)
	}
	pair, err := tls.LoadX509KeyPair(filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem"))
	if err != nil {
		t.Fatal(err)
	}
	ask := func(password string, certificates ...tls.Certificate) (int, error) {
		transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool, ServerName: "localhost", Certificates: certificates}}
		defer transport.CloseIdleConnections()
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "https://"+address+"/metrics", nil)
		if err != nil {
			t.Fatal(err)
		}
		req.SetBasicAuth("prometheus", password)
		resp, err := transport.RoundTrip(req)
		if err != nil {
			return 0, err
		}
		defer resp.Body.Close()
		return resp.StatusCode, nil
	}
	if status, err := ask("open sesame", pair); status != http.StatusOK {
		t.Errorf("right password: want 200, have %d %v", status, err)
	}
	if status, err := ask("guess", pair); status != http.StatusUnauthorized {
		t.Errorf("wrong password: want 401, have %d %v", status, err)
	}
	if status, err := ask("open sesame"); err == nil {
		t.Errorf("no client certificate: want a refusal, have %d", status)
	}
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
	http.DefaultClient.CloseIdleConnections()
}

// A scrape that runs when the signal comes is answered.
func TestDrain(t *testing.T) {
	ncp, url := simulate(t, nil)
	ncp.SetFault("*", sim.Fault{Delay: 300 * time.Millisecond})
	p := start(t, "--config.file="+write(t, "config.yml", "organizations:\n"+organization("acme", url)))
	asked := make(chan struct{})
	var body string
	var wg sync.WaitGroup
	wg.Go(func() {
		close(asked)
		_, body = p.do(http.MethodGet, "/metrics")
	})
	<-asked
	p.until("the cloud is asked", func() bool { return len(ncp.Calls()) > 0 })
	time.Sleep(20 * time.Millisecond) // until the scrape waits
	if err := p.stop(); err != nil {
		t.Error(err)
	}
	wg.Wait()
	if !strings.Contains(body, "\ncloudorg_groups{") {
		t.Errorf("the running scrape was not answered:\n%s", body)
	}
}
