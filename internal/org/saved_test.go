package org

import (
	"context"
	"errors"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-kit/log"
	"github.com/google/go-cmp/cmp"
)

// memoryStore is a Store that keeps what a test restores from; it takes its
// time, and fails while err is set.
type memoryStore struct {
	took time.Duration

	mu    sync.Mutex
	saved *Saved
	err   error
}

func (m *memoryStore) Load(context.Context) (*Saved, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.saved, m.err
}

func (m *memoryStore) Save(ctx context.Context, s Saved) error {
	select {
	case <-time.After(m.took):
	case <-ctx.Done():
		return ctx.Err()
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.err != nil {
		return m.err
	}
	m.saved = wallClock(s)
	return nil
}

// wallClock returns s as a file keeps it: without a monotonic clock.
func wallClock(s Saved) *Saved {
	s.Refreshed, s.Next = s.Refreshed.Round(0), s.Next.Round(0)
	for _, l := range s.all() {
		h := l.health()
		h.At, h.LastSuccess, h.Expires, h.FailingSince = h.At.Round(0), h.LastSuccess.Round(0), h.Expires.Round(0), h.FailingSince.Round(0)
	}
	return &s
}

// restart returns a new Cache with what another one has stored.
func restart(t *testing.T, src Source, cfg Config) *Cache {
	t.Helper()
	c := NewCache(src, cfg)
	c.Restore(t.Context())
	return c
}

var equalErrors = cmp.Comparer(func(a, b *Error) bool { return a == b || a.Error() == b.Error() })

// A restart within the TTL costs no call, and serves the same.
func TestRestore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cfg := config()
		store := &memoryStore{}
		cfg.Store = store
		src := &scriptedSource{steps: []func(*Listings){
			read(Member{ID: "1", Status: "INVT"}),
			failed(transient()),
			read(Member{ID: "1", Status: "JOIN"}),
			failed(transient()),
			read(),
		}}
		c := restart(t, src, cfg)
		if c.Ready() {
			t.Error("ready before anything was read")
		}
		for calls := int64(1); calls <= 5; calls++ {
			before := c.Snapshot(t.Context())
			if src.calls.Load() != calls || !c.Ready() {
				t.Fatalf("calls: want %d, have %d; ready %t", calls, src.calls.Load(), c.Ready())
			}
			time.Sleep(30 * time.Second)
			c = restart(t, src, cfg)
			after := c.Snapshot(t.Context())
			before.Version, after.Version = 0, 0
			if diff := cmp.Diff(before, after, equalErrors); diff != "" {
				t.Errorf("call %d: restored (-before +after):\n%s", calls, diff)
			}
			if src.calls.Load() != calls || !c.Ready() {
				t.Errorf("a restart has called %d times, ready %t", src.calls.Load()-calls, c.Ready())
			}
			time.Sleep(time.Until(after.Next))
		}
		want := map[Transition]uint64{{None, "JOIN"}: 0, {"JOIN", None}: 1, {"INVT", "JOIN"}: 1}
		s := c.Last()
		if diff := cmp.Diff(want, s.Transitions); diff != "" || s.Members.Failures != 2 || len(s.Changes) != 2 {
			t.Errorf("failures %d, changes %+v, transitions (-want +have):\n%s", s.Members.Failures, s.Changes, diff)
		}
	})
}

// What a new process finds in the store, by what has happened meanwhile.
func TestRestoreRules(t *testing.T) {
	joined := read(Member{ID: "1", GroupID: "g", Status: "JOIN"}, Member{ID: "2", GroupID: "h", Status: "JOIN"})
	left := read(Member{ID: "1", GroupID: "g", Status: "JOIN"})
	for _, tt := range []struct {
		name    string
		first   []func(*Listings) // readings of the process before; joined
		next    func(*Listings)   // reading after the restart; left
		mean    func(*memoryStore, *Config)
		down    time.Duration
		ready   bool // after the restart, without a call
		members int  // that are served until then
		calls   int64
		changes []string // found by the first call, made when due
	}{
		{name: "not due", down: time.Minute, ready: true, members: 2, calls: 0, changes: []string{}},
		{name: "due", down: 10 * time.Minute, ready: true, members: 2, calls: 1, changes: []string{`msg="member changed" member_id=2 group_id=h from=JOIN to=none`}},
		{
			name: "past max_stale it is not served, and still compared", down: 100 * time.Hour, calls: 1,
			changes: []string{`msg="member changed" member_id=2 group_id=h from=JOIN to=none`},
		},
		{
			name: "the clock has gone backwards", ready: true, members: 2, calls: 1,
			mean:    func(m *memoryStore, _ *Config) { shift(m.saved, 10*time.Minute) },
			changes: []string{`msg="member changed" member_id=2 group_id=h from=JOIN to=none`},
		},
		{
			name: "a due time that cannot be", ready: true, members: 2, calls: 1,
			mean:    func(m *memoryStore, _ *Config) { m.saved.Next = m.saved.Next.Add(48 * time.Hour) },
			changes: []string{`msg="member changed" member_id=2 group_id=h from=JOIN to=none`},
		},
		{
			name: "another key or configuration", ready: true, members: 2, calls: 1,
			mean:    func(m *memoryStore, _ *Config) { m.saved.Next = time.Time{} },
			changes: []string{`msg="member changed" member_id=2 group_id=h from=JOIN to=none`},
		},
		{
			name: "a collector more makes a refresh due", ready: true, members: 2, calls: 1,
			mean:    func(_ *memoryStore, cfg *Config) { cfg.Collectors = append(cfg.Collectors, "withdrawals") },
			changes: []string{`msg="member changed" member_id=2 group_id=h from=JOIN to=none`},
		},
		{
			name: "a collector less", ready: true, down: time.Minute,
			mean: func(_ *memoryStore, cfg *Config) { cfg.Collectors = []string{"groups"} }, changes: []string{},
		},
		{
			name: "a shorter max_stale", down: 2 * time.Minute, ready: true, members: 2, // until it is due
			mean: func(_ *memoryStore, cfg *Config) { cfg.MaxStale = time.Minute }, changes: []string{},
		},
		{
			name: "a group that vanished, with its member", down: 10 * time.Minute, ready: true, members: 2, calls: 1,
			next: func(l *Listings) { left(l); l.Groups.Items = nil }, changes: []string{`msg="member changed" member_id=2 group_id=h from=JOIN to=none`},
		},
		{
			name: "a group that vanishes while it is read", down: 10 * time.Minute, ready: true, members: 2, calls: 1,
			next: func(l *Listings) { left(l); l.Members.Incomplete = true }, changes: []string{},
		},
		{
			name: "refused, and not due", first: []func(*Listings){func(l *Listings) { l.Members.Err, l.Groups.Err = permanent(), permanent() }}, down: time.Minute, ready: true, calls: 0, changes: []string{},
		},
		{name: "an incomplete reading is no baseline", first: []func(*Listings){func(l *Listings) { joined(l); l.Members.Incomplete = true }}, down: 10 * time.Minute, ready: true, members: 2, calls: 1, changes: []string{}},
		{name: "nothing stored", mean: func(m *memoryStore, _ *Config) { m.saved = nil }, calls: 1, changes: []string{}},
		{name: "what is stored cannot be used", mean: func(m *memoryStore, _ *Config) { m.saved, m.err = nil, errors.New("its checksum does not match") }, calls: 1, changes: []string{}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var out strings.Builder
				cfg := config()
				cfg.Logger = log.NewLogfmtLogger(&out)
				store := &memoryStore{}
				cfg.Store = store
				if tt.first == nil {
					tt.first = []func(*Listings){joined}
				}
				if tt.next == nil {
					tt.next = left
				}
				restart(t, &scriptedSource{steps: tt.first}, cfg).Snapshot(t.Context())
				time.Sleep(tt.down)
				if tt.mean != nil {
					tt.mean(store, &cfg)
				}
				out.Reset()

				src := &scriptedSource{steps: []func(*Listings){tt.next}}
				c := restart(t, src, cfg)
				if ready := c.Ready(); ready != tt.ready || len(c.Last().Members.Items) != tt.members {
					t.Errorf("want ready %t and %d members, have %t and %d", tt.ready, tt.members, ready, len(c.Last().Members.Items))
				}
				if warned := strings.Contains(out.String(), "level=warn"); warned != (store.err != nil) {
					t.Errorf("log: %s", out.String())
				}
				store.err = nil
				c.Prime(t.Context())
				c.Prime(t.Context())
				if n := src.calls.Load(); n != tt.calls {
					t.Errorf("calls: want %d, have %d", tt.calls, n)
				}
				if diff := cmp.Diff(tt.changes, changeLines(&out)); diff != "" {
					t.Errorf("changes (-want +have):\n%s", diff)
				}
			})
		})
	}
}

// shift moves the times of s, as if the clock had been set.
func shift(s *Saved, by time.Duration) {
	s.Refreshed, s.Next = s.Refreshed.Add(by), s.Next.Add(by)
	for _, l := range s.all() {
		h := l.health()
		h.At, h.LastSuccess, h.Expires = h.At.Add(by), h.LastSuccess.Add(by), h.Expires.Add(by)
	}
}

// Refreshes that fail go on waiting longer after a restart.
func TestRestoreBackoff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cfg := config()
		cfg.Store = &memoryStore{}
		src := &scriptedSource{steps: []func(*Listings){failed(transient())}}
		for _, want := range []time.Duration{time.Minute, 2 * time.Minute, 4 * time.Minute, 5 * time.Minute} {
			s := restart(t, src, cfg).Snapshot(t.Context())
			if wait := s.Next.Sub(s.Refreshed); wait != want || time.Until(s.Next) != want {
				t.Errorf("want the next refresh after %s, have %s", want, wait)
			}
			time.Sleep(want)
		}
	})
}

// Restored data expires as it would have, and the cache is not ready with
// nothing to serve.
func TestRestoredDataExpires(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cfg := config()
		cfg.Store = &memoryStore{}
		src := &scriptedSource{steps: []func(*Listings){read(Member{ID: "1"})}}
		restart(t, src, cfg).Snapshot(t.Context())
		time.Sleep(50 * time.Minute)
		c := restart(t, src, cfg)
		time.Sleep(10 * time.Minute)
		if !c.Last().Members.Present || !c.Ready() {
			t.Error("gone before max_stale")
		}
		time.Sleep(time.Second)
		if c.Last().Members.Present || c.Ready() {
			t.Errorf("past max_stale: want nothing served and not ready, have %t, %t", c.Last().Members.Present, c.Ready())
		}
	})
}

// A collector that is left out for a while is compared anew.
func TestRestoreCollectorLeftOut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out strings.Builder
		cfg := config()
		cfg.Logger = log.NewLogfmtLogger(&out)
		cfg.Store = &memoryStore{}
		restart(t, &scriptedSource{steps: []func(*Listings){read(Member{ID: "1"})}}, cfg).Snapshot(t.Context())
		without := cfg
		without.Collectors = []string{"groups"}
		time.Sleep(cfg.TTL)
		restart(t, &scriptedSource{steps: []func(*Listings){read()}}, without).Snapshot(t.Context())
		c := restart(t, &scriptedSource{steps: []func(*Listings){read(Member{ID: "2"})}}, cfg)
		if s := c.Snapshot(t.Context()); len(changeLines(&out)) != 0 || len(s.Members.Items) != 1 {
			t.Errorf("want the members and no change, have %d and %+v", len(s.Members.Items), s.Changes)
		}
	})
}

// A snapshot is stored before it is served, and no scrape waits longer for the
// disk than its budget.
func TestSaveBeforeServing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cfg := config()
		store := &memoryStore{took: 3 * time.Second}
		cfg.Store = store
		c := NewCache(&scriptedSource{steps: []func(*Listings){read(Member{ID: "1"}), read()}}, cfg)
		c.Snapshot(t.Context())
		time.Sleep(cfg.TTL)
		ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
		defer cancel()
		stored := func() int {
			s, _ := store.Load(t.Context())
			return len(s.Members.Items)
		}
		if s := c.Snapshot(ctx); len(s.Members.Items) != 1 || stored() != 1 {
			t.Errorf("while it is stored: want the snapshot before, have %d members", len(s.Members.Items))
		}
		time.Sleep(time.Second + time.Millisecond)
		if s := c.Last(); len(s.Members.Items) != 0 || stored() != 0 {
			t.Errorf("when it is stored: want the new one, have %d members", len(s.Members.Items))
		}
	})
}

// A write that fails or hangs keeps no snapshot back for long, and is told of
// when that begins and when it ends.
func TestSaveFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out strings.Builder
		cfg := config()
		cfg.Logger = log.NewLogfmtLogger(&out)
		store := &memoryStore{took: time.Hour}
		cfg.Store = store
		c := NewCache(&scriptedSource{steps: []func(*Listings){read(Member{ID: "1"})}}, cfg)
		start := time.Now()
		if s := c.Snapshot(t.Context()); len(s.Members.Items) != 1 || time.Since(start) != saveTimeout {
			t.Errorf("want the data after %s, have %d members after %s", saveTimeout, len(s.Members.Items), time.Since(start))
		}
		store.took, store.err = 0, errors.New("no space left on device")
		time.Sleep(cfg.TTL)
		c.Snapshot(t.Context())
		store.err = nil
		time.Sleep(cfg.TTL)
		c.Snapshot(t.Context())
		if log := out.String(); strings.Count(log, "storage write failed") != 1 || strings.Count(log, "storage write recovered") != 1 {
			t.Errorf("want one line when it begins and one when it ends, have\n%s", log)
		}
	})
}

// Close does not wait long for a disk or a source that hangs.
func TestCloseWhileSomethingHangs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cfg := config()
		cfg.Store = &memoryStore{took: time.Hour}
		c := NewCache(&scriptedSource{steps: []func(*Listings){read(Member{ID: "1"})}}, cfg)
		go c.Snapshot(t.Context())
		synctest.Wait()
		start := time.Now()
		c.Close()
		if took := time.Since(start); took > time.Second {
			t.Errorf("a write that hangs: Close took %s", took)
		}
		if s := c.Saved(); len(s.Members.Items) != 1 {
			t.Error("what had been read is lost")
		}

		src := &stuckSource{release: make(chan struct{})}
		defer close(src.release)
		c = NewCache(src, config())
		go c.Snapshot(t.Context())
		synctest.Wait()
		start = time.Now()
		c.Close()
		if took := time.Since(start); took > time.Second {
			t.Errorf("a call that hangs: Close took %s", took)
		}
	})
}

// stuckSource is a Source that ignores its context.
type stuckSource struct {
	release chan struct{}
	calls   atomic.Int64
}

func (s *stuckSource) Read(context.Context) (l Listings) {
	s.calls.Add(1)
	<-s.release
	read(Member{ID: "1"})(&l)
	return l
}

// A call that cannot be ended has failed at the refresh timeout, and is not
// made again before it has returned.
func TestCacheStuckSource(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		src := &stuckSource{release: make(chan struct{})}
		cfg := config()
		c := NewCache(src, cfg)
		start := time.Now()
		for range 3 {
			s := c.Snapshot(t.Context())
			if s.Members.Err == nil || s.Members.Err.Reason != Timeout {
				t.Fatalf("want a timeout, have %v", s.Members.Err)
			}
			if took := time.Since(start); took > cfg.Timeout+time.Second {
				t.Errorf("want an answer after %s, have %s", cfg.Timeout, took)
			}
			time.Sleep(time.Until(s.Next))
			start = time.Now()
		}
		if n := src.calls.Load(); n != 1 {
			t.Errorf("calls: want 1, have %d", n)
		}
		close(src.release)
		synctest.Wait()
		if s := c.Snapshot(t.Context()); !s.Members.Success() || src.calls.Load() != 2 {
			t.Errorf("after it has returned: want data by a second call, have %v, %d calls", s.Members.Err, src.calls.Load())
		}
	})
}

// A reload is a restart in one process: data, totals and baseline stay, and a
// refresh is due. With another identity only the totals stay.
func TestCacheInheritsAll(t *testing.T) {
	for _, same := range []bool{true, false} {
		synctest.Test(t, func(t *testing.T) {
			var out strings.Builder
			cfg := config()
			cfg.TTL, cfg.Logger = time.Minute, log.NewLogfmtLogger(&out)
			src := &scriptedSource{steps: []func(*Listings){
				read(Member{ID: "1", Status: "INVT"}), read(Member{ID: "1", Status: "JOIN"}), failed(transient()),
			}}
			old := NewCache(src, cfg)
			for range 3 {
				old.Snapshot(t.Context())
				time.Sleep(cfg.TTL)
			}
			old.Close()
			out.Reset()
			was := old.Last()
			saved := old.Saved()
			if !same {
				saved = saved.Totals()
			}
			next := &scriptedSource{steps: []func(*Listings){failed(transient()), read()}}
			c := NewCache(next, cfg)
			c.Inherit(saved)
			s := c.Last()
			if s.Members.Present != same || c.Ready() != same || len(s.Changes) != 1 || s.Members.Failures != 1 ||
				!s.Members.FailingSince.Equal(was.Members.FailingSince) || s.Transitions[Transition{"INVT", "JOIN"}] != 1 {
				t.Errorf("same identity %t: inherited %+v", same, s)
			}
			s = c.Snapshot(t.Context())
			if next.calls.Load() != 1 || s.Members.Failures != 2 || !s.Members.FailingSince.Equal(was.Members.FailingSince) {
				t.Errorf("same identity %t: want a refresh at once that fails for the same time, have %d, %+v", same, next.calls.Load(), s.Members.Health)
			}
			time.Sleep(cfg.TTL)
			s = c.Snapshot(t.Context())
			if found := len(changeLines(&out)) > 0; found != same || (s.Transitions[Transition{"JOIN", None}] == 1) != same {
				t.Errorf("same identity %t: compared with the old data: %t", same, found)
			}
		})
	}
}
