package web_test

import (
	"context"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/net/html"

	"github.com/cloudorg-exporter/cloudorg_exporter/internal/org"
)

// table returns the rows of the table with a caption.
func (n node) table(t testing.TB, caption string) (rows [][]string) {
	t.Helper()
	for _, table := range n.all("table") {
		if table.all("caption")[0].text() != caption {
			continue
		}
		for _, tr := range table.all("tbody")[0].all("tr") {
			var cells []string
			for c := range tr.ChildNodes() {
				if c.Type == html.ElementNode {
					cells = append(cells, node{c}.text())
				}
			}
			rows = append(rows, cells)
		}
		return rows
	}
	t.Errorf("no table %q in %s", caption, n.text())
	return nil
}

func TestOrganizationShowsEverything(t *testing.T) {
	page := page(t, "/organization?name=acme-games", world()...)
	for _, test := range []struct {
		caption string
		rows    int
		first   []string
	}{
		{"Members by status", 4, []string{"INVT invited", "9"}},
		{"Pending invitations", 9, []string{"2511871", "31 d ago 2026-10-26 01:00 UTC / 10:00 KST", "1 d 2 h ago 2026-11-25 01:00 UTC / 10:00 KST expired"}},
		{"Requests to leave", 2, []string{"2503310", "8 d ago 2026-11-18 03:00 UTC / 12:00 KST pending for more than 3 days"}},
		{"Collectors", 5, []string{"organization", "ok", "1", "2 min ago 2026-11-26 02:58 UTC / 11:58 KST", "184ms"}},
		{"Latest changes", 5, []string{"20 min ago 2026-11-26 02:40 UTC / 11:40 KST", "member left", "2501188", "JOIN joined → none not a member", "4111"}},
	} {
		rows := page.table(t, test.caption)
		if len(rows) != test.rows {
			t.Errorf("%s: want %d rows, have %q", test.caption, test.rows, rows)
			continue
		}
		if diff := cmp.Diff(test.first, rows[0]); diff != "" {
			t.Errorf("%s (-want +have):\n%s", test.caption, diff)
		}
	}
	for _, want := range []string{
		"stale: the latest refresh failed; older data is exported until max_stale.", "Refreshed 2 min 3 s ago in 1.24s; the next refresh is due in 2 min 57 s.",
		"Cloud ncp", "Name in the cloud acme-games Inc.", "ID 4711", "Master account 2500001", "Groups 7",
		"throttled members: raise cache_ttl", "NCP error COMMON_104 (HTTP 403)", "Failing for 12 min; data of",
		"2 fields could not be parsed", "Pending invitations 9", "Requests to leave 2", "Members 123",
	} {
		if !strings.Contains(page.text(), want) {
			t.Errorf("want %q in\n%s", want, page.text())
		}
	}
	metrics := false
	for _, a := range page.all("a") {
		metrics = metrics || a.attr("href") == "./probe?target=acme-games"
	}
	if !metrics {
		t.Error("no link to the metrics")
	}
}

func TestOrganizationInEveryState(t *testing.T) {
	for name, wants := range map[string][]string{
		"acme-labs":      {"failing: ", "Members unknown", "Pending invitations unknown"},
		"samsung-hq":     {"ACTIVE active 64", "api_version failing", "Received invitations 1 ", "o-5kd81mzq", "INVITING not answered yet"},
		"archive":        {"expired: no refresh for longer than max_stale", "scrapes this exporter. runbook", "was due 57 min ago"},
		"old-branch":     {"overdue: ", "was due 8 min ago", "This page reloads in 5 s."},
		"new-subsidiary": {"waiting: the first refresh has not ended. As of", "Requests to leave unknown"},
		"acme":           {"ok: ", "Requests to leave 0", "None since the first reading"},
	} {
		have := page(t, "/organization?name="+name, world()...).text()
		for _, want := range wants {
			if !strings.Contains(have, want) {
				t.Errorf("%s: want %q in\n%s", name, want, have)
			}
		}
	}
	if have := page(t, "/organization?name=samsung-hq", world()...).text(); strings.Contains(have, "Requests to leave") {
		t.Errorf("a collector that is not configured is shown:\n%s", have)
	}
}

func TestOrganizationNotFound(t *testing.T) {
	for url, want := range map[string]int{
		"/organization?name=nobody": http.StatusNotFound, "/organization?name=ACME": http.StatusNotFound,
		"/organization": http.StatusBadRequest, "/organization?name=": http.StatusBadRequest,
	} {
		if w := get(t, handler(statusConfig(world()...)), url); w.Code != want || !strings.Contains(w.Body.String(), `href="./"`) {
			t.Errorf("%s: want %d, have %d %s", url, want, w.Code, w.Body)
		}
	}
}

func TestStatusWords(t *testing.T) {
	s := good("acme")
	s.Known = org.Known{}
	s.Members = read(0, members("JOINED", 9, "LEV", 8, "LEAVE_REQUESTED", 7, "PENDING_ACTIVATION", 6, "NEW_CODE", 5, org.Unknown, 4)...)
	want := [][]string{
		{"JOINED joined", "9"},
		{"LEAVE_REQUESTED asked to leave", "7"},
		{"LEV asked to leave", "8"},
		{"NEW_CODE", "5"},
		{"PENDING_ACTIVATION not activated yet", "6"},
		{"unknown no status reported", "4"},
	}
	if diff := cmp.Diff(want, page(t, "/organization?name=acme", s).table(t, "Members by status")); diff != "" {
		t.Errorf("(-want +have):\n%s", diff)
	}
}

// empty is a source of an organization without members.
type empty struct{}

func (empty) Read(context.Context) (l org.Listings) {
	l.Members.At = time.Now()
	return l
}

// A page that nobody has scraped or viewed for a while says so, and is current
// again with the next view.
func TestViewWakesACache(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cache := org.NewCache(empty{}, org.Config{Organization: "acme", Collectors: []string{"members"}, TTL: time.Minute, MaxStale: time.Hour, Timeout: time.Minute})
		defer cache.Close()
		cfg := statusConfig()
		cfg.Now = time.Now
		cfg.Snapshots = func() []org.Snapshot { return []org.Snapshot{cache.Last()} }
		cfg.Start = func([]string) { go cache.Snapshot(t.Context()) }
		for _, address := range []string{"/", "/organization?name=acme"} {
			cache.Snapshot(t.Context())
			time.Sleep(14 * time.Minute)
			for _, want := range []string{"overdue", "ok"} {
				if have := parse(t, get(t, handler(cfg), address).Body.String()).all("h1")[0].attr("class"); have != want {
					t.Errorf("%s: want %s, have %s", address, want, have)
				}
				synctest.Wait() // the refresh that the view has started
			}
		}
	})
}
