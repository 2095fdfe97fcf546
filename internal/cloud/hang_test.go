package cloud

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

	"github.com/cloudorg-exporter/cloudorg_exporter/internal/config"
	"github.com/cloudorg-exporter/cloudorg_exporter/internal/org"
)

// nobody is an Observer that is not interested.
type nobody struct{ Observer }

func (nobody) Reloaded(error) {}

// A file of the configuration that hangs fails reloads in their time, starts no
// second reading, and is read when it no longer hangs.
func TestReloadOfAFileThatHangs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		release, reading := make(chan struct{}), new(atomic.Int64)
		f := NewFleet(func() (*config.Config, error) {
			reading.Add(1)
			<-release
			return &config.Config{}, nil
		}, Deps{Logger: log.NewNopLogger(), Observer: nobody{}})
		reload := func() (time.Duration, error) {
			ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
			defer cancel()
			start := time.Now()
			err := f.Reload(ctx)
			return time.Since(start), err
		}
		if took, err := reload(); took != 10*time.Second || !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("want a failure after 10s, have %v after %s", err, took)
		}
		if took, err := reload(); took != 0 || err == nil || !strings.Contains(err.Error(), "still hangs") || reading.Load() != 1 {
			t.Errorf("want a failure at once, have %v after %s and %d readings", err, took, reading.Load())
		}
		close(release)
		synctest.Wait()
		if _, err := reload(); err != nil || reading.Load() != 2 {
			t.Errorf("want it reloaded, have %v", err)
		}
	})
}

// Organizations that hang delay the others by a second for every four of them.
func TestOrganizationsThatHang(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const hang = 40
		f := NewFleet(nil, Deps{})
		var work sync.WaitGroup
		start := time.Now()
		for i := range 100 {
			f.inSlot(t.Context(), &work, func() {
				if i < hang {
					time.Sleep(time.Minute)
				}
			})
		}
		if took := time.Since(start); took > hang/refreshesAtOnce*slotTime {
			t.Errorf("the last one begins after %s", took)
		}
		work.Wait()
		if took := time.Since(start); took > 71*time.Second {
			t.Errorf("the last one ends after %s", took)
		}
		if !f.slots.TryAcquire(refreshesAtOnce) {
			t.Error("not all slots are free")
		}
	})
}

// The text of an organization is bounded over its listings; only rows that may
// be series count.
func TestTextIsBounded(t *testing.T) {
	long := strings.Repeat("x", 4000)
	reading := org.Reading{At: time.Now()}
	groups := func(n int) (all []org.Group) {
		for range n {
			all = append(all, org.Group{Name: long})
		}
		return all
	}
	invitations := func(n int) (all []org.Invitation) {
		for range n {
			all = append(all, org.Invitation{ID: long})
		}
		return all
	}
	members := func(n int) (all []org.Member) {
		for range n {
			all = append(all, org.Member{ID: "9", GroupID: long, Status: "JOIN"})
		}
		return all
	}
	for _, tt := range []struct {
		name                string
		groups, invitations int
		fail                []string
	}{
		{"some", 1000, 1000, nil},
		{"too much in one", 2200, 100, []string{"groups"}},
		{"too much together", 1500, 1000, []string{"invitations"}},
		{"rows without series", 100, 10_000, nil},
	} {
		l := org.Configure([]string{"groups", "invitations", "members"})
		l.Groups.Items, l.Groups.Reading = groups(tt.groups), reading
		l.Invitations.Items, l.Invitations.Reading = invitations(tt.invitations), reading
		l.Members.Items, l.Members.Reading = members(100_000), reading
		checkSizes(&l, 1000)
		var failed []string
		for _, c := range l.Collectors() {
			if c.Err != nil {
				failed = append(failed, c.Name)
				if c.Err.Reason != org.Decode || c.Items != 0 {
					t.Errorf("%s: %s: %v with %d items", tt.name, c.Name, c.Err, c.Items)
				}
			}
		}
		if strings.Join(failed, " ") != strings.Join(tt.fail, " ") {
			t.Errorf("%s: want %v to fail, have %v", tt.name, tt.fail, failed)
		}
	}
}
