package collector

import (
	"bytes"
	"cmp"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// An account is what the calls for one organization cost. It has a registry of
// its own, so that what has not changed is not read again.
type account struct {
	accountName
	registry *prometheus.Registry
	changes  atomic.Uint64 // of what is in registry

	requests  *prometheus.CounterVec
	durations *prometheus.HistogramVec
	throttled prometheus.Counter
	offset    *prometheus.GaugeVec // without labels; empty until the API has said its time
	refreshes prometheus.Counter

	mu         sync.Mutex
	statements map[bool]*statement // the latest, by whether it is OpenMetrics
}

// A statement is the text of an account.
type statement struct {
	changes  uint64
	families []statedFamily // by name
}

type statedFamily struct {
	name          string
	header, lines []byte
}

// An accountName says whose account it is.
type accountName struct{ cloud, organization string }

func (a *account) compare(name accountName) int {
	return cmp.Or(cmp.Compare(a.cloud, name.cloud), cmp.Compare(a.organization, name.organization))
}

func newAccount(name accountName) *account {
	labels := prometheus.Labels{"cloud": name.cloud, "organization": name.organization}
	a := &account{
		accountName: name,
		registry:    prometheus.NewRegistry(),
		statements:  map[bool]*statement{},
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name:        exporter + "api_requests_total",
			Help:        "Calls to the cloud's API, by path template and status code; the code is \"error\" where there was no answer.",
			ConstLabels: labels,
		}, []string{"endpoint", "code"}),
		durations: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name:                            exporter + "api_request_duration_seconds",
			Unit:                            "seconds",
			Help:                            "Time until the cloud's API began to answer, in seconds.",
			ConstLabels:                     labels,
			Buckets:                         []float64{.05, .1, .25, .5, 1, 2.5, 5, 10, 30},
			NativeHistogramBucketFactor:     1.1,
			NativeHistogramMaxBucketNumber:  100,
			NativeHistogramMinResetDuration: time.Hour,
		}, []string{"endpoint"}),
		throttled: prometheus.NewCounter(prometheus.CounterOpts{
			Name:        exporter + "api_throttled_total",
			Help:        "Calls that the cloud's API refused because there were too many.",
			ConstLabels: labels,
		}),
		offset: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Name:        exporter + "api_clock_offset_seconds",
			Unit:        "seconds",
			Help:        "The clock of the cloud's API minus ours at the latest answer, in seconds. The API says it in whole seconds.",
			ConstLabels: labels,
		}, nil),
		refreshes: prometheus.NewCounter(prometheus.CounterOpts{
			Name:        exporter + "refreshes_total",
			Help:        "Refreshes of the organization that have ended, well or not.",
			ConstLabels: labels,
		}),
	}
	a.registry.MustRegister(a.requests, a.durations, a.throttled, a.offset, a.refreshes)
	return a
}

// statement returns the account's text: what it was, unless something has
// happened.
func (a *account) statement(openMetrics bool) (*statement, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	changes := a.changes.Load() // before they are read
	if s := a.statements[openMetrics]; s != nil && s.changes == changes {
		return s, nil
	}
	s := &statement{changes: changes}
	families, err := a.registry.Gather()
	if err != nil {
		return s, err
	}
	for _, f := range families {
		text, err := encode(nil, f, openMetrics)
		if err != nil {
			return s, err
		}
		text = slices.Clone(text) // without the room that it grew into
		header := 0
		for bytes.HasPrefix(text[header:], []byte("#")) {
			header += bytes.IndexByte(text[header:], '\n') + 1
		}
		s.families = append(s.families, statedFamily{f.GetName(), text[:header], text[header:]})
	}
	a.statements[openMetrics] = s
	return s, nil
}
