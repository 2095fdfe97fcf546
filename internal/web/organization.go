package web

import (
	"cmp"
	"net/http"
	"net/url"
	"slices"

	"github.com/cloudorg-exporter/cloudorg_exporter/internal/org"
)

// Organization serves one organization in full, the one whose name is the
// parameter "name": 400 without it, 404 for one that is not configured. A view
// starts its refresh if that is due.
func Organization(cfg StatusConfig) http.Handler {
	p := newPages(cfg)
	return p.handler(func(given url.Values) (int, string, any) {
		o := organization{page: p.page(given, "name")}
		name, snapshots := given.Get("name"), p.Snapshots()
		i := slices.IndexFunc(snapshots, func(s org.Snapshot) bool { return s.Organization == name })
		switch {
		case name == "":
			return http.StatusBadRequest, "problem", o
		case i < 0:
			return http.StatusNotFound, "problem", o
		}
		o.Query.Del("name") // links lead to all organizations
		o.row = newRow(&snapshots[i], p.Now())
		o.Requests = slices.SortedStableFunc(slices.Values(o.Withdrawals.Items), func(a, b org.Withdrawal) int {
			return cmp.Or(org.CompareTimes(a.Requested, b.Requested), cmp.Compare(a.MemberID, b.MemberID))
		})
		o.Changes = changes(100, snapshots[i])
		if p.Start != nil {
			p.Start([]string{name})
			if o.State == waiting || o.State == overdue {
				o.Reload = soon
			}
		}
		return http.StatusOK, "organization", o
	})
}

// An organization is the data of the templates of one organization.
type organization struct {
	page
	*row                      // nil if there is none of that name
	Requests []org.Withdrawal // the oldest first
	Changes  []change
}

// pending returns the pending ones of all, the first to expire first.
func pending(all []org.Invitation) []org.Invitation {
	return slices.SortedStableFunc(slices.Values(org.Pending(all)), func(a, b org.Invitation) int {
		return cmp.Or(org.CompareTimes(a.Expires, b.Expires), org.CompareTimes(a.Created, b.Created), cmp.Compare(a.MemberID, b.MemberID))
	})
}

// A change is a change of an organization.
type change struct {
	Organization string
	org.Change
}

// changes returns the latest changes of organizations, n at most, the latest
// first.
func changes(n int, of ...org.Snapshot) (all []change) {
	for _, s := range of {
		for _, c := range slices.Backward(s.Changes[max(0, len(s.Changes)-n):]) {
			all = append(all, change{s.Organization, c})
		}
	}
	slices.SortStableFunc(all, func(a, b change) int { return b.Time.Compare(a.Time) })
	return all[:min(len(all), n)]
}
