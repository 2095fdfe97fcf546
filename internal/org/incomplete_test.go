package org

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-kit/log"
)

// partly makes a step in which some of the members are read.
func partly(total int64, members ...Member) func(*Listings) {
	return func(l *Listings) {
		read(members...)(l)
		l.Members.Incomplete, l.Members.Total = true, total
	}
}

// of makes a step of an organization.
func of(subject string, step func(*Listings)) func(*Listings) {
	return func(l *Listings) {
		step(l)
		l.Subject = &subject
	}
}

// A listing that is incomplete for three refreshes is reported once, with both
// numbers, and once more when it has ended: also over restarts, and with
// refreshes between that have failed.
func TestIncompleteLasts(t *testing.T) {
	all, some := read(Member{ID: "1"}, Member{ID: "2"}), partly(2, Member{ID: "1"})
	broken := failed(transient())
	for _, tt := range []struct {
		steps         []func(*Listings)
		warned, ended int
	}{
		{[]func(*Listings){all, some, some, all}, 0, 0},
		{[]func(*Listings){all, some, all, some, some, all}, 0, 0},
		{[]func(*Listings){all, some, some, some}, 1, 0},
		{[]func(*Listings){some, some, some, some, some, all, all}, 1, 1},
		{[]func(*Listings){all, some, broken, some, broken, some, broken, all}, 1, 1},
		{[]func(*Listings){some, some, some, all, some, some, some}, 2, 1},
	} {
		synctest.Test(t, func(t *testing.T) {
			var out strings.Builder
			cfg := config()
			cfg.Logger, cfg.Store = log.NewLogfmtLogger(&out), &memoryStore{}
			for i := range tt.steps {
				s := restart(t, &scriptedSource{steps: tt.steps[i : i+1]}, cfg).Snapshot(t.Context())
				if s.Transitions[Transition{None, "JOIN"}]+s.Transitions[Transition{"JOIN", None}] != 0 {
					t.Errorf("step %d: counted %v", i, s.Transitions)
				}
				time.Sleep(time.Until(s.Next))
			}
			warned := strings.Count(out.String(), `level=warn cloud=ncp organization=acme msg="listing incomplete" collector=members refreshes=3 serving="the rows that were read, without changes" rows=1 total=2`)
			ended := strings.Count(out.String(), `level=info cloud=ncp organization=acme msg="listing complete again" collector=members rows=2`)
			if warned != tt.warned || ended != tt.ended {
				t.Errorf("want %d and %d, have %d and %d:\n%s", tt.warned, tt.ended, warned, ended, out.String())
			}
		})
	}
}

// Readings of two organizations are not compared, whether the change is seen by
// one process or over a restart. A refresh that did not find the organization
// out changes nothing.
func TestAnotherSubject(t *testing.T) {
	one := func(id string) func(*Listings) { return read(Member{ID: id, Status: "JOIN"}) }
	broken := failed(transient())
	for name, tt := range map[string]struct {
		steps  []func(*Listings)
		counts uint64 // of JOIN to none
		warned string // from and to, of the only warning
	}{
		"the same":                       {[]func(*Listings){of("4100", one("1")), of("4100", one("2"))}, 1, ""},
		"another":                        {[]func(*Listings){of("4100", one("1")), of("4200", one("2"))}, 0, "from=4100 to=4200"},
		"none":                           {[]func(*Listings){of("4100", one("1")), of("", read())}, 0, "from=4100 to=none"},
		"from none":                      {[]func(*Listings){of("", read()), of("4100", one("1")), of("4100", one("2"))}, 1, "from=none to=4100"},
		"another, and it cannot be read": {[]func(*Listings){of("4100", one("1")), of("4200", broken), of("4200", one("2"))}, 0, "from=4100 to=4200"},
		"unknown in between":             {[]func(*Listings){of("4100", one("1")), broken, of("4100", one("2"))}, 1, ""},
		"another, unknown in between":    {[]func(*Listings){of("4100", one("1")), broken, of("4200", one("2"))}, 0, "from=4100 to=4200"},
		"a cloud that does not say":      {[]func(*Listings){one("1"), one("2")}, 1, ""},
	} {
		for _, restarted := range []bool{false, true} {
			synctest.Test(t, func(t *testing.T) {
				var out strings.Builder
				cfg := config()
				cfg.Logger, cfg.Store = log.NewLogfmtLogger(&out), &memoryStore{}
				src := &scriptedSource{steps: tt.steps}
				c := NewCache(src, cfg)
				for range tt.steps {
					s := c.Snapshot(t.Context())
					time.Sleep(time.Until(s.Next))
					if restarted {
						c = restart(t, src, cfg)
					}
				}
				s := c.Last()
				if have := s.Transitions[Transition{"JOIN", None}]; have != tt.counts {
					t.Errorf("%s, restarted %t: want %d counted, have %d", name, restarted, tt.counts, have)
				}
				if n := strings.Count(out.String(), "organization changed"); (n == 1) != (tt.warned != "") || n > 1 || !strings.Contains(out.String(), tt.warned) {
					t.Errorf("%s, restarted %t: want one warning %q, have %d:\n%s", name, restarted, tt.warned, n, out.String())
				}
			})
		}
	}
}
