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

// A kind is an index of kinds. Of the last two somebody should know; the others
// have to be decided.
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
	Alert     string // its name
	N         int
	Most      []*row // the organizations that have most of them
	Others    int    // the number of other organizations that have some
}

// News reports whether c is to be known, and not to be decided.
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
	case c.What != org.MemberChanged || before == after:
		return nothing
	case after:
		return memberJoined
	}
	return memberLeft
}

// meaning returns a word for a status code, or "" for an undocumented one.
func meaning(code string) string {
	switch code {
	case "INVT":
		return "invited"
	case "JOIN", "JOINED":
		return "joined"
	case "LVREQ", "LEAVE_REQUESTED", "LEV": // LEV is in NCP's documentation of 2022 to 2024
		return "asked to leave"
	case "ACTIVE":
		return "active"
	case "SUSPENDED":
		return "suspended"
	case "PENDING_ACTIVATION":
		return "not activated yet"
	case "PENDING_CLOSURE":
		return "being closed"
	case "CLOSED":
		return "closed"
	case "INVITING", "REQUESTED", "OPEN":
		return "not answered yet"
	case "INVITED", "ACCEPTED":
		return "accepted"
	case "REFUSED", "DECLINED":
		return "refused"
	case "CANCELED":
		return "withdrawn"
	case "EXPIRED":
		return "expired"
	case org.Unknown:
		return "no status reported"
	case org.None:
		return "not a member"
	}
	return ""
}
