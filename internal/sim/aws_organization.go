package sim

import (
	"fmt"
	"slices"
	"time"
)

// parentKey is a field of a row that is not sent: the ID of what the row is
// below.
const parentKey = "·parent"

const (
	handshakeLifetime = 15 * day // of an invitation; guide orgs_reference_limits
	handshakeListed   = 30 * day // after its end
)

// An awsOrganization is an organization in the terms of AWS. Without one there
// can still be received handshakes.
type awsOrganization struct {
	id       string
	master   string // the management account
	email    string // of it
	features string
	root     object

	units, accounts, sent, received, creations, administrators, policies, services []object

	delegated map[string][]object // by account
	targets   map[string][]object // by policy
}

// organization returns the organization at a real time.
func (s *AWS) organization(now time.Time) awsOrganization {
	if s.cfg.Company == nil {
		return awsSample()
	}
	world := s.cfg.Clock.World(now)
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.latest.world.Equal(world) || s.latest.id == "" {
		s.latest.world, s.latest.awsOrganization = world, awsCompany(s.cfg.Company(world), world)
	}
	return s.latest.awsOrganization
}

func (o awsOrganization) self() object {
	account := "arn:aws:organizations::" + o.master
	return fields(
		"Arn", account+":organization/"+o.id, "AvailablePolicyTypes", []object{}, "FeatureSet", o.features, "Id", o.id,
		"MasterAccountArn", account+":account/"+o.id+"/"+o.master, "MasterAccountEmail", o.email, "MasterAccountId", o.master,
	)
}

// hasParent reports whether there is a root or unit of that ID.
func (o awsOrganization) hasParent(id string) bool {
	return id == o.root.text("Id") || slices.ContainsFunc(o.units, func(u object) bool { return u.text("Id") == id })
}

func awsRoot(id string, types ...string) object {
	var rows []object
	for _, t := range types {
		rows = append(rows, fields("Status", "ENABLED", "Type", t))
	}
	return fields("Arn", optional("arn:aws:organizations::111111111111:root/"+id), "Id", id, "Name", "Root", "PolicyTypes", rows)
}

func awsUnit(parent, id, name string) object {
	return fields("Id", id, "Name", name, "Arn", optional("arn:aws:organizations::111111111111:ou/"+id), parentKey, parent)
}

// awsAccount returns a row of ListAccounts. path is that of the unit it is in.
func awsAccount(a Account, id, state, method string, joined time.Time, path, parent string) object {
	status := map[string]string{"PENDING_ACTIVATION": "ACTIVE", "CLOSED": "SUSPENDED"}[state]
	if status == "" {
		status = state
	}
	var when any = joined
	if joined.IsZero() {
		when = inapplicable{}
	}
	return fields(
		"Arn", optional("arn:aws:organizations::111111111111:account/"+id), "Email", a.Email, "Id", id, "JoinedMethod", method, "JoinedTimestamp", when,
		"Name", a.Name, "Paths", []string{path + id + "/"}, "State", state, "Status", status, parentKey, parent,
	)
}

func awsParty(kind, id string) object { return fields("Id", id, "Type", kind) }

func awsHandshake(id, action, state string, requested, expires time.Time, parties ...object) object {
	return fields(
		"Action", action, "ExpirationTimestamp", expires, "Id", id, "Parties", parties, "RequestedTimestamp", requested,
		"Resources", []object{fields("Type", "ORGANIZATION", "Value", "o-x", "Resources", []object{fields("Type", "MASTER_EMAIL", "Value", "m@example.test")})},
		"State", state,
	)
}

func awsPolicy(id, name, kind string, managed bool) object {
	return fields("AwsManaged", managed, "Id", id, "Name", name, "Type", kind, "Description", optional("made-up"))
}

func awsTargetRow(kind, id, name string) object {
	return fields("Name", optional(name), "TargetId", id, "Type", kind)
}

// awsCompany returns a company in the terms of AWS.
func awsCompany(c Company, world time.Time) awsOrganization {
	account := func(id int64) string { return fmt.Sprintf("%012d", id) }
	o := awsOrganization{
		master: account(c.Master), features: "ALL", delegated: map[string][]object{}, targets: map[string][]object{},
	}
	o.received = awsReceivedBy(o.master, world)
	if c.ID == 0 {
		return o
	}
	o.id, o.email = fmt.Sprintf("o-%010d", c.ID), c.account(c.Master).Email
	rootID := fmt.Sprintf("r-%04d", c.root())
	unit, path := map[int64]string{c.root(): rootID}, map[int64]string{c.root(): o.id + "/" + rootID + "/"}
	o.root = awsRoot(rootID, "SERVICE_CONTROL_POLICY", "RESOURCE_CONTROL_POLICY", "TAG_POLICY")
	for _, g := range c.Groups {
		if g.Parent == 0 {
			continue
		}
		unit[g.ID] = fmt.Sprintf("ou-%s-%08d", rootID[2:], g.ID)
		path[g.ID] = path[g.Parent] + unit[g.ID] + "/"
		o.units = append(o.units, awsUnit(unit[g.Parent], unit[g.ID], g.Name))
	}
	for _, m := range c.Members {
		if m.State == Invited {
			continue // not an account of the organization before it has accepted
		}
		method := "INVITED"
		if m.ID%2 == 0 {
			method = "CREATED"
		}
		o.accounts = append(o.accounts, awsAccount(m.Account, account(m.ID), awsState(c, m, world), method, m.Since, path[m.Group], unit[m.Group]))
	}
	for _, i := range c.Invitations {
		o.addInvitation(i, account(i.ID), world)
	}
	o.addPolicies(c, unit, account)
	o.addDelegations(c, account, world)
	o.creations = awsCreations(world)
	return o
}

// awsState returns the state of a member. One in nineteen is closed at any time,
// for twenty days each.
func awsState(c Company, m Member, world time.Time) string {
	switch {
	case m.ID != c.Master && (m.ID+world.Unix()/(20*day))%19 == 0:
		return "CLOSED"
	case m.ID%2 == 0 && world.Sub(m.Since) < 12*time.Hour:
		return "PENDING_ACTIVATION"
	}
	return accountState(c, m, world)
}

// addInvitation adds the handshake of an invitation while it is listed. One in
// three is sent to an address, and has no account before it is accepted.
func (o *awsOrganization) addInvitation(i Invitation, account string, world time.Time) {
	states := [...]string{Pending: "OPEN", Accepted: "ACCEPTED", Rejected: "DECLINED", Expired: "EXPIRED", Canceled: "CANCELED"}
	expires := moment(i.Sent.Unix() + handshakeLifetime)
	ended, state := i.Ended, states[i.Outcome]
	if i.Outcome == Pending || ended.After(expires) {
		ended, state = expires, "EXPIRED"
		if world.Before(expires) {
			state = states[Pending]
		}
	}
	if world.Unix() >= ended.Unix()+handshakeListed {
		return
	}
	parties := []object{awsParty("ORGANIZATION", o.id)}
	if i.ID%3 == 0 {
		parties = append(parties, awsParty("EMAIL", i.Email))
	}
	if i.ID%3 != 0 || state == "ACCEPTED" {
		parties = append(parties, awsParty("ACCOUNT", account))
	}
	o.sent = append(o.sent, awsHandshake(fmt.Sprintf("h-%08d%08x", i.ID, i.Sent.Unix()), "INVITE", state, i.Sent, expires, parties...))
}

// addPolicies adds AWS's own policies, those of the company, which are attached
// to units, and one that is attached to accounts.
func (o *awsOrganization) addPolicies(c Company, unit map[int64]string, account func(int64) string) {
	add := func(id, name, kind string, managed bool, targets []object) {
		o.policies = append(o.policies, awsPolicy(id, name, kind, managed))
		o.targets[id] = targets
	}
	var everything, some []object
	for _, m := range c.Members {
		if m.State == Invited {
			continue
		}
		row := awsTargetRow("ACCOUNT", account(m.ID), m.Name)
		everything = append(everything, row)
		if m.ID%5 == 0 {
			some = append(some, row)
		}
	}
	target := func(g Group) object {
		if g.Parent == 0 {
			return awsTargetRow("ROOT", unit[g.ID], g.Name)
		}
		return awsTargetRow("ORGANIZATIONAL_UNIT", unit[g.ID], g.Name)
	}
	for _, g := range c.Groups {
		everything = append(everything, target(g))
	}
	add("p-FullAWSAccess", "FullAWSAccess", "SERVICE_CONTROL_POLICY", true, everything)
	add("p-RCPFullAWSAccess", "RCPFullAWSAccess", "RESOURCE_CONTROL_POLICY", true, everything)
	for _, p := range c.Policies {
		var targets []object
		for _, g := range c.Groups {
			if g.Policy == p.ID {
				targets = append(targets, target(g))
			}
		}
		add(fmt.Sprintf("p-%08d", p.ID), p.Name, "SERVICE_CONTROL_POLICY", false, targets)
	}
	add("p-costcenter", "Cost center", "TAG_POLICY", false, some)
}

// addDelegations makes up to three accounts administrators, a day after they
// have joined, and gives services access.
func (o *awsOrganization) addDelegations(c Company, account func(int64) string, world time.Time) {
	for _, m := range c.Members {
		enabled := m.Since.Add(24 * time.Hour)
		if m.State == Invited || m.ID == c.Master || m.ID%4 != 1 || enabled.After(world) || len(o.administrators) == 3 {
			continue
		}
		id := account(m.ID)
		o.administrators = append(o.administrators, fields(
			"DelegationEnabledDate", enabled, "Email", m.Email, "Id", id, "JoinedMethod", "CREATED", "Name", m.Name, "State", "ACTIVE"))
		services := []object{fields("DelegationEnabledDate", enabled, "ServicePrincipal", "guardduty.amazonaws.com")}
		if len(o.administrators)%2 == 0 {
			services = append(services, fields("DelegationEnabledDate", enabled, "ServicePrincipal", "securityhub.amazonaws.com"))
		}
		o.delegated[id] = services
	}
	for _, service := range []string{"guardduty", "securityhub", "ram"} {
		o.services = append(o.services, fields("DateEnabled", c.Founded, "ServicePrincipal", service+".amazonaws.com"))
	}
}

// awsCreations returns the requests of the last 120 days to create an account:
// every six days one, which runs for half a day. Every third one fails. The
// newest is first.
func awsCreations(world time.Time) (rows []object) {
	const interval, running, listed = 6 * day, day / 2, 120 * day
	reasons := []string{"EMAIL_ALREADY_EXISTS", "ACCOUNT_LIMIT_EXCEEDED", "INTERNAL_FAILURE"}
	now := max(world.Unix(), listed)
	for n := (now - listed) / interval; n <= now/interval; n++ {
		requested := n * interval
		row := fields("AccountName", "Made Up", "Id", fmt.Sprintf("car-%08d", n), "RequestedTimestamp", moment(requested))
		switch {
		case now < requested+running:
			row = append(row, field{"State", "IN_PROGRESS"})
		case n%3 == 0:
			row = append(row, fields("CompletedTimestamp", moment(requested+running), "FailureReason", reasons[n/3%3], "State", "FAILED")...)
		default:
			row = append(row, fields("AccountId", fmt.Sprintf("%012d", n), "CompletedTimestamp", moment(requested+running), "State", "SUCCEEDED")...)
		}
		rows = append(rows, row)
	}
	slices.Reverse(rows)
	return rows
}

// awsReceivedBy returns the invitations of an account by other organizations
// that are listed: every sixteen days one, which is declined after ten or
// expires.
func awsReceivedBy(account string, world time.Time) (rows []object) {
	const interval, declined = 16 * day, 10 * day
	now := max(world.Unix(), 4*interval)
	for n := now/interval - 3; n <= now/interval; n++ {
		sent, ended, state := n*interval, n*interval+handshakeLifetime, "EXPIRED"
		if n%2 == 0 {
			ended, state = sent+declined, "DECLINED"
		}
		switch {
		case now < ended:
			state = "OPEN"
		case now >= ended+handshakeListed:
			continue
		}
		rows = append(rows, awsHandshake(fmt.Sprintf("h-rcvd%08d", n), "INVITE", state, moment(sent), moment(sent+handshakeLifetime),
			awsParty("ORGANIZATION", fmt.Sprintf("o-partner%05d", n%3)), awsParty("ACCOUNT", account)))
	}
	return rows
}

// awsSample returns the organization of the samples.
func awsSample() awsOrganization {
	const id, master, root = "o-acme012345", "111111111111", "r-ac01"
	const research, deep, security, empty = "ou-ac01-resear01", "ou-ac01-deep0001", "ou-ac01-securi01", "ou-ac01-empty001"
	const rootPath = id + "/" + root + "/"
	const scp = "SERVICE_CONTROL_POLICY"
	at := func(seconds float64) time.Time { return time.UnixMilli(int64(seconds * 1e3)).UTC() }
	person := func(letter string) Account { return Account{Name: letter, Email: letter + "@example.test"} }
	member := func(id, state, method string, joined time.Time, path, parent string) object {
		return awsAccount(person("u"+id[:1]), id, state, method, joined, path, parent)
	}
	inviter := awsParty("ORGANIZATION", id)
	guardduty := "guardduty.amazonaws.com"
	return awsOrganization{
		id: id, master: master, email: "m@example.test", features: "ALL", root: awsRoot(root, scp),
		units: []object{
			awsUnit(root, research, "Research 연구"), awsUnit(root, security, "Security"), awsUnit(root, empty, "Empty"), awsUnit(research, deep, "Deep"),
		},
		accounts: []object{
			awsAccount(person("M"), master, "ACTIVE", "INVITED", at(1767573000.123), rootPath, root),
			member("022222222222", "ACTIVE", "INVITED", at(1777770000), rootPath+research+"/", research),
			member("333333333333", "ACTIVE", "CREATED", at(1769990400.5), rootPath+research+"/"+deep+"/", deep),
			member("444444444444", "SUSPENDED", "CREATED", at(1770076800), rootPath+research+"/", research),
			member("555555555555", "PENDING_CLOSURE", "CREATED", time.Time{}, rootPath+security+"/", security),
			member("666666666666", "CLOSED", "CREATED", time.Time{}, rootPath+security+"/", security),
			member("777777777777", "PENDING_ACTIVATION", "CREATED", time.Time{}, rootPath, root),
		},
		sent: []object{
			awsHandshake("h-acct00001", "INVITE", "OPEN", at(1793966400.25), at(1795262400), awsParty("ACCOUNT", "888888888888"), inviter),
			awsHandshake("h-mail00002", "INVITE", "REQUESTED", at(1793512800), at(1794808800), inviter, awsParty("EMAIL", "someone@example.test")),
			awsHandshake("h-done00003", "INVITE", "ACCEPTED", at(1792454400), at(1793750400), inviter, awsParty("ACCOUNT", "022222222222")),
			awsHandshake("h-late00004", "INVITE", "EXPIRED", at(1792915200), at(1794211200), inviter, awsParty("ACCOUNT", "999999999999")),
			awsHandshake("h-feat00005", "ENABLE_ALL_FEATURES", "REQUESTED", at(1788307200), at(1796083200), inviter),
		},
		received: []object{
			awsHandshake("h-rcvd00006", "INVITE", "OPEN", at(1794268800), at(1795564800), awsParty("ORGANIZATION", "o-other09999"), awsParty("ACCOUNT", master)),
		},
		creations: []object{
			fields("AccountName", "Made Up", "CompletedTimestamp", at(1794452700), "FailureReason", "EMAIL_ALREADY_EXISTS", "Id", "car-fail0001",
				"RequestedTimestamp", at(1794452400), "State", "FAILED"),
			fields("AccountName", "Made Up 2", "Id", "car-prog0002", "RequestedTimestamp", at(1794700200.1), "State", "IN_PROGRESS"),
		},
		administrators: []object{
			fields("DelegationEnabledDate", at(1777770000), "Email", "u3@example.test", "Id", "333333333333", "JoinedMethod", "CREATED", "Name", "U3", "State", "ACTIVE"),
		},
		delegated: map[string][]object{"333333333333": {fields("DelegationEnabledDate", at(1777770000), "ServicePrincipal", guardduty)}},
		services: []object{
			fields("DateEnabled", at(1767573000), "ServicePrincipal", guardduty), fields("DateEnabled", at(1767573000), "ServicePrincipal", "ram.amazonaws.com"),
		},
		policies: []object{awsPolicy("p-FullAWSAccess", "FullAWSAccess", scp, true), awsPolicy("p-denyleave1", "DenyLeave", scp, false)},
		targets: map[string][]object{
			"p-FullAWSAccess": {awsTargetRow("ROOT", root, "Root")},
			"p-denyleave1": {
				awsTargetRow("ROOT", root, "Root"), awsTargetRow("ORGANIZATIONAL_UNIT", research, "Research 연구"), awsTargetRow("ACCOUNT", "444444444444", "M4"),
			},
		},
	}
}
