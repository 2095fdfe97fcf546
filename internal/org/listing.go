package org

import (
	"slices"
	"time"
)

// A Listing is the items of one collector, how they were read, and what a
// Cache knows of them. The zero Listing is not configured.
type Listing[T any] struct {
	Items []T
	Health
}

// Health is a listing without its items.
type Health struct {
	Reading
	State
}

// A Reading is how one refresh read a listing. A Source sets it.
type Reading struct {
	At         time.Time     // when the items were read; zero if they were not
	Took       time.Duration // how long that took
	Err        *Error        // why they could not be read
	Incomplete bool          // rows may be missing: the reading is served, but not compared with others
	Total      int64         // rows there are according to the cloud, of an Incomplete one; 0 if unknown
	Unparsed   int           // fields that could not be parsed
}

// A State is what a Cache adds to a listing.
type State struct {
	Configured     bool
	Present        bool      // Items are served
	Expires        time.Time // when Items stop being served
	LastSuccess    time.Time // when the listing was last read; zero if it never was; outlives Items
	FailingSince   time.Time // end of the first of the failed refreshes in a row; zero if the latest did not fail
	Failures       uint64    // refreshes in which it failed
	DecodeWarnings uint64    // fields that could not be parsed, over all refreshes
	Incompletes    int       // incomplete readings since the latest complete one
}

// Success reports whether the latest refresh read the listing.
func (h *Health) Success() bool { return h.Err == nil && !h.LastSuccess.IsZero() }

// A Collector is a configured listing without its items.
type Collector struct {
	Name  string // value of the label "collector"
	Items int    // number of items that are served
	Health
}

// Collectors returns the configured listings in a fixed order.
func (l *Listings) Collectors() []Collector {
	var all []Collector
	for _, n := range l.all() {
		if h := n.health(); h.Configured {
			all = append(all, Collector{n.collector, n.len(), *h})
		}
	}
	return all
}

// CollectorNames returns the names of all collectors there are, in the order
// of Collectors.
func CollectorNames() []string {
	var names []string
	for _, n := range new(Listings).all() {
		names = append(names, n.collector)
	}
	return names
}

// Configure returns Listings in which those of the named collectors are
// configured.
func Configure(collectors []string) Listings {
	var l Listings
	for _, n := range l.all() {
		n.health().Configured = slices.Contains(collectors, n.collector)
	}
	return l
}

// named is a listing under the name of its collector.
type named struct {
	collector string
	listing
}

// listing is what a Listing of any items can do.
type listing interface {
	health() *Health
	len() int
	keep(prev listing, now time.Time, maxStale time.Duration)
	adopt(prev listing)
	expire(now time.Time) bool
}

func (l *Listing[T]) health() *Health { return &l.Health }

func (l *Listing[T]) len() int { return len(l.Items) }

// keep completes l, which a Source has just read, with the totals of prev, the
// same listing before, and with its items if l could not be read.
func (l *Listing[T]) keep(prev listing, now time.Time, maxStale time.Duration) {
	before := prev.(*Listing[T])
	reading := l.Reading
	l.State = before.State
	if !l.Configured {
		*l = Listing[T]{}
		return
	}
	if reading.Err == nil {
		l.Present, l.LastSuccess, l.Expires, l.FailingSince = true, reading.At, reading.At.Add(maxStale), time.Time{}
		l.DecodeWarnings += uint64(reading.Unparsed)
		l.Incompletes++
		if !l.Incomplete {
			l.Incompletes = 0
		}
		return
	}
	if l.FailingSince.IsZero() {
		l.FailingSince = now
	}
	l.Failures++
	l.Items = before.Items
	l.expire(now)
}

// adopt makes l the listing that prev is.
func (l *Listing[T]) adopt(prev listing) { *l = *prev.(*Listing[T]) }

// expire drops the items if they are too old at now, and reports whether it
// did.
func (l *Listing[T]) expire(now time.Time) bool {
	if !l.Present || !now.After(l.Expires) && !now.Round(0).After(l.Expires.Round(0)) {
		return false
	}
	l.Items, l.Present = nil, false
	return true
}
