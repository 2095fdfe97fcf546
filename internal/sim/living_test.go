package sim_test

import (
	"fmt"
	"maps"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/cloudorg-exporter/cloudorg_exporter/internal/sim"
)

const day = 24 * time.Hour

// year calls f for every day of a year of a company with 40 seats.
func year(t *testing.T, seed uint64, f func(day time.Time, c sim.Company)) {
	t.Helper()
	living := sim.Living(seed, 8, 40)
	for n := range 366 {
		now := sim.SampleTime().Add(time.Duration(n) * day)
		f(now, living(now))
	}
}

func TestLivingIsPure(t *testing.T) {
	one, two := sim.Living(7, 8, 40), sim.Living(7, 8, 40)
	later := sim.SampleTime().Add(300 * day)
	first := one(sim.SampleTime())
	one(later)
	if diff := cmp.Diff(first, one(sim.SampleTime())); diff != "" {
		t.Errorf("again:\n%s", diff)
	}
	if diff := cmp.Diff(two(later), one(later)); diff != "" {
		t.Errorf("without the history:\n%s", diff)
	}
	other := sim.Living(8, 8, 40)(sim.SampleTime())
	if other.ID == first.ID || other.Master == first.Master || cmp.Equal(counts(first), counts(other)) {
		t.Errorf("companies of different seeds: have %d and %d, %v and %v", first.ID, other.ID, counts(first), counts(other))
	}
}

// counts returns the numbers of members and invitations by state.
func counts(c sim.Company) map[string]int {
	n := make(map[string]int)
	for _, m := range c.Members {
		n[fmt.Sprint("member ", m.State)]++
	}
	for _, i := range c.Invitations {
		n[fmt.Sprint("invitation ", i.Outcome)]++
	}
	return n
}

// A living company is consistent on every day.
func TestLivingIsConsistent(t *testing.T) {
	for seed := range uint64(3) {
		year(t, seed, func(now time.Time, c sim.Company) {
			groups := checkGroups(t, now, c)
			ids := make(map[int64]bool)
			for _, m := range c.Members {
				switch {
				case ids[m.ID]:
					t.Errorf("%v: duplicate member %d", now, m.ID)
				case groups[m.Group] == 0:
					t.Errorf("%v: member %d is in no group", now, m.ID)
				case m.Since.After(now), m.LeaveRequested.After(now):
					t.Errorf("%v: member %d is in the future", now, m.ID)
				case m.State == sim.Leaving && m.LeaveRequested.Before(m.Since), m.State != sim.Leaving && !m.LeaveRequested.IsZero():
					t.Errorf("%v: member %d asked to leave at %v", now, m.ID, m.LeaveRequested)
				case m.Name == "", !strings.HasSuffix(m.Login, "@example.test"), !strings.HasSuffix(m.Email, ".example.test"):
					t.Errorf("%v: member %d has no name or address", now, m.ID)
				}
				ids[m.ID] = true
			}
			checkInvitations(t, now, c)
		})
	}
}

// checkGroups checks groups and policies, and returns the depth of each group.
func checkGroups(t *testing.T, now time.Time, c sim.Company) map[int64]int {
	t.Helper()
	policies := map[int64]bool{0: true}
	for _, p := range c.Policies {
		policies[p.ID] = true
	}
	if n := len(c.Policies); n != 2 && n != 3 {
		t.Errorf("%v: %d policies", now, n)
	}
	depth := make(map[int64]int)
	names := make(map[string]bool)
	withoutPolicy := 0
	for i, g := range c.Groups {
		if depth[g.ID] != 0 || names[g.Name] || !policies[g.Policy] {
			t.Errorf("%v: group %+v", now, g)
		}
		depth[g.ID], names[g.Name] = depth[g.Parent]+1, true
		if d := depth[g.ID]; d > 5 || (d == 1) != (i == 0) {
			t.Errorf("%v: group %d is %d deep", now, g.ID, d)
		}
		if g.Policy == 0 {
			withoutPolicy++
		}
	}
	if withoutPolicy == 0 {
		t.Errorf("%v: every group has a policy", now)
	}
	return depth
}

// checkInvitations checks the invitations, and that the pending ones are those of
// the invited members.
func checkInvitations(t *testing.T, now time.Time, c sim.Company) {
	t.Helper()
	var invited, pending []int64
	for _, m := range c.Members {
		if m.State == sim.Invited {
			invited = append(invited, m.ID)
		}
	}
	for _, i := range c.Invitations {
		end := i.Ended
		if i.Outcome == sim.Pending {
			pending = append(pending, i.ID)
			end = now
		}
		if age := end.Sub(i.Sent); age < 0 || age > 30*day || i.Ended.After(now) || (i.Outcome == sim.Expired) != (age == 30*day) {
			t.Errorf("%v: invitation %+v", now, i)
		}
	}
	if diff := cmp.Diff(invited, pending); diff != "" {
		t.Errorf("%v: invited members -, pending invitations +\n%s", now, diff)
	}
}

// Within a year everything that a dashboard shows changes.
func TestLivingChanges(t *testing.T) {
	for seed := range uint64(3) {
		var (
			before map[int64]status
			quiet  int // days without a change
			seen   = make(map[string]bool)
			days   = make(map[string]int)
		)
		year(t, seed, func(now time.Time, c sim.Company) {
			today := states(c)
			if maps.Equal(before, today) {
				quiet++
			}
			if before != nil {
				changes(seen, before, today)
			}
			before = today
			for what := range highlights(now, c) {
				days[what]++
			}
		})
		if quiet > 0 {
			t.Errorf("seed %d: %d days without a change", seed, quiet)
		}
		if days["young invitation"] < 366 || days["old invitation"] < 366 || days["withdrawal"] < 300 || days["full"] < 366 {
			t.Errorf("seed %d: %v", seed, days)
		}
		for _, change := range []string{
			"none to invited", "invited to joined", "invited to none", "joined to none",
			"joined to leaving", "leaving to joined", "leaving to none",
			"none to group", "group to none", "none to policy", "policy to none",
			"group of a member to another", "parent of a group to another", "policy of a group to another",
		} {
			if !seen[change] {
				t.Errorf("seed %d: no change from %s", seed, change)
			}
		}
	}
}

// A status is what is known of a member, group or policy: a word, and where it is.
type status struct {
	word          string
	group, policy int64
}

// states returns the status of everything in the company by ID.
func states(c sim.Company) map[int64]status {
	words := [...]string{sim.Joined: "joined", sim.Invited: "invited", sim.Leaving: "leaving"}
	all := make(map[int64]status)
	for _, m := range c.Members {
		all[m.ID] = status{words[m.State], m.Group, 0}
	}
	for _, g := range c.Groups {
		all[g.ID] = status{"group", g.Parent, g.Policy}
	}
	for _, p := range c.Policies {
		all[p.ID] = status{"policy", 0, 0}
	}
	return all
}

// changes records what has changed from one day to the next.
func changes(seen map[string]bool, before, today map[int64]status) {
	for id, is := range today {
		was, existed := before[id]
		switch {
		case !existed:
			seen["none to "+is.word] = true
		case was.word != is.word:
			seen[was.word+" to "+is.word] = true
		case was.group != is.group && is.word == "group":
			seen["parent of a group to another"] = true
		case was.group != is.group:
			seen["group of a member to another"] = true
		case was.policy != is.policy:
			seen["policy of a group to another"] = true
		}
	}
	for id, was := range before {
		if _, exists := today[id]; !exists {
			seen[was.word+" to none"] = true
		}
	}
}

// highlights returns which situations of interest exist on one day.
func highlights(now time.Time, c sim.Company) map[string]bool {
	seen := map[string]bool{}
	for _, i := range c.Invitations {
		if i.Outcome != sim.Pending {
			continue
		}
		if now.Sub(i.Sent) < 10*day {
			seen["young invitation"] = true
		}
		if now.Sub(i.Sent) > 21*day {
			seen["old invitation"] = true
		}
	}
	for _, m := range c.Members {
		if m.State == sim.Leaving {
			seen["withdrawal"] = true
		}
	}
	if n := len(c.Members); n >= 34 && n <= 40 {
		seen["full"] = true
	}
	return seen
}

// Companies of any size are consistent, and most of their seats are taken.
func TestLivingSizes(t *testing.T) {
	for _, c := range []struct{ groups, members int }{{0, 0}, {0, 5}, {1, 1}, {1, 8}, {2, 9}, {4, 10}, {300, 1000}} {
		company := sim.Living(1, c.groups, c.members)(sim.SampleTime())
		if have := len(company.Members); have > max(c.members, 1) || have < c.members*8/10 || have == 0 {
			t.Errorf("%+v: have %d members", c, have)
		}
		if have := len(company.Groups); have > c.groups+1 || have < c.groups*3/4+1 {
			t.Errorf("%+v: have %d groups", c, have)
		}
		if c.groups > 0 {
			checkGroups(t, sim.SampleTime(), company)
		}
		checkInvitations(t, sim.SampleTime(), company)
	}
	sim.Living(1, 8, 40)(time.Time{}) // before the epoch: no panic
}
