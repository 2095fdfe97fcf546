package collector

import (
	"github.com/prometheus/client_golang/prometheus"

	"github.com/cloudorg-exporter/cloudorg_exporter/internal/org"
)

func versions() []family {
	return []family{{
		collector: "api_version",
		name:      "api_version_info",
		kind:      prometheus.GaugeValue,
		help:      "A version of the cloud's Organization API and its status. Always 1. Cached.",
		labels:    []string{"version", "status"},
		samples: func(v *view) []sample {
			return each(v.Versions.Items, func(a org.Version) (float64, bool, []string) {
				return 1, true, []string{a.ID, a.Status}
			})
		},
	}, {
		collector: "api_version",
		name:      "api_version_support_end_timestamp_seconds",
		kind:      prometheus.GaugeValue,
		unit:      "seconds",
		help:      "When the cloud ends support for a version of its Organization API, in seconds since 1970; absent if no end is announced. Cached.",
		labels:    []string{"version"},
		samples: func(v *view) []sample {
			return each(v.Versions.Items, func(a org.Version) (float64, bool, []string) {
				end, ok := unix(a.SupportEnd)
				return end, ok, []string{a.ID}
			})
		},
	}}
}
