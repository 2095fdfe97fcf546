package collector

import (
	"math"
	"slices"
	"time"

	"github.com/cloudorg-exporter/cloudorg_exporter/internal/org"
)

// A view is a snapshot as the families see it: with the rows picked that have
// series of their own.
type view struct {
	org.Snapshot
	listings []org.Listing   // the wanted ones
	present  map[string]bool // collectors whose listing may be believed

	invitations rows[org.Invitation]
	received    rows[org.Invitation]
	withdrawals rows[org.Withdrawal]
}

func newView(s org.Snapshot, wants func(string) bool) *view {
	v := &view{Snapshot: s, present: map[string]bool{}}
	for _, l := range v.Listings() {
		if wants(l.Collector) {
			v.listings = append(v.listings, l)
			v.present[l.Collector] = l.Present
		}
	}
	sent := func(i org.Invitation) time.Time { return i.Created }
	v.invitations = pick(s.Invitations.Items, s.MaxItems, sent, func(i org.Invitation) ([2]string, bool) {
		return [2]string{i.MemberID, i.OrganizationID}, i.Pending && i.MemberID != ""
	})
	v.received = pick(s.Received.Items, s.MaxItems, sent, func(i org.Invitation) ([2]string, bool) {
		return [2]string{i.OrganizationID}, i.Pending && i.OrganizationID != ""
	})
	v.withdrawals = pick(s.Withdrawals.Items, s.MaxItems, func(w org.Withdrawal) time.Time { return w.Requested },
		func(w org.Withdrawal) ([2]string, bool) { return [2]string{w.MemberID}, w.MemberID != "" })
	return v
}

// rows are the rows that have series of their own, the oldest first.
type rows[T any] struct {
	kept    []T
	dropped int // beyond the limit
}

// pick picks the rows that key gives an identity. Of rows with the same one
// the newest counts; of all, the oldest are kept: they are the most urgent. A
// row without a time is older than any other in the first respect, and newer
// in the second.
func pick[T any](all []T, limit int, at func(T) time.Time, key func(T) ([2]string, bool)) rows[T] {
	newest := make(map[[2]string]int, len(all))
	for i, row := range all {
		k, ok := key(row)
		if !ok {
			continue
		}
		if j, seen := newest[k]; !seen || at(row).After(at(all[j])) {
			newest[k] = i
		}
	}
	index := make([]int, 0, len(newest))
	for _, i := range newest {
		index = append(index, i)
	}
	slices.SortFunc(index, func(i, j int) int {
		a, b := at(all[i]), at(all[j])
		switch {
		case a.IsZero() != b.IsZero():
			if a.IsZero() {
				return 1
			}
			return -1
		case a.Equal(b):
			return i - j
		}
		return a.Compare(b)
	})
	dropped := max(0, len(index)-limit)
	kept := make([]T, len(index)-dropped)
	for n := range kept {
		kept[n] = all[index[n]]
	}
	return rows[T]{kept, dropped}
}

// tally counts rows by status: 0 for each known one that none has. A row whose
// status is empty does not count.
func tally[T any](all []T, known []string, status func(T) string) []sample {
	counts := make(map[string]int, len(known))
	order := slices.Clone(known)
	for _, s := range known {
		counts[s] = 0
	}
	for _, row := range all {
		s := status(row)
		if s == "" {
			continue
		}
		if _, ok := counts[s]; !ok {
			order = append(order, s)
		}
		counts[s]++
	}
	samples := make([]sample, len(order))
	for i, s := range order {
		samples[i] = sample{float64(counts[s]), []string{s}}
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

// days returns the days from now until at, which is in seconds since 1970: to
// the hundred-thousandth, 0.9 seconds. More would be digits that nobody can read
// and that cost most of what it does to send them.
func days(at float64, now time.Time) float64 {
	return math.Round((at-float64(now.UnixNano())/1e9)/86400*1e5)/1e5 + 0 // there is no -0
}
