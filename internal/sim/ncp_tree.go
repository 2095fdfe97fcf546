package sim

import "strconv"

// A branch is a group with what its rows repeat of others.
type branch struct {
	Group
	path   string // wholePath
	policy string // its policy's name
}

// tree writes the array of doc organization-get-group-tree: the root row, which
// is the master's, then a row per group and a row per account.
func (b *ncpBody) tree() {
	policies := make(map[int64]string)
	for _, p := range b.Policies {
		policies[p.ID] = p.Name
	}
	branches := make(map[int64]branch)
	for _, g := range b.Groups { // parents come first
		path := strconv.FormatInt(g.ID, 10)
		if up, ok := branches[g.Parent]; ok {
			path = up.path + "/" + path
		}
		branches[g.ID] = branch{g, path, policies[g.Policy]}
	}
	var accounts []Member
	for _, m := range b.Members {
		if m.ID != b.Master {
			accounts = append(accounts, m)
		}
	}
	groups, bare := len(b.Groups), 0
	b.list(groups+len(accounts), func(i int) {
		switch {
		case i == 0:
			b.rootRow(branches[b.root()])
		case i < groups:
			b.groupRow(branches[b.Groups[i].ID])
		default:
			m := accounts[i-groups]
			b.accountRow(m, branches[m.Group], bare)
			if m.Alias == "" {
				bare++
			}
		}
	})
}

// rootRow writes the master's row, which names the root group as well.
func (b *ncpBody) rootRow(root branch) {
	master := b.account(b.Master)
	b.mention("displayName", b.display(master))
	b.number("organizationGroupNo", root.ID)
	b.text("organizationGroupName", root.Name)
	b.nothing("upperOrganizationGroupNo")
	b.number("memberNo", master.ID)
	b.mention("memberName", master.Name)
	if !b.old {
		b.mention("memberAlias", "Master")
	}
	b.mention("loginId", master.Login)
	b.text("memberStatusCode", "JOIN")
	b.mention("memberStatusName", "Master")
	b.text("wholePath", root.path)
	b.policy(root)
	b.yes("groupYn", false)
	b.yes("masterMemberYn", true)
	b.moment("modYmdt", root.Created)
}

// groupRow writes the row of a group below the root.
func (b *ncpBody) groupRow(g branch) {
	b.mention("displayName", g.Name)
	b.number("organizationGroupNo", g.ID)
	b.text("organizationGroupName", g.Name)
	b.number("upperOrganizationGroupNo", g.Parent)
	b.nothing("memberNo")
	b.nothing("memberStatusCode")
	b.text("wholePath", g.path)
	b.policy(g)
	b.yes("groupYn", true)
	b.yes("masterMemberYn", false)
	b.moment("modYmdt", g.Created)
}

// accountRow writes an account's row; bare is how many before it had no alias,
// which has four ways to say so.
func (b *ncpBody) accountRow(m Member, g branch, bare int) {
	code, name := b.status(m)
	b.mention("displayName", b.display(m.Account))
	b.number("organizationGroupNo", g.ID)
	b.text("organizationGroupName", g.Name)
	if b.old && g.Parent != 0 {
		b.number("upperOrganizationGroupNo", g.Parent)
	} else {
		b.nothing("upperOrganizationGroupNo")
	}
	b.number("memberNo", m.ID)
	b.mention("memberName", m.Name)
	switch {
	case b.old:
	case m.Alias != "":
		b.mention("memberAlias", m.Alias)
	case bare%4 == 0:
		b.text("memberAlias", "-")
	case bare%4 == 1:
		b.text("memberAlias", "")
	case bare%4 == 2:
		b.null("memberAlias")
	}
	b.mention("loginId", m.Login)
	b.text("memberStatusCode", code)
	b.mention("memberStatusName", name)
	b.text("wholePath", g.path)
	b.nothing("policyNo")
	b.yes("groupYn", false)
	b.yes("masterMemberYn", false)
	if b.old {
		b.moment("modYmdt", m.Since)
		return
	}
	b.momentText("modYmdt", m.Since) // a string by the new table, a number on other rows of its example
	if m.State == Leaving {
		b.number("orgNoForLev", g.ID) // purpose undocumented
		b.momentText("leaveReqYmdt", m.Asked)
	}
}

// policy writes a group's policy, or that it has none.
func (b *ncpBody) policy(g branch) {
	switch {
	case g.Policy != 0:
		b.number("policyNo", g.Policy)
		b.text("policyName", g.policy)
	case !b.old:
		b.null("policyNo")
		b.null("policyName")
	}
}

// display returns the name under which an account is shown; the old
// documentation knows no aliases.
func (b *ncpBody) display(a Account) string {
	if a.Alias != "" && !b.old {
		return a.Alias
	}
	return a.Name
}
