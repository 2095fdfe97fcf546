package collector

import (
	"cmp"

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
	return of("invitations", []family{{
		name:    "pending_invitations",
		help:    "Pending invitations. Cached.",
		samples: func(v *view) []sample { return one(float64(countPending(v.Invitations.Items))) },
	}, {
		name:   "invitations",
		help:   "Sent invitations, by the status the cloud reports. Absent for NCP, which lists only pending ones. Cached.",
		labels: []string{"status"},
		samples: func(v *view) []sample {
			if v.Known.Invitations == nil {
				return nil // the statuses of a cloud that lists pending ones only are not documented
			}
			return tally(v.Invitations.Items, v.Known.Invitations, func(i org.Invitation) string {
				if !i.IsInvitation() {
					return ""
				}
				return i.Status
			})
		},
	}, {
		name:    "invitation_created_timestamp_seconds",
		help:    "When a pending invitation was sent, in seconds since 1970. Cached.",
		labels:  labels,
		samples: perInvitation(func(i org.Invitation) (float64, bool) { return unix(i.Created) }),
	}, {
		name:    "invitation_expiry_timestamp_seconds",
		help:    "When a pending invitation expires, in seconds since 1970: as the cloud reports it, else when it was sent plus invitation_lifetime. Cached.",
		labels:  labels,
		samples: perInvitation(func(i org.Invitation) (float64, bool) { return unix(i.Expires) }),
	}, {
		daysUntil: true,
		name:      "invitation_expiry_days",
		help:      "Days until a pending invitation expires; negative once it has. Computed at scrape time from cached data.",
		labels:    labels,
		samples:   perInvitation(func(i org.Invitation) (float64, bool) { return unix(i.Expires) }),
	}, {
		name:   "invitation_reported_expire_days",
		help:   "The field expireDay of a pending invitation as NCP reports it. NCP does not document whether it is the total or the remaining number of days. Cached.",
		labels: labels,
		samples: perInvitation(func(i org.Invitation) (float64, bool) {
			if i.ReportedDays == nil {
				return 0, false
			}
			return float64(*i.ReportedDays), true
		}),
	}})
}

// invited returns what identifies the invited account: its ID, or the ID of the
// invitation if the account has none yet. It is empty if there is neither.
func invited(i org.Invitation) string { return cmp.Or(i.MemberID, i.ID) }

// pending returns the pending ones. All of a million may be: then they are not
// copied.
func pending(all []org.Invitation) []org.Invitation {
	n := countPending(all)
	if n == len(all) {
		return all
	}
	some := make([]org.Invitation, 0, n)
	for _, i := range all {
		if i.Pending {
			some = append(some, i)
		}
	}
	return some
}

func countPending(all []org.Invitation) (n int) {
	for i := range all {
		if all[i].Pending {
			n++
		}
	}
	return n
}

func received() []family {
	expiry := func(v *view) []sample {
		return each(v.received.kept, func(i org.Invitation) (float64, bool, []string) {
			expires, ok := unix(i.Expires)
			return expires, ok, []string{i.OrganizationID}
		})
	}
	return of("received_invitations", []family{{
		name:   "received_invitations",
		help:   "Invitations from other organizations to the account, by the status the cloud reports. Cached.",
		labels: []string{"status"},
		samples: func(v *view) []sample {
			return tally(v.Received.Items, v.Known.Received, func(i org.Invitation) string { return i.Status })
		},
	}, {
		name:    "received_invitation_expiry_timestamp_seconds",
		help:    "When a pending received invitation expires, in seconds since 1970: as the cloud reports it, else when it was sent plus invitation_lifetime. Cached.",
		labels:  []string{"inviting_organization_id"},
		samples: expiry,
	}, {
		daysUntil: true,
		name:      "received_invitation_expiry_days",
		help:      "Days until a pending received invitation expires; negative once it has. Computed at scrape time from cached data.",
		labels:    []string{"inviting_organization_id"},
		samples:   expiry,
	}})
}

func withdrawals() []family {
	return of("withdrawals", []family{{
		name:    "pending_withdrawals",
		help:    "Pending requests to leave the organization. Cached.",
		samples: func(v *view) []sample { return one(float64(len(v.Withdrawals.Items))) },
	}, {
		name:   "withdrawal_requested_timestamp_seconds",
		help:   "When a member requested to leave, in seconds since 1970. Cached.",
		labels: []string{"member_id"},
		samples: func(v *view) []sample {
			return each(v.withdrawals.kept, func(w org.Withdrawal) (float64, bool, []string) {
				requested, ok := unix(w.Requested)
				return requested, ok, []string{w.MemberID}
			})
		},
	}})
}
