package collector

import (
	"cmp"

	"github.com/cloudorg-exporter/cloudorg_exporter/internal/org"
)

func invitations() []family {
	labels := []string{"member_id", "inviting_organization_id"}
	perInvitation := func(value func(i org.Invitation) float64) func(v *view) []sample {
		return each(func(v *view) []org.Invitation { return v.invitations }, func(i org.Invitation) sample {
			return sample{value(i), []string{invited(i), i.OrganizationID}}
		})
	}
	return of("invitations", []family{{
		name:    "pending_invitations",
		help:    "Pending invitations. Cached.",
		samples: func(v *view) []sample { return one(float64(len(org.Pending(v.Invitations.Items)))) },
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
		samples: perInvitation(func(i org.Invitation) float64 { return unix(i.Created) }),
	}, {
		name:    "invitation_expiry_timestamp_seconds",
		help:    "When a pending invitation expires, in seconds since 1970: as the cloud reports it, else when it was sent plus invitation_lifetime. Cached.",
		labels:  labels,
		samples: perInvitation(func(i org.Invitation) float64 { return unix(i.Expires) }),
	}, {
		daysUntil: true,
		name:      "invitation_expiry_days",
		help:      "Days until a pending invitation expires; negative once it has. Computed at scrape time from cached data.",
		labels:    labels,
		samples:   perInvitation(func(i org.Invitation) float64 { return unix(i.Expires) }),
	}, {
		name:    "invitation_reported_expire_days",
		help:    "The field expireDay of a pending invitation as NCP reports it. NCP does not document whether it is the total or the remaining number of days. Cached.",
		labels:  labels,
		samples: perInvitation(func(i org.Invitation) float64 { return number(i.ReportedDays) }),
	}})
}

// invited returns what identifies the invited account: its ID, or the ID of the
// invitation if the account has none yet. It is empty if there is neither.
func invited(i org.Invitation) string { return cmp.Or(i.MemberID, i.ID) }

// handshakes are all agreements between the organization and accounts, of which
// invitations are one kind.
func handshakes() []family {
	return of("invitations", []family{{
		name:   "handshakes",
		help:   "Handshakes of the organization, invitations among them, by the action and status the cloud reports. Cached.",
		labels: []string{"action", "status"},
		samples: func(v *view) []sample {
			counts := org.Tally(v.Invitations.Items, nil, func(i org.Invitation) [2]string {
				if i.Action == "" {
					return [2]string{}
				}
				return [2]string{i.Action, i.Status}
			})
			return counted(counts, func(labels [2]string) []string { return labels[:] })
		},
	}})
}

func received() []family {
	expiry := each(func(v *view) []org.Invitation { return v.received }, func(i org.Invitation) sample {
		return sample{unix(i.Expires), []string{i.OrganizationID}}
	})
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
		samples: each(func(v *view) []org.Withdrawal { return v.withdrawals }, func(w org.Withdrawal) sample {
			return sample{unix(w.Requested), []string{w.MemberID}}
		}),
	}})
}
