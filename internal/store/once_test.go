package store

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-kit/log"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/cloudorg-exporter/cloudorg_exporter/internal/org"
)

// company is a Source of an organization that changes when it is told to.
type company struct {
	status  map[string]string // by member
	invited map[string]time.Time
	leaving map[string]bool
}

func (c *company) Read(context.Context) (l org.Listings) {
	at := org.Reading{At: time.Now()}
	l.Members.Reading, l.Invitations.Reading, l.Withdrawals.Reading = at, at, at
	for id, status := range c.status {
		l.Members.Items = append(l.Members.Items, org.Member{ID: id, GroupID: "g", Status: status})
	}
	for id, created := range c.invited {
		l.Invitations.Items = append(l.Invitations.Items, org.Invitation{MemberID: id, Pending: true, Created: created})
	}
	for id := range c.leaving {
		l.Withdrawals.Items = append(l.Withdrawals.Items, org.Withdrawal{MemberID: id})
	}
	return l
}

// change changes about one account in five.
func (c *company) change(random *rand.Rand) {
	for i := range 50 {
		id := fmt.Sprint(i)
		switch random.IntN(20) {
		case 0:
			delete(c.status, id)
		case 1, 2:
			c.status[id] = []string{"INVT", "JOIN", "LVREQ"}[random.IntN(3)]
		case 3:
			c.invited[id] = time.Unix(random.Int64N(1e9), 0)
		case 4:
			delete(c.invited, id)
		case 5:
			c.leaving[id] = true
		case 6:
			delete(c.leaving, id)
		}
	}
}

// mortal is a File whose process may die while it saves.
type mortal struct {
	*File
	random *rand.Rand
	log    *bytes.Buffer
	dead   bool
	logged int // bytes of the log when it died
}

// Save dies before the write, in it, or after it, one time in two.
func (m *mortal) Save(ctx context.Context, s org.Saved) error {
	moment := m.random.IntN(6)
	m.dead, m.logged = moment < 3, m.log.Len()
	switch moment {
	case 0:
		return errors.New("killed before the write")
	case 1:
		if err := m.write(m.path+tempSuffix, s); err != nil {
			return err
		}
		info, err := os.Stat(m.path + tempSuffix)
		if err != nil {
			return err
		}
		return errors.Join(os.Truncate(m.path+tempSuffix, m.random.Int64N(info.Size()+1)), errors.New("killed in the write"))
	}
	return m.File.Save(ctx, s) // and killed before it is served, if it is dead
}

// A company changes all the time, and the process that watches it is killed
// again and again. It counts each change once and logs it, as one that never
// dies.
func TestExactlyOnce(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	source := &company{status: map[string]string{}, invited: map[string]time.Time{}, leaving: map[string]bool{}}
	newCache := func(out *bytes.Buffer, store org.Store) *org.Cache {
		return org.NewCache(source, org.Config{
			Cloud: "ncp", Organization: "acme", Collectors: []string{"members", "invitations", "withdrawals"},
			MaxStale: time.Hour, Timeout: time.Minute, Logger: log.NewLogfmtLogger(out), Store: store,
		})
	}
	lines := func(out *bytes.Buffer) map[string]bool {
		found := map[string]bool{}
		for line := range strings.Lines(out.String()) {
			if strings.Contains(line, "member_id=") {
				found[line] = true
			}
		}
		out.Reset()
		return found
	}
	var twinLog, killedLog bytes.Buffer
	twin := newCache(&twinLog, nil)

	path := t.TempDir()
	var dir *Dir
	var killed *org.Cache
	var process *mortal
	deaths := 0
	start := func() {
		dir = open(t, path)
		process = &mortal{File: acme(dir), random: random, log: &killedLog}
		killed = newCache(&killedLog, process)
		killed.Restore(t.Context())
	}
	start()
	for step := range 100 {
		source.change(random)
		want := twin.Snapshot(t.Context())
		have := killed.Snapshot(t.Context())
		for process.dead { // what it serves is not seen
			deaths++
			killedLog.Truncate(process.logged)
			dir.Close()
			start()
			have = killed.Snapshot(t.Context())
		}
		if d := cmp.Diff(want.Transitions, have.Transitions, cmpopts.EquateEmpty()); d != "" {
			t.Fatalf("step %d, after %d deaths: transitions (-never killed +killed):\n%s", step, deaths, d)
		}
		if d := cmp.Diff(want.Changes, have.Changes, cmpopts.IgnoreFields(org.Change{}, "Time")); d != "" {
			t.Fatalf("step %d, after %d deaths: changes (-never killed +killed):\n%s", step, deaths, d)
		}
		if want, have := lines(&twinLog), lines(&killedLog); !maps.Equal(want, have) {
			t.Fatalf("step %d, after %d deaths: log: want %q, have %q", step, deaths, slices.Sorted(maps.Keys(want)), slices.Sorted(maps.Keys(have)))
		}
	}
	if names := entries(t, path); deaths < 50 || len(names) > 3 {
		t.Errorf("deaths: %d; files: %q", deaths, names)
	}
}

// A reload with another identity starts the comparison anew and keeps the
// counters, also over the next restart.
func TestReloadWithAnotherIdentity(t *testing.T) {
	dir := open(t, t.TempDir())
	newCache := func(identity string, source org.Source) *org.Cache {
		return org.NewCache(source, org.Config{
			Organization: "acme", Collectors: []string{"members"}, MaxStale: time.Hour, Timeout: time.Minute,
			Store: dir.File("acme", identity, fingerprint),
		})
	}
	joined := org.Transition{From: org.None, To: "JOIN"}
	v1 := newCache("v1", listed(nil))
	v1.Snapshot(t.Context())
	v1.Close()
	next := newCache("v1", listed{{ID: "1", Status: "JOIN"}})
	next.Restore(t.Context())
	next.Snapshot(t.Context())
	next.Close()

	v2 := newCache("v2", listed{{ID: "a", Status: "JOIN"}})
	v2.Inherit(next.Saved().Totals())
	if s := v2.Snapshot(t.Context()); s.Transitions[joined] != 1 || len(s.Changes) != 1 {
		t.Errorf("after the reload: have %v and %+v", s.Transitions, s.Changes)
	}
	v2.Close()
	v2 = newCache("v2", listed{{ID: "a", Status: "JOIN"}, {ID: "b", Status: "JOIN"}})
	v2.Restore(t.Context())
	if s := v2.Snapshot(t.Context()); s.Transitions[joined] != 2 || len(s.Changes) != 2 {
		t.Errorf("after the restart: have %v and %+v", s.Transitions, s.Changes)
	}
	v1 = newCache("v1", listed(nil))
	v1.Restore(t.Context())
	if s := v1.Last(); v1.Ready() || s.Transitions[joined] != 0 {
		t.Errorf("with the first identity again: have %v", s.Transitions)
	}
}

// listed is a Source that always has the same members.
type listed []org.Member

func (m listed) Read(context.Context) (l org.Listings) {
	l.Members.Items, l.Members.At = slices.Clone(m), time.Now()
	return l
}

func BenchmarkRefresh(b *testing.B) {
	for _, n := range []int{40, 10_000, 100_000} {
		for _, stored := range []bool{false, true} {
			b.Run(fmt.Sprintf("%d/stored=%t", n, stored), func(b *testing.B) {
				cfg := org.Config{Organization: "acme", Collectors: []string{"members"}, MaxStale: time.Hour, Timeout: time.Minute}
				if stored {
					cfg.Store = acme(open(b, b.TempDir()))
				}
				c := org.NewCache(listed(members(n).Members.Items), cfg)
				b.ReportAllocs()
				for b.Loop() {
					c.Snapshot(b.Context())
				}
			})
		}
	}
}

// BenchmarkStart restores 1,000 organizations of 40 members.
func BenchmarkStart(b *testing.B) {
	d := open(b, b.TempDir())
	files := make([]*File, 1000)
	for i := range files {
		files[i] = d.File(fmt.Sprint("organization ", i), "", fingerprint)
		if err := files[i].Save(b.Context(), members(40)); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportAllocs()
	for b.Loop() {
		for _, f := range files {
			c := org.NewCache(nil, org.Config{Collectors: []string{"members"}, TTL: time.Hour, MaxStale: 1 << 62, Store: f})
			c.Restore(b.Context())
			if !c.Ready() {
				b.Fatal("not ready")
			}
		}
	}
}
