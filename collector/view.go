package collector

import (
	"cmp"
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

	invitations rows[org.Invitation]
	received    rows[org.Invitation]
	withdrawals rows[org.Withdrawal]
	delegations rows[org.Delegation]
	services    rows[org.ServiceAccess]
	targets     rows[target]
}

func newView(s org.Snapshot, wants func(string) bool) *view {
	unwanted := func(l org.Collector) bool { return !wants(l.Name) }
	v := &view{Snapshot: s, collectors: slices.DeleteFunc(s.Collectors(), unwanted)}
	sent := func(i org.Invitation) time.Time { return i.Created }
	v.invitations = pick(pending(s.Invitations.Items), s.MaxItems, sent, func(i org.Invitation) itemKey {
		return itemKey{invited(i), i.OrganizationID}
	})
	v.received = pick(pending(s.Received.Items), s.MaxItems, sent, func(i org.Invitation) itemKey {
		return itemKey{id: i.OrganizationID}
	})
	v.withdrawals = pick(s.Withdrawals.Items, s.MaxItems, func(w org.Withdrawal) time.Time { return w.Requested },
		func(w org.Withdrawal) itemKey { return itemKey{id: w.MemberID} })
	v.delegations = pick(delegated(s.Delegations.Items), s.MaxItems, func(d org.Delegation) time.Time { return d.Enabled },
		func(d org.Delegation) itemKey { return itemKey{d.Service, d.MemberID} })
	v.services = pick(s.Services.Items, s.MaxItems, func(a org.ServiceAccess) time.Time { return a.Enabled },
		func(a org.ServiceAccess) itemKey { return itemKey{id: a.Service} })
	v.targets = pick(targets(s.Policies.Items), s.MaxItems, func(target) time.Time { return time.Time{} },
		func(t target) itemKey { return itemKey{t.policy.ID, t.kind} })
	return v
}

// rows are the rows that have series of their own, the oldest first.
type rows[T any] struct {
	kept    []T
	dropped int // beyond the limit, or without an ID
}

// An itemKey identifies the row of an item. Two rows with the same one would be
// the same series. A row without an id has no series.
type itemKey struct{ id, second string }

// pick picks the rows that have series of their own. Of rows with the same key
// the newest counts, and one without a time only if there is no other. Of the
// remaining ones the oldest are kept, as they are the most urgent, and those
// without a time last.
func pick[T any](all []T, limit int, at func(T) time.Time, key func(T) itemKey) rows[T] {
	var kept []T
	dropped := 0
	index := make(map[itemKey]int, len(all)) // in kept
	for _, row := range all {
		k := key(row)
		i, seen := index[k]
		switch {
		case k.id == "":
			dropped++
		case !seen:
			index[k] = len(kept)
			kept = append(kept, row)
		case at(row).After(at(kept[i])):
			kept[i] = row
		}
	}
	slices.SortStableFunc(kept, func(a, b T) int {
		return cmp.Or(cmp.Compare(boolean(at(a).IsZero()), boolean(at(b).IsZero())), at(a).Compare(at(b)))
	})
	n := min(len(kept), limit)
	return rows[T]{kept[:n], dropped + len(kept) - n}
}

// tally counts rows by status: 0 for each known one that none has. A row whose
// status is empty does not count.
func tally[T any](all []T, known []string, status func(T) string) []sample {
	counts := map[string]uint64{}
	for _, s := range known {
		counts[s] = 0
	}
	for _, row := range all {
		if s := status(row); s != "" {
			counts[s]++
		}
	}
	return counted(counts, func(status string) []string { return []string{status} })
}

// counted makes a sample of every count.
func counted[K comparable](counts map[K]uint64, labels func(K) []string) []sample {
	samples := make([]sample, 0, len(counts))
	for k, n := range counts {
		samples = append(samples, sample{float64(n), labels(k)})
	}
	return samples
}

// each makes a sample of every row that has a value.
func each[T any](all []T, f func(T) (value float64, ok bool, labels []string)) []sample {
	samples := make([]sample, 0, len(all))
	for _, row := range all {
		if value, ok, labels := f(row); ok {
			samples = append(samples, sample{value, labels})
		}
	}
	return samples
}

// one is a single sample without labels of its own.
func one(value float64) []sample { return []sample{{value: value}} }

// unix returns t as a metric's value, if there is one.
func unix(t time.Time) (seconds float64, ok bool) {
	return float64(t.UnixMilli()) / 1e3, !t.IsZero()
}

// days returns the days from now until at, which is in seconds since 1970, to
// five decimals, which is 0.9 seconds. More digits would be most of the size of a
// compressed scrape.
func days(at float64, now time.Time) float64 {
	return math.Round((at-float64(now.UnixNano())/1e9)/86400*1e5)/1e5 + 0 // there is no -0
}
