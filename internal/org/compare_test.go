package org

import (
	"fmt"
	"regexp"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-kit/log"
	"github.com/google/go-cmp/cmp"
)

// changeLines returns the log lines of changes, without the keys that all have.
func changeLines(out *strings.Builder) []string {
	lines := []string{}
	for line := range strings.Lines(out.String()) {
		line, isChange := strings.CutPrefix(strings.TrimSpace(line), "level=info cloud=ncp organization=acme ")
		if isChange && !regexp.MustCompile(`first good|recovered|restored`).MatchString(line) {
			lines = append(lines, line)
		}
	}
	out.Reset()
	return lines
}

// readAll makes a step of all listings that are compared.
func readAll(change func(*Listings)) func(*Listings) {
	return func(l *Listings) {
		now := Reading{At: time.Now()}
		l.Members.Reading, l.Invitations.Reading, l.Received.Reading, l.Withdrawals.Reading = now, now, now, now
		change(l)
	}
}

func comparing(steps ...func(*Listings)) (*Cache, *strings.Builder) {
	out := new(strings.Builder)
	cfg := config()
	cfg.TTL, cfg.ErrorTTL = 0, 0
	cfg.Collectors = []string{"members", "invitations", "received_invitations", "withdrawals"}
	cfg.Logger = log.NewLogfmtLogger(out)
	return NewCache(&scriptedSource{steps: steps}, cfg), out
}

// Each reading of a listing is compared with the complete one before, and each
// change is one line.
func TestChangesAreLogged(t *testing.T) {
	day := func(n int) time.Time { return time.Date(2026, 1, n, 0, 0, 0, 0, time.UTC) }
	invited := func(id, status string, pending bool, created time.Time) Invitation {
		return Invitation{MemberID: id, OrganizationID: "o", Status: status, Pending: pending, Created: created}
	}
	sent := func(rows ...Invitation) func(*Listings) {
		return readAll(func(l *Listings) { l.Invitations.Items = rows })
	}
	received := func(rows ...Invitation) func(*Listings) {
		return readAll(func(l *Listings) { l.Received.Items = rows })
	}
	members := func(rows ...Member) func(*Listings) {
		return readAll(func(l *Listings) { l.Members.Items = rows })
	}
	asked := func(ids ...string) func(*Listings) {
		return readAll(func(l *Listings) {
			for _, id := range ids {
				l.Withdrawals.Items = append(l.Withdrawals.Items, Withdrawal{MemberID: id})
			}
		})
	}
	with := func(step, more func(*Listings)) func(*Listings) {
		return func(l *Listings) { step(l); more(l) }
	}
	incomplete := func(l *Listings) {
		l.Members.Incomplete, l.Invitations.Incomplete, l.Received.Incomplete, l.Withdrawals.Incomplete = true, true, true, true
	}
	failing := func(l *Listings) {
		*l = Listings{}
		l.Members.Err, l.Invitations.Err, l.Received.Err, l.Withdrawals.Err = transient(), transient(), transient(), transient()
	}
	for _, tt := range []struct {
		name  string
		steps []func(*Listings)
		want  []string
	}{
		{"the first reading", []func(*Listings){members(Member{ID: "1", GroupID: "g", Status: "JOIN"})}, []string{}},
		{
			"members",
			[]func(*Listings){
				members(Member{ID: "1", GroupID: "g", Status: "JOIN"}, Member{ID: "2", GroupID: "g", Status: "INVT"}, Member{Status: "JOIN"}),
				members(Member{ID: "3", GroupID: "h", Status: "INVT"}, Member{ID: "2", GroupID: "h", Status: "JOIN"}, Member{ID: "2", GroupID: "x", Status: "LEV", Repeat: true}),
			},
			[]string{
				`msg="member changed" member_id=1 group_id=g from=JOIN to=none`,
				`msg="member changed" member_id=2 group_id=h from=INVT to=JOIN`,
				`msg="member changed" member_id=3 group_id=h from=none to=INVT`,
			},
		},
		{
			"a member that moves to another group has not changed",
			[]func(*Listings){members(Member{ID: "1", GroupID: "g", Status: "JOIN"}), members(Member{ID: "1", GroupID: "h", Status: "JOIN"})},
			[]string{},
		},
		{
			"an incomplete reading and a failed one are not compared, and the next one with the one before",
			[]func(*Listings){
				members(Member{ID: "1", GroupID: "g", Status: "JOIN"}),
				with(members(), incomplete), failing,
				members(Member{ID: "1", GroupID: "g", Status: "LVREQ"}),
			},
			[]string{`msg="member changed" member_id=1 group_id=g from=JOIN to=LVREQ`},
		},
		{
			"invitations",
			[]func(*Listings){
				sent(invited("1", "INVITING", true, day(1)), invited("2", "INVITING", true, day(1)), invited("3", "INVITING", true, day(1)), invited("4", "REFUSED", false, day(1))),
				sent(invited("2", "REFUSED", false, day(1)), invited("3", "INVITING", true, day(2)), invited("4", "REFUSED", false, day(1)), invited("5", "INVITING", true, day(2)), invited("6", "CANCELED", false, day(2))),
			},
			[]string{
				`msg="invitation gone" member_id=1 inviting_organization_id=o status=INVITING`,
				`msg="invitation gone" member_id=2 inviting_organization_id=o status=REFUSED`,
				`msg="invitation appeared" member_id=3 inviting_organization_id=o status=INVITING`,
				`msg="invitation appeared" member_id=5 inviting_organization_id=o status=INVITING`,
			},
		},
		{
			"of several rows of one invitation the newest that is pending counts",
			[]func(*Listings){
				sent(invited("1", "INVITING", true, day(2)), invited("1", "CANCELED", false, day(3)), invited("1", "INVITING", true, day(1))),
				sent(invited("1", "CANCELED", false, day(3)), invited("1", "INVITING", true, day(2))),
			},
			[]string{},
		},
		{
			"a date that cannot be read is not another date",
			[]func(*Listings){sent(invited("1", "", true, day(1))), sent(invited("1", "", true, time.Time{})), sent(invited("1", "", true, day(1)))},
			[]string{},
		},
		{
			"an invitation with an id is told from others of the same account, and named by it if it has no account",
			[]func(*Listings){
				sent(Invitation{ID: "a", MemberID: "1", Pending: true}),
				sent(Invitation{ID: "b", MemberID: "1", Pending: true}, Invitation{ID: "c", Pending: true}, Invitation{Pending: true}),
			},
			[]string{
				`msg="invitation gone" member_id=1 inviting_organization_id= status=`,
				`msg="invitation appeared" member_id=1 inviting_organization_id= status=`,
				`msg="invitation appeared" member_id=c inviting_organization_id= status=`,
			},
		},
		{
			"received invitations",
			[]func(*Listings){
				received(Invitation{OrganizationID: "o", Status: "INVITED", Pending: true}),
				received(Invitation{OrganizationID: "p", MemberID: "1", Status: "INVITED", Pending: true}),
			},
			[]string{
				`msg="received invitation gone" member_id= inviting_organization_id=o status=INVITED`,
				`msg="received invitation appeared" member_id=1 inviting_organization_id=p status=INVITED`,
			},
		},
		{
			"withdrawals",
			[]func(*Listings){asked("1", "2"), asked("3", "2", "2", "")},
			[]string{`msg="withdrawal gone" member_id=1`, `msg="withdrawal requested" member_id=3`},
		},
		{"an empty listing has been read, too", []func(*Listings){asked(), asked("1")}, []string{`msg="withdrawal requested" member_id=1`}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c, out := comparing(tt.steps...)
				var s Snapshot
				for i := range tt.steps {
					if i == 1 && len(changeLines(out)) > 0 {
						t.Error("the first reading has changes")
					}
					s = c.Snapshot(t.Context())
				}
				have := changeLines(out)
				if diff := cmp.Diff(tt.want, have); diff != "" {
					t.Errorf("log (-want +have):\n%s", diff)
				}
				if len(s.Changes) != len(have) {
					t.Errorf("the snapshot: want the same changes, have %+v", s.Changes)
				}
				for _, change := range s.Changes {
					if !change.Time.Equal(s.Refreshed) {
						t.Errorf("want the time of the refresh, have %s", change.Time)
					}
				}
			})
		})
	}
}

// Bulk changes do not flood the log; the counters have them all. A snapshot has
// the last 100, and does not change with the next one.
func TestChangesAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		many := func(n int, status string) func(*Listings) {
			return readAll(func(l *Listings) {
				for i := range n {
					l.Members.Items = append(l.Members.Items, Member{ID: fmt.Sprintf("%04d", i), Status: status})
				}
				l.Withdrawals.Items = []Withdrawal{{MemberID: status}}
			})
		}
		c, out := comparing(many(5000, "INVT"), many(5000, "JOIN"), many(5000, "JOIN"), many(5000, "JOIN"), many(1, "JOIN"))
		c.Snapshot(t.Context())
		s := c.Snapshot(t.Context())
		lines := changeLines(out)
		if len(lines) != 103 || lines[100] != `msg="more changes" collector=members not_logged=4900` || lines[101] != `msg="withdrawal gone" member_id=INVT` {
			t.Errorf("want 100 lines, one for 4900, and two of the other listing, have %d: %q", len(lines), lines[max(0, len(lines)-4):])
		}
		if n := s.Transitions[Transition{"INVT", "JOIN"}]; n != 5000 {
			t.Errorf("transitions: want 5000, have %d", n)
		}
		before := append([]Change(nil), s.Changes...)
		for range 3 {
			c.Snapshot(t.Context())
		}
		if last := c.Last().Changes; len(last) != maxChanges || last[0].To != None {
			t.Errorf("want the last 100 changes, have %d, the first %+v", len(last), last[0])
		}
		if diff := cmp.Diff(before, s.Changes); diff != "" {
			t.Errorf("a snapshot has changed (-before +after):\n%s", diff)
		}
	})
}

func BenchmarkCompare(b *testing.B) {
	for _, n := range []int{40, 10_000, 100_000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			var s Saved
			for _, l := range s.all() {
				l.health().Configured = true
			}
			for i := range n {
				s.Members.Items = append(s.Members.Items, Member{ID: fmt.Sprintf("%08d", i), GroupID: "1", Status: "JOIN"})
			}
			s.compare()
			b.ReportAllocs()
			for b.Loop() {
				s.compare()
			}
		})
	}
}
