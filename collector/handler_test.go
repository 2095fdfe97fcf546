package collector

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/common/expfmt"

	"github.com/cloudorg-exporter/cloudorg_exporter/internal/org"
)

// A family that panics fails the scrape, in every format, and not the process.
func TestPanic(t *testing.T) {
	caches := []*org.Cache{cached(everything(), time.Hour)}
	for _, tt := range []struct{ path, accept string }{
		{"/metrics", "text/plain"},
		{"/metrics", openMetrics},
		{"/metrics", string(expfmt.NewFormat(expfmt.TypeProtoDelim))},
		{"/metrics?collect[]=groups", ""},
		{"/metrics?name[]=cloudorg_groups", ""},
		{"/probe?target=acme", ""},
		{"/probe?target=acme&collect[]=groups", ""},
	} {
		var logged bytes.Buffer
		h := NewHandler(HandlerConfig{
			Organizations: func() []*org.Cache { return caches },
			Self:          NewSelf(false),
			Logger:        slog.New(slog.NewTextHandler(&logged, nil)),
		})
		for i := range h.families {
			if h.families[i].name == "groups" {
				h.families[i].samples = func(*view) []sample { panic("no such group") }
			}
		}
		r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, tt.path, nil)
		r.Header.Set("Accept", tt.accept)
		serve := h.Metrics
		if strings.HasPrefix(tt.path, "/probe") {
			serve = h.Probe
		}
		code, _, text := fetch(t, serve, r)
		const want = `render cloudorg_groups of organization "acme": panic: no such group`
		if code != http.StatusInternalServerError || !strings.Contains(text, want) {
			t.Errorf("%+v: have %d %s", tt, code, text)
		}
		if log := strings.ReplaceAll(logged.String(), `\"`, `"`); !strings.Contains(log, want) || strings.Count(log, "\n") != 1 {
			t.Errorf("%+v: logged %s", tt, log)
		}
		if code, _, text := fetch(t, h.Metrics, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/metrics?collect[]=members", nil)); code != http.StatusOK {
			t.Errorf("%+v: the next scrape, of other metrics: %d %s", tt, code, text)
		}
	}
}

// A panic among the exporter's own metrics fails the scrape, too.
func TestPanicOfSelf(t *testing.T) {
	self := NewSelf(false)
	self.registry.MustRegister(panicking{})
	h := handler(func() []*org.Cache { return nil }, self)
	for _, accept := range []string{"", string(expfmt.NewFormat(expfmt.TypeProtoDelim))} {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/metrics", nil)
		r.Header.Set("Accept", accept)
		if code, _, text := fetch(t, h.Metrics, r); code != http.StatusInternalServerError || !strings.Contains(text, "is broken") {
			t.Errorf("%q: have %d %s", accept, code, text)
		}
	}
}

type panicking struct{}

func (panicking) Describe(chan<- *prometheus.Desc) {}

func (panicking) Collect(chan<- prometheus.Metric) { panic("is broken") }

// unread is a response that its client does not read until it is released.
type unread struct {
	*httptest.ResponseRecorder
	released chan struct{}
}

func (u unread) Write(b []byte) (int, error) {
	<-u.released
	return u.ResponseRecorder.Write(b)
}

// Scrapes beyond the limit wait within their budget, and are then refused.
func TestRenderingsAreLimited(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		caches := []*org.Cache{cached(everything(), time.Hour)}
		h := handler(func() []*org.Cache { return caches }, nil)
		request := func(path string) *http.Request {
			r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, path, nil)
			r.Header.Set("X-Prometheus-Scrape-Timeout-Seconds", "3")
			return r
		}
		slow := unread{httptest.NewRecorder(), make(chan struct{})}
		var scrapes sync.WaitGroup
		for range 2 * runtime.GOMAXPROCS(0) {
			w := unread{httptest.NewRecorder(), slow.released}
			scrapes.Go(func() { h.Metrics(w, request("/metrics")) })
		}
		synctest.Wait()
		for _, path := range []string{"/metrics", "/metrics?collect[]=groups"} {
			start := time.Now()
			code, header, _ := fetch(t, h.Metrics, request(path))
			if took := time.Since(start); code != http.StatusServiceUnavailable || header.Get("Retry-After") == "" || took != 3*time.Second {
				t.Errorf("%s: have %d after %s, %v", path, code, took, header)
			}
		}
		var code int
		scrapes.Go(func() { code, _, _ = fetch(t, h.Metrics, request("/metrics")) })
		time.Sleep(time.Second)
		close(slow.released)
		scrapes.Wait()
		if code != http.StatusOK {
			t.Errorf("a scrape that waited for a second: %d", code)
		}
		if code, _, _ := fetch(t, h.Metrics, request("/metrics")); code != http.StatusOK {
			t.Errorf("a scrape after the others: %d", code)
		}
	})
}

// Scrapes that have waited for a refresh for their whole budget are rendered one
// after the other.
func TestRenderingsAfterTheBudget(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cache := org.NewCache(hanging{}, org.Config{Organization: "acme", Timeout: time.Minute})
		defer cache.Close()
		h := NewHandler(HandlerConfig{
			Organizations: func() []*org.Cache { return []*org.Cache{cache} },
			TimeoutOffset: time.Second, Logger: slog.New(slog.DiscardHandler),
		})
		all := int64(2 * runtime.GOMAXPROCS(0))
		if !h.renderings.TryAcquire(all) {
			t.Fatal("something is rendered")
		}
		var scrapes sync.WaitGroup
		for range 20 {
			scrapes.Go(func() {
				r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/metrics", nil)
				r.Header.Set("X-Prometheus-Scrape-Timeout-Seconds", "3")
				if code, _, text := fetch(t, h.Metrics, r); code != http.StatusOK {
					t.Errorf("have %d %s", code, text)
				}
			})
		}
		time.Sleep(2400 * time.Millisecond) // the budget is 2 seconds
		h.renderings.Release(all)
		scrapes.Wait()
	})
}

// single is a listener with one connection.
type single struct {
	conns chan net.Conn
}

func (s single) Accept() (net.Conn, error) {
	if c, ok := <-s.conns; ok {
		return c, nil
	}
	return nil, net.ErrClosed
}
func (s single) Close() error   { return nil }
func (s single) Addr() net.Addr { return &net.IPAddr{} }

// A client that does not read is given up when Prometheus would have given up.
func TestUnreadResponse(t *testing.T) {
	for _, query := range []string{"", "?name[]=cloudorg_invitation_created_timestamp_seconds"} {
		synctest.Test(t, func(t *testing.T) {
			caches := companies(1, 1, 10_000)
			h := handler(func() []*org.Cache { return caches }, nil)
			h.cfg.TimeoutOffset = time.Second / 2
			ended := make(chan time.Duration, 1)
			start := time.Now()
			server := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				defer func() { ended <- time.Since(start) }()
				h.Metrics(w, r)
			}), ErrorLog: slog.NewLogLogger(slog.DiscardHandler, 0)}
			listener := single{make(chan net.Conn, 1)}
			ours, theirs := net.Pipe()
			listener.conns <- theirs
			var running sync.WaitGroup
			running.Go(func() { _ = server.Serve(listener) })
			_, err := io.WriteString(ours, "GET /metrics"+query+" HTTP/1.1\r\nHost: a\r\nX-Prometheus-Scrape-Timeout-Seconds: 5\r\n\r\n")
			if err != nil {
				t.Fatal(err)
			}
			if took := <-ended; took != 5*time.Second {
				t.Errorf("%s: given up after %s", query, took)
			}
			close(listener.conns)
			_ = ours.Close()
			_ = server.Close()
			running.Wait()
		})
	}
}

// hanging is a Source that reads until its context ends.
type hanging struct{}

func (hanging) Read(ctx context.Context) org.Listings {
	<-ctx.Done()
	return org.Listings{}
}

// A refresh that takes longer than the budget costs one scrape its budget, and
// still leaves time to render and send.
func TestHangingRefresh(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := org.NewCache(hanging{}, config(everything(), time.Hour))
		defer c.Close()
		h := handler(func() []*org.Cache { return []*org.Cache{c} }, nil)
		for _, want := range []time.Duration{4 * time.Second, 0} {
			start := time.Now()
			text := body(t, get(t, h, ""))
			if took := time.Since(start); took != want || !strings.Contains(text, "cloudorg_collector_success{") {
				t.Errorf("after %s, want after %s:\n%s", took, want, text)
			}
		}
	})
}

func TestBadRequests(t *testing.T) {
	h := handler(func() []*org.Cache { return []*org.Cache{cached(everything(), time.Hour)} }, nil)
	for _, tt := range []struct {
		path string
		code int
		want string
	}{
		{"/probe", 400, "exactly one target parameter is required: an organization name"},
		{"/probe?target=", 400, "exactly one target parameter is required: an organization name"},
		{"/probe?target=acme&target=acme", 400, "exactly one target parameter is required: an organization name"},
		{"/probe?target=a", 404, `no organization "a" is configured`},
		{"/probe?target=acme&collect[]=member", 400, `unknown collector "member"; the collectors are organization, groups, `},
		{"/metrics?collect[]=", 400, `unknown collector ""`},
	} {
		serve := h.Metrics
		if strings.HasPrefix(tt.path, "/probe") {
			serve = h.Probe
		}
		code, _, text := fetch(t, serve, httptest.NewRequestWithContext(t.Context(), http.MethodGet, tt.path, nil))
		if code != tt.code || !strings.HasPrefix(text, tt.want) {
			t.Errorf("%s: have %d %s", tt.path, code, text)
		}
	}
}

// Without the metrics of the process, the exporter's own remain.
func TestSelfWithoutProcess(t *testing.T) {
	for _, process := range []bool{true, false} {
		text := body(t, get(t, handler(func() []*org.Cache { return nil }, NewSelf(process)), ""))
		for _, name := range []string{"\ngo_goroutines ", "\nprocess_cpu_seconds_total "} {
			if strings.Contains(text, name) != process {
				t.Errorf("%t: %s", process, text)
			}
		}
		if !strings.Contains(text, "\ncloudorg_exporter_build_info{") {
			t.Errorf("%t: %s", process, text)
		}
	}
}

func TestBudget(t *testing.T) {
	for _, tt := range []struct {
		header string
		want   time.Duration
	}{
		{"", 4 * time.Second},
		{"soon", 4 * time.Second},
		{"-1", 4 * time.Second},
		{"NaN", 4 * time.Second},
		{"0", 4 * time.Second},
		{"10", 9500 * time.Millisecond},
		{"0.6", 100 * time.Millisecond},
		{"0.5", 250 * time.Millisecond},
		{"0.2", 100 * time.Millisecond},
		{"1e300", time.Hour - 500*time.Millisecond},
	} {
		header := map[string][]string{"X-Prometheus-Scrape-Timeout-Seconds": {tt.header}}
		if have := budget(header, 500*time.Millisecond); have != tt.want {
			t.Errorf("%q: want %s, have %s", tt.header, tt.want, have)
		}
	}
}
