package sim

import (
	"strconv"
	"strings"
	"time"
)

// firstAccount is the number of a living company's master.
const firstAccount = 8000000

// A spell is one cycle of a seat, from the first invitation to the day on which
// the account is gone. Unlike a Company it knows what is going to happen.
type spell struct {
	invitations []Invitation
	member      Account
	joined      int64 // all zero if nobody ever joins
	asked       int64
	decided     int64
	gone        int64
}

// sit adds to the company who is in a seat now, and the invitations of this and
// the previous spell.
func (l living) sit(c *Company, seat, now int64, t tree) {
	group := l.group(seat, now, t)
	for _, s := range l.spells(seat, now) {
		for _, i := range s.invitations {
			switch {
			case i.Sent.Unix() > now:
				continue
			case i.Ended.Unix() > now:
				i.Ended, i.Outcome = time.Time{}, Pending
				c.Members = append(c.Members, Member{Account: i.Account, Group: group, State: Invited, Since: i.Sent})
			}
			c.Invitations = append(c.Invitations, i)
		}
		if now < s.joined || now >= s.gone {
			continue
		}
		m := Member{Account: s.member, Group: group, Since: moment(s.joined)}
		if s.asked <= now && now < s.decided {
			m.State, m.Asked = Leaving, moment(s.asked)
		}
		c.Members = append(c.Members, m)
	}
}

// spells returns the previous spell of a seat and the present one.
func (l living) spells(seat, now int64) [2]spell {
	var (
		index = seat/8*4 + seat%8/2 // among the seats of its kind
		cycle = 400 * day
		plan  = l.stay
	)
	switch seat % 8 {
	case 1:
		index, cycle, plan = seat/8, 2*(lifetime+hour), l.hesitate
	case 2, 4, 6:
		index, cycle = seat/8*3+seat%8/2, 50*day
	}
	n, start := turn(now, cycle, stagger(l.seed, index, cycle))
	return [2]spell{
		plan(seat, n-1, start-cycle, cycle),
		plan(seat, n, start, cycle),
	}
}

// hesitate plans the spell of an account that never joins.
func (l living) hesitate(seat, n, start, cycle int64) spell {
	who := l.account(seat, n)
	second := invitation(who, start+cycle/2, lifetime, Lapsed)
	if d := throw(l.seed, seat, n); d.below(2) == 0 {
		second = invitation(who, start+cycle/2, d.between(29*day, lifetime), Rejected)
	}
	return spell{invitations: []Invitation{invitation(who, start, lifetime, Lapsed), second}}
}

// stay plans the spell of an account that joins. It leaves the seat empty for
// the last hours of the cycle at most, or in between two invitations.
func (l living) stay(seat, n, start, cycle int64) spell {
	var (
		d     = throw(l.seed, seat, n)
		s     = spell{member: l.account(seat, 2*n)}
		first = s.member
		plan  = d.below(100)
	)
	invite := func(to Account, after, answer int64, outcome Outcome) {
		i := invitation(to, after, answer, outcome)
		s.invitations = append(s.invitations, i)
		s.joined = i.Ended.Unix()
	}
	switch {
	case plan < 55:
		invite(first, start, d.between(hour, 20*day), Accepted)
	case plan < 75: // renewed
		invite(first, start, lifetime, Lapsed)
		invite(first, s.joined+d.between(hour, 2*day), d.between(hour, 6*day), Accepted)
	case plan < 90:
		invite(first, start, d.between(hour, 10*day), Rejected)
		s.member = l.account(seat, 2*n+1)
		invite(s.member, s.joined+d.between(hour, 3*day), d.between(hour, 15*day), Accepted)
	default:
		invite(first, start, d.between(hour, 5*day), Canceled)
		s.member = l.account(seat, 2*n+1)
		invite(s.member, s.joined+d.between(hour, 3*day), d.between(hour, 15*day), Accepted)
	}

	end := start + cycle
	if d.below(10) < 7 { // approved
		s.gone = end - d.below(2*day)
		s.asked, s.decided = end-d.between(5*day, 12*day), s.gone
		return s
	}
	s.gone = end // forced out, at least 12 days after joining
	s.asked = s.joined + d.between(day, (end-s.joined)/2)
	s.decided = s.asked + d.between(2*day, 6*day)
	return s
}

func invitation(to Account, sent, open int64, outcome Outcome) Invitation {
	return Invitation{Account: to, Sent: moment(sent), Ended: moment(sent + open), Outcome: outcome}
}

// group returns the group of whoever is in a seat. It changes every 15 days.
func (l living) group(seat, now int64, t tree) int64 {
	if l.groups == 0 {
		return rootGroup
	}
	const cycle = 15 * day
	n, _ := turn(now, cycle, stagger(l.seed, seat, cycle))
	step := int64(1) // never a multiple of the number of groups
	if l.groups > 2 {
		step = throw(l.seed, seat).between(1, l.groups)
	}
	return t.ids[(seat+n*step)%l.groups]
}

const (
	familyNames = "김 Kim 이 Lee 박 Park 최 Choi 정 Jung 강 Kang 조 Cho 윤 Yoon 장 Jang 임 Lim"
	givenNames  = "서연 Seoyeon 민준 Minjun 지우 Jiwoo 하윤 Hayoon 도윤 Doyun 서준 Seojun 지민 Jimin 유나 Yuna 현우 Hyunwoo 소라 Sora"
)

// account returns the account with a serial number of its seat's own.
func (l living) account(seat, serial int64) Account {
	var (
		id      = firstAccount + serial*l.members + seat
		number  = strconv.FormatInt(id, 10)
		d       = throw(l.seed, id)
		family  = 2 * d.below(int64(len(l.names)/2))
		given   = 2 * d.below(int64(len(l.given)/2))
		mailbox = strings.ToLower(l.given[given+1]+"."+l.names[family+1]) + "." + number
	)
	a := Account{
		ID:    id,
		Name:  l.given[given+1] + " " + l.names[family+1],
		Login: mailbox + "@example.test",
		Email: mailbox + "@mail.example.test",
	}
	if d.below(3) == 0 {
		a.Name = l.names[family] + l.given[given]
	}
	if d.below(5) == 0 {
		a.Alias = strings.ToLower(l.given[given+1]) + "-" + number
	}
	return a
}
