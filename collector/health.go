package collector

import (
	"slices"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/cloudorg-exporter/cloudorg_exporter/internal/org"
)

// health is how the listings were read: for every configured collector, from the
// first scrape on.
func health() []family {
	return []family{{
		name:    "collector_success",
		kind:    prometheus.GaugeValue,
		help:    "Whether the latest refresh read the collector's listing.",
		labels:  []string{"collector"},
		samples: perCollector(func(l org.Collector) (float64, bool) { return boolean(l.Success()), true }),
	}, {
		name:   "collector_duration_seconds",
		kind:   prometheus.GaugeValue,
		unit:   "seconds",
		help:   "Time the latest refresh took for the collector, in seconds.",
		labels: []string{"collector"},
		samples: perCollector(func(l org.Collector) (float64, bool) {
			tried := l.Err != nil || !l.At.IsZero()
			return l.Took.Seconds(), tried
		}),
	}, {
		name:   "collector_last_success_timestamp_seconds",
		kind:   prometheus.GaugeValue,
		unit:   "seconds",
		help:   "When the collector's listing was last read successfully, in seconds since 1970.",
		labels: []string{"collector"},
		samples: perCollector(func(l org.Collector) (float64, bool) {
			return unix(l.LastSuccess)
		}),
	}, {
		name:    "collector_failures_total",
		kind:    prometheus.CounterValue,
		help:    "Refreshes in which the collector failed.",
		labels:  []string{"collector"},
		samples: perCollector(func(l org.Collector) (float64, bool) { return float64(l.Failures), true }),
	}, {
		name:   "collector_error",
		kind:   prometheus.GaugeValue,
		help:   "Why the collector failed in the latest refresh; absent if it did not fail. Always 1.",
		labels: []string{"collector", "reason"},
		samples: func(v *view) []sample {
			return each(v.collectors, func(l org.Collector) (float64, bool, []string) {
				if l.Err == nil {
					return 0, false, nil
				}
				return 1, true, []string{l.Name, string(l.Err.Reason)}
			})
		},
	}, {
		name:   "items_dropped",
		kind:   prometheus.GaugeValue,
		help:   "Items of the collector's listing without a series of their own: beyond max_items, or without an ID. Cached.",
		labels: []string{"collector"},
		samples: func(v *view) []sample {
			dropped := map[string]int{
				"invitations":          v.invitations.dropped,
				"received_invitations": v.received.dropped,
				"withdrawals":          v.withdrawals.dropped,
				"delegations":          v.delegations.dropped,
				"service_access":       v.services.dropped,
			}
			if slices.ContainsFunc(v.Policies.Items, func(p org.Policy) bool { return p.Targets != nil }) {
				dropped["policies"] = v.targets.dropped
			}
			return each(v.collectors, func(l org.Collector) (float64, bool, []string) {
				n, limited := dropped[l.Name]
				return float64(n), limited && l.Present, []string{l.Name}
			})
		},
	}, {
		name:    "decode_warnings_total",
		kind:    prometheus.CounterValue,
		help:    "Fields of the collector's listing that could not be parsed; their rows are still counted.",
		labels:  []string{"collector"},
		samples: perCollector(func(l org.Collector) (float64, bool) { return float64(l.DecodeWarnings), true }),
	}}
}

func perCollector(value func(org.Collector) (float64, bool)) func(v *view) []sample {
	return func(v *view) []sample {
		return each(v.collectors, func(l org.Collector) (float64, bool, []string) {
			x, ok := value(l)
			return x, ok, []string{l.Name}
		})
	}
}

func boolean(b bool) float64 {
	if b {
		return 1
	}
	return 0
}
