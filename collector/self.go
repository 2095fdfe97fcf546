package collector

import (
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/collectors/version"
	"github.com/prometheus/client_golang/prometheus/promauto"
)

const exporter = namespace + "exporter_"

// Self holds the exporter's own metrics: its API requests, its configuration,
// its build and its process. They keep their values over a reload.
type Self struct {
	registry *prometheus.Registry

	reloaded   prometheus.Gauge
	reloadedAt prometheus.Gauge

	requests  *prometheus.CounterVec
	durations *prometheus.HistogramVec // by cloud: one for each organization would be more series than its data
	throttled *prometheus.CounterVec
	offset    *prometheus.GaugeVec
	refreshes *prometheus.CounterVec
}

// NewSelf returns the exporter's own metrics. Those of the Go runtime and the
// process (go_…, process_…) are among them if process is true.
func NewSelf(process bool) *Self {
	registry := prometheus.NewRegistry()
	registered := promauto.With(registry)
	s := &Self{
		registry: registry,
		reloaded: registered.NewGauge(prometheus.GaugeOpts{
			Name: exporter + "config_last_reload_successful",
			Help: "Whether the latest configuration load succeeded.",
		}),
		reloadedAt: registered.NewGauge(prometheus.GaugeOpts{
			Name: exporter + "config_last_reload_success_timestamp_seconds",
			Unit: "seconds",
			Help: "When the active configuration was loaded, in seconds since 1970.",
		}),
		requests: registered.NewCounterVec(prometheus.CounterOpts{
			Name: exporter + "api_requests_total",
			Help: `API requests, by path template or operation and by status code; the code is "error" if there was no response.`,
		}, []string{"cloud", "organization", "endpoint", "code"}),
		durations: registered.NewHistogramVec(prometheus.HistogramOpts{
			Name:                            exporter + "api_request_duration_seconds",
			Unit:                            "seconds",
			Help:                            "Time until the cloud's API began to respond, in seconds.",
			Buckets:                         []float64{.05, .1, .25, .5, 1, 2.5, 5, 10, 30},
			NativeHistogramBucketFactor:     1.1,
			NativeHistogramMaxBucketNumber:  100,
			NativeHistogramMinResetDuration: time.Hour,
		}, []string{"cloud", "endpoint"}),
		throttled: registered.NewCounterVec(prometheus.CounterOpts{
			Name: exporter + "api_throttled_total",
			Help: "API requests that the cloud rejected because there were too many.",
		}, []string{"cloud", "organization"}),
		offset: registered.NewGaugeVec(prometheus.GaugeOpts{
			Name: exporter + "api_clock_offset_seconds",
			Unit: "seconds",
			Help: "Clock of the cloud's API minus the local clock at the latest response, in seconds. The API reports whole seconds.",
		}, []string{"cloud", "organization"}),
		refreshes: registered.NewCounterVec(prometheus.CounterOpts{
			Name: exporter + "refreshes_total",
			Help: "Completed refreshes of the organization, successful or not.",
		}, []string{"cloud", "organization"}),
	}
	registry.MustRegister(version.NewCollector(namespace + "exporter"))
	if process {
		registry.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	}
	return s
}

// StorageWrites returns a function that counts a failed write of the storage.
// It is called once, if there is a storage.
func (s *Self) StorageWrites() (failed func()) {
	return promauto.With(s.registry).NewCounter(prometheus.CounterOpts{
		Name: exporter + "storage_write_failures_total",
		Help: "Writes to --storage.path that failed.",
	}).Inc
}

// Added makes the series of an organization that are 0 until something
// happens.
func (s *Self) Added(cloud, organization string) {
	s.throttled.WithLabelValues(cloud, organization)
	s.refreshes.WithLabelValues(cloud, organization)
}

// Removed drops all series of an organization.
func (s *Self) Removed(cloud, organization string) {
	labels := prometheus.Labels{"cloud": cloud, "organization": organization}
	s.requests.DeletePartialMatch(labels)
	s.throttled.DeletePartialMatch(labels)
	s.offset.DeletePartialMatch(labels)
	s.refreshes.DeletePartialMatch(labels)
}

// Called counts an API request with the status of its response, or 0 if there
// was none.
func (s *Self) Called(cloud, organization, endpoint string, status int, took time.Duration) {
	code := "error"
	if status != 0 {
		code = strconv.Itoa(status)
	}
	s.requests.WithLabelValues(cloud, organization, endpoint, code).Inc()
	s.durations.WithLabelValues(cloud, endpoint).Observe(took.Seconds())
}

// Throttled counts an API request that was rejected because there were too many.
func (s *Self) Throttled(cloud, organization string) {
	s.throttled.WithLabelValues(cloud, organization).Inc()
}

// Offset records the API's clock minus the local clock.
func (s *Self) Offset(cloud, organization string, offset time.Duration) {
	s.offset.WithLabelValues(cloud, organization).Set(offset.Seconds())
}

// Refreshed counts a refresh.
func (s *Self) Refreshed(cloud, organization string) {
	s.refreshes.WithLabelValues(cloud, organization).Inc()
}

// Reloaded records whether the configuration could be loaded.
func (s *Self) Reloaded(err error) {
	if err != nil {
		s.reloaded.Set(0)
		return
	}
	s.reloaded.Set(1)
	s.reloadedAt.SetToCurrentTime()
}
