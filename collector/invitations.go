package collector

import (
	"cmp"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/cloudorg-exporter/cloudorg_exporter/internal/org"
)

func invitations() []family {
	labels := []string{"member_id", "inviting_organization_id"}
	perInvitation := func(value func(i org.Invitation) (float64, bool)) func(v *view) []sample {
		return func(v *view) []sample {
			return each(v.invitations.kept, func(i org.Invitation) (float64, bool, []string) {
				x, ok := value(i)
				return x, ok, []string{invited(i), i.OrganizationID}
			})
		}
	}
	return []family{{
		collector: "invitations",
		name:      "pending_invitations",
		kind:      prometheus.GaugeValue,
		help:      "Pending invitations. Cached.",
		samples:   func(v *view) []sample { return one(float64(len(pending(v.Invitations.Items)))) },
	}, {
		collector: "invitations",
		name:      "invitations",
		kind:      prometheus.GaugeValue,
		help:      "Sent invitations, by the status the cloud reports. Absent for NCP, which lists only pending ones. Cached.",
		labels:    []string{"status"},
		samples: func(v *view) []sample {
			return tally(v.Invitations.Items, v.Known.Invitations, func(i org.Invitation) string {
				if !i.IsInvitation() {
					return ""
				}
				return i.Status
			})
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
		help:      "When a pending invitation expires, in seconds since 1970: as the cloud reports it, else when it was sent plus invitation_lifetime. Cached.",
		labels:    labels,
		samples:   perInvitation(func(i org.Invitation) (float64, bool) { return unix(i.Expires) }),
	}, {
		collector: "invitations",
		daysUntil: true,
		name:      "invitation_expiry_days",
		kind:      prometheus.GaugeValue,
		unit:      "days",
		help:      "Days until a pending invitation expires; negative once it has. Computed at scrape time from cached data.",
		labels:    labels,
		samples:   perInvitation(func(i org.Invitation) (float64, bool) { return unix(i.Expires) }),
	}, {
		collector: "invitations",
		name:      "invitation_reported_expire_days",
		kind:      prometheus.GaugeValue,
		unit:      "days",
		help:      "The field expireDay of a pending invitation as NCP reports it. NCP does not document whether it is the total or the remaining number of days. Cached.",
		labels:    labels,
		samples: perInvitation(func(i org.Invitation) (float64, bool) {
			if i.ReportedDays == nil {
				return 0, false
			}
			return float64(*i.ReportedDays), true
		}),
	}}
}

// invited returns what identifies the invited account: its ID, or the ID of the
// invitation if the account has none yet. It is empty if there is neither.
func invited(i org.Invitation) string { return cmp.Or(i.MemberID, i.ID) }

// pending returns the pending ones.
func pending(all []org.Invitation) []org.Invitation {
	var some []org.Invitation
	for _, i := range all {
		if i.Pending {
			some = append(some, i)
		}
	}
	return some
}
