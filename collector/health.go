package collector

import (
	"slices"

	"github.com/cloudorg-exporter/cloudorg_exporter/internal/org"
)

// health is how every configured collector was read, from the first scrape on.
func health() []family {
	return []family{
		perCollector("collector_success", "Whether the latest refresh read the collector's listing.",
			func(l org.Collector) (float64, bool) { return boolean(l.Success()), true }),
		perCollector("collector_duration_seconds", "Time the latest refresh took for the collector, in seconds.",
			func(l org.Collector) (float64, bool) {
				tried := l.Err != nil || !l.At.IsZero()
				return l.Took.Seconds(), tried
			}),
		perCollector("collector_last_success_timestamp_seconds", "When the collector's listing was last read successfully, in seconds since 1970.",
			func(l org.Collector) (float64, bool) { return unix(l.LastSuccess) }),
		perCollector("collector_failures_total", "Refreshes in which the collector failed.",
			func(l org.Collector) (float64, bool) { return float64(l.Failures), true }),
		{
			name:   "collector_error",
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
		},
		{
			name:   "items_dropped",
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
		},
		perCollector("decode_warnings_total", "Fields of the collector's listing that could not be parsed; their rows are still counted.",
			func(l org.Collector) (float64, bool) { return float64(l.DecodeWarnings), true }),
	}
}

// perCollector returns the family with one value for each configured collector.
func perCollector(name, help string, value func(org.Collector) (float64, bool)) family {
	return family{name: name, help: help, labels: []string{"collector"}, samples: func(v *view) []sample {
		return each(v.collectors, func(l org.Collector) (float64, bool, []string) {
			x, ok := value(l)
			return x, ok, []string{l.Name}
		})
	}}
}

func boolean(b bool) float64 {
	if b {
		return 1
	}
	return 0
}
