package org

import "maps"

// maxTransitions limits the different transitions that are counted. A cloud
// that invents statuses must not fill the memory over the months.
const maxTransitions = 1000

// countTransitions sets the transitions of next, whose members are sorted by
// ID, and keeps its members for the next comparison.
func (c *Cache) countTransitions(next, prev *Snapshot) {
	next.Transitions = prev.Transitions
	if !next.Members.Configured || next.Members.Err != nil {
		return
	}
	next.Transitions = make(map[Transition]uint64, len(next.Known.Transitions))
	for _, t := range next.Known.Transitions {
		next.Transitions[t] = 0
	}
	maps.Copy(next.Transitions, prev.Transitions)
	if next.Members.Incomplete {
		return // a missing row is not a member that left
	}
	if c.members != nil {
		transitions(c.members, next.Members.Items, func(t Transition) {
			if _, seen := next.Transitions[t]; !seen && len(next.Transitions) >= maxTransitions {
				t = Transition{Unknown, Unknown}
			}
			next.Transitions[t]++
		})
	}
	c.members = next.Members.Items
	if c.members == nil {
		c.members = []Member{} // an organization without members has been read, too
	}
}

// transitions calls changed for each member whose status differs between two
// readings, both sorted by ID.
func transitions(before, after []Member, changed func(Transition)) {
	for {
		before, after = skipUncounted(before), skipUncounted(after)
		switch {
		case len(before) == 0 && len(after) == 0:
			return
		case len(after) == 0 || len(before) > 0 && before[0].ID < after[0].ID:
			changed(Transition{before[0].Status, None})
			before = before[1:]
		case len(before) == 0 || after[0].ID < before[0].ID:
			changed(Transition{None, after[0].Status})
			after = after[1:]
		default:
			if before[0].Status != after[0].Status {
				changed(Transition{before[0].Status, after[0].Status})
			}
			before, after = before[1:], after[1:]
		}
	}
}

// skipUncounted returns m from its first row that has an ID which no earlier
// row has.
func skipUncounted(m []Member) []Member {
	for len(m) > 0 && (m[0].ID == "" || m[0].Repeat) {
		m = m[1:]
	}
	return m
}
