package cloud_test

import (
	"context"
	"flag"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-kit/log"
	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"github.com/cloudorg-exporter/cloudorg_exporter/collector"
	"github.com/cloudorg-exporter/cloudorg_exporter/internal/capture"
	"github.com/cloudorg-exporter/cloudorg_exporter/internal/cloud"
	"github.com/cloudorg-exporter/cloudorg_exporter/internal/config"
	"github.com/cloudorg-exporter/cloudorg_exporter/internal/sim"
)

var update = flag.Bool("update", false, "write the golden files anew")

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// inProcess carries calls to a handler without a network, so that a test can
// run in a bubble of its own time.
type inProcess struct{ handler http.Handler }

func (p inProcess) RoundTrip(r *http.Request) (*http.Response, error) {
	w := httptest.NewRecorder()
	done := make(chan struct{})
	go func() {
		defer close(done)
		defer func() {
			if p := recover(); p != nil && p != any(http.ErrAbortHandler) {
				panic(p)
			}
		}()
		r := r.Clone(r.Context())
		r.RequestURI, r.Host = r.URL.RequestURI(), r.URL.Host
		p.handler.ServeHTTP(w, r)
	}()
	select {
	case <-done:
		return w.Result(), nil
	case <-r.Context().Done():
		<-done // a simulator that hangs lets go, too
		return nil, r.Context().Err()
	}
}

// A world is a fleet of organizations before simulated clouds, and a handler
// that renders them.
type world struct {
	t       *testing.T
	fleet   *cloud.Fleet
	handler *collector.Handler
	log     *strings.Builder
	seen    *recorder
}

// A recorder counts the calls that an Observer is told of.
type recorder struct {
	*collector.Self
	mu        sync.Mutex
	calls     map[string]int // by operation
	throttled int
}

func (r *recorder) Called(cloud, organization, operation string, status int, took time.Duration) {
	r.Self.Called(cloud, organization, operation, status, took)
	r.mu.Lock()
	defer r.mu.Unlock()
	r.calls[operation]++
}

func (r *recorder) Throttled(cloud, organization string) {
	r.Self.Throttled(cloud, organization)
	r.mu.Lock()
	defer r.mu.Unlock()
	r.throttled++
}

// parse returns a loader of a YAML text.
func parse(yaml string) func() (*config.Config, error) {
	return func() (*config.Config, error) {
		return config.Parse(strings.NewReader(yaml), "", cloud.Configs())
	}
}

// newWorld configures the organizations of a YAML text. It must run in a
// synctest bubble: its time begins at the samples' reference time.
func newWorld(t *testing.T, yaml string, api http.Handler) *world {
	t.Helper()
	return newWorldAt(t, sim.SampleTime(), yaml, api, nil)
}

// newWorldAt is newWorld at another time, whose calls are captured unless calls
// is nil.
func newWorldAt(t *testing.T, start time.Time, yaml string, api http.Handler, calls *capture.Capture) *world {
	t.Helper()
	time.Sleep(time.Until(start))
	w := &world{t: t, log: &strings.Builder{}, seen: &recorder{Self: collector.NewSelf(false), calls: map[string]int{}}}
	w.fleet = cloud.NewFleet(parse(yaml), cloud.Deps{
		Logger:    log.NewSyncLogger(log.NewLogfmtLogger(w.log)),
		Observer:  w.seen,
		Transport: inProcess{api},
		Capture:   calls,
	})
	if err := w.fleet.Reload(context.Background()); err != nil {
		t.Fatal(err)
	}
	w.handler = collector.NewHandler(collector.HandlerConfig{
		Organizations: w.fleet.Caches,
		TimeoutOffset: 500 * time.Millisecond,
		Logger:        slog.New(slog.DiscardHandler),
	})
	t.Cleanup(w.fleet.Close)
	return w
}

// scrape returns what Prometheus sees with a timeout of ten seconds.
func (w *world) scrape(query string) string {
	w.t.Helper()
	r := httptest.NewRequestWithContext(w.t.Context(), http.MethodGet, "/metrics"+query, nil)
	r.Header.Set("X-Prometheus-Scrape-Timeout-Seconds", "10")
	rec := httptest.NewRecorder()
	start := time.Now()
	w.handler.Metrics(rec, r)
	if rec.Code != http.StatusOK {
		w.t.Fatalf("scrape: %d %s", rec.Code, rec.Body)
	}
	if took := time.Since(start); took > 9500*time.Millisecond {
		w.t.Errorf("scrape took %s, more than its budget", took)
	}
	return rec.Body.String()
}

// golden compares have with a file, or writes it.
func golden(t *testing.T, name, have string) {
	t.Helper()
	file := filepath.Join("testdata", name+".prom")
	if *update {
		if err := os.WriteFile(file, []byte(have), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), have); diff != "" {
		t.Errorf("%s (-want +have):\n%s", file, diff)
	}
}

// counting counts the calls that reach a cloud.
type counting struct {
	http.Handler
	calls atomic.Int64
}

func (c *counting) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	c.calls.Add(1)
	c.Handler.ServeHTTP(w, r)
}
