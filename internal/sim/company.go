package sim

import (
	"slices"
	"time"
)

// A Company is an organization at one moment, in no cloud's words. The zero
// Company is an account without an organization.
type Company struct {
	ID          int64
	Name        string
	Description string
	Master      int64 // account that made the organization
	Founded     time.Time
	Groups      []Group // the root group first, parents before children
	Members     []Member
	Invitations []Invitation // the pending ones, and some that have ended
	Policies    []Policy
	Tenancy     *Tenancy // on the Samsung Cloud Platform; nil: the same people in the same groups
}

// A Group is a node of the organization's tree.
type Group struct {
	ID      int64
	Name    string
	Parent  int64 // zero for the root group
	Policy  int64 // zero for a group without one
	Created time.Time
}

// A Policy is a set of limits that applies to groups.
type Policy struct {
	ID          int64
	Name        string
	Description string
	Default     bool
	Created     time.Time
	Modified    time.Time
}

// An Account is a customer of the cloud. All of it but the ID is personal.
type Account struct {
	ID    int64
	Name  string
	Login string
	Email string
	Alias string // often empty
}

// A Member is an account in the organization, on its way in or on its way out.
type Member struct {
	Account
	Group int64
	State State
	Since time.Time // when it was invited or, from then on, when it joined
	Asked time.Time // when it asked to leave; zero unless it is Leaving
}

// A State is where a Member stands.
type State int

// The states of a Member.
const (
	Joined  State = iota // belongs to the organization
	Invited              // has not answered yet
	Leaving              // has asked to leave, and nobody has decided
)

// An Invitation is an offer to an account to join.
type Invitation struct {
	Account
	Sent    time.Time
	Ended   time.Time // zero while it is Pending
	Outcome Outcome
}

// An Outcome is what became of an Invitation.
type Outcome int

// The outcomes of an Invitation.
const (
	Pending  Outcome = iota // waits for an answer
	Accepted                // the account has joined
	Rejected                // the account did not want to
	Lapsed                  // nobody answered in time
	Canceled                // the master took it back
)

// PersonalData lists every name, alias, login and e-mail address in the
// company, sorted: none of it may ever show up in what the exporter prints.
func (c Company) PersonalData() []string {
	var all []string
	add := func(a Account) { all = append(all, a.Name, a.Login, a.Email, a.Alias) }
	for _, m := range c.Members {
		add(m.Account)
	}
	for _, i := range c.Invitations {
		add(i.Account)
	}
	slices.Sort(all)
	all = slices.Compact(all)
	if len(all) > 0 && all[0] == "" {
		all = all[1:]
	}
	return all
}

// account returns the account that has the number, for as long as it is a
// member.
func (c Company) account(id int64) Account {
	for _, m := range c.Members {
		if m.ID == id {
			return m.Account
		}
	}
	return Account{ID: id}
}

// root returns the number of the root group, zero if there are no groups.
func (c Company) root() int64 {
	if len(c.Groups) == 0 {
		return 0
	}
	return c.Groups[0].ID
}
