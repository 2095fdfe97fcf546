package sim

import "time"

// sampleTenancy returns the tenancy of the documentation samples.
func sampleTenancy() *Tenancy {
	at := func(month time.Month, day, hour, minute, second int) time.Time {
		return time.Date(2026, month, day, hour, minute, second, 0, time.UTC)
	}
	made := func(at time.Time, by string) Record { return Record{Created: at, By: by} }
	changed := func(created time.Time, by string, modified time.Time, modifiedBy string) Record {
		return Record{Created: created, By: by, Modified: modified, ModifiedBy: modifiedBy}
	}
	address := func(letter, name string) Person {
		return Person{Email: letter + "@example.test", Login: letter + "@example.test", Name: name}
	}
	var (
		founded = at(1, 5, 0, 30, 0)
		joined  = at(5, 3, 1, 0, 0)
		unsaid  = Person{Unsaid: true}
	)
	sent := func(id, target, state string, who Person, record Record) Offer {
		return Offer{ID: id, Organization: "o-acme01", Target: target, State: state, Person: who, Record: record}
	}
	return &Tenancy{
		ID: "o-acme01", Name: "Acme 한국", Master: "acc-0001", Root: "r-acme01", Record: made(founded, "usr-01"),
		Accounts: []Tenant{
			{
				ID: "acc-0001", Type: "MANAGEMENT", State: "ACTIVE", Method: "CREATED", Joined: founded, Unit: "r-acme01",
				Person: address("m1", "M1"), Record: made(founded, "usr-01"),
			},
			{
				ID: "acc-0002", Type: "MEMBER", State: "ACTIVE", Method: "INVITED", Joined: joined, Unit: "ou-res", UnitName: "Research",
				Record: made(joined, "usr-02"),
			},
			{
				ID: "acc-0003", Type: "LOG_ARCHIVE", State: "ACTIVE", Method: "CLOUD_CONTROL", Joined: at(2, 1, 0, 0, 0), Unit: "ou-sec", UnitName: "Security",
				Person: unsaid, Record: made(at(2, 1, 0, 0, 0), "system"),
			},
			{
				ID: "acc-0004", Type: "MEMBER", State: "SUSPENDED", Method: "CREATED", Joined: at(2, 2, 0, 0, 0), Unit: "ou-res", UnitName: "Research",
				Record: changed(at(2, 2, 0, 0, 0), "usr-01", at(10, 2, 0, 0, 0), "usr-01"),
			},
			{
				ID: "acc-0005", Type: "MEMBER", State: "PENDING_CLOSURE", Method: "CREATED", Joined: at(2, 3, 0, 0, 0), Unit: "ou-res", UnitName: "Research",
				Record: changed(at(2, 3, 0, 0, 0), "usr-01", at(11, 10, 0, 0, 0), "usr-01"),
			},
		},
		Sent: []Offer{
			sent("inv-03", "acc-0002", "INVITED", address("u2", "U2"), changed(at(5, 2, 8, 0, 0), "usr-01", joined, "usr-02")),
			sent("inv-04", "acc-0013", "REFUSED", Person{}, changed(at(6, 2, 8, 0, 0), "usr-01", at(6, 3, 1, 0, 0), "usr-13")),
			sent("inv-05", "acc-0014", "CANCELED", Person{}, changed(at(7, 2, 8, 0, 0), "usr-01", at(7, 3, 1, 0, 0), "usr-01")),
			sent("inv-06", "acc-0015", "EXPIRED", unsaid, changed(at(8, 2, 8, 0, 0), "usr-01", at(9, 1, 8, 0, 0), "system")),
			sent("inv-02", "acc-0012", "INVITING", address("u12", "U12"), made(at(10, 20, 6, 0, 0), "usr-01")),
			sent("inv-01", "acc-0011", "INVITING", Person{Login: "u11@example.test"}, made(at(11, 1, 2, 3, 4), "usr-01")),
		},
		Received: []Offer{
			{
				ID: "rcv-01", Organization: "o-other9", OrganizationName: "Other Nine", OrganizationMaster: "acc-0901", Target: "acc-0001", State: "INVITING",
				Expires: at(11, 20, 12, 0, 0), Person: address("m", "M"), Record: made(at(11, 6, 12, 0, 0), "usr-91"),
			},
			{
				ID: "rcv-02", Organization: "o-other8", OrganizationName: "Other Eight", OrganizationMaster: "acc-0801", Target: "acc-0001", State: "EXPIRED",
				Expires: at(3, 15, 0, 0, 0), Person: unsaid, Record: changed(at(3, 1, 0, 0, 0), "usr-81", at(3, 15, 0, 0, 0), "system"),
			},
		},
	}
}
