package collector

import (
	"github.com/prometheus/client_golang/prometheus"

	"github.com/cloudorg-exporter/cloudorg_exporter/internal/org"
)

func withdrawals() []family {
	return []family{{
		collector: "withdrawals",
		name:      "pending_withdrawals",
		kind:      prometheus.GaugeValue,
		help:      "Pending requests to leave the organization. Cached.",
		samples:   func(v *view) []sample { return one(float64(len(v.Withdrawals.Items))) },
	}, {
		collector: "withdrawals",
		name:      "withdrawal_requested_timestamp_seconds",
		kind:      prometheus.GaugeValue,
		unit:      "seconds",
		help:      "When a member requested to leave, in seconds since 1970. Cached.",
		labels:    []string{"member_id"},
		samples: func(v *view) []sample {
			return each(v.withdrawals.kept, func(w org.Withdrawal) (float64, bool, []string) {
				requested, ok := unix(w.Requested)
				return requested, ok, []string{w.MemberID}
			})
		},
	}}
}
