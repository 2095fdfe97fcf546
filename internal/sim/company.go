package sim

import (
	"maps"
	"slices"
	"time"
)

// A Company is an organization at one moment, independent of any cloud. The zero
// Company is an account without an organization.
type Company struct {
	ID          int64
	Name        string
	Description string
	Master      int64 // the account that created the organization
	Founded     time.Time
	Groups      []Group // the root group first, parents before children
	Members     []Member
	Invitations []Invitation // pending ones, and some that have ended
	Policies    []Policy
}

// A Group is a node of the organization's tree.
type Group struct {
	ID      int64
	Name    string
	Parent  int64 // zero for the root group
	Policy  int64 // zero for a group without one
	Created time.Time
}

// A Policy is a set of quotas that applies to groups.
type Policy struct {
	ID          int64
	Name        string
	Description string
	Default     bool
	Created     time.Time
	Modified    time.Time
}

// An Account is a customer of the cloud. Everything but the ID is personal.
type Account struct {
	ID    int64
	Name  string
	Login string
	Email string
	Alias string // often empty
}

// A Member is an account that belongs to the organization or is invited to it.
type Member struct {
	Account
	Group          int64
	State          State
	Since          time.Time // when it joined; while it is Invited, when it was invited
	LeaveRequested time.Time // zero unless it is Leaving
}

// A State is the state of a Member.
type State int

// The states of a Member.
const (
	Joined  State = iota // belongs to the organization
	Invited              // has not accepted its invitation yet
	Leaving              // has requested to leave; the request is pending
)

// An Invitation is an invitation of an account to the organization.
type Invitation struct {
	Account
	Sent    time.Time
	Ended   time.Time // zero while it is Pending and not accepted
	Outcome Outcome
}

// An Outcome is how an Invitation ended.
type Outcome int

// The outcomes of an Invitation.
const (
	Pending  Outcome = iota // has not ended
	Accepted                // the account has joined
	Rejected                // by the account
	Expired                 // unanswered
	Canceled                // by the master
)

// PersonalData returns every name, alias, login and e-mail address in the
// company, sorted. The exporter must never show any of it.
func (c Company) PersonalData() []string {
	seen := make(map[string]bool)
	add := func(a Account) { seen[a.Name], seen[a.Login], seen[a.Email], seen[a.Alias] = true, true, true, true }
	for _, m := range c.Members {
		add(m.Account)
	}
	for _, i := range c.Invitations {
		add(i.Account)
	}
	delete(seen, "")
	return slices.Sorted(maps.Keys(seen))
}

// account returns the member with an ID; of any other account only the ID is
// known.
func (c Company) account(id int64) Account {
	for _, m := range c.Members {
		if m.ID == id {
			return m.Account
		}
	}
	return Account{ID: id}
}

// root returns the ID of the root group, zero if there are no groups.
func (c Company) root() int64 {
	if len(c.Groups) == 0 {
		return 0
	}
	return c.Groups[0].ID
}

// SampleTime returns the reference time of the documentation samples. At that
// time the invitations of Sample have 4.25 and 17.5 days left.
func SampleTime() time.Time { return time.UnixMilli(1794700800000).UTC() }

// Sample returns the organization of the NCP documentation samples. It is the
// same at all times.
func Sample(time.Time) Company {
	at := func(ms int64) time.Time { return time.UnixMilli(ms).UTC() }
	account := func(id int64, name, alias, letter string) Account {
		login := letter + "***@example.test"
		return Account{ID: id, Name: name, Login: login, Email: login, Alias: alias}
	}
	var (
		master  = account(9000001, "Kim Example", "", "k")
		member2 = account(9000002, "member-2", "", "a")
		member3 = account(9000003, "member-3", "", "b")
		member4 = account(9000004, "member-4", "", "c")
		member5 = account(9000005, "member-5", "eu-batch", "d")
		member7 = account(9000007, "member-7", "", "e")
	)
	return Company{
		ID:          4100,
		Name:        "한빛 Industries",
		Description: "Everything we run",
		Master:      master.ID,
		Founded:     at(1767573000000),
		Groups: []Group{
			{ID: 610, Name: "Root", Policy: 81, Created: at(1767573000000)},
			{ID: 611, Name: "Research", Parent: 610, Policy: 81, Created: at(1767661200000)},
			{ID: 612, Name: "Production", Parent: 610, Policy: 82, Created: at(1767661200000)},
			{ID: 613, Name: "Europe", Parent: 612, Created: at(1770688800000)},
		},
		Members: []Member{
			{Account: master, Group: 610, Since: at(1767573000000)},
			{Account: member2, Group: 611, Since: at(1770688800000)},
			{Account: member3, Group: 611, State: Invited, Since: at(1793620800000)},
			{Account: member4, Group: 612, State: Leaving, Since: at(1772420400000), LeaveRequested: at(1794459600000)},
			{Account: member5, Group: 613, Since: at(1772420400000)},
			{Account: member7, Group: 613, State: Invited, Since: at(1792476000000)},
		},
		Invitations: []Invitation{
			{Account: member3, Sent: at(1793620800000)},
			{Account: member7, Sent: at(1792476000000)},
		},
		Policies: []Policy{
			{ID: 81, Name: "Default limits", Default: true, Created: at(1767573000000), Modified: at(1767661200000)},
			{ID: 82, Name: "Production limits", Description: "large", Created: at(1767661200000), Modified: at(1770688800000)},
		},
	}
}
