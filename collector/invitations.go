package collector

import (
	"github.com/prometheus/client_golang/prometheus"

	"github.com/cloudorg-exporter/cloudorg_exporter/internal/org"
)

func invitations() []family {
	labels := []string{"member_id", "inviting_organization_id"}
	perInvitation := func(value func(i org.Invitation) (float64, bool)) func(v *view) []sample {
		return func(v *view) []sample {
			return each(v.invitations.kept, func(i org.Invitation) (float64, bool, []string) {
				x, ok := value(i)
				return x, ok, []string{i.MemberID, i.OrganizationID}
			})
		}
	}
	return []family{{
		collector: "invitations",
		name:      "pending_invitations",
		kind:      prometheus.GaugeValue,
		help:      "Invitations that are neither accepted nor refused nor lapsed. Cached.",
		samples:   func(v *view) []sample { return one(pending(v.Invitations.Items)) },
	}, {
		collector: "invitations",
		name:      "invitations",
		kind:      prometheus.GaugeValue,
		help:      "Sent invitations, by the state that the cloud reports. SCP only: NCP lists just the pending ones. Cached.",
		labels:    []string{"status"},
		samples: func(v *view) []sample {
			return tally(v.Invitations.Items, v.Known.Invitations, func(i org.Invitation) string { return i.Status })
		},
	}, {
		collector: "invitations",
		name:      "invitation_created_timestamp_seconds",
		kind:      prometheus.GaugeValue,
		unit:      "seconds",
		help:      "When a pending invitation was sent, in seconds since 1970. Cached.",
		labels:    labels,
		samples:   perInvitation(func(i org.Invitation) (float64, bool) { return unix(i.Created) }),
	}, {
		collector: "invitations",
		name:      "invitation_expiry_timestamp_seconds",
		kind:      prometheus.GaugeValue,
		unit:      "seconds",
		help:      "When a pending invitation lapses, in seconds since 1970: when it was sent, and the configured lifetime. Cached.",
		labels:    labels,
		samples:   perInvitation(func(i org.Invitation) (float64, bool) { return unix(i.Expires) }),
	}, {
		collector: "invitations",
		countdown: true,
		name:      "invitation_expiry_days",
		kind:      prometheus.GaugeValue,
		unit:      "days",
		help:      "Days until a pending invitation lapses, at the time of the scrape; negative once it has. Cached but for the counting.",
		labels:    labels,
		samples:   perInvitation(func(i org.Invitation) (float64, bool) { return unix(i.Expires) }),
	}, {
		collector: "invitations",
		name:      "invitation_reported_expire_days",
		kind:      prometheus.GaugeValue,
		unit:      "days",
		help:      "The field expireDay of a pending invitation as NCP reports it, which does not say whether it counts the days in all or those left. Cached.",
		labels:    labels,
		samples: perInvitation(func(i org.Invitation) (float64, bool) {
			if i.ReportedDays == nil {
				return 0, false
			}
			return float64(*i.ReportedDays), true
		}),
	}}
}

// pending counts the pending rows.
func pending(all []org.Invitation) float64 {
	n := 0
	for _, i := range all {
		if i.Pending {
			n++
		}
	}
	return float64(n)
}
