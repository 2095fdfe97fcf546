package collector

import (
	"github.com/prometheus/client_golang/prometheus"

	"github.com/cloudorg-exporter/cloudorg_exporter/internal/org"
)

func received() []family {
	expiry := func(v *view) []sample {
		return each(v.received.kept, func(i org.Invitation) (float64, bool, []string) {
			expires, ok := unix(i.Expires)
			return expires, ok, []string{i.OrganizationID}
		})
	}
	return []family{{
		collector: "received_invitations",
		name:      "received_invitations",
		kind:      prometheus.GaugeValue,
		help:      "Invitations from other organizations to the account, by the status the cloud reports. Cached.",
		labels:    []string{"status"},
		samples: func(v *view) []sample {
			return tally(v.Received.Items, v.Known.Received, func(i org.Invitation) string { return i.Status })
		},
	}, {
		collector: "received_invitations",
		name:      "received_invitation_expiry_timestamp_seconds",
		kind:      prometheus.GaugeValue,
		unit:      "seconds",
		help:      "When a pending received invitation expires, in seconds since 1970: as the cloud reports it, else when it was sent plus invitation_lifetime. Cached.",
		labels:    []string{"inviting_organization_id"},
		samples:   expiry,
	}, {
		collector: "received_invitations",
		daysUntil: true,
		name:      "received_invitation_expiry_days",
		kind:      prometheus.GaugeValue,
		unit:      "days",
		help:      "Days until a pending received invitation expires; negative once it has. Computed at scrape time from cached data.",
		labels:    []string{"inviting_organization_id"},
		samples:   expiry,
	}}
}
