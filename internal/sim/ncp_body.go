package sim

import (
	"net/http"
	"strconv"
	"time"
)

// ncpBody writes a company in NCP's shapes.
type ncpBody struct {
	rows
	Company
	old   bool
	clock Clock
	now   time.Time
}

// answer returns the answer to a request that is not refused.
func (s *NCP) answer(template string, group int64, now time.Time) answer {
	b := ncpBody{
		rows:    rows{drift: s.cfg.Drift},
		Company: s.cfg.Company(s.cfg.Clock.World(now)),
		old:     s.cfg.Old,
		clock:   s.cfg.Clock,
		now:     now,
	}
	switch template {
	case "/org":
		b.organization()
	case "/group/tree":
		b.tree()
	case "/account/group/{no}":
		if !b.accounts(group) {
			return NCPNotFound().answer(nil)
		}
	case "/account/invite/invitation":
		b.invitations()
	case "/account/leave":
		b.withdrawals()
	case "/policy/list":
		b.policies()
	}
	header := http.Header{}
	if s.cfg.Drift { // seen at a gateway of the same family
		header.Set("Content-Type", "text/plain;charset=UTF-8")
	}
	return answer{status: http.StatusOK, header: header, body: b.buf}
}

// organization writes the object of doc organization-get-org.
func (b *ncpBody) organization() {
	b.object(func() {
		if b.ID == 0 {
			return
		}
		master := b.account(b.Master)
		b.number("organizationNo", b.ID)
		b.text("organizationName", b.Name)
		if b.old { // the old documentation's organization has none
			b.mention("organizationDesc", "")
		} else {
			b.mention("organizationDesc", b.Description)
		}
		b.number("masterMemberNo", b.Master)
		b.mention("masterMemberName", master.Name)
		b.mention("masterMemberEmailAddress", master.Email)
		b.yes("masterMemberYn", true)
		b.number("memberNo", b.Master)
		b.moment("joinYmdt", b.Founded)
		b.text("memberStatusCode", "JOIN")
		b.null("regYmdt") // as in the examples of both generations
	})
}

// accounts writes a group's list of doc organization-get-account-group, or
// returns false if there is no such group.
//
// Who is in it is not stated. As in the samples, it is the accounts of the group
// itself and, with their own group's number, those of its direct sub-groups that
// are more than invited; only the root group's list is free of the latter.
func (b *ncpBody) accounts(group int64) bool {
	found := false
	in := make(map[int64]bool) // the groups whose accounts are listed; true for the group itself
	for _, g := range b.Groups {
		switch {
		case g.ID == group:
			found, in[g.ID] = true, true
		case g.Parent == group && group != b.root():
			in[g.ID] = false
		}
	}
	if !found {
		return false
	}
	var listed []Member
	for _, m := range b.Members {
		if own, ok := in[m.Group]; own || ok && m.State != Invited {
			listed = append(listed, m)
		}
	}
	b.list(len(listed), func(i int) {
		m := listed[i]
		alias := m.Alias
		switch {
		case m.ID == b.Master:
			alias = "Master"
		case alias == "":
			alias = "-"
		}
		code, name := b.status(m)
		b.number("memberNo", m.ID)
		b.number("organizationNo", b.ID)
		b.number("organizationGroupNo", m.Group)
		b.number("masterMemberNo", b.Master)
		b.yes("masterMemberYn", false) // even on the master's row
		b.mention("loginId", m.Login)
		b.mention("memberName", m.Name)
		if !b.old {
			b.mention("memberAlias", alias)
		}
		b.text("memberStatusCode", code)
		b.mention("memberStatusName", name)
	})
	return true
}

// invitations writes the list of doc organization-get-account-invite: those the
// master has sent. The old documentation shows the total as expireDay, the new
// one is taken to mean what is left.
func (b *ncpBody) invitations() {
	const life = 30 * 24 * time.Hour
	var pending []Invitation
	for _, i := range b.Invitations {
		if i.Outcome == Pending {
			pending = append(pending, i)
		}
	}
	master, world := b.account(b.Master), b.clock.World(b.now)
	b.list(len(pending), func(n int) {
		i := pending[n]
		organization, days := "organizationNo", int64(30)
		if b.old && b.drift { // as in the old field table
			organization = "organizationGroupNo"
		}
		if !b.old {
			days = max(0, int64(i.Sent.Add(life).Sub(world)/(24*time.Hour)))
		}
		b.number(organization, b.ID)
		b.number("memberNo", i.ID)
		b.mention("memberName", i.Name)
		b.mention("memberEmailAddress", i.Email)
		b.number("masterMemberNo", b.Master)
		b.mention("masterMemberName", master.Name)
		b.mention("masterMemberEmailAddress", master.Email)
		b.number("expireDay", days)
		b.moment("regYmdt", i.Sent)
	})
}

// withdrawals writes the list of doc organization-get-account-leave.
func (b *ncpBody) withdrawals() {
	var leaving []Member
	for _, m := range b.Members {
		if m.State == Leaving {
			leaving = append(leaving, m)
		}
	}
	b.list(len(leaving), func(i int) {
		m := leaving[i]
		code, _ := b.status(m)
		b.number("memberNo", m.ID)
		b.number("organizationNo", b.ID)
		b.number("masterMemberNo", b.Master)
		b.mention("loginId", m.Login)
		b.mention("memberName", m.Name)
		b.text("memberStatusCode", code)
		b.moment("modYmdt", m.Asked)
	})
}

// policies writes the list of doc organization-get-policy-list.
func (b *ncpBody) policies() {
	applied := make(map[int64][]string)
	for _, g := range b.Groups {
		applied[g.Policy] = append(applied[g.Policy], g.Name)
	}
	b.list(len(b.Policies), func(i int) {
		p := b.Policies[i]
		groups := applied[p.ID]
		b.number("policyNo", p.ID)
		b.text("policyName", p.Name)
		if b.old {
			b.mention("policyDesc", p.Description)
		} else {
			b.mention("policyDescription", p.Description)
		}
		b.yes("defaultPolicyYn", p.Default)
		b.number("applyCount", int64(len(groups)))
		switch {
		case !b.old:
			b.texts("applyGroupNameList", groups)
			b.moment("registrationYmdt", p.Created)
			b.moment("modifyYmdt", p.Modified)
		case i%2 == 0: // a string by the table, a number in the example
			b.texts("groupList", groups)
			b.quoted("modYmdt", b.clock.Real(p.Modified, b.now).UnixMilli())
		default:
			b.texts("groupList", groups)
			b.moment("modYmdt", p.Modified)
		}
	})
}

// status returns the code and the localized name of a member's status.
func (b *ncpBody) status(m Member) (code, name string) {
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

// moment writes a time of the world.
func (b *ncpBody) moment(key string, t time.Time) { b.millis(key, b.clock.Real(t, b.now)) }

// momentText writes a time of the world as a string of milliseconds.
func (b *ncpBody) momentText(key string, t time.Time) {
	b.text(key, strconv.FormatInt(b.clock.Real(t, b.now).UnixMilli(), 10))
}
