package collector

import "github.com/cloudorg-exporter/cloudorg_exporter/internal/org"

// health is how every configured collector was read, from the first scrape on.
func health() []family {
	return []family{
		perCollector("collector_success", "Whether the latest refresh read the collector's listing.",
			func(l org.Collector) float64 { return boolean(l.Success()) }),
		perCollector("collector_duration_seconds", "Time the latest refresh took for the collector, in seconds.",
			func(l org.Collector) float64 {
				if l.Err == nil && l.At.IsZero() {
					return unknown() // not read yet
				}
				return l.Took.Seconds()
			}),
		perCollector("collector_last_success_timestamp_seconds", "When the collector's listing was last read successfully, in seconds since 1970.",
			func(l org.Collector) float64 { return unix(l.LastSuccess) }),
		perCollector("collector_failures_total", "Refreshes in which the collector failed.",
			func(l org.Collector) float64 { return float64(l.Failures) }),
		{
			name:   "collector_error",
			help:   "Why the collector failed in the latest refresh; absent if it did not fail. Always 1.",
			labels: []string{"collector", "reason"},
			samples: func(v *view) (all []sample) {
				for _, l := range v.collectors {
					if l.Err != nil {
						all = append(all, sample{1, []string{l.Name, string(l.Err.Reason)}})
					}
				}
				return all
			},
		},
		{
			name:   "items_dropped",
			help:   "Items of the collector's listing without a series of their own: beyond max_items, or without an ID. Cached.",
			labels: []string{"collector"},
			samples: func(v *view) (all []sample) {
				for _, l := range v.collectors {
					if n, limited := v.dropped[l.Name]; limited && l.Present {
						all = append(all, sample{float64(n), []string{l.Name}})
					}
				}
				return all
			},
		},
		perCollector("decode_warnings_total", "Fields of the collector's listing that could not be parsed; their rows are still counted.",
			func(l org.Collector) float64 { return float64(l.DecodeWarnings) }),
	}
}

// perCollector returns the family with one value for each configured collector.
func perCollector(name, help string, value func(org.Collector) float64) family {
	collectors := func(v *view) []org.Collector { return v.collectors }
	return family{name: name, help: help, labels: []string{"collector"}, samples: each(collectors, func(l org.Collector) sample {
		return sample{value(l), []string{l.Name}}
	})}
}

func boolean(b bool) float64 {
	if b {
		return 1
	}
	return 0
}
