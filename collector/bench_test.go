//go:build linux

package collector

import (
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"runtime/debug"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"

	"github.com/cloudorg-exporter/cloudorg_exporter/internal/org"
)

// world is organizations that can be refreshed, and their handler.
type world struct {
	caches    []*org.Cache
	revisions []atomic.Uint64
	handler   *Handler
	next      int
}

// newWorld returns n organizations with 40 series each, and 3 for each invitation.
func newWorld(n, invitations int) *world {
	w := &world{caches: make([]*org.Cache, n), revisions: make([]atomic.Uint64, n)}
	for i := range w.caches {
		s := company(fmt.Sprintf("organization-%d", i), 50, invitations)
		cfg := config(s, time.Hour)
		cfg.Revision = w.revisions[i].Load
		w.caches[i] = org.NewCache(fixed(s.Listings), cfg)
	}
	w.handler = NewHandler(HandlerConfig{
		Organizations: func() []*org.Cache { return w.caches },
		TimeoutOffset: time.Hour,
		Logger:        slog.New(slog.DiscardHandler),
	})
	return w
}

// refresh makes a refresh of n organizations due.
func (w *world) refresh(n int) {
	for range n {
		w.next = (w.next + 379) % len(w.caches) // not one beside the other
		w.revisions[w.next].Add(1)
	}
}

// plain returns the handler of a program that exports the same metrics and does
// no more than client_golang requires: labels and values are ready, and every
// scrape makes metrics of them.
func (w *world) plain(tb testing.TB) http.Handler {
	recorder := httptest.NewRecorder()
	w.handler.Metrics(recorder, httptest.NewRequestWithContext(tb.Context(), http.MethodGet, "/metrics", nil))
	parser := expfmt.NewTextParser(model.UTF8Validation)
	parsed, err := parser.TextToMetricFamilies(recorder.Body)
	if err != nil {
		tb.Fatal(err)
	}
	var c plain
	for name, family := range parsed {
		f := plainFamily{kind: prometheus.GaugeValue}
		if family.GetType() == dto.MetricType_COUNTER {
			f.kind = prometheus.CounterValue
		}
		var names []string
		for _, l := range family.GetMetric()[0].GetLabel() {
			names = append(names, l.GetName())
		}
		f.desc = prometheus.NewDesc(name, family.GetHelp(), names, nil)
		for _, m := range family.GetMetric() {
			s := sample{value: m.GetGauge().GetValue() + m.GetCounter().GetValue()}
			for _, l := range m.GetLabel() {
				s.labels = append(s.labels, strings.Clone(l.GetValue()))
			}
			f.series = append(f.series, s)
		}
		c = append(c, f)
	}
	reg := prometheus.NewRegistry()
	reg.MustRegister(c)
	return promhttp.HandlerFor(reg, promhttp.HandlerOpts{})
}

type plain []plainFamily

type plainFamily struct {
	desc   *prometheus.Desc
	kind   prometheus.ValueType
	series []sample
}

func (p plain) Describe(ch chan<- *prometheus.Desc) {
	for _, f := range p {
		ch <- f.desc
	}
}

func (p plain) Collect(ch chan<- prometheus.Metric) {
	for _, f := range p {
		for _, s := range f.series {
			ch <- prometheus.MustNewConstMetric(f.desc, f.kind, s.value, s.labels...)
		}
	}
}

// discard is a ResponseWriter that counts.
type discard struct {
	header http.Header
	n      int
}

func (d *discard) Header() http.Header { return d.header }
func (d *discard) WriteHeader(int)     {}
func (d *discard) Write(b []byte) (int, error) {
	d.n += len(b)
	return len(b), nil
}

// measured scrapes h once and returns the number of bytes.
func measured(tb testing.TB, h http.Handler, encoding string) int {
	r := httptest.NewRequestWithContext(tb.Context(), http.MethodGet, "/metrics", nil)
	r.Header.Set("Accept-Encoding", encoding)
	w := &discard{header: http.Header{}}
	h.ServeHTTP(w, r)
	return w.n
}

// cpu returns the CPU time that the process has used.
func cpu(tb testing.TB) time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		tb.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// resident returns the resident memory of the process, in KiB.
func resident(tb testing.TB) (n int) {
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		tb.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(status), "VmRSS:")
	if _, err := fmt.Sscan(rest, &n); err != nil {
		tb.Fatal(err)
	}
	return n
}

// BenchmarkScrape measures the CPU time of a scrape: of ours, of a plain program
// that exports the same, and the ratio. "refreshing" refreshes 50 of 1,000
// organizations before each of our scrapes, as with a cache_ttl of 5 minutes and a
// scrape every 15 seconds.
func BenchmarkScrape(b *testing.B) {
	for _, bb := range []struct {
		name                                  string
		organizations, invitations, refreshed int
	}{
		{"58", 1, 6, 0},
		{"1000", 1, 320, 0},
		{"61000", 1000, 7, 0},
		{"61000refreshing", 1000, 7, 50},
	} {
		for _, encoding := range []string{"identity", "gzip"} {
			b.Run(bb.name+"/"+encoding, func(b *testing.B) {
				w := newWorld(bb.organizations, bb.invitations)
				handlers := [2]http.Handler{w.plain(b), http.HandlerFunc(w.handler.Metrics)}
				for _, h := range handlers {
					measured(b, h, encoding)
				}
				var spent [2]time.Duration
				var size int
				for b.Loop() {
					for i, h := range handlers {
						if i == 1 {
							w.refresh(bb.refreshed)
						}
						before := cpu(b)
						size = measured(b, h, encoding)
						spent[i] += cpu(b) - before
					}
				}
				b.ReportMetric(float64(spent[0].Microseconds())/float64(b.N), "plain-cpu-µs/op")
				b.ReportMetric(float64(spent[1].Microseconds())/float64(b.N), "cpu-µs/op")
				b.ReportMetric(float64(spent[1])/float64(spent[0]), "ratio")
				b.ReportMetric(float64(size), "bytes/op")
			})
		}
	}
}

// BenchmarkMemory measures the resident memory of a process that serves 1,000
// organizations: the largest after one of 40 scrapes. Of ours, 50 organizations
// are refreshed before each.
func BenchmarkMemory(b *testing.B) {
	var kib [2]float64
	for b.Loop() {
		for i, of := range []string{"plain", "ours"} {
			child := exec.CommandContext(b.Context(), os.Args[0], "-test.run=^TestMemoryOf$", "-test.v")
			child.Env = append(os.Environ(), "TEST_MEMORY_OF="+of)
			out, err := child.Output()
			if err != nil {
				b.Fatalf("%v: %s", err, out)
			}
			_, rest, _ := strings.Cut(string(out), "resident KiB: ")
			if _, err := fmt.Sscan(rest, &kib[i]); err != nil {
				b.Fatalf("%v: %s", err, out)
			}
		}
	}
	b.ReportMetric(kib[0]/1024, "plain-MiB")
	b.ReportMetric(kib[1]/1024, "MiB")
	b.ReportMetric(kib[1]/kib[0], "ratio")
}

// TestMemoryOf is the process that BenchmarkMemory measures.
func TestMemoryOf(t *testing.T) {
	of := os.Getenv("TEST_MEMORY_OF")
	if of == "" {
		t.Skip("started by BenchmarkMemory")
	}
	w := newWorld(1000, 7)
	refresh, h := 50, http.Handler(http.HandlerFunc(w.handler.Metrics))
	if of == "plain" {
		refresh, h = 0, w.plain(t)
		w.caches = w.caches[:0:0] // a plain program holds its metrics only
		w.handler = nil
	}
	debug.FreeOSMemory()
	most := 0
	for range 40 {
		w.refresh(refresh)
		measured(t, h, "gzip")
		most = max(most, resident(t))
	}
	t.Logf("resident KiB: %d", most)
}
