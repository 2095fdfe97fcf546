package web

import (
	"cmp"
	"slices"
	"time"

	"github.com/cloudorg-exporter/cloudorg_exporter/internal/org"
)

const (
	mostItems = 5                  // of a kind, shown of one organization
	soon      = 7 * 24 * time.Hour // before an invitation lapses
)

// members are an organization's, counted.
type members struct {
	Known    bool
	Total    int
	Statuses []status
}

// A status is how many members have one.
type status struct {
	Code  string
	Count int
}

func newMembers(s *org.Snapshot) *members {
	if !s.Members.Configured {
		return nil
	}
	m := &members{Known: s.Members.Present}
	for _, code := range s.Known.Members {
		m.Statuses = append(m.Statuses, status{Code: code})
	}
	for _, row := range s.Members.Items {
		if row.Repeat {
			continue
		}
		i := slices.IndexFunc(m.Statuses, func(s status) bool { return s.Code == row.Status })
		if i < 0 {
			i = len(m.Statuses)
			m.Statuses = append(m.Statuses, status{Code: row.Status})
		}
		m.Statuses[i].Count++
		m.Total++
	}
	return m
}

// pending is what waits for somebody's decision, the most urgent first.
type pending struct {
	Title string
	Known bool
	Total int
	Worst string // what the first one says, in a word or two
	Ill   bool   // whether that is urgent
	Items []item
	More  int // that are not shown
}

// An item is one line of pending.
type item struct {
	Who  string // "account 1234"
	What string // "3 d 2 h left"
	Word string // the same in short
	Ill  bool   // urgent
	At   time.Time
}

func sentTo(i org.Invitation) string       { return identified("account", i.MemberID) }
func receivedFrom(i org.Invitation) string { return identified("from organization", i.OrganizationID) }

func identified(kind, id string) string { return kind + " " + cmp.Or(id, "without an id") }

func newInvitations(s org.Section[org.Invitation], now time.Time, title string, who func(org.Invitation) string) *pending {
	if !s.Configured {
		return nil
	}
	var open []org.Invitation
	for _, i := range s.Items {
		if i.Pending {
			open = append(open, i)
		}
	}
	slices.SortStableFunc(open, func(a, b org.Invitation) int {
		return cmp.Or(earlier(a.Expires, b.Expires), earlier(a.Created, b.Created), cmp.Compare(who(a), who(b)))
	})
	p := &pending{Title: title, Known: s.Present, Total: len(open)}
	p.fill(len(open), func(n int) item {
		i := open[n]
		switch {
		case i.Expires.IsZero():
			return newItem(who(i), i.Created, "sent", now)
		case i.Expires.Before(now):
			out := newItem(who(i), i.Expires, "lapsed", now)
			out.Ill = true
			return out
		}
		left := i.Expires.Sub(now)
		return item{who(i), span(left) + " left", rough(left) + " left", left < soon, i.Expires.UTC()}
	})
	return p
}

func newWithdrawals(s org.Section[org.Withdrawal], now time.Time) *pending {
	if !s.Configured {
		return nil
	}
	open := slices.SortedStableFunc(slices.Values(s.Items), func(a, b org.Withdrawal) int {
		return cmp.Or(earlier(a.Requested, b.Requested), cmp.Compare(a.MemberID, b.MemberID))
	})
	p := &pending{Title: "Pending withdrawals", Known: s.Present, Total: len(open)}
	p.fill(len(open), func(n int) item {
		return newItem(identified("account", open[n].MemberID), open[n].Requested, "asked", now)
	})
	return p
}

// newItem is an item of something that has happened.
func newItem(who string, at time.Time, what string, now time.Time) item {
	if at.IsZero() {
		return item{Who: who, What: "date unknown", Word: "date unknown"}
	}
	ago := now.Sub(at)
	return item{Who: who, What: what + " " + span(ago) + " ago", Word: what + " " + rough(ago) + " ago", At: at.UTC()}
}

// fill takes the first of n items.
func (p *pending) fill(n int, at func(int) item) {
	for i := range min(n, mostItems) {
		p.Items = append(p.Items, at(i))
	}
	p.More = n - len(p.Items)
	if n > 0 {
		p.Worst, p.Ill = p.Items[0].Word, p.Items[0].Ill
	}
}

// earlier compares two times; an unknown one is the latest.
func earlier(a, b time.Time) int {
	switch {
	case a.IsZero() && b.IsZero():
		return 0
	case a.IsZero():
		return 1
	case b.IsZero():
		return -1
	}
	return a.Compare(b)
}
