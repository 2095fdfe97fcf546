package web

import (
	"time"

	"github.com/cloudorg-exporter/cloudorg_exporter/internal/org"
)

// The thresholds of the alerts, as in dashboards/rules.yml.
const (
	day              = 24 * time.Hour
	expiringWithin   = 3 * day // invitations
	leavingLongerFor = 3 * day // requests to leave
)

// A kind is a kind of thing that waits for a person. The last two are news; the
// others have to be decided. News are a day old at most, where the alerts look
// back an hour: a page is not read every hour.
type kind int

const (
	nothing kind = iota
	invitationExpired
	invitationExpiring
	leavePending
	invitationReceived
	memberJoined
	memberLeft
)

// A count is how many things of a kind there are.
type count struct {
	kind
	Value     string // of the parameter "decision"
	One, More string // what the thing is called
	Alert     string // the one that fires for it
	N         int
	Most      []*row // the organizations that have most of them
	Others    int    // the number of other organizations that have some
}

// News reports whether c is news, and not to be decided.
func (c count) News() bool { return c.kind >= memberJoined }

// A tally counts things by kind.
type tally [memberLeft + 1]int

// decisions returns the number of things to decide.
func (t *tally) decisions() (n int) {
	for _, each := range t[:memberJoined] {
		n += each
	}
	return n
}

// counts returns the kinds of which there is something.
func (t *tally) counts() (all []count) {
	for k, c := range []count{
		invitationExpired:  {Value: "expired", One: "invitation expired unanswered", More: "invitations expired unanswered", Alert: "CloudOrgInvitationLapsed"},
		invitationExpiring: {Value: "expiring", One: "invitation expires within 3 days", More: "invitations expire within 3 days", Alert: "CloudOrgInvitationExpiring"},
		leavePending:       {Value: "leaving", One: "request to leave pending for more than 3 days", More: "requests to leave pending for more than 3 days", Alert: "CloudOrgWithdrawalUndecided"},
		invitationReceived: {Value: "received", One: "invitation from another organization to answer", More: "invitations from other organizations to answer", Alert: "CloudOrgReceivedInvitationWaiting"},
		memberJoined:       {Value: "joined", One: "member joined within 24 hours", More: "members joined within 24 hours", Alert: "CloudOrgMemberJoinedUninvited"},
		memberLeft:         {Value: "left", One: "member left within 24 hours", More: "members left within 24 hours", Alert: "CloudOrgMemberLeft"},
	} {
		if t[k] > 0 {
			c.kind, c.N = kind(k), t[k]
			all = append(all, c)
		}
	}
	return all
}

// tallyOf counts what waits in s.
func tallyOf(s *org.Snapshot, now time.Time) (t tally) {
	for _, i := range s.Invitations.Items {
		t[sentKind(i, now)]++
	}
	for _, i := range s.Received.Items {
		if i.Pending {
			t[invitationReceived]++
		}
	}
	for _, w := range s.Withdrawals.Items {
		t[leaveKind(w, now)]++
	}
	for _, c := range s.Changes {
		if now.Sub(c.Time) < day {
			t[changeKind(c)]++
		}
	}
	t[nothing] = 0
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

// leaveKind is nothing on the 1st and 2nd of a month in Korea, as in the alert:
// NCP accepts no decision then.
func leaveKind(w org.Withdrawal, now time.Time) kind {
	korea := time.FixedZone("KST", 9*60*60)
	if w.Requested.IsZero() || now.Sub(w.Requested) <= leavingLongerFor || now.In(korea).Day() <= 2 {
		return nothing
	}
	return leavePending
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

// meanings returns a word for each documented status code.
func meanings() map[string]string {
	const asked, pending, accepted, refused = "asked to leave", "not answered yet", "accepted", "refused"
	return map[string]string{
		"INVT": "invited", "JOIN": "joined", "JOINED": "joined",
		"LVREQ": asked, "LEAVE_REQUESTED": asked, "LEV": asked, // LEV: NCP's documentation of 2022 to 2024
		"ACTIVE": "active", "SUSPENDED": "suspended", "PENDING_ACTIVATION": "not activated yet", "PENDING_CLOSURE": "being closed", "CLOSED": "closed",
		"INVITING": pending, "REQUESTED": pending, "OPEN": pending, "INVITED": accepted, "ACCEPTED": accepted,
		"REFUSED": refused, "DECLINED": refused, "CANCELED": "withdrawn", "EXPIRED": "expired",
		org.Unknown: "no status reported", org.None: "not a member",
	}
}

// earlier compares two times. An unknown one is the latest.
func earlier(a, b time.Time) int {
	if a.IsZero() || b.IsZero() {
		return b.Compare(a)
	}
	return a.Compare(b)
}
