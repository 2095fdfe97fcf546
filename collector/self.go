package collector

import (
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/collectors/version"
)

const exporter = namespace + "exporter_"

// Self are the exporter's own metrics: what its calls to the clouds cost, how
// they fare, and its process. They outlive every reload.
type Self struct {
	program    *prometheus.Registry // its process, Go runtime, build and configuration: different at every look
	reloaded   prometheus.Gauge
	reloadedAt prometheus.Gauge

	mu    sync.Mutex
	calls []*callMetrics // by organization; replaced, never changed
}

// NewSelf returns the exporter's own metrics.
func NewSelf() *Self {
	s := &Self{
		program: prometheus.NewRegistry(),
		reloaded: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: exporter + "config_last_reload_successful",
			Help: "Whether the latest attempt to load the configuration succeeded.",
		}),
		reloadedAt: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: exporter + "config_last_reload_success_timestamp_seconds",
			Unit: "seconds",
			Help: "When the configuration in force was loaded, in seconds since 1970.",
		}),
	}
	s.program.MustRegister(
		s.reloaded, s.reloadedAt,
		version.NewCollector(namespace+"exporter"),
		collectors.NewGoCollector(),
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
	)
	return s
}

// registry returns a registry of all of them. (prometheus.Gatherers would do,
// but forgets units.)
func (s *Self) registry() *prometheus.Registry {
	all := prometheus.NewRegistry()
	all.MustRegister(s.program)
	for _, c := range s.allCalls() {
		all.MustRegister(c.registry)
	}
	return all
}

// allCalls returns the metrics of the calls, by organization.
func (s *Self) allCalls() []*callMetrics {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.calls
}

// callsOf returns the metrics of the calls for an organization, new ones if there
// are none.
func (s *Self) callsOf(cloud, organization string) *callMetrics {
	s.mu.Lock()
	defer s.mu.Unlock()
	name := orgName{cloud, organization}
	i, found := slices.BinarySearchFunc(s.calls, name, (*callMetrics).compare)
	if !found {
		s.calls = slices.Insert(slices.Clone(s.calls), i, newCallMetrics(name))
	}
	return s.calls[i]
}

// Added makes the series of an organization that are 0 until something
// happens.
func (s *Self) Added(cloud, organization string) { s.callsOf(cloud, organization) }

// Removed drops all series of an organization.
func (s *Self) Removed(cloud, organization string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	name := orgName{cloud, organization}
	s.calls = slices.DeleteFunc(slices.Clone(s.calls), func(c *callMetrics) bool { return c.orgName == name })
}

// Called counts a call to the cloud's API: with its status, or 0 where there
// was no answer.
func (s *Self) Called(cloud, organization, endpoint string, status int, took time.Duration) {
	code := "error"
	if status != 0 {
		code = strconv.Itoa(status)
	}
	c := s.callsOf(cloud, organization)
	c.requests.WithLabelValues(endpoint, code).Inc()
	c.durations.WithLabelValues(endpoint).Observe(took.Seconds())
	c.changes.Add(1)
}

// Throttled counts a call that was refused because there were too many.
func (s *Self) Throttled(cloud, organization string) {
	c := s.callsOf(cloud, organization)
	c.throttled.Inc()
	c.changes.Add(1)
}

// Offset takes down the API's clock minus ours.
func (s *Self) Offset(cloud, organization string, offset time.Duration) {
	c := s.callsOf(cloud, organization)
	c.offset.WithLabelValues().Set(offset.Seconds())
	c.changes.Add(1)
}

// Refreshed counts a refresh.
func (s *Self) Refreshed(cloud, organization string) {
	c := s.callsOf(cloud, organization)
	c.refreshes.Inc()
	c.changes.Add(1)
}

// Reloaded takes down whether the configuration could be loaded.
func (s *Self) Reloaded(err error) {
	if err != nil {
		s.reloaded.Set(0)
		return
	}
	s.reloaded.Set(1)
	s.reloadedAt.SetToCurrentTime()
}
