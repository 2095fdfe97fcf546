package collector

import (
	"github.com/prometheus/client_golang/prometheus"

	"github.com/cloudorg-exporter/cloudorg_exporter/internal/org"
)

func groups() []family {
	return []family{{
		collector: "groups",
		name:      "groups",
		kind:      prometheus.GaugeValue,
		help:      "Groups in the organization, including the root group. Cached.",
		samples:   func(v *view) []sample { return one(float64(len(v.Groups.Items))) },
	}, {
		collector: "groups",
		name:      "group_info",
		kind:      prometheus.GaugeValue,
		help:      "A group, its parent group (empty for the root group) and its policy (empty if it has none). Always 1. Cached.",
		labels:    []string{"group_id", "group_name", "parent_group_id", "policy_id", "policy_name"},
		samples: func(v *view) []sample {
			return each(v.Groups.Items, func(g org.Group) (float64, bool, []string) {
				return 1, true, []string{g.ID, g.Name, g.ParentID, g.PolicyID, g.PolicyName}
			})
		},
	}}
}
