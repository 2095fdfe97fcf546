package sim

import (
	"slices"
	"strconv"
	"strings"
	"time"
)

// ncpResponses makes NCP's responses from a company.
type ncpResponses struct {
	Company
	old, drift bool
	clock      Clock
	now        time.Time // real time
}

// respond implements api.
func (s *NCP) respond(c *call) response {
	if strings.HasPrefix(c.operation, ncpV2) {
		return s.respondV2(c)
	}
	b := ncpResponses{s.company(c.now), s.cfg.Old, s.cfg.Drift, s.cfg.Clock, c.now}
	var body any
	switch c.operation {
	case ncpOrganization:
		body = b.organization()
	case ncpTree:
		body = b.tree()
	case ncpInvitations:
		body = b.invitations()
	case ncpWithdrawals:
		body = b.withdrawals()
	case ncpPolicies:
		body = b.policies()
	case ncpGroup + "{no}":
		group, err := strconv.ParseInt(strings.TrimPrefix(c.instance, ncpGroup), 10, 64)
		if err != nil || !slices.ContainsFunc(b.Groups, func(g Group) bool { return g.ID == group }) {
			return NCPNotFound().response(nil)
		}
		body = b.accounts(group)
	}
	e := encoder{drift: s.cfg.Drift}
	r := ok(e.encode(body))
	if s.cfg.Drift { // seen at a gateway of the same family
		r.header.Set("Content-Type", "text/plain;charset=UTF-8")
	}
	return r
}

// organization returns the object of doc organization-get-org.
func (b *ncpResponses) organization() object {
	if b.ID == 0 {
		return nil
	}
	master, description := b.account(b.Master), b.Description
	if b.old { // the old documentation's organization has no description
		description = ""
	}
	return fields(
		"organizationNo", b.ID, "organizationName", b.Name, "organizationDesc", optional(description),
		"masterMemberNo", b.Master, "masterMemberName", optional(master.Name), "masterMemberEmailAddress", optional(master.Email),
		"masterMemberYn", "Y", "memberNo", b.Master, "joinYmdt", b.millis(b.Founded), "memberStatusCode", "JOIN",
		"regYmdt", nil, // as in the examples of both generations
	)
}

// accounts returns a group's list of doc organization-get-account-group.
//
// The documentation does not say which accounts are in it. As in the samples, it
// is the accounts of the group itself and, with their own group's number, the
// accounts of its direct sub-groups that have joined. The root group's list has
// only its own accounts.
func (b *ncpResponses) accounts(group int64) (rows []object) {
	children := make(map[int64]bool)
	for _, g := range b.Groups {
		children[g.ID] = g.Parent == group && group != b.root()
	}
	for _, m := range b.Members {
		if m.Group != group && (!children[m.Group] || m.State == Invited) {
			continue
		}
		alias := m.Alias
		switch {
		case m.ID == b.Master:
			alias = "Master"
		case alias == "":
			alias = "-"
		}
		code, name := b.status(m)
		rows = append(rows, fields(
			"memberNo", m.ID, "organizationNo", b.ID, "organizationGroupNo", m.Group, "masterMemberNo", b.Master,
			"masterMemberYn", yesNo(false), // also on the master's row
			"loginId", optional(m.Login), "memberName", optional(m.Name), "memberAlias", b.sinceNew(optional(alias)),
			"memberStatusCode", code, "memberStatusName", optional(name),
		))
	}
	return rows
}

// invitations returns the list of doc organization-get-account-invite: those the
// master has sent. expireDay is the total in the old documentation; in the new
// one it is assumed to be the days left.
func (b *ncpResponses) invitations() (rows []object) {
	const lifetime = 30 * 24 * time.Hour
	master, world := b.account(b.Master), b.clock.World(b.now)
	organizationNo := "organizationNo"
	if b.old && b.drift { // as in the old field table
		organizationNo = "organizationGroupNo"
	}
	for _, i := range b.Invitations {
		if i.Outcome != Pending {
			continue
		}
		days := int64(30)
		if !b.old {
			days = max(0, int64(i.Sent.Add(lifetime).Sub(world)/(24*time.Hour)))
		}
		rows = append(rows, fields(
			organizationNo, b.ID, "memberNo", i.ID, "memberName", optional(i.Name), "memberEmailAddress", optional(i.Email),
			"masterMemberNo", b.Master, "masterMemberName", optional(master.Name), "masterMemberEmailAddress", optional(master.Email),
			"expireDay", days, "regYmdt", b.millis(i.Sent),
		))
	}
	return rows
}

// withdrawals returns the list of doc organization-get-account-leave.
func (b *ncpResponses) withdrawals() (rows []object) {
	for _, m := range b.Members {
		if m.State != Leaving {
			continue
		}
		code, _ := b.status(m)
		rows = append(rows, fields(
			"memberNo", m.ID, "organizationNo", b.ID, "masterMemberNo", b.Master, "loginId", optional(m.Login),
			"memberName", optional(m.Name), "memberStatusCode", code, "modYmdt", b.millis(m.LeaveRequested),
		))
	}
	return rows
}

// policies returns the list of doc organization-get-policy-list.
func (b *ncpResponses) policies() (rows []object) {
	groups := make(map[int64][]string)
	for _, g := range b.Groups {
		groups[g.Policy] = append(groups[g.Policy], g.Name)
	}
	for i, p := range b.Policies {
		description, applied := "policyDescription", fields(
			"applyGroupNameList", groups[p.ID], "registrationYmdt", b.millis(p.Created), "modifyYmdt", b.millis(p.Modified))
		if b.old {
			var modified any = b.millis(p.Modified)
			if i%2 == 0 { // the table says string, the example has a number
				modified = b.millisText(p.Modified)
			}
			description, applied = "policyDesc", fields("groupList", groups[p.ID], "modYmdt", modified)
		}
		rows = append(rows, append(fields(
			"policyNo", p.ID, "policyName", p.Name, description, optional(p.Description),
			"defaultPolicyYn", yesNo(p.Default), "applyCount", int64(len(groups[p.ID])),
		), applied...))
	}
	return rows
}

// A treeGroup is a group with what its rows repeat of other objects.
type treeGroup struct {
	Group
	path       string // wholePath
	policyName string
}

// tree returns the array of doc organization-get-group-tree: the root row, which
// is the master's, then a row per group and a row per account.
func (b *ncpResponses) tree() (rows []object) {
	policies := make(map[int64]string)
	for _, p := range b.Policies {
		policies[p.ID] = p.Name
	}
	groups := make(map[int64]treeGroup)
	for i, g := range b.Groups { // parents come first
		path := strconv.FormatInt(g.ID, 10)
		if parent, ok := groups[g.Parent]; ok {
			path = parent.path + "/" + path
		}
		groups[g.ID] = treeGroup{g, path, policies[g.Policy]}
		if i == 0 {
			rows = append(rows, b.rootRow(groups[g.ID]))
		} else {
			rows = append(rows, b.groupRow(groups[g.ID]))
		}
	}
	aliases := 0
	for _, m := range b.Members {
		if m.ID == b.Master {
			continue
		}
		var alias any = optional(m.Alias)
		if m.Alias == "" {
			alias = [...]any{"-", "", nil, absent{}}[aliases%4] // they all mean none
			aliases++
		}
		rows = append(rows, b.accountRow(m, groups[m.Group], alias))
	}
	return rows
}

// rootRow returns the master's row, which also names the root group.
func (b *ncpResponses) rootRow(root treeGroup) object {
	master := b.account(b.Master)
	return slices.Concat(fields(
		"displayName", b.displayName(master), "organizationGroupNo", root.ID, "organizationGroupName", root.Name,
		"upperOrganizationGroupNo", inapplicable{}, "memberNo", master.ID, "memberName", optional(master.Name),
		"memberAlias", b.sinceNew(optional("Master")), "loginId", optional(master.Login),
		"memberStatusCode", "JOIN", "memberStatusName", optional("Master"), "wholePath", root.path,
	), b.policy(root), fields(
		"groupYn", yesNo(false), "masterMemberYn", "Y", "modYmdt", b.millis(root.Created),
	))
}

// groupRow returns the row of a group below the root.
func (b *ncpResponses) groupRow(g treeGroup) object {
	return slices.Concat(fields(
		"displayName", optional(g.Name), "organizationGroupNo", g.ID, "organizationGroupName", g.Name,
		"upperOrganizationGroupNo", g.Parent, "memberNo", inapplicable{}, "memberStatusCode", inapplicable{},
		"wholePath", g.path,
	), b.policy(g), fields(
		"groupYn", "Y", "masterMemberYn", yesNo(false), "modYmdt", b.millis(g.Created),
	))
}

// accountRow returns an account's row.
func (b *ncpResponses) accountRow(m Member, g treeGroup, alias any) object {
	code, name := b.status(m)
	// The new table says that modYmdt is a string; its example has a number on
	// other rows.
	var upper, joined any = inapplicable{}, b.millisText(m.Since)
	if b.old {
		joined = b.millis(m.Since)
		if g.Parent != 0 {
			upper = g.Parent
		}
	}
	row := fields(
		"displayName", b.displayName(m.Account), "organizationGroupNo", g.ID, "organizationGroupName", g.Name,
		"upperOrganizationGroupNo", upper, "memberNo", m.ID, "memberName", optional(m.Name),
		"memberAlias", b.sinceNew(alias), "loginId", optional(m.Login), "memberStatusCode", code,
		"memberStatusName", optional(name), "wholePath", g.path, "policyNo", inapplicable{},
		"groupYn", yesNo(false), "masterMemberYn", yesNo(false), "modYmdt", joined,
	)
	if !b.old && m.State == Leaving {
		// The purpose of orgNoForLev is not documented.
		row = append(row, fields("orgNoForLev", g.ID, "leaveReqYmdt", b.millisText(m.LeaveRequested))...)
	}
	return row
}

// policy returns a group's policy. The old shape omits it where there is none.
func (b *ncpResponses) policy(g treeGroup) object {
	switch {
	case g.Policy != 0:
		return fields("policyNo", g.Policy, "policyName", g.policyName)
	case b.old:
		return nil
	}
	return fields("policyNo", nil, "policyName", nil)
}

// displayName returns the alias of an account or, without one and in the old
// shape, its name.
func (b *ncpResponses) displayName(a Account) optional {
	if a.Alias != "" && !b.old {
		return optional(a.Alias)
	}
	return optional(a.Name)
}

// sinceNew returns the value of a field that the old shape does not have.
func (b *ncpResponses) sinceNew(v any) any {
	if b.old {
		return absent{}
	}
	return v
}

// status returns the code and the localized name of a member's status.
func (b *ncpResponses) status(m Member) (code, name string) {
	switch {
	case m.ID == b.Master:
		return "JOIN", "Master"
	case b.old && m.State == Invited:
		return "INVT", "Inviting"
	case b.old && m.State == Leaving:
		return "LEV", "Leaving"
	case b.old:
		return "JOIN", "Sign-up complete"
	case m.State == Invited:
		return "INVT", "초대 중"
	case m.State == Leaving:
		return "LVREQ", "탈퇴 신청"
	}
	return "JOIN", "가입 완료"
}

// millis returns a time of the company in epoch milliseconds.
func (b *ncpResponses) millis(t time.Time) int64 { return b.clock.Real(t, b.now).UnixMilli() }

func (b *ncpResponses) millisText(t time.Time) string { return strconv.FormatInt(b.millis(t), 10) }
