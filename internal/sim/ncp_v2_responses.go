package sim

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// ncpResponsesV2 makes the rows of version 2 from a company. Those that are wide
// have fields that are expected from version 1 and from sibling services; that
// they are called so is invented.
type ncpResponsesV2 struct {
	ncpResponses
	wide   bool
	caller Caller
	sample bool // of the documentation samples
}

// more returns the fields of a wide row.
func (b *ncpResponsesV2) more(row object, keysAndValues ...any) object {
	if !b.wide {
		return row
	}
	return slices.Concat(row, fields(keysAndValues...), fields("madeUp", fields("deep", []int64{1, 2}), "madeUpList", []string{"x"}))
}

// organizations returns the list of listOrganizations. The name of an
// organization is its master account's user name.
func (b *ncpResponsesV2) organizations() []object {
	if b.ID == 0 {
		return []object{}
	}
	master, caller := b.account(b.Master), b.Master
	if b.caller == NotMaster {
		caller = b.member()
	}
	return []object{b.more(fields(
		"no", b.ID, "name", b.Name, "description", nil,
		"masterMemberNo", b.Master, "masterMemberName", master.Name, "masterMemberEmailAddress", master.Email,
	), "memberNo", caller, "createdDateTime", b.Founded)}
}

// member returns an account of the organization that is not the master.
func (b *ncpResponsesV2) member() int64 {
	for _, m := range b.Members {
		if m.ID != b.Master && m.State == Joined {
			return m.ID
		}
	}
	return b.Master + 1
}

// notInName is what the name of a group cannot have in version 2.
var notInName = regexp.MustCompile(`[^a-z0-9_.-]+`)

// groupName returns a name of version 2. That of the top group is the master
// account's user name.
func (b *ncpResponsesV2) groupName(g Group) string {
	if g.Parent == 0 {
		return b.Name
	}
	name := strings.Trim(notInName.ReplaceAllString(strings.ToLower(g.Name), "-"), "-")
	if len(name) < 3 {
		return fmt.Sprint("group-", g.ID)
	}
	return name
}

// groups returns the list of listAccountGroups.
func (b *ncpResponsesV2) groups() []object {
	names := make(map[int64]string)
	for _, p := range b.Policies {
		names[p.ID] = p.Name
	}
	paths := make(map[int64]string)
	rows := []object{}
	for i, g := range b.Groups { // parents come first
		path := strconv.FormatInt(g.ID, 10)
		var upper any
		if g.Parent != 0 {
			path, upper = paths[g.Parent]+"/"+path, g.Parent
		} else if b.wide {
			upper = absent{}
		}
		paths[g.ID] = path
		row := fields("no", g.ID, "name", b.groupName(g), "upperAccountGroupNo", upper, "wholePath", path)
		// Three spellings of the policy, and none of it where there is none.
		switch {
		case g.Policy == 0:
			row = b.more(row, "policyNo", nil, "policyName", nil)
		case i%3 == 0:
			row = b.more(row, "policyNo", g.Policy, "policyName", names[g.Policy], "organizationNo", b.ID, "createdDateTime", g.Created, "tags", []object{})
		case i%3 == 1:
			row = b.more(row, "quotaPolicyNo", g.Policy, "quotaPolicyName", names[g.Policy], "tags", []object{fields("tagKey", "env", "tagValue", "lab")})
		default:
			row = b.more(row, "quotaPolicy", fields("no", g.Policy, "name", names[g.Policy]))
		}
		rows = append(rows, row)
	}
	return sorted(rows, "no")
}

// accounts returns the list of listAccounts.
func (b *ncpResponsesV2) accounts() []object {
	rows := []object{}
	for _, m := range b.Members {
		status := "JOINED"
		switch m.State {
		case Invited:
			continue
		case Leaving:
			status = "LEAVE_REQUESTED"
		}
		rows = append(rows, b.more(fields(
			"memberNo", m.ID, "organizationNo", b.ID, "accountGroupNo", m.Group, "masterMemberNo", b.Master, "memberStatus", status,
		), "loginId", m.Login, "memberName", m.Name, "memberAlias", orNull(m.Alias), "joinedDateTime", m.Since))
	}
	return sorted(rows, "memberNo")
}

// invitations returns the list of listInvitations: the newest first.
func (b *ncpResponsesV2) invitations() []object {
	rows := []object{}
	for _, i := range b.Invitations {
		if i.Outcome == Pending {
			rows = append(rows, b.invitation(b.ID, i))
		}
	}
	slices.SortStableFunc(rows, func(x, y object) int {
		return cmp.Or(y.value("createdDateTime").(time.Time).Compare(x.value("createdDateTime").(time.Time)),
			cmp.Compare(x.value("memberNo").(int64), y.value("memberNo").(int64)))
	})
	return rows
}

func (b *ncpResponsesV2) invitation(organization int64, i Invitation) object {
	status := "MADE_UP_INVITING"
	if !i.Ended.IsZero() { // it is accepted, and waits
		status = "MADE_UP_WAITING"
	}
	return b.more(fields("organizationNo", organization, "memberNo", i.ID, "createdDateTime", i.Sent),
		"memberStatus", status, "memberName", orNull(i.Name), "memberEmailAddress", orNull(i.Email), "message", "made-up: welcome")
}

// received returns the list of listReceivedInvitations, which is empty for an
// account in an organization. Others are invited every sixteen days.
func (b *ncpResponsesV2) received() []object {
	const interval = 16 * day
	rows := []object{}
	if b.caller != Outsider {
		return rows
	}
	invited := Account{ID: 9000101}
	if b.sample {
		return append(rows, b.invitation(4200, Invitation{Account: invited, Sent: SampleTime().Add(-8*24*time.Hour - 12*time.Hour)}))
	}
	now := b.clock.World(b.now).Unix()
	for n := now / interval; n*interval > now-invitationLifetime; n-- {
		rows = append(rows, b.invitation(4200+n%3, Invitation{Account: invited, Sent: moment(n * interval)}))
	}
	return rows
}

// leaveRequests returns the list of listLeaveRequests: the oldest first.
func (b *ncpResponsesV2) leaveRequests() []object {
	rows := []object{}
	for _, m := range b.Members {
		if m.State == Leaving {
			rows = append(rows, b.more(fields("memberNo", m.ID, "requestedDateTime", m.LeaveRequested),
				"organizationNo", b.ID, "masterMemberNo", b.Master, "loginId", m.Login, "memberName", m.Name, "memberStatus", "LEAVE_REQUESTED"))
		}
	}
	slices.SortStableFunc(rows, func(x, y object) int {
		return cmp.Or(x.value("requestedDateTime").(time.Time).Compare(y.value("requestedDateTime").(time.Time)),
			cmp.Compare(x.value("memberNo").(int64), y.value("memberNo").(int64)))
	})
	return rows
}

// policies returns the list of listQuotaPolicies.
func (b *ncpResponsesV2) policies() []object {
	applied := make(map[int64]int64)
	for _, g := range b.Groups {
		applied[g.Policy]++
	}
	rows := []object{}
	for _, p := range b.Policies {
		rows = append(rows, b.more(fields(
			"no", p.ID, "name", p.Name, "description", orNull(p.Description), "organizationNo", b.ID, "defaultPolicy", p.Default,
		), "applyCount", applied[p.ID], "createdDateTime", p.Created, "updatedDateTime", p.Modified))
	}
	return sorted(rows, "no")
}

// sorted sorts rows by a number.
func sorted(rows []object, key string) []object {
	slices.SortStableFunc(rows, func(x, y object) int {
		return cmp.Compare(x.value(key).(int64), y.value(key).(int64))
	})
	return rows
}

// value returns the value of a field.
func (o object) value(key string) any {
	for _, f := range o {
		if f.key == key {
			return f.value
		}
	}
	return nil
}

// company returns the company at a real time. An account that has accepted on
// the 1st or the 2nd of a month is invited until the 3rd.
func (s *NCP) company(now time.Time) Company {
	world := s.cfg.Clock.World(now)
	company := s.cfg.Company
	if company == nil {
		company = Sample
	}
	c := company(world)
	korea := time.FixedZone("KST", 9*60*60)
	today := world.In(korea)
	first := time.Date(today.Year(), today.Month(), 1, 0, 0, 0, 0, korea)
	if today.Day() > 2 {
		return c
	}
	c.Members, c.Invitations = slices.Clone(c.Members), slices.Clone(c.Invitations)
	for i := range c.Invitations {
		invitation := &c.Invitations[i]
		if invitation.Outcome != Accepted || invitation.Ended.Before(first) {
			continue
		}
		for j := range c.Members {
			if m := &c.Members[j]; m.ID == invitation.ID && m.Since.Equal(invitation.Ended) {
				m.State, m.Since = Invited, invitation.Sent
				invitation.Outcome = Pending
				break
			}
		}
	}
	return c
}
