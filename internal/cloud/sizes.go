package cloud

import (
	"fmt"
	"slices"
	"time"

	"github.com/cloudorg-exporter/cloudorg_exporter/internal/org"
)

const (
	maxSeries   = 20_000  // rows of a listing in which each row is a series, whatever max_items
	maxStatuses = 100     // different statuses in a listing
	maxText     = 8 << 20 // bytes of the text of an organization that becomes labels
)

// checkSizes rejects implausibly large listings: those with too many rows or
// statuses that each are a series, and those with which the labels of the
// organization have more text than maxText. Such an answer is wrong, and would make
// every later scrape expensive. At most maxItems invitations and withdrawals become
// series.
func checkSizes(l *org.Listings, maxItems int) {
	left := maxText
	limitSeries(&l.Info, l.Info.Items, "organizations", &left, func(i org.Info) int {
		return len(i.ID) + len(i.Name) + len(i.MasterID)
	})
	limitSeries(&l.Groups, l.Groups.Items, "groups", &left, func(g org.Group) int {
		return len(g.ID) + len(g.Name) + len(g.ParentID) + len(g.PolicyID) + len(g.PolicyName)
	})
	limitSeries(&l.Policies, l.Policies.Items, "policies", &left, func(p org.Policy) int {
		return len(p.ID) + len(p.Name) + len(p.Type)
	})
	limitSeries(&l.Versions, l.Versions.Items, "versions", &left, func(v org.Version) int {
		return len(v.ID) + len(v.Status)
	})

	limitValues(&l.Members, "statuses", func(m org.Member) string { return m.Status })
	groups := different(l.Members.Items, maxSeries, func(m org.Member) [2]string { return [2]string{m.GroupID, m.Status} })
	limitSeries(&l.Members, groups, "groups with members", &left, func(m org.Member) int {
		return len(m.GroupID) + len(m.Status)
	})

	invitation := func(i org.Invitation) int { return len(i.ID) + len(i.MemberID) + len(i.OrganizationID) + len(i.Status) }
	limitValues(&l.Invitations, "statuses", func(i org.Invitation) string { return i.Status })
	limitValues(&l.Invitations, "actions", func(i org.Invitation) string { return i.Action })
	limitText(&l.Invitations, l.Invitations.Items, maxItems, &left, invitation)
	limitValues(&l.Received, "statuses", func(i org.Invitation) string { return i.Status })
	limitText(&l.Received, l.Received.Items, maxItems, &left, invitation)

	limitText(&l.Withdrawals, l.Withdrawals.Items, maxItems, &left, func(w org.Withdrawal) int { return len(w.MemberID) })
	limitText(&l.Delegations, l.Delegations.Items, maxItems, &left, func(d org.Delegation) int { return len(d.MemberID) + len(d.Service) })
	limitText(&l.Services, l.Services.Items, maxItems, &left, func(a org.ServiceAccess) int { return len(a.Service) })
	limitValues(&l.Creations, "statuses", func(c org.Creation) string { return c.Status })
	limitValues(&l.Creations, "reasons", func(c org.Creation) string { return c.Reason })
}

// limitSeries rejects a listing with more than maxSeries series, or with more
// text in them than is left.
func limitSeries[T any](l *org.Listing[T], series []T, what string, left *int, text func(T) int) {
	if len(series) > maxSeries {
		reject(l, implausible(maxSeries, what))
	}
	limitText(l, series, maxSeries, left, text)
}

// limitValues rejects a listing with more than maxStatuses different values.
func limitValues[T any](l *org.Listing[T], what string, value func(T) string) {
	if len(different(l.Items, maxStatuses, value)) > maxStatuses {
		reject(l, implausible(maxStatuses, what))
	}
}

// limitText takes the text of the rows of a listing from left, or rejects the
// listing if there is more of it. Only the longest rows count, as many as may
// be series.
func limitText[T any](l *org.Listing[T], rows []T, series int, left *int, text func(T) int) {
	if l.Err != nil {
		return
	}
	lengths := mapped(rows, text)
	slices.Sort(lengths)
	sum := 0
	for _, n := range lengths[max(0, len(lengths)-series):] {
		sum += n
	}
	if sum > *left {
		reject(l, implausible(maxText>>20, "MiB of text"))
		return
	}
	*left -= sum
}

// reject fails a listing, unless it has failed before.
func reject[T any](l *org.Listing[T], why *org.Error) {
	if l.Err == nil {
		l.Items, l.At, l.Unparsed, l.Err = nil, time.Time{}, 0, why
	}
}

func implausible(limit int, what string) *org.Error {
	return &org.Error{
		Reason: org.Decode,
		Advice: reportAdvice,
		Err:    fmt.Errorf("more than %d %s: rejecting an implausible response", limit, what),
	}
}

// different returns the items with different keys: at most limit + 1.
func different[T any, K comparable](items []T, limit int, key func(T) K) []T {
	var out []T
	seen := map[K]bool{}
	for _, item := range items {
		k := key(item)
		if seen[k] {
			continue
		}
		seen[k] = true
		if out = append(out, item); len(out) > limit {
			break
		}
	}
	return out
}
