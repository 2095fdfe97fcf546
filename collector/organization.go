package collector

import (
	"github.com/prometheus/client_golang/prometheus"

	"github.com/cloudorg-exporter/cloudorg_exporter/internal/org"
)

func organization() []family {
	return []family{{
		collector: "organization",
		name:      "organization_info",
		kind:      prometheus.GaugeValue,
		help:      "Identifiers and name of the organization. Always 1. Cached.",
		labels:    []string{"organization_id", "organization_name", "master_id"},
		samples: func(v *view) []sample {
			return each(v.Info.Items, func(i org.Info) (float64, bool, []string) {
				return 1, true, []string{i.ID, i.Name, i.MasterID}
			})
		},
	}, {
		collector: "organization",
		name:      "organization_joined_timestamp_seconds",
		kind:      prometheus.GaugeValue,
		unit:      "seconds",
		help:      "When the account that owns the key joined the organization, in seconds since 1970. Cached.",
		samples: func(v *view) []sample {
			return each(v.Info.Items, func(i org.Info) (float64, bool, []string) {
				joined, ok := unix(i.Joined)
				return joined, ok, nil
			})
		},
	}}
}
