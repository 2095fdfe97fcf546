package org

import (
	"cmp"
	"maps"
	"slices"
	"strings"

	"github.com/go-kit/log/level"
)

const (
	// maxTransitions limits the different transitions that are counted. A cloud
	// that invents statuses must not fill the memory over the months.
	maxTransitions = 1000
	// maxTransitionText limits the text of their statuses, in bytes.
	maxTransitionText = 256 << 10
	// maxChanges limits the changes of one listing and refresh that are logged
	// one by one, and the changes of a Snapshot.
	maxChanges = 100
)

// A Baseline is the items with which the next good reading is compared: those
// of the latest complete one. It is nil if there was none, and outlives
// max_stale.
type Baseline struct {
	Members     []Member // sorted by ID
	Invitations []Invitation
	Received    []Invitation
	Withdrawals []Withdrawal

	// Subject is the organization that they are of; nil if the cloud does not say.
	Subject *string
}

// changes are those of one listing in one refresh.
type changes struct {
	collector string
	list      []Change // the first ones
	more      int      // number of the others
}

// compare completes s, whose members are sorted by ID: it finds and counts the
// changes since the baseline, which becomes that of the next comparison. What one
// organization has is not compared with what another had.
func (s *Saved) compare() []changes {
	if s.Subject != nil {
		if before := s.Baseline.Subject; before != nil && *before != *s.Subject {
			s.Baseline = Baseline{}
		}
		s.Baseline.Subject = s.Subject
	}
	if s.Members.Configured && s.Members.Err == nil {
		before := s.Transitions // of the snapshot before, which must not change
		s.Transitions = make(map[Transition]uint64, len(s.Known.Transitions))
		for _, t := range s.Known.Transitions {
			s.Transitions[t] = 0
		}
		maps.Copy(s.Transitions, before)
	}
	found := []changes{
		compareListing("members", &s.Members, &s.Baseline.Members, countedMembers, byID, s.memberChange()),
		compareListing("invitations", &s.Invitations, &s.Baseline.Invitations,
			distinctInvitations, byIdentity, invitationChange(InvitationAppeared, InvitationGone)),
		compareListing("received_invitations", &s.Received, &s.Baseline.Received,
			distinctInvitations, byIdentity, invitationChange(ReceivedInvitationAppeared, ReceivedInvitationGone)),
		compareListing("withdrawals", &s.Withdrawals, &s.Baseline.Withdrawals, distinctWithdrawals, byMember, withdrawalChange),
	}
	latest := slices.Clone(s.Changes)
	for _, f := range found {
		for _, c := range f.list {
			c.Time = s.Refreshed
			latest = append(latest, c)
		}
	}
	s.Changes = slices.Clone(latest[max(0, len(latest)-maxChanges):])
	return found
}

// compareListing compares a listing that was read completely with its baseline,
// and makes it the next one. A row that is missing in an incomplete one has not
// gone. Rows returns the rows that are compared, each once, sorted by order.
// Change returns what changed, or nil, of a row before and after; one of them is
// nil if it was not listed.
func compareListing[T any](collector string, l *Listing[T], baseline *[]T, rows func([]T) []*T, order func(a, b *T) int, change func(was, is *T) *Change) changes {
	found := changes{collector: collector}
	if !l.Configured {
		*baseline = nil
	}
	if !l.Configured || l.Err != nil || l.Incomplete {
		return found
	}
	if *baseline != nil {
		merge(rows(*baseline), rows(l.Items), order, func(was, is *T) {
			c := change(was, is)
			switch {
			case c == nil:
			case len(found.list) == maxChanges:
				found.more++
			default:
				found.list = append(found.list, *c)
			}
		})
	}
	*baseline = l.Items
	if *baseline == nil {
		*baseline = []T{} // an empty listing has been read, too
	}
	return found
}

// merge calls pair for each item of two lists that are sorted by order and have
// no item twice. An item that one list lacks is nil.
func merge[T any](before, after []*T, order func(a, b *T) int, pair func(before, after *T)) {
	for len(before) > 0 || len(after) > 0 {
		var next int
		switch {
		case len(after) == 0:
			next = -1
		case len(before) == 0:
			next = 1
		default:
			next = order(before[0], after[0])
		}
		var was, is *T
		if next <= 0 {
			was, before = before[0], before[1:]
		}
		if next >= 0 {
			is, after = after[0], after[1:]
		}
		pair(was, is)
	}
}

// pointers returns the rows that match. There may be a million: they are not
// copied.
func pointers[T any](rows []T, match func(*T) bool) []*T {
	found := make([]*T, 0, len(rows))
	for i := range rows {
		if match(&rows[i]) {
			found = append(found, &rows[i])
		}
	}
	return found
}

// memberChange finds the members whose status differs, and counts their
// transitions.
func (s *Saved) memberChange() func(was, is *Member) *Change {
	text := 0 // of all transitions
	for t := range s.Transitions {
		text += len(t.From) + len(t.To)
	}
	return func(was, is *Member) *Change {
		t := Transition{None, None}
		if was != nil {
			t.From = was.Status
		}
		if is != nil {
			t.To = is.Status
		}
		if t.From == t.To {
			return nil
		}
		latest := cmp.Or(is, was)
		c := &Change{What: MemberChanged, MemberID: latest.ID, GroupID: latest.GroupID, From: t.From, To: t.To}
		if _, seen := s.Transitions[t]; !seen {
			longer := text + len(t.From) + len(t.To)
			if len(s.Transitions) >= maxTransitions || longer > maxTransitionText {
				t = Transition{Unknown, Unknown}
			} else {
				text = longer
			}
		}
		s.Transitions[t]++
		return c
	}
}

func byID(a, b *Member) int { return strings.Compare(a.ID, b.ID) }

// countedMembers returns the rows that have an ID which no earlier row has.
func countedMembers(rows []Member) []*Member {
	return pointers(rows, func(m *Member) bool { return m.ID != "" && !m.Repeat })
}

// invitationChange finds the invitations that have become pending, that are
// pending again with a later date, and that no longer are pending.
func invitationChange(appeared, gone What) func(was, is *Invitation) *Change {
	change := func(what What, i *Invitation) *Change {
		return &Change{What: what, MemberID: cmp.Or(i.MemberID, i.ID), OrganizationID: i.OrganizationID, Status: i.Status}
	}
	return func(was, is *Invitation) *Change {
		pending, waiting := was != nil && was.Pending, is != nil && is.Pending
		switch {
		case pending && is == nil:
			return change(gone, was)
		case pending && !waiting:
			return change(gone, is) // with the status that ended it
		case waiting && (!pending || !was.Created.IsZero() && is.Created.After(was.Created)):
			return change(appeared, is)
		}
		return nil
	}
}

// byIdentity orders invitations by their ID, or else by who is invited and who
// invites.
func byIdentity(a, b *Invitation) int {
	if c := strings.Compare(a.ID, b.ID); c != 0 || a.ID != "" {
		return c
	}
	return cmp.Or(strings.Compare(a.MemberID, b.MemberID), strings.Compare(a.OrganizationID, b.OrganizationID))
}

// distinctInvitations returns one row of each invitation: the newest that is
// pending, or else the newest. Rows without an identity are left out.
func distinctInvitations(rows []Invitation) []*Invitation {
	sorted := pointers(rows, func(i *Invitation) bool {
		return i.ID != "" || i.MemberID != "" || i.OrganizationID != ""
	})
	slices.SortFunc(sorted, func(a, b *Invitation) int {
		if c := byIdentity(a, b); c != 0 {
			return c
		}
		if a.Pending != b.Pending {
			if a.Pending {
				return -1
			}
			return 1
		}
		return b.Created.Compare(a.Created)
	})
	return slices.CompactFunc(sorted, func(a, b *Invitation) bool { return byIdentity(a, b) == 0 })
}

// withdrawalChange finds the requests to leave that appeared or disappeared.
func withdrawalChange(was, is *Withdrawal) *Change {
	switch {
	case is == nil:
		return &Change{What: WithdrawalGone, MemberID: was.MemberID}
	case was == nil:
		return &Change{What: WithdrawalRequested, MemberID: is.MemberID}
	}
	return nil
}

func byMember(a, b *Withdrawal) int { return strings.Compare(a.MemberID, b.MemberID) }

// distinctWithdrawals returns one request of each member.
func distinctWithdrawals(rows []Withdrawal) []*Withdrawal {
	sorted := pointers(rows, func(w *Withdrawal) bool { return w.MemberID != "" })
	slices.SortFunc(sorted, byMember)
	return slices.CompactFunc(sorted, func(a, b *Withdrawal) bool { return a.MemberID == b.MemberID })
}

// logChanges writes one line for each change, and one with the number of those
// beyond maxChanges.
func (c *Cache) logChanges(found []changes) {
	logger := level.Info(c.cfg.Logger)
	for _, f := range found {
		for _, change := range f.list {
			logger.Log(change.fields()...)
		}
		if f.more > 0 {
			logger.Log("msg", "more changes", "collector", f.collector, "not_logged", f.more)
		}
	}
}

// fields returns the keys and values of the log line.
func (c Change) fields() []any {
	fields := []any{"msg", string(c.What), "member_id", c.MemberID}
	switch c.What {
	case MemberChanged:
		return append(fields, "group_id", c.GroupID, "from", c.From, "to", c.To)
	case InvitationAppeared, InvitationGone, ReceivedInvitationAppeared, ReceivedInvitationGone:
		return append(fields, "inviting_organization_id", c.OrganizationID, "status", c.Status)
	}
	return fields
}
