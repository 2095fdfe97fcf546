package org

import (
	"cmp"
	"maps"
	"slices"
	"strings"
	"time"

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

// of returns b without the listings that l does not have.
func (b Baseline) of(l *Listings) Baseline {
	if !l.Members.Configured {
		b.Members = nil
	}
	if !l.Invitations.Configured {
		b.Invitations = nil
	}
	if !l.Received.Configured {
		b.Received = nil
	}
	if !l.Withdrawals.Configured {
		b.Withdrawals = nil
	}
	return b
}

// about returns b if it is of the subject, and else a Baseline without items:
// what one organization has is not compared with what another had.
func (b Baseline) about(subject *string) Baseline {
	switch {
	case subject == nil:
		return b
	case b.Subject != nil && *b.Subject != *subject:
		b = Baseline{}
	}
	b.Subject = subject
	return b
}

// changes are those of one listing in one refresh.
type changes struct {
	collector string
	at        time.Time
	list      []Change // the first ones
	more      int      // number of the others
}

func (c *changes) add(change Change) {
	if len(c.list) == maxChanges {
		c.more++
		return
	}
	change.Time = c.at
	c.list = append(c.list, change)
}

// compare completes next, whose members are sorted by ID: it finds and counts
// the changes since the baseline, which becomes that of the next comparison.
func (s *Saved) compare() []changes {
	s.Baseline = s.Baseline.about(s.Subject)
	members := changes{collector: "members", at: s.Refreshed}
	invitations := changes{collector: "invitations", at: s.Refreshed}
	received := changes{collector: "received_invitations", at: s.Refreshed}
	withdrawals := changes{collector: "withdrawals", at: s.Refreshed}

	if s.Members.Configured && s.Members.Err == nil {
		before := s.Transitions // of the snapshot before, which must not change
		s.Transitions = make(map[Transition]uint64, len(s.Known.Transitions))
		for _, t := range s.Known.Transitions {
			s.Transitions[t] = 0
		}
		maps.Copy(s.Transitions, before)
	}
	text := 0 // of all transitions; 0: not known
	compareListing(&s.Members, &s.Baseline.Members, func(before, after []Member) {
		compareMembers(before, after, func(c Change) {
			members.add(c)
			t := Transition{c.From, c.To}
			if _, seen := s.Transitions[t]; !seen {
				if text == 0 {
					for t := range s.Transitions {
						text += len(t.From) + len(t.To)
					}
				}
				if len(s.Transitions) >= maxTransitions || text+len(t.From)+len(t.To) > maxTransitionText {
					t = Transition{Unknown, Unknown}
				} else {
					text += len(t.From) + len(t.To)
				}
			}
			s.Transitions[t]++
		})
	})
	compareListing(&s.Invitations, &s.Baseline.Invitations, func(before, after []Invitation) {
		compareInvitations(before, after, InvitationAppeared, InvitationGone, invitations.add)
	})
	compareListing(&s.Received, &s.Baseline.Received, func(before, after []Invitation) {
		compareInvitations(before, after, ReceivedInvitationAppeared, ReceivedInvitationGone, received.add)
	})
	compareListing(&s.Withdrawals, &s.Baseline.Withdrawals, func(before, after []Withdrawal) {
		compareWithdrawals(before, after, withdrawals.add)
	})

	found := []changes{members, invitations, received, withdrawals}
	var all []Change
	for _, f := range found {
		all = append(all, f.list...)
	}
	if len(all) > 0 {
		all = slices.Concat(s.Changes, all)
		s.Changes = slices.Clone(all[max(0, len(all)-maxChanges):])
	}
	return found
}

// compareListing compares a listing that was read completely with its
// baseline, and makes it the next one. A row that is missing in an incomplete
// one has not gone.
func compareListing[T any](l *Listing[T], baseline *[]T, compare func(before, after []T)) {
	if !l.Configured || l.Err != nil || l.Incomplete {
		return
	}
	if *baseline != nil {
		compare(*baseline, l.Items)
	}
	*baseline = l.Items
	if *baseline == nil {
		*baseline = []T{} // an empty listing has been read, too
	}
}

// compareMembers finds the members whose status differs between two readings,
// both sorted by ID.
func compareMembers(before, after []Member, found func(Change)) {
	byID := func(a, b *Member) int { return strings.Compare(a.ID, b.ID) }
	merge(counted(before), counted(after), byID, func(was, is *Member) {
		switch {
		case is == nil:
			found(Change{What: MemberChanged, MemberID: was.ID, GroupID: was.GroupID, From: was.Status, To: None})
		case was == nil:
			found(Change{What: MemberChanged, MemberID: is.ID, GroupID: is.GroupID, From: None, To: is.Status})
		case was.Status != is.Status:
			found(Change{What: MemberChanged, MemberID: is.ID, GroupID: is.GroupID, From: was.Status, To: is.Status})
		}
	})
}

// counted returns the rows of m that have an ID which no earlier row has.
func counted(m []Member) []*Member {
	return pointers(m, func(m *Member) bool { return m.ID != "" && !m.Repeat })
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

// compareInvitations finds the invitations that have become pending, that are
// pending again with a later date, and that no longer are pending.
func compareInvitations(before, after []Invitation, appeared, gone What, found func(Change)) {
	change := func(what What, i *Invitation) {
		found(Change{What: what, MemberID: cmp.Or(i.MemberID, i.ID), OrganizationID: i.OrganizationID, Status: i.Status})
	}
	merge(distinct(before), distinct(after), compareIdentity, func(was, is *Invitation) {
		pending, waiting := was != nil && was.Pending, is != nil && is.Pending
		switch {
		case pending && is == nil:
			change(gone, was)
		case pending && !waiting:
			change(gone, is) // with the status that ended it
		case waiting && !pending, waiting && renewed(was, is):
			change(appeared, is)
		}
	})
}

// renewed reports whether is was sent later than was.
func renewed(was, is *Invitation) bool {
	return !was.Created.IsZero() && is.Created.After(was.Created)
}

// compareIdentity orders invitations by their ID, or else by who is invited
// and who invites.
func compareIdentity(a, b *Invitation) int {
	if c := strings.Compare(a.ID, b.ID); c != 0 || a.ID != "" {
		return c
	}
	return cmp.Or(strings.Compare(a.MemberID, b.MemberID), strings.Compare(a.OrganizationID, b.OrganizationID))
}

// distinct returns one row of each invitation, sorted by identity: the newest
// that is pending, or else the newest. Rows without an identity are left out.
func distinct(rows []Invitation) []*Invitation {
	sorted := pointers(rows, func(i *Invitation) bool {
		return i.ID != "" || i.MemberID != "" || i.OrganizationID != ""
	})
	slices.SortFunc(sorted, func(a, b *Invitation) int {
		if c := compareIdentity(a, b); c != 0 {
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
	return slices.CompactFunc(sorted, func(a, b *Invitation) bool { return compareIdentity(a, b) == 0 })
}

// compareWithdrawals finds the requests to leave that appeared or disappeared.
func compareWithdrawals(before, after []Withdrawal, found func(Change)) {
	byMember := func(a, b *Withdrawal) int { return strings.Compare(a.MemberID, b.MemberID) }
	sorted := func(rows []Withdrawal) []*Withdrawal {
		found := pointers(rows, func(w *Withdrawal) bool { return w.MemberID != "" })
		slices.SortFunc(found, byMember)
		return slices.CompactFunc(found, func(a, b *Withdrawal) bool { return a.MemberID == b.MemberID })
	}
	merge(sorted(before), sorted(after), byMember, func(was, is *Withdrawal) {
		switch {
		case is == nil:
			found(Change{What: WithdrawalGone, MemberID: was.MemberID})
		case was == nil:
			found(Change{What: WithdrawalRequested, MemberID: is.MemberID})
		}
	})
}

// merge calls pair for each item of two lists that are sorted by compare and
// have no item twice. An item that one list lacks is nil.
func merge[T any](before, after []*T, compare func(a, b *T) int, pair func(before, after *T)) {
	for len(before) > 0 || len(after) > 0 {
		var order int
		switch {
		case len(after) == 0:
			order = -1
		case len(before) == 0:
			order = 1
		default:
			order = compare(before[0], after[0])
		}
		var was, is *T
		if order <= 0 {
			was, before = before[0], before[1:]
		}
		if order >= 0 {
			is, after = after[0], after[1:]
		}
		pair(was, is)
	}
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
