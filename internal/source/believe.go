package source

import (
	"fmt"
	"time"

	"github.com/cloudorg-exporter/cloudorg_exporter/internal/httpx"
	"github.com/cloudorg-exporter/cloudorg_exporter/internal/org"
)

const (
	maxSeries   = 20_000 // things of one kind that have a series each, whatever max_items
	maxStatuses = 100    // different ones in a listing
)

// believe refuses listings of which every row, or every status, would be a
// series of its own, and which have more of them than any organization: such
// an answer is wrong, and would cost every scrape after it.
func believe(s *org.Snapshot) {
	refuse(s.Cloud, &s.Info, len(s.Info.Items), maxSeries, "organizations")
	refuse(s.Cloud, &s.Groups, len(s.Groups.Items), maxSeries, "groups")
	refuse(s.Cloud, &s.Policies, len(s.Policies.Items), maxSeries, "policies")
	refuse(s.Cloud, &s.Versions, len(s.Versions.Items), maxSeries, "versions")
	status := func(i org.Invitation) string { return i.Status }
	refuse(s.Cloud, &s.Invitations, different(s.Invitations.Items, maxStatuses, status), maxStatuses, "statuses")
	refuse(s.Cloud, &s.Received, different(s.Received.Items, maxStatuses, status), maxStatuses, "statuses")
	refuse(s.Cloud, &s.Members, different(s.Members.Items, maxStatuses, func(m org.Member) string { return m.Status }), maxStatuses, "statuses")
	refuse(s.Cloud, &s.Members, different(s.Members.Items, maxSeries, func(m org.Member) [2]string { return [2]string{m.GroupID, m.Status} }), maxSeries, "groups with members")
}

// refuse makes a failure of a listing that has more of something than most.
func refuse[T any](cloud string, s *org.Section[T], have, most int, what string) {
	if s.Err != nil || have <= most {
		return
	}
	s.Items, s.At, s.Unreadable = nil, time.Time{}, 0
	s.Err = failure(incredible(cloud, most, what))
}

func incredible(cloud string, most int, what string) error {
	return &httpx.Error{API: cloud, Reason: httpx.Decode, Err: fmt.Errorf("more than %d %s are not believed", most, what)}
}

// different returns how many different keys the items have: at most one more
// than enough.
func different[T any, K comparable](items []T, enough int, key func(T) K) int {
	if len(items) <= enough {
		return len(items)
	}
	seen := map[K]bool{}
	for _, item := range items {
		seen[key(item)] = true
		if len(seen) > enough {
			break
		}
	}
	return len(seen)
}
