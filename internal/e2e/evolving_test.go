//go:build e2e

package e2e_test

// A company that changes when a test says so, and counts its changes by itself:
// what an exporter must have counted after crashes, restarts and failed writes.

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"github.com/cloudorg-exporter/cloudorg_exporter/internal/sim"
)

// absent is the state of an account that is not in the company.
const absent sim.State = -1

// statusOf returns the value of the labels from and to for a state.
func statusOf(s sim.State) string {
	return map[sim.State]string{absent: "none", sim.Joined: "JOIN", sim.Invited: "INVT", sim.Leaving: "LVREQ"}[s]
}

// An evolving company changes when the test says so: each revision differs from
// the one before in many accounts. It counts the changes by itself.
//
// A revision is recognised in a reading of any listing: a group has its number
// in its name, and one account is invited and one requests to leave in that
// revision only.
type evolving struct {
	mu       sync.Mutex
	random   *rand.Rand
	revision int
	states   map[int64]sim.State
	since    map[int64]time.Time

	transitions map[string]float64 // see transitionsOf
	changes     map[string]int     // see changeLines
}

const (
	evolvingAccounts = 150
	constantAccounts = 3000 // never change; with them a write takes some time

	// Numbers of accounts. The number of the revision is added to a marker.
	firstConstant = 1000
	invitedMarker = 1_000_000
	leavingMarker = 2_000_000
)

func newEvolving() *evolving {
	e := &evolving{
		random: rand.New(rand.NewPCG(14, 8)), states: map[int64]sim.State{}, since: map[int64]time.Time{},
		transitions: map[string]float64{}, changes: map[string]int{},
	}
	for account := range int64(evolvingAccounts) {
		e.set(account+1, sim.State(e.random.IntN(4))-1)
	}
	e.mark()
	clear(e.transitions) // there is no reading before the first one
	clear(e.changes)
	return e
}

// advance makes the next revision. Each account changes at most once, and the
// changes of a listing are few enough to be logged one by one.
func (e *evolving) advance() {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.set(invitedMarker+int64(e.revision), absent)
	e.set(leavingMarker+int64(e.revision), absent)
	e.revision++
	e.mark()
	for _, account := range e.random.Perm(evolvingAccounts)[:1+e.random.IntN(60)] {
		e.set(int64(account)+1, sim.State(e.random.IntN(4))-1)
	}
}

func (e *evolving) mark() {
	e.set(invitedMarker+int64(e.revision), sim.Invited)
	e.set(leavingMarker+int64(e.revision), sim.Leaving)
}

// set changes the state of an account. One that is invited again has a new
// invitation.
func (e *evolving) set(account int64, to sim.State) {
	from, ok := e.states[account]
	if !ok {
		from = absent
	}
	e.states[account], e.since[account] = to, sim.SampleTime().Add(time.Duration(e.revision)*time.Minute)
	if from != to {
		e.transitions[fmt.Sprintf("from=%q to=%q", statusOf(from), statusOf(to))]++
		e.changes[fmt.Sprintf("member changed %d %s %s", account, statusOf(from), statusOf(to))]++
	}
	if from == sim.Invited && to != sim.Invited {
		e.changes[fmt.Sprintf("invitation gone %d", account)]++
	}
	if to == sim.Invited {
		e.changes[fmt.Sprintf("invitation appeared %d", account)]++
	}
	if from == sim.Leaving && to != sim.Leaving {
		e.changes[fmt.Sprintf("withdrawal gone %d", account)]++
	}
	if from != sim.Leaving && to == sim.Leaving {
		e.changes[fmt.Sprintf("withdrawal requested %d", account)]++
	}
}

// at is the company for the simulator.
func (e *evolving) at(time.Time) sim.Company {
	e.mu.Lock()
	defer e.mu.Unlock()
	c := sim.Sample(time.Time{})
	c.Groups = slices.Clone(c.Groups)
	c.Groups[1].Name = fmt.Sprintf("revision %d", e.revision)
	c.Members, c.Invitations = c.Members[:1:1], nil // the master stays
	for _, account := range slices.Sorted(maps.Keys(e.states)) {
		state := e.states[account]
		if state == absent {
			continue
		}
		m := sim.Member{Account: sim.Account{ID: account}, Group: c.Groups[account%int64(len(c.Groups))].ID, State: state, Since: e.since[account]}
		switch state {
		case sim.Invited:
			c.Invitations = append(c.Invitations, sim.Invitation{Account: m.Account, Sent: m.Since})
		case sim.Leaving:
			m.LeaveRequested = m.Since
		}
		c.Members = append(c.Members, m)
	}
	for i := range int64(constantAccounts) {
		c.Members = append(c.Members, sim.Member{Account: sim.Account{ID: firstConstant + i}, Group: c.Groups[0].ID, Since: sim.SampleTime()})
	}
	return c
}

// shownIn reports whether a reading has every listing of the present revision.
func (e *evolving) shownIn(r reading) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	var groups, invitations, withdrawals bool
	for series := range r["acme"] {
		groups = groups || labelOf(series, "group_name") == fmt.Sprintf("revision %d", e.revision)
		switch labelOf(series, "member_id") {
		case fmt.Sprint(invitedMarker + e.revision):
			invitations = true
		case fmt.Sprint(leavingMarker + e.revision):
			withdrawals = true
		}
	}
	return groups && invitations && withdrawals
}

// transitionsOf returns the transitions of a reading that have been counted.
func transitionsOf(r reading) map[string]float64 {
	counted := map[string]float64{}
	for series, value := range r["acme"] {
		if familyOf(series) == "cloudorg_member_transitions_total" && value > 0 {
			counted[fmt.Sprintf("from=%q to=%q", labelOf(series, "from"), labelOf(series, "to"))] = value
		}
	}
	return counted
}
