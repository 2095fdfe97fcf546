package sim

import (
	"math"
	"strconv"
	"strings"
	"time"
)

// tree is what there is of the groups at one moment.
type tree struct {
	groups []Group
	ids    []int64 // by the group's seat; for an empty one, the group above it
}

const (
	rootGroup  = 7000
	groupNames = "Research Production Europe Platform Data Security Mobile Games Finance 영업 연구소 Shop Video Maps Search Payments"
)

// tree returns the groups. They are at most four deep, the root included: a
// group has as many children as there are groups at the top.
func (l living) tree(now int64, founded time.Time, sandbox bool) tree {
	t := tree{
		groups: []Group{{ID: rootGroup, Name: "Root", Policy: defaultPolicy, Created: founded}},
		ids:    make([]int64, l.groups),
	}
	width := max(3, int64(math.Ceil(math.Sqrt(float64(l.groups)))))
	for g := range l.groups {
		parent := int64(rootGroup)
		if p := l.parent(g, width, now); p >= 0 {
			parent = t.ids[p]
		}
		group := Group{ID: rootGroup + 1 + g, Name: groupName(g), Parent: parent, Policy: l.policy(g, now), Created: founded}
		if project(g) {
			const cycle, there = 25 * day, 17 * day
			n, start := turn(now, cycle, stagger(l.seed, g/4, cycle))
			if now >= start+there {
				t.ids[g] = parent
				continue
			}
			group.ID += (n + 1) * l.groups // never the same again
			group.Name = "Project " + group.Name + " " + strconv.FormatInt(n, 10)
			group.Created = moment(start)
			if sandbox {
				group.Policy = sandboxPolicy
			}
		}
		t.ids[g] = group.ID
		t.groups = append(t.groups, group)
	}
	return t
}

// project says whether the group in a seat comes and goes.
func project(g int64) bool { return g%4 == 3 }

// parent returns the seat of a group's parent, -1 for the root; it is never a
// project's. Every fourth group changes it every 20 days.
func (l living) parent(g, width, now int64) int64 {
	usual := g/width - 1
	for project(usual) {
		usual = usual/width - 1
	}
	if g%4 != 2 {
		return usual
	}
	const cycle = 20 * day
	if n, _ := turn(now, cycle, stagger(l.seed, g/4, cycle)); n%2 == 0 {
		return usual
	}
	if usual < 0 {
		return 0
	}
	return -1
}

// policy returns a group's policy. Every third group changes it every 15 days.
func (l living) policy(g, now int64) int64 {
	const cycle = 15 * day
	n, _ := turn(now, cycle, stagger(l.seed, g/3, cycle))
	last := l.groups - 1
	if project(last) {
		last--
	}
	switch {
	case g == last:
		return 0
	case g%3 == 1 && n%2 == 0:
		return productionPolicy
	}
	return defaultPolicy
}

func groupName(g int64) string {
	names := strings.Fields(groupNames)
	name := names[g%int64(len(names))]
	if again := g / int64(len(names)); again > 0 {
		name += " " + strconv.FormatInt(again+1, 10)
	}
	return name
}
