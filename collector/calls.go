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

// callMetrics are what the calls for one organization cost. They have a registry
// of their own, so that what has not changed is not read again.
type callMetrics struct {
	orgName
	registry *prometheus.Registry
	changes  atomic.Uint64 // of what is in registry

	requests  *prometheus.CounterVec
	durations *prometheus.HistogramVec
	throttled prometheus.Counter
	offset    *prometheus.GaugeVec // without labels; empty until the API has said its time
	refreshes prometheus.Counter

	mu    sync.Mutex
	texts map[bool]*callText // the latest, by whether it is OpenMetrics
}

// A callText is the text of callMetrics.
type callText struct {
	changes  uint64
	families []familyText // by name
}

type familyText struct {
	name          string
	header, lines []byte
}

// An orgName says whose they are.
type orgName struct{ cloud, organization string }

func (c *callMetrics) compare(name orgName) int {
	return cmp.Or(cmp.Compare(c.cloud, name.cloud), cmp.Compare(c.organization, name.organization))
}

func newCallMetrics(name orgName) *callMetrics {
	labels := prometheus.Labels{"cloud": name.cloud, "organization": name.organization}
	c := &callMetrics{
		orgName:  name,
		registry: prometheus.NewRegistry(),
		texts:    map[bool]*callText{},
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
	c.registry.MustRegister(c.requests, c.durations, c.throttled, c.offset, c.refreshes)
	return c
}

// text returns their text: what it was, unless something has happened.
func (c *callMetrics) text(openMetrics bool) (*callText, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	changes := c.changes.Load() // before they are read
	if s := c.texts[openMetrics]; s != nil && s.changes == changes {
		return s, nil
	}
	s := &callText{changes: changes}
	families, err := c.registry.Gather()
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
		s.families = append(s.families, familyText{f.GetName(), text[:header], text[header:]})
	}
	c.texts[openMetrics] = s
	return s, nil
}
