package scpapi

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cloudorg-exporter/cloudorg_exporter/internal/httpx"
	"github.com/cloudorg-exporter/cloudorg_exporter/internal/sim"
)

// large returns a company that has sent n invitations.
func large(n int) func(time.Time) sim.Company {
	c := sim.Company{ID: 1}
	for i := range n {
		c.Invitations = append(c.Invitations, sim.Invitation{Account: sim.Account{ID: int64(i)}, Sent: time.Unix(1790000000+int64(i), 0)})
	}
	return func(time.Time) sim.Company { return c }
}

func TestPages(t *testing.T) {
	for name, c := range map[string]struct {
		rows   int
		paging sim.Paging
		calls  int
	}{
		"as asked for":                             {1234, sim.Paging{}, 13},
		"a full last page":                         {1200, sim.Paging{}, 12},
		"a clamped size":                           {1234, sim.Paging{MaxSize: 20}, 62},
		"a size clamped without a word":            {1234, sim.Paging{MaxSize: 20, Silent: true}, 62},
		"a row that moves":                         {1234, sim.Paging{Moves: 1}, 14 + 2},
		"rows that move, a clamped size":           {1234, sim.Paging{MaxSize: 20, Moves: 40}, 62 + 1 + 41},
		"a count too high":                         {1234, sim.Paging{CountOff: 1000}, 14},
		"a row that moves, clamped without a word": {1234, sim.Paging{MaxSize: 20, Silent: true, Moves: 1}, 65},
		"a count too high, a row moves":            {1234, sim.Paging{CountOff: 1000, Moves: 1}, 14 + 13},
		"a count too low":                          {1234, sim.Paging{CountOff: -1000}, 13},
		"no count":                                 {1234, sim.Paging{CountOff: -1 << 40}, 13},
		"no rows":                                  {0, sim.Paging{}, 1},
		"no rows, a count all the same":            {0, sim.Paging{CountOff: 7}, 1},
		"one row, and a count of twenty":           {1, sim.Paging{CountOff: 19}, 2},
		"exactly one page":                         {100, sim.Paging{}, 1},
		"exactly one page, without count":          {100, sim.Paging{CountOff: -100}, 2},
	} {
		t.Run(name, func(t *testing.T) {
			cloud := newSim(t, sim.Config{TLS: true, Company: large(c.rows)})
			cloud.SetPaging(pathInvitations, c.paging)
			rows, unparsed, err := newClient(cloud, nil).Invitations(t.Context())
			if err != nil || unparsed != 0 {
				t.Fatalf("error %v, %d unparsed", err, unparsed)
			}
			ids := map[string]bool{}
			for _, r := range rows {
				ids[r.ID] = true
			}
			if len(rows) != c.rows || len(ids) != c.rows {
				t.Errorf("want %d rows, have %d with %d ids", c.rows, len(rows), len(ids))
			}
			if have := cloud.Calls()[pathInvitations]; have != c.calls {
				t.Errorf("want %d calls, have %d", c.calls, have)
			}
		})
	}
}

func TestEndlessList(t *testing.T) {
	cloud := newSim(t, sim.Config{TLS: true})
	cloud.SetPaging(pathInvitations, sim.Paging{Endless: true})
	rows, _, err := newClient(cloud, func(c *Config) { c.PageSize = 2 }).Invitations(t.Context())
	var e *Error
	if rows != nil || !errors.As(err, &e) || e.Kind != httpx.Decode || !strings.Contains(err.Error(), "get /v1/organization-invitations: SCP: more than 1000 pages") {
		t.Errorf("have %d rows, error %v", len(rows), err)
	}
}

// A page that cannot be read fails the listing, however many could.
func TestAPageThatFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cloud := newSim(t, sim.Config{TLS: true, Company: large(1234)})
		broken := sim.SCPError("ContactAdminForAssistance")
		n := 0
		rows, _, err := newClient(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if n++; n == 8 {
				cloud.SetFault(pathInvitations, broken)
			}
			cloud.ServeHTTP(w, r)
		}), nil).Invitations(t.Context())
		const want = "page 7: get /v1/organization-invitations: SCP error ContactAdminForAssistance: Internal Server Error (HTTP 500, request req-0009)"
		if rows != nil || err == nil || err.Error() != want {
			t.Errorf("want %s\nhave %v and %d rows", want, err, len(rows))
		}
	})
}

// Rows without an id cannot be told apart: all of them count, once.
func TestRowsWithoutAnID(t *testing.T) {
	pages := []string{
		`{"count": 5, "size": 2, "accounts": [{"state": "ACTIVE"}, {"id": "a"}]}`,
		`{"count": 5, "size": 2, "accounts": [{"id": "a"}, {"state": "ACTIVE"}]}`,
		`{"count": 5, "size": 2, "accounts": [{"id": "c"}]}`,
		`{"count": 5, "size": 2, "accounts": []}`,
		// Once more: "a" came twice, and rows are missing.
		`{"count": 5, "size": 2, "accounts": [{"state": "ACTIVE"}, {"id": "a"}]}`,
		`{"count": 5, "size": 2, "accounts": [{"id": "b"}, {"state": "ACTIVE"}]}`,
	}
	n := 0
	rows, _, err := newClient(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = w.Write([]byte(pages[n]))
		n++
	}), nil).Accounts(t.Context())
	if err != nil || len(rows) != 5 || n != len(pages) {
		t.Errorf("have %v after %d pages, error %v", rows, n, err)
	}
}

// An API that does not turn pages is found out soon.
func TestPageThatRepeats(t *testing.T) {
	rows := make([]string, 100)
	for i := range rows {
		rows[i] = fmt.Sprintf(`{"id": "i-%d", "state": "INVITING"}`, i)
	}
	cloud := newSim(t, sim.Config{TLS: true})
	cloud.SetFault(pathInvitations, sim.Fault{Body: `{"count": 150, "size": 100, "organization_invitations": [` + strings.Join(rows, ",") + "]}"})
	_, _, err := newClient(cloud, nil).Invitations(t.Context())
	var e *Error
	if !errors.As(err, &e) || e.Kind != httpx.Decode || !strings.Contains(err.Error(), "only rows of earlier pages") {
		t.Errorf("want an error that says so, have %v", err)
	}
	if calls := cloud.Calls()[pathInvitations]; calls > 5 {
		t.Errorf("it took %d calls", calls)
	}
}
