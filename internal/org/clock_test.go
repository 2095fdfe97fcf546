package org

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"
	"unsafe"
)

// A movableClock is the time of a machine whose wall clock can be moved while its
// monotonic clock goes on: asleep, paused, migrated, or set.
type movableClock struct {
	t                *testing.T
	moved            time.Duration
	start, startWall time.Time
}

// now returns a Time whose monotonic reading is that of the bubble, where
// time.Now has none, and whose wall clock is moved.
func (c *movableClock) now() time.Time {
	bubble := time.Now()
	wall := bubble.Add(c.moved)
	now := bubble
	// As the package time has it: a flag, 33 bits of seconds since 1885 and 30
	// bits of nanoseconds, and then the nanoseconds of the monotonic clock.
	words := (*[2]uint64)(unsafe.Pointer(&now))
	words[0] = 1<<63 | uint64(wall.Unix()+2_682_288_000)<<30 | uint64(wall.Nanosecond())
	words[1] = uint64(bubble.UnixNano())
	if c.start.IsZero() {
		c.start, c.startWall = now, wall
	}
	if now.Sub(c.start) != bubble.Sub(c.startWall) || !now.Round(0).Equal(wall) {
		c.t.Fatalf("the clock cannot be moved by %s: %s", c.moved, now)
	}
	return now
}

func (c *movableClock) cache(src *scriptedSource) *Cache {
	cfg := config()
	cfg.Now = c.now
	return NewCache(src, cfg)
}

// read is a step that reads the members at the time of c.
func (c *movableClock) read(l *Listings) {
	l.Members.Items, l.Members.At, l.Groups.At = []Member{{ID: "1", Status: "JOIN"}}, c.now(), c.now()
}

// After eight hours asleep nothing is served that was read before, even if the
// API fails.
func TestAsleep(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := &movableClock{t: t}
		src := &scriptedSource{steps: []func(*Listings){c.read, failed(transient())}}
		cache := c.cache(src)
		if s := cache.Snapshot(t.Context()); !s.Members.Present {
			t.Fatal("not read")
		}
		c.moved = 30 * time.Minute // within max_stale
		if s := cache.Last(); !s.Members.Present {
			t.Error("after 30 minutes asleep: want the data, have none")
		}
		c.moved = 8 * time.Hour
		time.Sleep(7 * time.Second)
		if s := cache.Last(); s.Members.Present {
			t.Errorf("after 8 hours asleep: want no data, have that of %s until %s", s.Members.LastSuccess, s.Members.Expires)
		}
		if s := cache.Snapshot(t.Context()); src.calls.Load() != 2 || s.Members.Present || s.Members.Err == nil {
			t.Errorf("after 8 hours asleep: want a refresh, that fails, and no data; have %d refreshes, %+v", src.calls.Load(), s.Members.Health)
		}
	})
}

// A wall clock that was set makes a refresh due and does no other harm.
func TestClockIsSet(t *testing.T) {
	for _, d := range []time.Duration{-time.Hour, -10 * 365 * 24 * time.Hour, time.Hour, 100 * 365 * 24 * time.Hour} {
		synctest.Test(t, func(t *testing.T) {
			c := &movableClock{t: t}
			src := &scriptedSource{steps: []func(*Listings){c.read}}
			cache := c.cache(src)
			cache.Snapshot(t.Context())
			c.moved = d
			s := cache.Snapshot(t.Context())
			if src.calls.Load() != 2 || !s.Members.Present || !s.Members.LastSuccess.Equal(c.now()) {
				t.Errorf("%s: want one more refresh at %s, have %d in all, the last at %s", d, c.now(), src.calls.Load(), s.Members.LastSuccess)
			}
			cache.Snapshot(t.Context())
			time.Sleep(4 * time.Minute)
			if cache.Snapshot(t.Context()); src.calls.Load() != 2 {
				t.Errorf("%s: want none before cache_ttl, have %d", d, src.calls.Load())
			}
			time.Sleep(61 * time.Second)
			if cache.Snapshot(t.Context()); src.calls.Load() != 3 {
				t.Errorf("%s: want one after cache_ttl, have %d", d, src.calls.Load())
			}
		})
	}
}

// A correction of the clock by less than a second is none.
func TestClockIsAdjusted(t *testing.T) {
	now := time.Now()
	if setBack(now, now.Add(900*time.Millisecond)) || !setBack(now, now.Add(1100*time.Millisecond)) {
		t.Error("want a second of tolerance")
	}
}

// Statuses that an API makes up, long ones above all, do not fill the memory.
func TestTransitionTextIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		round := byte(0)
		src := &scriptedSource{steps: []func(*Listings){func(l *Listings) {
			round++
			for id := byte('a'); id <= 'z'; id++ {
				l.Members.Items = append(l.Members.Items, Member{ID: string(id), Status: strings.Repeat(string([]byte{'A' + round, id}), 2000)})
			}
			l.Members.At = time.Now()
		}}}
		cfg := config()
		cfg.TTL = 0
		cache := NewCache(src, cfg)
		var s Snapshot
		for range 20 {
			s = cache.Snapshot(t.Context())
		}
		size, changes := 0, uint64(0)
		for tr, n := range s.Transitions {
			size += len(tr.From) + len(tr.To)
			changes += n
		}
		if size > maxTransitionText || changes != 19*26 || s.Transitions[Transition{Unknown, Unknown}] == 0 {
			t.Errorf("want all %d changes within %d bytes, have %d in %d", 19*26, maxTransitionText, changes, size)
		}
	})
}
