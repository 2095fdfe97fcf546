package cloud

import (
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/cloudorg-exporter/cloudorg_exporter/internal/org"
)

const (
	maxSeries   = 20_000 // rows of a listing in which each row is a series, whatever max_items
	maxStatuses = 100    // different statuses in a listing
)

// checkSizes rejects listings with implausibly many series: rows or statuses
// that each are a series, and more of them than any organization has. Such an
// answer is wrong, and would make every later scrape expensive.
func checkSizes(l *org.Listings) {
	rejectIfOver(&l.Info, len(l.Info.Items), maxSeries, "organizations")
	rejectIfOver(&l.Groups, len(l.Groups.Items), maxSeries, "groups")
	rejectIfOver(&l.Policies, len(l.Policies.Items), maxSeries, "policies")
	rejectIfOver(&l.Versions, len(l.Versions.Items), maxSeries, "versions")
	status := func(i org.Invitation) string { return i.Status }
	rejectIfOver(&l.Invitations, different(l.Invitations.Items, maxStatuses, status), maxStatuses, "statuses")
	rejectIfOver(&l.Received, different(l.Received.Items, maxStatuses, status), maxStatuses, "statuses")
	rejectIfOver(&l.Invitations, different(l.Invitations.Items, maxStatuses, func(i org.Invitation) string { return i.Action }), maxStatuses, "actions")
	rejectIfOver(&l.Creations, different(l.Creations.Items, maxStatuses, func(c org.Creation) string { return c.Status }), maxStatuses, "statuses")
	rejectIfOver(&l.Creations, different(l.Creations.Items, maxStatuses, func(c org.Creation) string { return c.Reason }), maxStatuses, "reasons")
	rejectIfOver(&l.Members, different(l.Members.Items, maxStatuses, func(m org.Member) string { return m.Status }), maxStatuses, "statuses")
	rejectIfOver(&l.Members, different(l.Members.Items, maxSeries, func(m org.Member) [2]string { return [2]string{m.GroupID, m.Status} }), maxSeries, "groups with members")
}

// maxText is the limit of the text of an organization that becomes labels, in
// bytes.
const maxText = 8 << 20

// checkText rejects the listings with which the labels of an organization have
// more text than maxText: each scrape would carry it. At most maxItems
// invitations and withdrawals become series.
func checkText(l *org.Listings, maxItems int) {
	left := maxText
	limitText(&l.Info, &left, maxSeries, func(i org.Info) int { return len(i.ID) + len(i.Name) + len(i.MasterID) })
	limitText(&l.Groups, &left, maxSeries, func(g org.Group) int {
		return len(g.ID) + len(g.Name) + len(g.ParentID) + len(g.PolicyID) + len(g.PolicyName)
	})
	limitText(&l.Policies, &left, maxSeries, func(p org.Policy) int { return len(p.ID) + len(p.Name) + len(p.Type) })
	limitText(&l.Versions, &left, maxSeries, func(v org.Version) int { return len(v.ID) + len(v.Status) })
	series, last := map[[2]string]bool{}, [2]string{}
	limitText(&l.Members, &left, math.MaxInt, func(m org.Member) int { // a series per group and status
		key := [2]string{m.GroupID, m.Status}
		if key == last || series[key] {
			return 0
		}
		series[key], last = true, key
		return len(m.GroupID) + len(m.Status)
	})
	invitation := func(i org.Invitation) int { return len(i.ID) + len(i.MemberID) + len(i.OrganizationID) + len(i.Status) }
	limitText(&l.Invitations, &left, maxItems, invitation)
	limitText(&l.Received, &left, maxItems, invitation)
	limitText(&l.Withdrawals, &left, maxItems, func(w org.Withdrawal) int { return len(w.MemberID) })
	limitText(&l.Delegations, &left, maxItems, func(d org.Delegation) int { return len(d.MemberID) + len(d.Service) })
	limitText(&l.Services, &left, maxItems, func(a org.ServiceAccess) int { return len(a.Service) })
}

// limitText takes the text of a listing from left, or fails the listing if
// there is more of it. Only the longest rows count, as many as may be series.
func limitText[T any](l *org.Listing[T], left *int, rows int, text func(T) int) {
	if l.Err != nil {
		return
	}
	sum := 0
	for _, item := range l.Items {
		sum += text(item)
	}
	if sum > *left && len(l.Items) > rows {
		lengths := make([]int, len(l.Items))
		for i, item := range l.Items {
			lengths[i] = text(item)
		}
		slices.Sort(lengths)
		sum = 0
		for _, n := range lengths[len(lengths)-rows:] {
			sum += n
		}
	}
	if sum > *left {
		reject(l, implausible(maxText>>20, "MiB of text"))
		return
	}
	*left -= sum
}

// rejectIfOver fails a listing that has more of something than the limit.
func rejectIfOver[T any](l *org.Listing[T], have, limit int, what string) {
	if l.Err == nil && have > limit {
		reject(l, implausible(limit, what))
	}
}

func reject[T any](l *org.Listing[T], why *org.Error) {
	l.Items, l.At, l.Unparsed, l.Err = nil, time.Time{}, 0, why
}

func implausible(limit int, what string) *org.Error {
	return &org.Error{
		Reason: org.Decode,
		Advice: "if base_url is right, the API has changed: please report this message",
		Err:    fmt.Errorf("more than %d %s: rejecting an implausible response", limit, what),
	}
}

// different returns the number of different keys of the items: at most limit
// + 1.
func different[T any, K comparable](items []T, limit int, key func(T) K) int {
	if len(items) <= limit {
		return len(items)
	}
	seen := map[K]bool{}
	for _, item := range items {
		seen[key(item)] = true
		if len(seen) > limit {
			break
		}
	}
	return len(seen)
}
