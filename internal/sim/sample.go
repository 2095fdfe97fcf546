package sim

import "time"

// SampleTime returns the reference time of the documentation samples: the one
// at which an invitation of Sample has 4.25 and the other 17.5 days left.
func SampleTime() time.Time { return time.UnixMilli(1794700800000).UTC() }

// Sample returns the organization of the documentation samples. It is the same
// at all times.
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
			{Account: member4, Group: 612, State: Leaving, Since: at(1772420400000), Asked: at(1794459600000)},
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
		Tenancy: sampleTenancy(),
	}
}
