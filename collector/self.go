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

	mu       sync.Mutex
	accounts []*account // by name; replaced, never changed
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
	for _, a := range s.all() {
		all.MustRegister(a.registry)
	}
	return all
}

// all returns the accounts, in the order of their names.
func (s *Self) all() []*account {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.accounts
}

// account returns the account of an organization, a new one if there is none.
func (s *Self) account(cloud, organization string) *account {
	s.mu.Lock()
	defer s.mu.Unlock()
	name := accountName{cloud, organization}
	i, found := slices.BinarySearchFunc(s.accounts, name, (*account).compare)
	if !found {
		s.accounts = slices.Insert(slices.Clone(s.accounts), i, newAccount(name))
	}
	return s.accounts[i]
}

// Added makes the series of an organization that are 0 until something
// happens.
func (s *Self) Added(cloud, organization string) { s.account(cloud, organization) }

// Removed drops all series of an organization.
func (s *Self) Removed(cloud, organization string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	name := accountName{cloud, organization}
	s.accounts = slices.DeleteFunc(slices.Clone(s.accounts), func(a *account) bool { return a.accountName == name })
}

// Called counts a call to the cloud's API: with its status, or 0 where there
// was no answer.
func (s *Self) Called(cloud, organization, endpoint string, status int, took time.Duration) {
	code := "error"
	if status != 0 {
		code = strconv.Itoa(status)
	}
	a := s.account(cloud, organization)
	a.requests.WithLabelValues(endpoint, code).Inc()
	a.durations.WithLabelValues(endpoint).Observe(took.Seconds())
	a.changes.Add(1)
}

// Throttled counts a call that was refused because there were too many.
func (s *Self) Throttled(cloud, organization string) {
	a := s.account(cloud, organization)
	a.throttled.Inc()
	a.changes.Add(1)
}

// Offset takes down the API's clock minus ours.
func (s *Self) Offset(cloud, organization string, offset time.Duration) {
	a := s.account(cloud, organization)
	a.offset.WithLabelValues().Set(offset.Seconds())
	a.changes.Add(1)
}

// Refreshed counts a refresh.
func (s *Self) Refreshed(cloud, organization string) {
	a := s.account(cloud, organization)
	a.refreshes.Inc()
	a.changes.Add(1)
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
