//go:build e2e

package e2e_test

// A simulated cloud on an address of its own, whose responses can be replaced.

import (
	"crypto/tls"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/cloudorg-exporter/cloudorg_exporter/internal/sim"
)

const (
	siteAccess = "EXAMPLEACCESSKEY0001"
	siteSecret = "exampleSecretKey0123456789ABCDEFabcdef00"
)

// A site is a simulated cloud on a loopback address of its own, which can be
// taken down and come back.
type site struct {
	t       *testing.T
	api     *api
	address string
	delay   time.Duration // of each response
	tls     *tls.Config   // nil: plain http
	front   *socks        // nil: no proxy
	truth   sim.Cloud     // without its faults, what the cloud says

	now     atomic.Pointer[sim.Cloud] // that answers
	instead atomic.Pointer[override]
	server  *http.Server
	socket  net.Listener

	mu        sync.Mutex
	watched   string      // operation or instance
	hits      []time.Time // calls of it
	total     int         // calls of any operation
	open      int         // connections
	signature string      // of one call
}

// organization returns the configuration of an organization at a site, which
// further lines can follow.
func organization(name string, s *site) string {
	return fmt.Sprintf("  - name: %q\n    cloud: %s\n    base_url: %s\n    access_key: %s\n    secret_key: %s\n    collectors: [%s]\n%s",
		name, s.api.cloud, s.url(), siteAccess, siteSecret, strings.Join(s.api.collectors, ", "), s.api.config)
}

// An override answers for one operation, or one instance of it, instead of the
// simulator.
type override struct {
	operation string
	answer    func(w http.ResponseWriter, r *http.Request, truth http.Handler)
}

// newSimulator returns a simulated cloud, with the site's keys unless cfg has
// others.
func newSimulator(t *testing.T, a *api, cfg sim.Config) sim.Cloud {
	cfg.Unexpected = t.Errorf
	if cfg.AccessKey == "" {
		cfg.AccessKey, cfg.SecretKey = siteAccess, siteSecret
	}
	s := a.new(cfg)
	t.Cleanup(s.Close)
	return s
}

// newSite starts a site of an API with the sample company, on the loopback
// address with a number.
func newSite(t *testing.T, api string, number int) *site {
	t.Helper()
	a := apiNamed(api)
	return startSite(t, newSimulator(t, a, sim.Config{}), a, number)
}

// startSite starts a site of a simulated cloud.
func startSite(t *testing.T, simulated sim.Cloud, a *api, number int) *site {
	t.Helper()
	s := &site{t: t, api: a, truth: simulated}
	s.now.Store(&s.truth)
	s.address = fmt.Sprintf("127.0.%d.%d:0", 1+number/250, 1+number%250)
	s.up()
	t.Cleanup(func() {
		s.truth.Close()
		s.down()
	})
	return s
}

// host returns the address without its port.
func (s *site) host() net.IP {
	host, _, _ := net.SplitHostPort(s.address)
	return net.ParseIP(host)
}

// url returns the base_url of the site.
func (s *site) url() string {
	switch {
	case s.front != nil:
		return "http://" + s.api.cloud + ".example.test"
	case s.tls != nil:
		return "https://" + s.address
	}
	return "http://" + s.address
}

// up listens.
func (s *site) up() {
	s.t.Helper()
	listener, err := net.Listen("tcp", s.address)
	if err != nil {
		s.t.Fatal(err)
	}
	s.address, s.socket = listener.Addr().String(), listener
	if s.tls != nil {
		listener = tls.NewListener(listener, s.tls)
	}
	s.server = &http.Server{Handler: s, ErrorLog: log.New(io.Discard, "", 0), ConnState: s.countConnection}
	go func(server *http.Server) { _ = server.Serve(listener) }(s.server)
}

// down stops listening and closes all connections.
func (s *site) down() {
	s.socket.Close() // the server may not have begun to serve it
	s.server.Close()
}

// restart closes all connections and listens again, with TLS if config is not
// nil.
func (s *site) restart(config *tls.Config) {
	s.down()
	s.tls = config
	s.up()
}

// watch records the calls of an endpoint from now on.
func (s *site) watch(e endpoint) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.watched, s.hits = e.key(), nil
}

// calls returns the times of the calls of the watched endpoint.
func (s *site) calls() []time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]time.Time(nil), s.hits...)
}

// count returns the number of calls of any operation.
func (s *site) count() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.total
}

// countConnection counts the connections that are open.
func (s *site) countConnection(_ net.Conn, state http.ConnState) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch state {
	case http.StateNew:
		s.open++
	case http.StateClosed, http.StateHijacked:
		s.open--
	}
}

// connections returns the number of open connections.
func (s *site) connections() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.open
}

// ServeHTTP answers one call.
func (s *site) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	operation, instance := s.truth.Operation(r)
	s.mu.Lock()
	s.total++
	if (operation == s.watched || instance == s.watched) && len(s.hits) < 1000 {
		s.hits = append(s.hits, time.Now())
	}
	if s.signature == "" {
		_, ofAWS, _ := strings.Cut(r.Header.Get("Authorization"), "Signature=")
		s.signature = r.Header.Get("x-ncp-apigw-signature-v2") + r.Header.Get("Scp-Signature") + ofAWS
	}
	s.mu.Unlock()
	time.Sleep(s.delay)
	if o := s.instead.Load(); o != nil && (o.operation == operation || o.operation == instance) {
		o.answer(w, r, *s.now.Load())
		return
	}
	(*s.now.Load()).ServeHTTP(w, r)
}

// spoil returns the begin of a fault that changes the body of the response.
func spoil(change func(e endpoint, body string) string) func(s *site, e endpoint) {
	return func(s *site, e endpoint) {
		s.instead.Store(&override{e.key(), func(w http.ResponseWriter, r *http.Request, truth http.Handler) {
			rec := httptest.NewRecorder()
			truth.ServeHTTP(rec, r)
			w.Header().Set("Content-Type", "application/json")
			_, _ = io.WriteString(w, change(e, rec.Body.String()))
		}})
	}
}
