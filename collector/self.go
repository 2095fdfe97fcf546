package collector

import (
	"strconv"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/collectors/version"
)

// Self are the exporter's own metrics: what its calls to the clouds cost, how
// they fare, and its process. They outlive every reload.
type Self struct {
	Registry *prometheus.Registry // all but those of Process
	Process  *prometheus.Registry // the process and its Go runtime: different at every look

	changes    atomic.Uint64 // of what is in Registry
	requests   *prometheus.CounterVec
	durations  *prometheus.HistogramVec
	throttled  *prometheus.CounterVec
	offsets    *prometheus.GaugeVec
	refreshes  *prometheus.CounterVec
	reloaded   prometheus.Gauge
	reloadedAt prometheus.Gauge
}

// NewSelf returns the exporter's own metrics in registries of their own.
func NewSelf() *Self {
	const exporter = namespace + "exporter_"
	labels := []string{"cloud", "organization"}
	s := &Self{
		Registry: prometheus.NewRegistry(),
		Process:  prometheus.NewRegistry(),
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: exporter + "api_requests_total",
			Help: "Calls to the cloud's API, by path template and status code; the code is \"error\" where there was no answer.",
		}, append(labels, "endpoint", "code")),
		durations: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name:                            exporter + "api_request_duration_seconds",
			Unit:                            "seconds",
			Help:                            "Time until the cloud's API began to answer, in seconds.",
			Buckets:                         []float64{.05, .1, .25, .5, 1, 2.5, 5, 10, 30},
			NativeHistogramBucketFactor:     1.1,
			NativeHistogramMaxBucketNumber:  100,
			NativeHistogramMinResetDuration: time.Hour,
		}, append(labels, "endpoint")),
		throttled: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: exporter + "api_throttled_total",
			Help: "Calls that the cloud's API refused because there were too many.",
		}, labels),
		offsets: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Name: exporter + "api_clock_offset_seconds",
			Unit: "seconds",
			Help: "The clock of the cloud's API minus ours at the latest answer, in seconds. The API says it in whole seconds.",
		}, labels),
		refreshes: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: exporter + "refreshes_total",
			Help: "Refreshes of the organization that have ended, well or not.",
		}, labels),
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
	s.Registry.MustRegister(
		s.requests, s.durations, s.throttled, s.offsets, s.refreshes, s.reloaded, s.reloadedAt,
		version.NewCollector(namespace+"exporter"),
	)
	s.Process.MustRegister(
		collectors.NewGoCollector(),
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
	)
	return s
}

// Added makes the series of an organization that are 0 until something
// happens.
func (s *Self) Added(cloud, organization string) {
	s.throttled.WithLabelValues(cloud, organization)
	s.refreshes.WithLabelValues(cloud, organization)
	s.changes.Add(1)
}

// Removed drops all series of an organization.
func (s *Self) Removed(cloud, organization string) {
	labels := prometheus.Labels{"cloud": cloud, "organization": organization}
	s.requests.DeletePartialMatch(labels)
	s.durations.DeletePartialMatch(labels)
	s.throttled.DeletePartialMatch(labels)
	s.offsets.DeletePartialMatch(labels)
	s.refreshes.DeletePartialMatch(labels)
	s.changes.Add(1)
}

// Called counts a call to the cloud's API: with its status, or 0 where there
// was no answer.
func (s *Self) Called(cloud, organization, endpoint string, status int, took time.Duration) {
	code := "error"
	if status != 0 {
		code = strconv.Itoa(status)
	}
	s.requests.WithLabelValues(cloud, organization, endpoint, code).Inc()
	s.durations.WithLabelValues(cloud, organization, endpoint).Observe(took.Seconds())
	s.changes.Add(1)
}

// Throttled counts a call that was refused because there were too many.
func (s *Self) Throttled(cloud, organization string) {
	s.throttled.WithLabelValues(cloud, organization).Inc()
	s.changes.Add(1)
}

// Offset takes down the API's clock minus ours.
func (s *Self) Offset(cloud, organization string, offset time.Duration) {
	s.offsets.WithLabelValues(cloud, organization).Set(offset.Seconds())
	s.changes.Add(1)
}

// Refreshed counts a refresh.
func (s *Self) Refreshed(cloud, organization string) {
	s.refreshes.WithLabelValues(cloud, organization).Inc()
	s.changes.Add(1)
}

// Reloaded takes down whether the configuration could be loaded.
func (s *Self) Reloaded(err error) {
	defer s.changes.Add(1)
	if err != nil {
		s.reloaded.Set(0)
		return
	}
	s.reloaded.Set(1)
	s.reloadedAt.SetToCurrentTime()
}
