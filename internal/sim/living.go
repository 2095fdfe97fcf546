package sim

import (
	"strings"
	"time"
)

// Spans of the world's time are in seconds: durations would overflow in a demo
// that has run for long.
const (
	hour     = int64(60 * 60)
	day      = 24 * hour
	lifetime = 30 * day // of an invitation (guide organization-spec)
)

// living is a company that lives; see Living.
type living struct {
	seed    uint64
	groups  int64
	members int64
	names   []string // family names, in Korean and Latin letters by turns
	given   []string // the same of given names
}

// Living returns an organization that lives, as a pure function of the world's
// time. There are seats for as many accounts as members says, the master's
// among them, and for as many groups beside the root; some of them are empty
// at any time.
//
//   - One account in eight never answers: its invitation lapses after 30 days,
//     is renewed once, and lapses again or is rejected late.
//   - Three in eight come and go within 50 days, the others stay for a year.
//     They accept at once or late, or let the first invitation lapse, or turn
//     it down and somebody else is invited. Then they ask to leave: some are
//     let go, some are refused and forced out later.
//   - Every account moves to another group every 15 days.
//   - Every fourth group is a project of 17 days; others change their parent or
//     their policy. The last permanent group has no policy.
//   - There are two policies, and a third for 40 of 60 days.
func Living(seed uint64, groups, members int) func(time.Time) Company {
	return living{
		seed:    seed,
		groups:  int64(groups),
		members: max(int64(members), 1),
		names:   strings.Fields(familyNames),
		given:   strings.Fields(givenNames),
	}.at
}

// at returns the company at t.
func (l living) at(t time.Time) Company {
	now := max(t.Unix(), 0)
	founded := moment(now - now%(4000*day)) // so that it is long ago at all times
	c := Company{
		ID:          5200,
		Name:        "한빛 Clouds",
		Description: "It lives",
		Master:      firstAccount,
		Founded:     founded,
		Policies:    l.policies(now, founded),
	}
	tree := l.tree(now, founded, len(c.Policies) > 2)
	c.Groups = tree.groups
	c.Members = make([]Member, 0, l.members)
	c.Members = append(c.Members, Member{Account: l.account(0, 0), Group: c.root(), Since: founded})
	for seat := int64(1); seat < l.members; seat++ {
		l.sit(&c, seat, now, tree)
	}
	return c
}

const (
	defaultPolicy    = 91
	productionPolicy = 92
	sandboxPolicy    = 93
)

// policies returns the policies there are: always the first two.
func (l living) policies(now int64, founded time.Time) []Policy {
	const cycle, there = 60 * day, 40 * day
	_, start := turn(now, cycle, stagger(l.seed, 1, cycle))
	all := []Policy{
		{ID: defaultPolicy, Name: "Default limits", Default: true, Created: founded, Modified: founded},
		{ID: productionPolicy, Name: "Production limits", Description: "large", Created: founded, Modified: moment(start)},
	}
	if now < start+there {
		all = append(all, Policy{ID: sandboxPolicy, Name: "Sandbox limits", Description: "작은", Created: moment(start), Modified: moment(start)})
	}
	return all
}

// turn returns which repetition of a cycle now is in, and when it began. The
// first one began ahead seconds before the epoch.
func turn(now, cycle, ahead int64) (n, start int64) {
	n = (now + ahead) / cycle
	return n, n*cycle - ahead
}

// moment returns the time that is sec seconds after the epoch.
func moment(sec int64) time.Time { return time.Unix(sec, 0).UTC() }
