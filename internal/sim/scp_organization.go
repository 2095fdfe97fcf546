package sim

import (
	"fmt"
	"slices"
	"time"
)

// An scpOrganization is an organization in the terms of SCP: the rows of its
// lists, whose first field is the id. Without an organization there can still be
// received invitations.
type scpOrganization struct {
	id       string
	name     string
	master   string // the management account
	root     string // the top unit
	created  object
	accounts []object
	sent     []object
	received []object
}

// organization returns the organization at a real time.
func (s *SCP) organization(now time.Time) scpOrganization {
	if s.cfg.Company == nil {
		return scpSample()
	}
	world := s.cfg.Clock.World(now)
	return scpCompany(s.cfg.Company(world), world)
}

// self returns the row of the organization itself.
func (o scpOrganization) self(version string) object {
	var delegation any = absent{}
	if version == "1.2" {
		delegation = nil
	}
	return append(fields(
		"id", o.id, "name", o.name, "master_account_id", o.master, "root_unit_id", o.root, "use_scp_yn", true,
		"delegation_account_id", delegation,
	), o.created...)
}

// scpAccount returns a row of ListAccounts.
func scpAccount(organization, id, kind, state, method string, joined time.Time, unit, unitName string, more ...object) object {
	return append(fields(
		"id", id, "organization_id", organization, "type", kind, "state", state, "joined_method", method,
		"joined_time", joined, "parent_unit_id", unit, "parent_unit_name", orNull(unitName),
	), slices.Concat(more...)...)
}

// scpSentInvitation returns a row of ListOrganizationInvitations.
func scpSentInvitation(organization, id, target, state string, more ...object) object {
	return append(fields(
		"id", id, "organization_id", organization, "target_account_id", target, "state", state,
	), slices.Concat(more...)...)
}

// scpReceivedInvitation returns a row of ListAccountInvitations.
func scpReceivedInvitation(id, organization, name, master, target, state string, sent, expires time.Time, more ...object) object {
	return append(fields(
		"id", id, "organization_id", organization, "organization_name", name, "master_account_id", master,
		"target_account_id", target, "state", state, "requested_time", sent, "expired_time", expires,
	), slices.Concat(more...)...)
}

// scpPerson returns the personal fields of a row, whose names differ between
// lists.
func scpPerson(a Account, email, login, name string) object {
	return fields(email, orNull(a.Email), login, orNull(a.Login), name, orNull(a.Name))
}

// scpRecord returns the fields for who created and modified something.
func scpRecord(created time.Time, by string, modified time.Time, modifiedBy string) object {
	return fields("created_at", created, "created_by", by, "modified_at", modified, "modified_by", modifiedBy)
}

// scpUnmodified returns the fields of scpRecord for something that has not been
// modified.
func scpUnmodified(created time.Time, by string) object { return scpRecord(created, by, created, by) }

// scpCompany returns a company in the terms of SCP.
func scpCompany(c Company, world time.Time) scpOrganization {
	var (
		account = func(id int64) string { return fmt.Sprint("acc-", id) }
		user    = func(id int64) string { return fmt.Sprint("usr-", id) }
		names   = make(map[int64]string)
		units   = make(map[int64]string)
	)
	o := scpOrganization{received: scpReceivedBy(account(c.Master), world)}
	if c.ID == 0 {
		return o
	}
	for _, g := range c.Groups {
		if g.Parent == 0 {
			units[g.ID] = fmt.Sprint("r-", g.ID)
			continue
		}
		units[g.ID], names[g.ID] = fmt.Sprint("ou-", g.ID), g.Name
	}
	o.id, o.name, o.master, o.root = fmt.Sprint("o-", c.ID), c.Name, account(c.Master), units[c.root()]
	o.created = scpUnmodified(c.Founded, user(c.Master))
	for _, m := range c.Members {
		kind, method := "MEMBER", "INVITED"
		switch {
		case m.State == Invited:
			continue // not an account of the organization before it has accepted
		case m.ID == c.Master:
			kind, method = "MANAGEMENT", "CREATED"
		}
		o.accounts = append(o.accounts, scpAccount(o.id, account(m.ID), kind, accountState(c, m, world), method, m.Since,
			units[m.Group], names[m.Group], scpPerson(m.Account, "email", "login_id", "name"), scpUnmodified(m.Since, user(m.ID))))
	}
	states := [...]string{Pending: "INVITING", Accepted: "INVITED", Rejected: "REFUSED", Expired: "EXPIRED", Canceled: "CANCELED"}
	for _, i := range c.Invitations {
		modified := i.Ended
		if i.Outcome == Pending {
			modified = i.Sent
		}
		o.sent = append(o.sent, scpSentInvitation(o.id, fmt.Sprintf("%016x%016x", i.ID, i.Sent.Unix()), account(i.ID), states[i.Outcome],
			scpPerson(i.Account, "account_email", "login_id", "account_name"),
			scpRecord(i.Sent, user(c.Master), modified, user(c.Master))))
	}
	return o
}

// accountState returns the state of a member. One account in eleven is suspended
// at any time, for five days each.
func accountState(c Company, m Member, world time.Time) string {
	const suspension = 5 * day
	switch {
	case m.State == Leaving:
		return "PENDING_CLOSURE"
	case m.ID != c.Master && (m.ID+world.Unix()/suspension)%11 == 0:
		return "SUSPENDED"
	}
	return "ACTIVE"
}

// scpReceivedBy returns the latest three invitations of an account by other
// organizations: every sixteen days one, which is pending for fourteen days and
// then refused or expired.
func scpReceivedBy(target string, world time.Time) (rows []object) {
	const interval, pending = 16 * day, 14 * day
	now := max(world.Unix(), 3*interval)
	for n := now/interval - 2; n <= now/interval; n++ {
		sent, state := n*interval, "EXPIRED"
		switch {
		case now < sent+pending:
			state = "INVITING"
		case n%2 == 0:
			state = "REFUSED"
		}
		rows = append(rows, scpReceivedInvitation(fmt.Sprintf("%032x", n), fmt.Sprint("o-partner", n%3), fmt.Sprint("Partner ", n%3),
			fmt.Sprint("acc-", 100+n%3), target, state, moment(sent), moment(sent+pending),
			scpPerson(Account{}, "master_account_email", "master_account_login_id", "master_account_name"),
			scpUnmodified(moment(sent), fmt.Sprint("usr-", 100+n%3))))
	}
	return rows
}

// scpSample returns the organization of the documentation samples.
func scpSample() scpOrganization {
	at := func(month time.Month, day, hour, minute, second int) time.Time {
		return time.Date(2026, month, day, hour, minute, second, 0, time.UTC)
	}
	const id, root, research = "o-acme01", "r-acme01", "ou-res"
	// Some rows have null for their personal fields, others leave them out.
	account := func(email, name string) object {
		return scpPerson(Account{Email: email, Login: email, Name: name}, "email", "login_id", "name")
	}
	invited := func(email, login, name string) object {
		return scpPerson(Account{Email: email, Login: login, Name: name}, "account_email", "login_id", "account_name")
	}
	master := scpPerson(Account{Email: "m@example.test", Login: "m@example.test", Name: "M"},
		"master_account_email", "master_account_login_id", "master_account_name")
	founded, joined := at(1, 5, 0, 30, 0), at(5, 3, 1, 0, 0)
	return scpOrganization{
		id: id, name: "Acme 한국", master: "acc-0001", root: root, created: scpUnmodified(founded, "usr-01"),
		accounts: []object{
			scpAccount(id, "acc-0001", "MANAGEMENT", "ACTIVE", "CREATED", founded, root, "",
				account("m1@example.test", "M1"), scpUnmodified(founded, "usr-01")),
			scpAccount(id, "acc-0002", "MEMBER", "ACTIVE", "INVITED", joined, research, "Research",
				account("", ""), scpUnmodified(joined, "usr-02")),
			scpAccount(id, "acc-0003", "LOG_ARCHIVE", "ACTIVE", "CLOUD_CONTROL", at(2, 1, 0, 0, 0), "ou-sec", "Security",
				scpUnmodified(at(2, 1, 0, 0, 0), "system")),
			scpAccount(id, "acc-0004", "MEMBER", "SUSPENDED", "CREATED", at(2, 2, 0, 0, 0), research, "Research",
				account("", ""), scpRecord(at(2, 2, 0, 0, 0), "usr-01", at(10, 2, 0, 0, 0), "usr-01")),
			scpAccount(id, "acc-0005", "MEMBER", "PENDING_CLOSURE", "CREATED", at(2, 3, 0, 0, 0), research, "Research",
				account("", ""), scpRecord(at(2, 3, 0, 0, 0), "usr-01", at(11, 10, 0, 0, 0), "usr-01")),
		},
		sent: []object{
			scpSentInvitation(id, "inv-03", "acc-0002", "INVITED", invited("u2@example.test", "u2@example.test", "U2"),
				scpRecord(at(5, 2, 8, 0, 0), "usr-01", joined, "usr-02")),
			scpSentInvitation(id, "inv-04", "acc-0013", "REFUSED", invited("", "", ""),
				scpRecord(at(6, 2, 8, 0, 0), "usr-01", at(6, 3, 1, 0, 0), "usr-13")),
			scpSentInvitation(id, "inv-05", "acc-0014", "CANCELED", invited("", "", ""),
				scpRecord(at(7, 2, 8, 0, 0), "usr-01", at(7, 3, 1, 0, 0), "usr-01")),
			scpSentInvitation(id, "inv-06", "acc-0015", "EXPIRED",
				scpRecord(at(8, 2, 8, 0, 0), "usr-01", at(9, 1, 8, 0, 0), "system")),
			scpSentInvitation(id, "inv-02", "acc-0012", "INVITING", invited("u12@example.test", "u12@example.test", "U12"),
				scpUnmodified(at(10, 20, 6, 0, 0), "usr-01")),
			scpSentInvitation(id, "inv-01", "acc-0011", "INVITING", invited("", "u11@example.test", ""),
				scpUnmodified(at(11, 1, 2, 3, 4), "usr-01")),
		},
		received: []object{
			scpReceivedInvitation("rcv-01", "o-other9", "Other Nine", "acc-0901", "acc-0001", "INVITING", at(11, 6, 12, 0, 0), at(11, 20, 12, 0, 0),
				master, scpUnmodified(at(11, 6, 12, 0, 0), "usr-91")),
			scpReceivedInvitation("rcv-02", "o-other8", "Other Eight", "acc-0801", "acc-0001", "EXPIRED", at(3, 1, 0, 0, 0), at(3, 15, 0, 0, 0),
				scpRecord(at(3, 1, 0, 0, 0), "usr-81", at(3, 15, 0, 0, 0), "system")),
		},
	}
}
