package collector

import (
	"math"
	"slices"
	"time"

	"github.com/cloudorg-exporter/cloudorg_exporter/internal/org"
)

// A view is a snapshot as the families see it, with the rows that have series of
// their own.
type view struct {
	org.Snapshot
	collectors []org.Collector // the wanted ones
	dropped    map[string]int  // rows without series of their own, by collector

	// Rows with series of their own.
	invitations []org.Invitation
	received    []org.Invitation
	withdrawals []org.Withdrawal
	delegations []org.Delegation
	services    []org.ServiceAccess
	targets     []sample
}

func newView(s org.Snapshot, wants func(string) bool) *view {
	unwanted := func(l org.Collector) bool { return !wants(l.Name) }
	v := &view{Snapshot: s, collectors: slices.DeleteFunc(s.Collectors(), unwanted), dropped: map[string]int{}}
	v.invitations = pick(v, "invitations", org.Pending(s.Invitations.Items), func(i org.Invitation) (itemKey, time.Time) {
		return itemKey{invited(i), i.OrganizationID}, i.Created
	})
	v.received = pick(v, "received_invitations", org.Pending(s.Received.Items), func(i org.Invitation) (itemKey, time.Time) {
		return itemKey{id: i.OrganizationID}, i.Created
	})
	v.withdrawals = pick(v, "withdrawals", s.Withdrawals.Items, func(w org.Withdrawal) (itemKey, time.Time) {
		return itemKey{id: w.MemberID}, w.Requested
	})
	withoutService := func(d org.Delegation) bool { return d.Service == "" }
	delegated := slices.DeleteFunc(slices.Clone(s.Delegations.Items), withoutService)
	v.delegations = pick(v, "delegations", delegated, func(d org.Delegation) (itemKey, time.Time) {
		return itemKey{d.Service, d.MemberID}, d.Enabled
	})
	v.services = pick(v, "service_access", s.Services.Items, func(a org.ServiceAccess) (itemKey, time.Time) {
		return itemKey{id: a.Service}, a.Enabled
	})
	if slices.ContainsFunc(s.Policies.Items, func(p org.Policy) bool { return p.Targets != nil }) {
		v.targets = pick(v, "policies", targets(s.Policies.Items), func(t sample) (itemKey, time.Time) {
			return itemKey{t.labels[0], t.labels[3]}, time.Time{} // policy_id and target_type
		})
	}
	return v
}

// An itemKey identifies the row of an item. Two rows with the same one would be
// the same series. A row without an id has no series.
type itemKey struct{ id, second string }

// pick picks the rows of a collector that have series of their own, and counts
// the others in v.dropped. Of rows with the same key the newest counts, and one
// without a time only if there is no other. Of the remaining ones the oldest are
// kept, as they are the most urgent, and those without a time last.
func pick[T any](v *view, collector string, all []T, keyAndTime func(T) (itemKey, time.Time)) []T {
	at := func(row T) time.Time {
		_, t := keyAndTime(row)
		return t
	}
	var kept []T
	dropped := 0
	index := make(map[itemKey]int, len(all)) // in kept
	for _, row := range all {
		k, t := keyAndTime(row)
		i, seen := index[k]
		switch {
		case k.id == "":
			dropped++
		case !seen:
			index[k] = len(kept)
			kept = append(kept, row)
		case t.After(at(kept[i])):
			kept[i] = row
		}
	}
	slices.SortStableFunc(kept, func(a, b T) int { return org.CompareTimes(at(a), at(b)) })
	n := min(len(kept), v.MaxItems)
	v.dropped[collector] = dropped + len(kept) - n
	return kept[:n]
}

// tally makes a sample of the number of rows with each status: 0 for each known
// one that none has. A row whose status is empty does not count.
func tally[T any](rows []T, known []string, status func(T) string) []sample {
	return counted(org.Tally(rows, known, status), oneLabel)
}

// counted makes a sample of every count.
func counted[K comparable, N int | uint64 | float64](counts map[K]N, labels func(K) []string) []sample {
	samples := make([]sample, 0, len(counts))
	for k, n := range counts {
		samples = append(samples, sample{float64(n), labels(k)})
	}
	return samples
}

// oneLabel returns the labels of a sample that has one.
func oneLabel(label string) []string { return []string{label} }

// each makes a sample of every row.
func each[T any](rows func(*view) []T, sampleOf func(T) sample) func(*view) []sample {
	return func(v *view) (samples []sample) {
		for _, row := range rows(v) {
			samples = append(samples, sampleOf(row))
		}
		return samples
	}
}

// one is a single sample without labels of its own.
func one(value float64) []sample { return []sample{{value: value}} }

// unknown returns the value of a sample that has none, and so no series.
func unknown() float64 { return math.NaN() }

// unix returns t as a metric's value.
func unix(t time.Time) float64 {
	if t.IsZero() {
		return unknown()
	}
	return float64(t.UnixMilli()) / 1e3
}

// number returns a number that a cloud may not report as a metric's value.
func number(n *int64) float64 {
	if n == nil {
		return unknown()
	}
	return float64(*n)
}

// days returns the days from now until at, which is in seconds since 1970, to
// five decimals, which is 0.9 seconds. More digits would be most of the size of a
// compressed scrape.
func days(at float64, now time.Time) float64 {
	return math.Round((at-float64(now.UnixNano())/1e9)/86400*1e5)/1e5 + 0 // there is no -0
}
