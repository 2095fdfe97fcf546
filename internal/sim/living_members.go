package sim

import (
	"strconv"
	"strings"
	"time"
)

// A membership is one cycle of a seat, from the first invitation until the
// account has left. Unlike a Company it includes the future.
type membership struct {
	invitations    []Invitation
	account        Account
	joined         int64 // these are zero if nobody joins
	leaveRequested int64
	leaveDecided   int64
	left           int64
}

// addSeat adds the present member of a seat to the company, and the invitations
// of this and the previous membership.
func (l living) addSeat(c *Company, seat, now int64, placement []int64) {
	group := l.group(seat, now, placement)
	for _, m := range l.memberships(seat, now) {
		for _, i := range m.invitations {
			switch {
			case i.Sent.Unix() > now:
				continue
			case i.Ended.Unix() > now:
				i.Ended, i.Outcome = time.Time{}, Pending
				c.Members = append(c.Members, Member{Account: i.Account, Group: group, State: Invited, Since: i.Sent})
			}
			c.Invitations = append(c.Invitations, i)
		}
		if now < m.joined || now >= m.left {
			continue
		}
		member := Member{Account: m.account, Group: group, Since: moment(m.joined)}
		if m.leaveRequested <= now && now < m.leaveDecided {
			member.State, member.LeaveRequested = Leaving, moment(m.leaveRequested)
		}
		c.Members = append(c.Members, member)
	}
}

// memberships returns the previous membership of a seat and the present one. The
// first eighth of the seats is for accounts that never join, the next three
// eighths for those that leave soon.
func (l living) memberships(seat, now int64) [2]membership {
	length, plan := 400*day, l.planMember
	switch {
	case seat <= l.members/8:
		length, plan = 2*(invitationLifetime+hour), l.planNeverJoins
	case seat <= l.members/2:
		length = 50 * day
	}
	n, start := l.cycle(now, length, seat)
	return [2]membership{
		plan(seat, n-1, start-length, length),
		plan(seat, n, start, length),
	}
}

// planNeverJoins returns the membership of an account that never joins.
func (l living) planNeverJoins(seat, n, start, length int64) membership {
	account, r := l.account(seat, n), l.rand(seat, n)
	second := invitation(account, start+length/2, invitationLifetime, Expired)
	if r.IntN(2) == 0 {
		second = invitation(account, start+length/2, between(r, 29*day, invitationLifetime), Rejected)
	}
	return membership{invitations: []Invitation{invitation(account, start, invitationLifetime, Expired), second}}
}

// planMember returns the membership of an account that joins. The seat is empty
// for a few hours at the end of the cycle, and between two invitations.
func (l living) planMember(seat, n, start, length int64) membership {
	var (
		r      = l.rand(seat, n)
		m      = membership{account: l.account(seat, 2*n)}
		course = r.IntN(100)
	)
	invite := func(sent, duration int64, outcome Outcome) {
		i := invitation(m.account, sent, duration, outcome)
		m.invitations = append(m.invitations, i)
		m.joined = i.Ended.Unix()
	}
	inviteAnother := func() {
		m.account = l.account(seat, 2*n+1)
		invite(m.joined+between(r, hour, 3*day), between(r, hour, 15*day), Accepted)
	}
	switch {
	case course < 55:
		invite(start, between(r, hour, 20*day), Accepted)
	case course < 75:
		invite(start, invitationLifetime, Expired)
		invite(m.joined+between(r, hour, 2*day), between(r, hour, 6*day), Accepted)
	case course < 90:
		invite(start, between(r, hour, 10*day), Rejected)
		inviteAnother()
	default:
		invite(start, between(r, hour, 5*day), Canceled)
		inviteAnother()
	}

	end := start + length
	if r.IntN(10) < 7 { // the request is approved
		m.left = end - r.Int64N(2*day)
		m.leaveRequested, m.leaveDecided = end-between(r, 5*day, 12*day), m.left
		return m
	}
	m.left = end // removed, at least 12 days after joining
	m.leaveRequested = m.joined + between(r, day, (end-m.joined)/2)
	m.leaveDecided = m.leaveRequested + between(r, 2*day, 6*day)
	return m
}

func invitation(to Account, sent, duration int64, outcome Outcome) Invitation {
	return Invitation{Account: to, Sent: moment(sent), Ended: moment(sent + duration), Outcome: outcome}
}

// group returns the group of the members of a seat. It changes every 15 days.
func (l living) group(seat, now int64, placement []int64) int64 {
	if l.groups == 0 {
		return rootGroup
	}
	n, _ := l.cycle(now, 15*day, seat)
	step := int64(1) // never a multiple of the number of groups
	if l.groups > 2 {
		step = between(l.rand(seat, 0), 1, l.groups)
	}
	return placement[(seat+n*step)%l.groups]
}

// Names in Korean and in Latin letters, alternating.
const (
	familyNames = "김 Kim 이 Lee 박 Park 최 Choi 정 Jung 강 Kang 조 Cho 윤 Yoon 장 Jang 임 Lim"
	givenNames  = "서연 Seoyeon 민준 Minjun 지우 Jiwoo 하윤 Hayoon 도윤 Doyun 서준 Seojun 지민 Jimin 유나 Yuna 현우 Hyunwoo 소라 Sora"
)

// account returns the account with a serial number within its seat.
func (l living) account(seat, serial int64) Account {
	var (
		r       = l.rand(seat, serial)
		id      = l.firstAccount + serial*l.members + seat
		number  = strconv.FormatInt(id, 10)
		f, g    = 2 * r.IntN(len(l.family)/2), 2 * r.IntN(len(l.given)/2)
		family  = l.family[f+1]
		given   = l.given[g+1]
		mailbox = strings.ToLower(given+"."+family) + "." + number
	)
	a := Account{
		ID:    id,
		Name:  given + " " + family,
		Login: mailbox + "@example.test",
		Email: mailbox + "@mail.example.test",
	}
	if r.IntN(3) == 0 {
		a.Name = l.family[f] + l.given[g]
	}
	if r.IntN(5) == 0 {
		a.Alias = strings.ToLower(given) + "-" + number
	}
	return a
}
