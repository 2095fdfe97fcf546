package web

import (
	"slices"
	"time"

	"github.com/cloudorg-exporter/cloudorg_exporter/internal/org"
)

// The thresholds of the alerts, as in dashboards/thresholds.yml. News are a day
// old at most, where the alerts look back an hour: a page is not read every
// hour.
const (
	day              = 24 * time.Hour
	expiringWithin   = 3 * day // invitations
	leavingLongerFor = 3 * day // requests to leave
	newsWithin       = day
)

// A kind is a kind of thing that waits for a person: the value of the parameter
// "decision".
type kind string

const (
	nothing            kind = ""
	invitationExpired  kind = "expired"
	invitationExpiring kind = "expiring"
	requestPending     kind = "leaving"
	invitationReceived kind = "received"
	memberJoined       kind = "joined"
	memberLeft         kind = "left"
)

// kinds returns all kinds in the order in which they are shown.
func kinds() []kind {
	return []kind{invitationExpired, invitationExpiring, requestPending, invitationReceived, memberJoined, memberLeft}
}

// News reports whether things of kind k are news, and nothing to decide.
func (k kind) News() bool { return k == memberJoined || k == memberLeft }

// A tally is the number of things that wait, by kind.
type tally map[kind]int

// ToDecide returns how many things have to be decided.
func (t tally) ToDecide() (n int) {
	for k, each := range t {
		if !k.News() {
			n += each
		}
	}
	return n
}

// tallyOf counts what waits in s.
func tallyOf(s *org.Snapshot, now time.Time) tally {
	t := tally{}
	// Version 2 of NCP's API lists an accepted invitation until the 3rd.
	mayBeAccepted := firstDays(now) && slices.Contains(s.Known.Members, "JOINED")
	for _, i := range s.Invitations.Items {
		if k := sentKind(i, now); k != invitationExpiring || !mayBeAccepted {
			t[k]++
		}
	}
	for _, i := range s.Received.Items {
		if i.Pending {
			t[invitationReceived]++
		}
	}
	for _, w := range s.Withdrawals.Items {
		t[requestKind(w, now)]++
	}
	for _, c := range s.Changes {
		if now.Sub(c.Time) < newsWithin {
			t[changeKind(c)]++
		}
	}
	delete(t, nothing)
	return t
}

func sentKind(i org.Invitation, now time.Time) kind {
	switch {
	case !i.Pending || i.Expires.IsZero():
	case !i.Expires.After(now):
		return invitationExpired
	case i.Expires.Sub(now) < expiringWithin:
		return invitationExpiring
	}
	return nothing
}

// firstDays reports whether it is the 1st or 2nd of a month in Korea. NCP
// processes nothing then; the alerts are silent, too.
func firstDays(now time.Time) bool {
	return now.In(time.FixedZone("KST", 9*60*60)).Day() <= 2
}

// requestKind returns the kind of a request to leave that has waited for too
// long.
func requestKind(w org.Withdrawal, now time.Time) kind {
	if w.Requested.IsZero() || now.Sub(w.Requested) <= leavingLongerFor || firstDays(now) {
		return nothing
	}
	return requestPending
}

func changeKind(c org.Change) kind {
	const invited = "INVT" // NCP lists invited accounts among the members
	switch before, after := c.From != org.None && c.From != invited, c.To != org.None && c.To != invited; {
	case c.What == org.InvitationGone && c.Status == "EXPIRED": // where a cloud reports no expiry
		return invitationExpired
	case c.What != org.MemberChanged || before == after:
		return nothing
	case after:
		return memberJoined
	}
	return memberLeft
}
