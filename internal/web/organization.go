package web

import (
	"cmp"
	"net/http"
	"slices"
	"time"

	"github.com/cloudorg-exporter/cloudorg_exporter/internal/org"
)

// Organization serves one organization in full, the one whose name is the
// parameter "name": 400 without it, 404 for one that is not configured. A view
// starts its refresh if that is due.
func Organization(cfg StatusConfig) http.Handler {
	p := newPages(cfg)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		p.serve(w, func() (int, string, any) {
			h := p.head(clock{p.Now(), p.Zone})
			name, snapshots := r.URL.Query().Get("name"), p.Snapshots()
			i := slices.IndexFunc(snapshots, func(s org.Snapshot) bool { return s.Organization == name })
			switch {
			case name == "":
				h.Title = "Missing parameter: ?name=ORGANIZATION"
				return http.StatusBadRequest, "problem", h
			case i < 0:
				h.Title = "No organization is called “" + cut(name, 200) + "”"
				return http.StatusNotFound, "problem", h
			}
			if p.Start != nil {
				p.Start([]string{name})
			}
			return http.StatusOK, "organization", p.organization(&snapshots[i], h)
		})
	})
}

// An organization is the data of the template of that name.
type organization struct {
	head
	*row
	Statuses []status
	Sent     []org.Invitation // pending ones, the most urgent first
	Received []org.Invitation
	Requests []org.Withdrawal
	Changes  []change
}

// A status is the number of members that have it.
type status struct {
	Code string
	N    int
}

func (p *pages) organization(s *org.Snapshot, h head) organization {
	h.Title = s.Organization
	o := organization{
		head: h, row: newRow(s, h.clock), Statuses: statuses(s),
		Sent: pending(s.Invitations.Items), Received: pending(s.Received.Items),
	}
	if p.Start != nil && (o.State == waiting || o.State == overdue) {
		o.Reload = soon
	}
	o.Requests = slices.SortedStableFunc(slices.Values(s.Withdrawals.Items), func(a, b org.Withdrawal) int {
		return cmp.Or(earlier(a.Requested, b.Requested), cmp.Compare(a.MemberID, b.MemberID))
	})
	o.Changes = changes([]*row{o.row}, 100)
	return o
}

// StateOf returns the state of a collector.
func (o organization) StateOf(c org.Collector) state { return stateOf(o.Snapshot, &c.Health, o.now) }

// Urgent says why an invitation or a request to leave has to be decided now,
// or is empty.
func (o organization) Urgent(item any) string {
	k := nothing
	switch i := item.(type) {
	case org.Invitation:
		k = sentKind(i, o.now)
	case org.Withdrawal:
		k = leaveKind(i, o.now)
	}
	return [...]string{invitationExpired: "expired", invitationExpiring: "expires soon", leavePending: "pending for more than 3 days"}[k]
}

// pending returns the pending ones of all, the first to expire first.
func pending(all []org.Invitation) []org.Invitation {
	open := slices.DeleteFunc(slices.Clone(all), func(i org.Invitation) bool { return !i.Pending })
	slices.SortStableFunc(open, func(a, b org.Invitation) int {
		return cmp.Or(earlier(a.Expires, b.Expires), earlier(a.Created, b.Created), cmp.Compare(a.MemberID, b.MemberID))
	})
	return open
}

// statuses counts the members by status, the known ones first.
func statuses(s *org.Snapshot) (all []status) {
	n := map[string]int{}
	for _, m := range s.Members.Items {
		if !m.Repeat {
			n[m.Status]++
		}
	}
	for _, code := range s.Known.Members {
		all = append(all, status{code, n[code]})
		delete(n, code)
	}
	known := len(all)
	for code := range n {
		all = append(all, status{code, n[code]})
	}
	slices.SortFunc(all[known:], func(a, b status) int { return cmp.Or(b.N-a.N, cmp.Compare(a.Code, b.Code)) })
	return all
}

// A change is a change of an organization.
type change struct {
	org.Change
	Row *row
}

// Word says what changed.
func (c change) Word() string {
	switch changeKind(c.Change) {
	case memberJoined:
		return "member joined"
	case memberLeft:
		return "member left"
	}
	return string(c.What)
}

// changes returns the given number of changes of rows, the latest first.
func changes(rows []*row, most int) (all []change) {
	for _, r := range rows {
		latest := r.Changes // the oldest first
		for _, c := range slices.Backward(latest[max(0, len(latest)-most):]) {
			all = append(all, change{c, r})
		}
	}
	slices.SortStableFunc(all, func(a, b change) int { return b.Time.Compare(a.Time) })
	return all[:min(len(all), most)]
}

// Took writes how long something took, or nothing for no time.
func (h head) Took(d time.Duration) string {
	if d == 0 {
		return ""
	}
	return d.Round(time.Millisecond).String()
}
