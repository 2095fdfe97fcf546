package org

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-kit/log"
	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// scriptedSource is a Source that takes its time and answers as its next step says;
// the last step is repeated.
type scriptedSource struct {
	took  time.Duration
	steps []func(*Listings)
	calls atomic.Int64
}

func (s *scriptedSource) Read(ctx context.Context) Listings {
	n := int(s.calls.Add(1)) - 1
	var out Listings
	select {
	case <-time.After(s.took):
	case <-ctx.Done():
		failed(&Error{Reason: "timeout", Err: ctx.Err()})(&out)
		return out
	}
	if len(s.steps) > 0 {
		s.steps[min(n, len(s.steps)-1)](&out)
	}
	return out
}

// read makes a step in which everything can be read.
func read(members ...Member) func(*Listings) {
	return func(s *Listings) {
		s.Members.Items, s.Members.At = members, time.Now()
		s.Groups.Items, s.Groups.At = []Group{{ID: "1"}}, time.Now()
	}
}

// failed makes a step in which the members cannot be read.
func failed(err *Error) func(*Listings) {
	return func(s *Listings) {
		read()(s)
		s.Members.Items, s.Members.At, s.Members.Err = nil, time.Time{}, err
	}
}

// closingSource is a Source that remembers that it was closed.
type closingSource struct {
	scriptedSource
	closed bool
}

func (s *closingSource) Close() error {
	s.closed = true
	return nil
}

func transient() *Error { return &Error{Reason: "server", Err: errors.New("out of order")} }
func permanent() *Error { return &Error{Reason: "auth", Err: errors.New("refused")} }

func config() Config {
	return Config{
		Cloud: "ncp", Organization: "acme", Collectors: []string{"members", "groups"},
		Known: Known{Transitions: []Transition{{None, "JOIN"}, {"JOIN", None}}},
		TTL:   5 * time.Minute, ErrorTTL: time.Minute, MaxStale: time.Hour, Timeout: time.Minute,
	}
}

// refreshes asks c every second for as long as d and returns the seconds at
// which it refreshed, counted from the start.
func refreshes(t *testing.T, c *Cache, s *scriptedSource, d time.Duration) (at []int) {
	t.Helper()
	start := time.Now()
	for time.Since(start) < d {
		before := s.calls.Load()
		c.Snapshot(t.Context())
		if s.calls.Load() > before {
			at = append(at, int(time.Since(start).Seconds()))
		}
		time.Sleep(time.Second)
	}
	return at
}

func TestCacheHerd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		src := &scriptedSource{took: 2 * time.Second, steps: []func(*Listings){read()}}
		c := NewCache(src, config())
		var wg sync.WaitGroup
		for range 50 {
			wg.Go(func() {
				if s := c.Snapshot(t.Context()); !s.Members.Present {
					t.Error("want the refresh's snapshot, have the first one")
				}
			})
		}
		wg.Wait()
		if n := src.calls.Load(); n != 1 {
			t.Fatalf("refreshes: want 1, have %d", n)
		}
	})
}

func TestCacheSchedule(t *testing.T) {
	both := func(s *Listings) {
		failed(permanent())(s)
		s.Groups.Err = transient()
	}
	throttled := &Error{Reason: "throttled", RetryAfter: 150 * time.Second, Err: errors.New("slow down")}
	forever := &Error{Reason: "throttled", RetryAfter: 100 * time.Hour, Err: errors.New("never again")}
	for _, tt := range []struct {
		name  string
		steps []func(*Listings)
		cfg   func(*Config)
		want  []int // seconds
	}{
		{name: "good", steps: []func(*Listings){read()}, want: []int{0, 300, 600, 900, 1200}},
		{name: "failing doubles up to the TTL", steps: []func(*Listings){failed(transient())}, want: []int{0, 60, 180, 420, 720, 1020, 1320}},
		{name: "a good one resets the doubling", steps: []func(*Listings){failed(transient()), failed(transient()), read(), failed(transient())}, want: []int{0, 60, 180, 480, 540, 660, 900, 1200}},
		{name: "permanent waits for the TTL", steps: []func(*Listings){failed(permanent())}, want: []int{0, 300, 600, 900, 1200}},
		{name: "permanent waits for the error TTL", steps: []func(*Listings){failed(permanent())}, cfg: func(c *Config) { c.TTL = 0 }, want: []int{0, 60, 120, 180, 240, 300, 360, 420, 480, 540, 600, 660, 720, 780, 840, 900, 960, 1020, 1080, 1140, 1200, 1260, 1320}},
		{name: "with both, what may pass is tried again", steps: []func(*Listings){both}, want: []int{0, 60, 180, 420, 720, 1020, 1320}},
		{name: "Retry-After", steps: []func(*Listings){failed(throttled), read()}, want: []int{0, 150, 450, 750, 1050, 1350}},
		{name: "Retry-After has an end", steps: []func(*Listings){failed(forever), read()}, cfg: func(c *Config) { c.TTL = 30 * time.Minute }, want: []int{0}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				cfg := config()
				if tt.cfg != nil {
					tt.cfg(&cfg)
				}
				src := &scriptedSource{steps: tt.steps}
				have := refreshes(t, NewCache(src, cfg), src, 23*time.Minute)
				if diff := cmp.Diff(tt.want, have); diff != "" {
					t.Errorf("refreshes at (-want +have):\n%s", diff)
				}
			})
		})
	}
}

func TestCacheWithoutTTL(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cfg := config()
		cfg.TTL, cfg.MaxStale = 0, 0
		src := &scriptedSource{took: time.Second, steps: []func(*Listings){read()}}
		c := NewCache(src, cfg)
		for want := int64(1); want <= 3; want++ {
			if s := c.Snapshot(t.Context()); !s.Members.Present {
				t.Error("want what was just read, have nothing")
			}
			if n := src.calls.Load(); n != want {
				t.Errorf("refreshes: want %d, have %d", want, n)
			}
		}
	})
}

func TestCacheLateRefresh(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		src := &scriptedSource{steps: []func(*Listings){read(Member{ID: "1", Status: "JOIN"})}}
		c := NewCache(src, config())
		c.Snapshot(t.Context())
		src.took = 40 * time.Second
		time.Sleep(5 * time.Minute)

		ask := func(budget time.Duration) (Snapshot, time.Duration) {
			ctx, cancel := context.WithTimeout(t.Context(), budget)
			defer cancel()
			start := time.Now()
			return c.Snapshot(ctx), time.Since(start)
		}
		s, took := ask(10 * time.Second)
		if took != 10*time.Second || len(s.Members.Items) != 1 || s.Members.Err != nil {
			t.Errorf("first scrape: want the last snapshot, unmarked, after 10s; have %d members, error %v, after %s", len(s.Members.Items), s.Members.Err, took)
		}
		for range 5 {
			if _, took := ask(10 * time.Second); took != 0 {
				t.Errorf("later scrape: want no wait, have %s", took)
			}
		}
		time.Sleep(31 * time.Second)
		if s, took := ask(10 * time.Second); took != 0 || s.Refreshed.IsZero() || time.Since(s.Refreshed) > 2*time.Second {
			t.Errorf("after it ended: want its snapshot at once, have one of %s ago after %s", time.Since(s.Refreshed), took)
		}
		if n := src.calls.Load(); n != 2 {
			t.Errorf("refreshes: want 2, have %d", n)
		}
	})
}

// A refresh is late for a scrape when it is older than that scrape's budget,
// whatever other clients did and whatever time they had.
func TestCacheLateForAScrape(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		src := &scriptedSource{steps: []func(*Listings){read(Member{ID: "1", Status: "JOIN"})}}
		c := NewCache(src, config())
		c.Snapshot(t.Context())
		src.took = 30 * time.Second
		time.Sleep(5 * time.Minute)
		start := time.Now()
		for _, tt := range []struct {
			name         string
			at           time.Duration // since the refresh started
			budget, gone time.Duration // gone: when the client gives up; 0: it does not
			want         time.Duration // how long the scrape takes
		}{
			{"the first one gives up early", 0, 9500 * time.Millisecond, 100 * time.Millisecond, 100 * time.Millisecond},
			{"a short one waits at least a second in all", 500 * time.Millisecond, 100 * time.Millisecond, 0, 100 * time.Millisecond},
			{"a short one does not wait for an old refresh", 2 * time.Second, time.Second, 0, 0},
			{"a longer one waits until the refresh is as old as its budget", 3 * time.Second, 9 * time.Second, 0, 6 * time.Second},
			{"and then the refresh is late for the same budget", 9 * time.Second, 9 * time.Second, 0, 0},
			{"but not for one that has more time", 10 * time.Second, 50 * time.Second, 0, 20 * time.Second},
		} {
			time.Sleep(time.Until(start.Add(tt.at)))
			ctx, cancel := context.WithTimeout(t.Context(), tt.budget)
			if tt.gone != 0 {
				time.AfterFunc(tt.gone, cancel)
			}
			before := time.Now()
			if s := c.Snapshot(ctx); len(s.Members.Items) != 1 {
				t.Errorf("%s: want the latest data, have %d members", tt.name, len(s.Members.Items))
			}
			if took := time.Since(before); took != tt.want {
				t.Errorf("%s: want an answer after %s, have %s", tt.name, tt.want, took)
			}
			cancel()
		}
		if n := src.calls.Load(); n != 2 {
			t.Errorf("refreshes: want 2, have %d", n)
		}
	})
}

func TestCacheCanceledScrape(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		src := &scriptedSource{took: 5 * time.Second, steps: []func(*Listings){read()}}
		c := NewCache(src, config())
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(time.Second, cancel)
		if s := c.Snapshot(ctx); s.Members.Present {
			t.Error("a canceled scrape has data that nobody has read")
		}
		if s := c.Snapshot(t.Context()); !s.Members.Present {
			t.Error("the next scrape was not given the refresh that the canceled one began")
		}
		if n := src.calls.Load(); n != 1 {
			t.Errorf("refreshes: want 1, have %d", n)
		}
	})
}

func TestCacheStale(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		src := &scriptedSource{steps: []func(*Listings){read(Member{ID: "1", Status: "JOIN"}), failed(transient())}}
		c := NewCache(src, config())
		good := c.Snapshot(t.Context()).Members.LastSuccess

		time.Sleep(5 * time.Minute)
		s := c.Snapshot(t.Context())
		if !s.Members.Present || s.Members.Success() || !s.Members.LastSuccess.Equal(good) || s.Members.Failures != 1 {
			t.Errorf("failed: want the last good listing with its age and its failure, have %+v", s.Members)
		}
		if !s.Groups.Success() {
			t.Error("the other listing suffered")
		}
		time.Sleep(time.Until(good.Add(time.Hour)))
		if s := c.Last(); !s.Members.Present {
			t.Error("gone at max_stale, not after it")
		}
		time.Sleep(time.Second)
		s = c.Last() // no refresh has ended since
		if s.Members.Present || s.Members.Items != nil || !s.Members.LastSuccess.Equal(good) {
			t.Errorf("past max_stale: want no items and the old time, have %+v", s.Members)
		}
	})
}

// What one listing has to wait for does not age another out.
func TestCacheRetryAfterPastMaxStale(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cfg := config()
		cfg.MaxStale = 10 * time.Minute
		src := &scriptedSource{steps: []func(*Listings){failed(&Error{Reason: "throttled", RetryAfter: time.Hour, Err: errors.New("slow down")}), read()}}
		c := NewCache(src, cfg)
		c.Snapshot(t.Context())
		for range 60 {
			if s := c.Last(); !s.Groups.Present || !s.Groups.Success() {
				t.Fatalf("%s after the refresh, with the next one at %s, the groups have gone", time.Since(s.Refreshed), s.Next)
			}
			time.Sleep(time.Minute)
		}
		if s := c.Snapshot(t.Context()); !s.Groups.Present || src.calls.Load() != 2 {
			t.Error("want the groups and a refresh when Retry-After has passed")
		}
	})
}

func TestCacheHangPastMaxStale(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cfg := config()
		cfg.Timeout, cfg.MaxStale = 3*time.Hour, 10*time.Minute
		src := &scriptedSource{steps: []func(*Listings){read(Member{ID: "1"})}}
		c := NewCache(src, cfg)
		c.Snapshot(t.Context())
		src.took = 2 * time.Hour
		time.Sleep(5 * time.Minute)
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		c.Snapshot(ctx) // begins the refresh that hangs
		time.Sleep(6 * time.Minute)
		ctx, cancel = context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if s := c.Snapshot(ctx); s.Members.Present {
			t.Error("data past max_stale is served while a refresh hangs")
		}
		c.Close()
	})
}

func TestCacheTransitions(t *testing.T) {
	vanished := func(members ...Member) func(*Listings) {
		return func(s *Listings) {
			read(members...)(s)
			s.Members.Incomplete = true
		}
	}
	synctest.Test(t, func(t *testing.T) {
		src := &scriptedSource{steps: []func(*Listings){
			failed(transient()),
			read(Member{ID: "2", Status: "JOIN"}, Member{ID: "1", Status: "INVT"}, Member{Status: "JOIN"}),
			vanished(Member{ID: "1", Status: "INVT"}), // 2's group is gone for a moment
			read(Member{ID: "1", Status: "JOIN"}, Member{ID: "2", Status: "JOIN"}, Member{ID: "2", Status: "INVT", Repeat: true}),
			failed(transient()),
			read(Member{ID: "3", Status: "JOIN"}, Member{ID: "2", Status: "SUSP"}),
			read(),
			read(Member{ID: "4", Status: "JOIN"}),
		}}
		cfg := config()
		cfg.TTL, cfg.ErrorTTL = 0, 0
		c := NewCache(src, cfg)
		for i, want := range []map[Transition]uint64{
			nil,
			{{None, "JOIN"}: 0, {"JOIN", None}: 0},
			{{None, "JOIN"}: 0, {"JOIN", None}: 0},
			{{None, "JOIN"}: 0, {"JOIN", None}: 0, {"INVT", "JOIN"}: 1},
			{{None, "JOIN"}: 0, {"JOIN", None}: 0, {"INVT", "JOIN"}: 1},
			{{None, "JOIN"}: 1, {"JOIN", None}: 1, {"INVT", "JOIN"}: 1, {"JOIN", "SUSP"}: 1},
			{{None, "JOIN"}: 1, {"JOIN", None}: 2, {"INVT", "JOIN"}: 1, {"JOIN", "SUSP"}: 1, {"SUSP", None}: 1},
			{{None, "JOIN"}: 2, {"JOIN", None}: 2, {"INVT", "JOIN"}: 1, {"JOIN", "SUSP"}: 1, {"SUSP", None}: 1},
		} {
			if diff := cmp.Diff(want, c.Snapshot(t.Context()).Transitions); diff != "" {
				t.Errorf("reading %d: transitions (-want +have):\n%s", i, diff)
			}
		}
	})
}

func TestCacheRevision(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var revision atomic.Uint64
		cfg := config()
		cfg.Revision = revision.Load
		src := &scriptedSource{steps: []func(*Listings){failed(permanent()), read()}}
		c := NewCache(src, cfg)
		c.Snapshot(t.Context())
		c.Snapshot(t.Context())
		revision.Add(1)
		if s := c.Snapshot(t.Context()); !s.Members.Success() || src.calls.Load() != 2 {
			t.Errorf("want a second refresh at once with the new key, have %d", src.calls.Load())
		}
	})
}

// Two snapshots of one version have the same data, over good, failing and
// hanging refreshes, new keys and the end of max_stale.
func TestSnapshotVersion(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var revision atomic.Uint64
		hang := func(s *Listings) { time.Sleep(2 * time.Hour); read()(s) }
		src := &scriptedSource{took: 2 * time.Second, steps: []func(*Listings){
			read(), read(Member{ID: "1"}), failed(transient()), read(), failed(permanent()), hang, read(), failed(transient()),
		}}
		cfg := config()
		cfg.Revision = revision.Load
		c := NewCache(src, cfg)
		versions := map[uint64]Snapshot{}
		const step = 7 // seconds
		for second := 0; second < 4*3600; second += step {
			if second/1000 != (second-step)/1000 {
				revision.Add(1)
			}
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			s := c.Snapshot(ctx)
			cancel()
			before, seen := versions[s.Version]
			if seen {
				if diff := cmp.Diff(before, s, cmp.Comparer(func(a, b *Error) bool { return a == b })); diff != "" {
					t.Fatalf("after %d seconds: version %d (-before +now):\n%s", second, s.Version, diff)
				}
			}
			versions[s.Version] = s
			time.Sleep(step * time.Second)
		}
		if len(versions) < 20 {
			t.Errorf("want at least 20 versions, have %d", len(versions))
		}
		c.Close()
	})
}

func TestCachePanic(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		src := &scriptedSource{steps: []func(*Listings){read(Member{ID: "1"}), func(*Listings) { panic("boom") }}}
		c := NewCache(src, config())
		c.Snapshot(t.Context())
		time.Sleep(5 * time.Minute)
		s := c.Snapshot(t.Context())
		if s.Members.Success() || s.Members.Err == nil || s.Members.Err.Reason != "other" || !s.Members.Present {
			t.Errorf("want the last good listing and the reason other, have %+v", s.Members)
		}
	})
}

func TestCacheClose(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		src := &closingSource{scriptedSource: scriptedSource{took: 30 * time.Second, steps: []func(*Listings){read()}}}
		c := NewCache(src, config())
		go c.Snapshot(t.Context())
		synctest.Wait()
		start := time.Now()
		c.Close()
		if time.Since(start) != 0 || !src.closed {
			t.Errorf("want the refresh ended at once and its connections closed, have %s, %t", time.Since(start), src.closed)
		}
		c.Snapshot(t.Context())
		if n := src.calls.Load(); n != 1 {
			t.Errorf("refreshes: want none after Close, have %d", n-1)
		}
	})
}

// Transitions go with the members, if a new configuration leaves these out.
func TestCacheInheritsNothingLeftOut(t *testing.T) {
	was := Snapshot{Transitions: map[Transition]uint64{{None, "JOIN"}: 7}}
	for _, tt := range []struct {
		collectors []string
		want       uint64
	}{{[]string{"members"}, 7}, {[]string{"groups"}, 0}} {
		cfg := config()
		cfg.Collectors = tt.collectors
		c := NewCache(&scriptedSource{}, cfg)
		was.Members.Configured = true
		c.Inherit(Saved{Snapshot: was})
		if have := c.Last().Transitions[Transition{None, "JOIN"}]; have != tt.want {
			t.Errorf("%s: want %d, have %d", tt.collectors, tt.want, have)
		}
	}
}

func TestCacheInherit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		old := NewCache(&scriptedSource{steps: []func(*Listings){failed(transient())}}, config())
		old.Snapshot(t.Context())
		c := NewCache(&scriptedSource{steps: []func(*Listings){failed(transient())}}, config())
		c.Inherit(old.Saved())
		if n := c.Snapshot(t.Context()).Members.Failures; n != 2 {
			t.Errorf("failures: want 2, have %d", n)
		}
	})
}

// A snapshot that was returned must not change when the next one is made.
func TestSnapshotIsAValue(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cfg := config()
		cfg.TTL = 0
		src := &scriptedSource{steps: []func(*Listings){
			read(Member{ID: "1", Status: "INVT"}),
			read(Member{ID: "1", Status: "JOIN"}),
			read(Member{ID: "1", Status: "JOIN"}, Member{ID: "0", Status: "JOIN"}),
		}}
		c := NewCache(src, cfg)
		c.Snapshot(t.Context())
		s := c.Snapshot(t.Context())
		c.Snapshot(t.Context())
		if len(s.Members.Items) != 1 || s.Transitions[Transition{None, "JOIN"}] != 0 {
			t.Errorf("a returned snapshot has changed: %+v", s)
		}
	})
}

// A cloud that makes up statuses does not fill the memory.
func TestTransitionsAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var steps []func(*Listings)
		for i := range 2 * maxTransitions {
			steps = append(steps, read(Member{ID: "1", Status: fmt.Sprint("S", i)}))
		}
		cfg := config()
		cfg.TTL = 0
		c := NewCache(&scriptedSource{steps: steps}, cfg)
		var s Snapshot
		for range steps {
			s = c.Snapshot(t.Context())
		}
		if len(s.Transitions) > maxTransitions+1 || s.Transitions[Transition{Unknown, Unknown}] < maxTransitions/2 {
			t.Errorf("have %d transitions, %d of them unknown", len(s.Transitions), s.Transitions[Transition{Unknown, Unknown}])
		}
	})
}

// A scrape that waits for a refresh which a reload ends sees what there was,
// and no failure that was none.
func TestCacheCloseIsNoFailure(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out strings.Builder
		cfg := config()
		cfg.Logger = log.NewLogfmtLogger(&out)
		src := &scriptedSource{took: time.Second, steps: []func(*Listings){read(Member{ID: "1"})}}
		c := NewCache(src, cfg)
		c.Snapshot(t.Context())
		time.Sleep(cfg.TTL)
		out.Reset()
		var waited Snapshot
		var scrape sync.WaitGroup
		scrape.Go(func() { waited = c.Snapshot(t.Context()) })
		synctest.Wait()
		c.Close()
		scrape.Wait()
		if s := waited.Members; !s.Success() || !s.Present || s.Failures != 0 || out.Len() > 0 {
			t.Errorf("want the last listing and silence, have %+v and %q", s, out.String())
		}
	})
}

// A listing that goes on failing is told of once, and once when it recovers.
func TestCacheLogs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out strings.Builder
		cfg := config()
		cfg.Logger = log.NewLogfmtLogger(&out)
		src := &scriptedSource{steps: []func(*Listings){read(), failed(transient()), failed(transient()), failed(transient()), failed(permanent()), read(), read()}}
		c := NewCache(src, cfg)
		refreshes(t, c, src, time.Hour)
		have := strings.Split(strings.TrimSpace(out.String()), "\n")
		have = slices.DeleteFunc(have, func(line string) bool { return strings.HasPrefix(line, "level=debug") })
		want := []string{
			`level=info cloud=ncp organization=acme msg="first good reading" collectors=2 took=0s next=2000-01-01T00:05:00Z`,
			`level=warn cloud=ncp organization=acme msg="collector failed" collector=members reason=server err="out of order" serving="data of 2000-01-01T00:00:00Z until 2000-01-01T01:00:00Z" next=2000-01-01T00:06:00Z`,
			`level=warn cloud=ncp organization=acme msg="collector failed" collector=members reason=auth err=refused serving="data of 2000-01-01T00:00:00Z until 2000-01-01T01:00:00Z" next=2000-01-01T00:17:00Z`,
			`level=info cloud=ncp organization=acme msg="collector recovered" collector=members failed_for=12m0s`,
		}
		if diff := cmp.Diff(want, have); diff != "" {
			t.Errorf("log (-want +have):\n%s", diff)
		}
	})
}
