package sim

import (
	"math"
	"math/rand/v2"
	"strconv"
	"strings"
	"time"
)

// Times are in seconds since the epoch and spans in seconds: a Duration would
// overflow in a demo that has run for long.
const (
	hour               = int64(60 * 60)
	day                = 24 * hour
	invitationLifetime = 30 * day // guide organization-spec
)

const (
	companyNames = "한빛 Clouds,Mirae Systems,누리 Networks,Haneul Labs,가온 Works,Dasom Media,Saebyeok Energy,푸른 Logistics"
	groupNames   = "Research Production Europe Platform Data Security Mobile Games Finance 영업 연구소 Shop Video Maps Search Payments"
)

const (
	rootGroup        = 7000
	defaultPolicy    = 91
	productionPolicy = 92
	sandboxPolicy    = 93 // exists for a part of the time
)

// living computes a company that changes over time; see Living.
type living struct {
	seed         uint64
	groups       int64
	members      int64
	id           int64
	name         string
	family       []string // familyNames
	given        []string // givenNames
	firstAccount int64    // the master
	phase        uint64   // of the cycle with index 0, in 1/2^64 of its length
}

// Living returns a company that changes over time, as a pure function of the
// company's time. Companies of different seeds differ in all their numbers.
//
// There are seats for as many accounts as members says, the master's among them,
// and for as many groups besides the root as groups says. Some seats are empty at
// any time.
//
//   - One account in eight never answers: its invitation expires after 30 days,
//     is renewed once, and expires again or is rejected late.
//   - Three in eight join and leave within 50 days, the others stay for a year.
//     They accept soon or late, or let the first invitation expire; after a
//     rejection or cancellation another account is invited. In the end they request
//     to leave, which is approved, or rejected and the account is removed later.
//   - Every account moves to another group every 15 days.
//   - Every fourth group is a project of 17 days; others change their parent or
//     their policy. The last permanent group has no policy.
//   - There are two policies, and a third for 40 of 60 days.
func Living(seed uint64, groups, members int) func(time.Time) Company {
	names := strings.Split(companyNames, ",")
	l := living{
		seed: seed, groups: int64(groups), members: max(int64(members), 1),
		family: strings.Fields(familyNames), given: strings.Fields(givenNames),
	}
	r := l.rand(0, 0)
	l.id, l.firstAccount = between(r, 5000, 6000), between(r, 8_000_000, 9_000_000)
	l.name, l.phase = names[r.IntN(len(names))], r.Uint64()
	return l.at
}

// at returns the company at t.
func (l living) at(t time.Time) Company {
	now := max(t.Unix(), 0)
	founded := moment(now - now%(4000*day)) // the same for 4000 days
	c := Company{
		ID:          l.id,
		Name:        l.name,
		Description: "Simulated",
		Master:      l.firstAccount,
		Founded:     founded,
		Policies:    l.policies(now, founded),
	}
	groups, placement := l.tree(now, founded, len(c.Policies) > 2)
	c.Groups = groups
	c.Members = make([]Member, 0, l.members)
	c.Members = append(c.Members, Member{Account: l.account(0, 0), Group: rootGroup, Since: founded})
	for seat := int64(1); seat < l.members; seat++ {
		l.addSeat(&c, seat, now, placement)
	}
	return c
}

// policies returns the policies: the first two always exist.
func (l living) policies(now int64, founded time.Time) []Policy {
	const length, lifetime = 60 * day, 40 * day
	_, start := l.cycle(now, length, 1)
	all := []Policy{
		{ID: defaultPolicy, Name: "Default limits", Default: true, Created: founded, Modified: founded},
		{ID: productionPolicy, Name: "Production limits", Description: "large", Created: founded, Modified: moment(start)},
	}
	if now < start+lifetime {
		all = append(all, Policy{ID: sandboxPolicy, Name: "Sandbox limits", Description: "작은", Created: moment(start), Modified: moment(start)})
	}
	return all
}

// tree returns the groups, and for each group seat the ID of the group that its
// members are in: for an empty seat, that of the group above it.
//
// The groups are at most four deep, the root included.
func (l living) tree(now int64, founded time.Time, sandbox bool) (groups []Group, placement []int64) {
	groups = []Group{{ID: rootGroup, Name: "Root", Policy: defaultPolicy, Created: founded}}
	placement = make([]int64, l.groups)
	width := max(3, int64(math.Ceil(math.Sqrt(float64(l.groups)))))
	for seat := range l.groups {
		parent := int64(rootGroup)
		if p := l.parent(seat, width, now); p >= 0 {
			parent = placement[p]
		}
		g := Group{ID: rootGroup + 1 + seat, Name: groupName(seat), Parent: parent, Policy: l.policy(seat, now), Created: founded}
		if isProject(seat) {
			const length, lifetime = 25 * day, 17 * day
			n, start := l.cycle(now, length, seat/4)
			if now >= start+lifetime {
				placement[seat] = parent
				continue
			}
			g.ID += (n + 1) * l.groups // each project has an ID of its own
			g.Name = "Project " + g.Name + " " + strconv.FormatInt(n, 10)
			g.Created = moment(start)
			if sandbox {
				g.Policy = sandboxPolicy
			}
		}
		placement[seat] = g.ID
		groups = append(groups, g)
	}
	return groups, placement
}

// isProject reports whether the group in a seat exists for a part of the time
// only.
func isProject(seat int64) bool { return seat%4 == 3 }

// parent returns the seat of a group's parent, -1 for the root. The groups in the
// first width seats are at the top. A project is never a parent. Every fourth
// group changes its parent every 20 days.
func (l living) parent(seat, width, now int64) int64 {
	parent := int64(-1)
	if seat >= width && !isProject(seat%width) {
		parent = seat % width
	}
	if n, _ := l.cycle(now, 20*day, seat/4); seat%4 != 2 || n%2 == 0 {
		return parent
	}
	if parent == -1 {
		return 0
	}
	return -1
}

// policy returns a group's policy. Every third group changes it every 15 days.
func (l living) policy(seat, now int64) int64 {
	n, _ := l.cycle(now, 15*day, seat/3)
	last := l.groups - 1
	if isProject(last) {
		last--
	}
	switch {
	case seat == last:
		return 0
	case seat%3 == 1 && n%2 == 0:
		return productionPolicy
	}
	return defaultPolicy
}

func groupName(seat int64) string {
	names := strings.Fields(groupNames)
	name := names[seat%int64(len(names))]
	if round := seat / int64(len(names)); round > 0 {
		name += " " + strconv.FormatInt(round+1, 10)
	}
	return name
}

// cycle returns which repetition of a cycle now is in, and when it began. Cycles
// of the same length with successive indexes begin at evenly spread times:
// multiples of the golden ratio leave no large gaps, however many there are.
func (l living) cycle(now, length, index int64) (n, start int64) {
	const golden = 0x9e3779b97f4a7c15 // 2^64 times the golden ratio less 1
	phase := float64(l.phase+uint64(index)*golden) / (1 << 64)
	ahead := int64(phase * float64(length)) // the first cycle began that long before the epoch
	n = (now + ahead) / length
	return n, n*length - ahead
}

// rand returns random numbers that depend only on the seed and the arguments, so
// that the company needs no history.
func (l living) rand(seat, cycle int64) *rand.Rand {
	return rand.New(rand.NewPCG(l.seed, uint64(seat)<<32|uint64(cycle)))
}

// between returns a random number from lo up to but not including hi.
func between(r *rand.Rand, lo, hi int64) int64 { return lo + r.Int64N(hi-lo) }

// moment returns the time that is sec seconds after the epoch.
func moment(sec int64) time.Time { return time.Unix(sec, 0).UTC() }
