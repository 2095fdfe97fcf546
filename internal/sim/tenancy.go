package sim

import (
	"fmt"
	"time"
)

// A Tenancy is what a Company has on the Samsung Cloud Platform, in that
// cloud's words.
type Tenancy struct {
	ID       string // empty: no organization
	Name     string
	Master   string // the management account
	Root     string // the unit at the top
	Accounts []Tenant
	Sent     []Offer
	Received []Offer
	Record
}

// A Record is when something was made and changed, and by whom. The zero
// Modified is Created.
type Record struct {
	Created, Modified time.Time
	By, ModifiedBy    string
}

// A Person is what of an account is personal: empty texts are null, and all of
// it can be left out.
type Person struct {
	Email, Login, Name string
	Unsaid             bool
}

// A Tenant is an account of a Tenancy.
type Tenant struct {
	ID       string
	Type     string
	State    string
	Method   string // how it joined
	Joined   time.Time
	Unit     string
	UnitName string // empty is null
	Person
	Record
}

// An Offer is an invitation that was sent or received.
type Offer struct {
	ID                 string
	Organization       string // that invites
	Target             string // account that is invited
	State              string
	Person                    // of the invited account, or of the inviting master
	OrganizationName   string // if it was received
	OrganizationMaster string // account that owns it, the same
	Expires            time.Time
	Record
}

// tenancy returns what the company has on the Samsung Cloud Platform at a time
// of the world: the same people in the same groups, unless it says otherwise.
func (c Company) tenancy(world time.Time) Tenancy {
	if c.Tenancy != nil {
		return *c.Tenancy
	}
	t := Tenancy{Received: offers(c, world)}
	if c.ID == 0 {
		return t
	}
	t.ID, t.Name, t.Master, t.Root = fmt.Sprint("o-", c.ID), c.Name, tenantID(c.Master), unitID(c, c.root())
	t.Record = Record{Created: c.Founded, By: userID(c.Master)}
	groups := make(map[int64]string)
	for _, g := range c.Groups {
		if g.Parent != 0 {
			groups[g.ID] = g.Name
		}
	}
	for _, m := range c.Members {
		if m.State == Invited {
			continue // belongs to no organization here before it has accepted
		}
		account := Tenant{
			ID: tenantID(m.ID), Type: "MEMBER", State: tenantState(c, m, world), Method: "INVITED", Joined: m.Since,
			Unit: unitID(c, m.Group), UnitName: groups[m.Group],
			Person: person(m.Account), Record: Record{Created: m.Since, By: userID(m.ID)},
		}
		if m.ID == c.Master {
			account.Type, account.Method = "MANAGEMENT", "CREATED"
		}
		t.Accounts = append(t.Accounts, account)
	}
	for _, i := range c.Invitations {
		t.Sent = append(t.Sent, Offer{
			ID: fmt.Sprintf("%016x%016x", i.ID, i.Sent.Unix()), Organization: t.ID, Target: tenantID(i.ID),
			State: offerState(i.Outcome), Person: person(i.Account),
			Record: Record{Created: i.Sent, Modified: i.Ended, By: userID(c.Master)},
		})
	}
	return t
}

// tenantState returns an account's state. One account in eleven is suspended
// at any time, for five days each.
func tenantState(c Company, m Member, world time.Time) string {
	const spell = 5 * day
	switch {
	case m.State == Leaving:
		return "PENDING_CLOSURE"
	case m.ID != c.Master && (m.ID+world.Unix()/spell)%11 == 0:
		return "SUSPENDED"
	}
	return "ACTIVE"
}

func offerState(o Outcome) string {
	switch o {
	case Accepted:
		return "INVITED"
	case Rejected:
		return "REFUSED"
	case Lapsed:
		return "EXPIRED"
	case Canceled:
		return "CANCELED"
	}
	return "INVITING"
}

// offers returns what others have offered the company: every sixteen days one,
// which is open for a fortnight, and refused in the end or left to lapse.
func offers(c Company, world time.Time) []Offer {
	const cycle, open = 16 * day, 14 * day
	now := max(world.Unix(), 3*cycle)
	last, start := turn(now, cycle, 0)
	var all []Offer
	for n := last - 2; n <= last; n++ {
		sent := start - (last-n)*cycle
		o := Offer{
			ID: fmt.Sprintf("%032x", n), Organization: fmt.Sprint("o-partner", n%3), Target: tenantID(c.Master), State: "INVITING",
			OrganizationName: fmt.Sprint("Partner ", n%3), OrganizationMaster: tenantID(100 + n%3), Expires: moment(sent + open),
			Record: Record{Created: moment(sent), By: userID(100 + n%3)},
		}
		switch {
		case now < sent+open:
		case n%2 == 0:
			o.State = "REFUSED"
		default:
			o.State = "EXPIRED"
		}
		all = append(all, o)
	}
	return all
}

func tenantID(account int64) string { return fmt.Sprint("acc-", account) }
func userID(account int64) string   { return fmt.Sprint("usr-", account) }

func unitID(c Company, group int64) string {
	if group == c.root() {
		return fmt.Sprint("r-", group)
	}
	return fmt.Sprint("ou-", group)
}

func person(a Account) Person { return Person{Email: a.Email, Login: a.Login, Name: a.Name} }
