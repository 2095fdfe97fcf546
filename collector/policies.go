package collector

import (
	"github.com/prometheus/client_golang/prometheus"

	"github.com/cloudorg-exporter/cloudorg_exporter/internal/org"
)

func policies() []family {
	return []family{{
		collector: "policies",
		name:      "policies",
		kind:      prometheus.GaugeValue,
		help:      "Policies of the organization. Cached.",
		samples:   func(v *view) []sample { return one(float64(len(v.Policies.Items))) },
	}, {
		collector: "policies",
		name:      "policy_applied_groups",
		kind:      prometheus.GaugeValue,
		help:      "Groups that a policy applies to. Cached.",
		labels:    []string{"policy_id", "policy_name"},
		samples: func(v *view) []sample {
			return each(v.Policies.Items, func(p org.Policy) (float64, bool, []string) {
				if p.Applied == nil {
					return 0, false, nil
				}
				return float64(*p.Applied), true, []string{p.ID, p.Name}
			})
		},
	}}
}
