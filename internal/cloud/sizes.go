package cloud

import (
	"fmt"
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

// rejectIfOver fails a listing that has more of something than the limit.
func rejectIfOver[T any](l *org.Listing[T], have, limit int, what string) {
	if l.Err != nil || have <= limit {
		return
	}
	l.Items, l.At, l.Unparsed = nil, time.Time{}, 0
	l.Err = implausible(limit, what)
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
