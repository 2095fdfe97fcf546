package web_test

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/net/html"

	"github.com/cloudorg-exporter/cloudorg_exporter/internal/org"
	"github.com/cloudorg-exporter/cloudorg_exporter/internal/web"
)

const docsURL = "https://docs.example/docs/"

func statusConfig(snapshots ...org.Snapshot) web.StatusConfig {
	return web.StatusConfig{
		Snapshots: func() []org.Snapshot { return snapshots },
		Start:     func([]string) {},
		Version:   "0.1.0",
		ProbePath: "/probe",
		DocsURL:   docsURL,
		Zone:      korea(),
		Now:       noon,
		Links: []web.Link{
			{Text: "Metrics", Href: "/metrics"},
			{Text: "Configuration", Href: "/config"},
		},
	}
}

// handler serves the status pages as the exporter does.
func handler(cfg web.StatusConfig) http.Handler {
	mux := http.NewServeMux()
	mux.Handle("GET /{$}", web.Status(cfg))
	mux.Handle("GET "+web.PathOrganization, web.Organization(cfg))
	return mux
}

func get(t testing.TB, h http.Handler, url string) *httptest.ResponseRecorder {
	t.Helper()
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodGet, url, nil))
	return w
}

// page is the page at url, of snapshots.
func page(t testing.TB, url string, snapshots ...org.Snapshot) node {
	t.Helper()
	w := get(t, handler(statusConfig(snapshots...)), url)
	if w.Code != http.StatusOK {
		t.Fatalf("%s: status %d", url, w.Code)
	}
	return parse(t, w.Body.String())
}

// rows returns the rows of the overview, each cell's text under the title of
// its column, and the cause of a failure under "why".
func rows(page node) []map[string]string {
	var all []map[string]string
	tables := page.all("table")
	if len(tables) == 0 || tables[0].all("caption")[0].text() != "Organizations" {
		return nil
	}
	var titles []string
	for _, th := range tables[0].all("thead")[0].all("th") {
		titles = append(titles, th.text())
	}
	for _, tr := range tables[0].all("tbody")[0].all("tr") {
		if tr.attr("class") == "why" {
			all[len(all)-1]["why"] += tr.text()
			continue
		}
		row, i := map[string]string{}, 0
		for n := range tr.ChildNodes() {
			if n.Type == html.ElementNode {
				row[titles[i]] = node{n}.text()
				i++
			}
		}
		all = append(all, row)
	}
	return all
}

// order is the organizations of the overview, from the top.
func order(page node) string {
	var names []string
	for _, r := range rows(page) {
		names = append(names, r["Organization"])
	}
	return strings.Join(names, " ")
}

const worstFirst = "acme-labs samsung-hq archive acme-games old-branch new-subsidiary acme 한국-클라우드"

func TestOverviewRows(t *testing.T) {
	page := page(t, "/", world()...)
	if have := order(page); have != worstFirst {
		t.Errorf("order: want %s, have %s", worstFirst, have)
	}
	for i, want := range map[int]map[string]string{
		0: {"State": "failing", "Cloud": "ncp", "Members": "–unknown", "Collectors": "0/5", "Data age": "5 h"},
		1: {"State": "failing", "Cloud": "scp", "To decide": "1 received", "Members": "68", "Invitations": "1", "Requests to leave": "–unknown", "Collectors": "3/4"},
		2: {"State": "expired", "Members": "–unknown", "Data age": "1 h 2 min"},
		3: {
			"State": "stale", "To decide": "1 expired 1 expiring 1 leaving 1 joined 1 left", "Members": "123", "Invitations": "9",
			"Next expiry": "in 1 d 17 h", "Requests to leave": "2", "Collectors": "4/5", "Data age": "17 min",
		},
		4: {"State": "overdue", "Members": "39", "Data age": "13 min"},
		5: {"State": "waiting", "Members": "–unknown", "Collectors": "0/5", "Data age": "–unknown"},
		6: {"State": "ok", "To decide": "", "Members": "39", "Next expiry": "in 21 d", "Requests to leave": "0", "Collectors": "5/5", "Data age": "2 min"},
	} {
		have := rows(page)[i]
		for title, text := range want {
			if have[title] != text {
				t.Errorf("%s, %s: want %q, have %q", have["Organization"], title, text, have[title])
			}
		}
	}
}

// The reason and what to do stand in the overview, the error once per cause.
func TestOverviewCauses(t *testing.T) {
	all := rows(page(t, "/", world()...))
	for _, want := range []string{
		"auth all collectors: check access_key", "Failing for 4 h 55 min; no data is exported.",
		"get /open-api/v1/org, get /open-api/v1/group/tree, get /open-api/v1/account/invite/invitation, get /open-api/v1/account/leave: NCP error 200 (HTTP 401): Authentication Failed", "Authentication Failed",
	} {
		if n := strings.Count(all[0]["why"], want); n != 1 {
			t.Errorf("%q appears %d times in %q", want, n, all[0]["why"])
		}
	}
	if want := "data of 2026-11-26 02:43 UTC / 11:43 KST is exported until 2026-11-26 03:43 UTC / 12:43 KST"; !strings.Contains(all[3]["why"], want) {
		t.Errorf("want %q in %q", want, all[3]["why"])
	}
	if all[6]["why"] != "" {
		t.Errorf("a healthy organization has a cause: %q", all[6]["why"])
	}
}

func TestOverviewHeadline(t *testing.T) {
	other := good("b")
	scraped := func(ago time.Duration) func() time.Time {
		return func() time.Time { return noon().Add(-ago) }
	}
	for _, test := range []struct {
		want, tone string
		scraped    func() time.Time
		snapshots  []org.Snapshot
	}{
		{"No organizations configured on this instance (check --shard)", "waiting", nil, nil},
		{"Nothing needs a decision. Data is current", "ok", nil, []org.Snapshot{good("a")}},
		{"Nothing needs a decision. Data is current", "ok", scraped(4 * time.Minute), []org.Snapshot{good("a"), other}},
		{"Nothing needs a decision. No scrape for 13 min. Data is current", "overdue", scraped(13 * time.Minute), []org.Snapshot{good("a")}},
		{"No scrape for 13 min. Data of 0 of 1 organization is current", "overdue", scraped(13 * time.Minute), []org.Snapshot{asleep("a", 13*time.Minute)}},
		{"Data of 1 of 2 organizations is current", "waiting", nil, []org.Snapshot{good("a"), starting("b")}},
		{"Data of 1 of 2 organizations is current", "failing", nil, []org.Snapshot{good("a"), refused("b")}},
		{"3 items need a decision. Data of 0 of 1 organization is current", "stale", nil, []org.Snapshot{deciding("a")}},
	} {
		cfg := statusConfig(test.snapshots...)
		cfg.Scraped = test.scraped
		page := parse(t, get(t, handler(cfg), "/").Body.String())
		h1 := page.all("h1")[0]
		if have := h1.text(); have != test.want || h1.attr("class") != test.tone {
			t.Errorf("want %q (%s), have %q (%s)", test.want, test.tone, have, h1.attr("class"))
		}
		if have := page.all("title")[0].text(); !strings.HasPrefix(have, test.want) {
			t.Errorf("title: want %q, have %q", test.want, have)
		}
	}
}

// decisions returns the counts at the top of a page, by the kind's alert.
func decisions(page node) map[string]string {
	found := map[string]string{}
	for _, ul := range page.all("ul") {
		if ul.attr("class") == "decisions" {
			for _, li := range ul.all("li") {
				for _, a := range li.all("a") {
					if alert, ok := strings.CutPrefix(a.attr("href"), docsURL+"runbooks/"); ok {
						found[strings.TrimSuffix(alert, ".md")] = li.all("strong")[0].text()
					}
				}
			}
		}
	}
	return found
}

// The counts are those that the alerts fire for, at and around their
// thresholds.
func TestDecisions(t *testing.T) {
	s := good("acme")
	lapsed := invited(1, -time.Minute)
	lapsed.Pending = false
	s.Invitations = read(0, invited(1, -time.Minute), lapsed, invited(2, 0), invited(3, time.Second), invited(4, 3*day-time.Second), invited(5, 3*day),
		org.Invitation{MemberID: "6", Pending: true})
	s.Withdrawals = read(0, leaving(1, 3*day), leaving(2, 3*day+time.Second), leaving(3, 8*day), org.Withdrawal{MemberID: "4"})
	s.Received = read(0, org.Invitation{Pending: true}, org.Invitation{})
	change := func(ago time.Duration, what org.What, from, to string) org.Change {
		return org.Change{Time: noon().Add(-ago), What: what, From: from, To: to}
	}
	s.Changes = []org.Change{
		change(day, org.MemberChanged, "JOIN", org.None), // too long ago
		change(day-time.Second, org.MemberChanged, "JOIN", org.None),
		change(0, org.MemberChanged, "LVREQ", org.None),
		change(0, org.MemberChanged, "INVT", org.None), // an invitation that ended
		change(0, org.MemberChanged, "INVT", "JOIN"),
		change(0, org.MemberChanged, org.None, "ACTIVE"),
		change(0, org.MemberChanged, org.None, "LEAVE_REQUESTED"),
		change(0, org.MemberChanged, org.None, "INVT"),
		change(0, org.MemberChanged, "JOIN", "LVREQ"),
		change(0, org.InvitationGone, "", ""),
		{Time: noon(), What: org.InvitationGone, Status: "EXPIRED"},
		{Time: noon(), What: org.InvitationGone, Status: "REFUSED"},
	}
	want := map[string]string{
		"CloudOrgInvitationLapsed": "3", "CloudOrgInvitationExpiring": "2", "CloudOrgWithdrawalUndecided": "2",
		"CloudOrgReceivedInvitationWaiting": "1", "CloudOrgMemberJoinedUninvited": "3", "CloudOrgMemberLeft": "2",
	}
	for _, url := range []string{"/", "/organization?name=acme"} {
		if diff := cmp.Diff(want, decisions(page(t, url, s))); diff != "" {
			t.Errorf("%s (-want +have):\n%s", url, diff)
		}
	}
	// NCP decides nothing on the first two days of a month in Korea.
	for now, want := range map[time.Time]string{
		time.Date(2026, time.November, 30, 14, 59, 0, 0, time.UTC): "3", time.Date(2026, time.November, 30, 15, 0, 0, 0, time.UTC): "",
		time.Date(2026, time.December, 2, 14, 59, 0, 0, time.UTC): "", time.Date(2026, time.December, 2, 15, 0, 0, 0, time.UTC): "3",
	} {
		cfg := statusConfig(s)
		cfg.Now = func() time.Time { return now }
		if have := decisions(parse(t, get(t, handler(cfg), "/").Body.String()))["CloudOrgWithdrawalUndecided"]; have != want {
			t.Errorf("%s: want %q, have %q", now, want, have)
		}
	}
}

// Version 2 of NCP's API lists an accepted invitation until the 3rd of a month
// in Korea: until then none is said to expire.
func TestInvitationsThatMayBeAccepted(t *testing.T) {
	for _, tt := range []struct {
		status string
		now    time.Time
		want   string
	}{
		{"JOINED", time.Date(2026, time.December, 2, 14, 59, 0, 0, time.UTC), ""},
		{"JOINED", time.Date(2026, time.December, 2, 15, 0, 0, 0, time.UTC), "1"},
		{"JOIN", time.Date(2026, time.December, 2, 14, 59, 0, 0, time.UTC), "1"},
	} {
		s := good("acme")
		s.Known.Members = []string{tt.status}
		s.Invitations = read(0, org.Invitation{MemberID: "1", Pending: true, Expires: tt.now.Add(day)})
		cfg := statusConfig(s)
		cfg.Now = func() time.Time { return tt.now }
		if have := decisions(parse(t, get(t, handler(cfg), "/").Body.String()))["CloudOrgInvitationExpiring"]; have != tt.want {
			t.Errorf("%s at %s: want %q, have %q", tt.status, tt.now, tt.want, have)
		}
	}
}

// The page and the alerts have the same thresholds.
func TestThresholdsAreThoseOfTheAlerts(t *testing.T) {
	thresholds, err := os.ReadFile("../../dashboards/thresholds.yml")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"invitation_expiry_days", "withdrawal_age_days"} {
		if !regexp.MustCompile(`cloudorg:threshold:` + name + `\n\s+expr: 3\n`).Match(thresholds) {
			t.Errorf("the threshold %s is not 3, or not there", name)
		}
	}
}

// Every runbook that a page links to exists.
func TestRunbooksExist(t *testing.T) {
	s := deciding("acme")
	s.Received = read(0, org.Invitation{Pending: true})
	s.Info = failed(s.Info, 0, org.ClockSkew, "", "clock")
	s.Groups = failed(s.Groups, 0, org.Network, "", "network")
	all := append(world(), s)
	cfg := statusConfig(all...)
	cfg.Reloaded = func() (time.Time, error) { return noon(), errors.New("bad file") }
	seen := map[string]bool{}
	for _, a := range parse(t, get(t, handler(cfg), "/").Body.String()).all("a") {
		if file, ok := strings.CutPrefix(a.attr("href"), docsURL); ok && file != "" && !seen[file] {
			seen[file] = true
			if _, err := os.Stat("../../docs/" + file); err != nil {
				t.Error(err)
			}
		}
	}
	if len(seen) != 12 {
		t.Errorf("links to documents: want 12, have %d: %v", len(seen), seen)
	}
}

// Each state and each reason is shown and selects its organization.
func TestOverviewShowsEveryStateAndReason(t *testing.T) {
	for _, state := range []string{"ok", "waiting", "overdue", "stale", "expired", "failing"} {
		if have := rows(page(t, "/?state="+state, world()...)); len(have) == 0 || have[0]["State"] != state {
			t.Errorf("%s: have %v", state, have)
		}
	}
	for _, reason := range []org.Reason{
		org.Auth, org.NotMaster, org.Forbidden, org.Throttled, org.Server, org.Timeout,
		org.Network, org.Decode, org.APIVersion, org.ClockSkew, org.Other,
	} {
		s := good("failed")
		s.Groups = failed(s.Groups, time.Minute, reason, "", "cause")
		have := rows(page(t, "/?reason="+string(reason), good("acme"), s))
		if want := string(reason) + " groups: wait: the next refresh may succeed cause"; len(have) != 1 || !strings.Contains(have[0]["why"], want) {
			t.Errorf("want %q, have %v", want, have)
		}
	}
}

func TestOverviewFilters(t *testing.T) {
	for url, want := range map[string]string{
		"/?name=ACME":                  "acme-labs acme-games acme",
		"/?name=inc":                   "", // the name that the cloud has for it is not visible
		"/?name=%ED%95%9C%EA%B5%AD":    "한국-클라우드",
		"/?state=failing":              "acme-labs samsung-hq",
		"/?state=overdue":              "old-branch",
		"/?state=ok&name=acme":         "acme",
		"/?cloud=scp":                  "samsung-hq",
		"/?reason=auth":                "acme-labs",
		"/?reason=forbidden&cloud=ncp": "",
		"/?decision=expired":           "acme-games",
		"/?decision=received":          "samsung-hq",
		"/?state=bogus":                "",
		"/?reason=bogus":               "",
		"/?unknown=x":                  worstFirst,
		"/?name=" + long("x", 100000):  "",
		"/?name=acme&sort=name":        "acme acme-games acme-labs",
		"/?name=acme&sort=age":         "acme-labs acme-games acme",
		"/?name=acme&sort=expiry":      "acme-games acme acme-labs",
		"/?sort=decisions&name=s":      "acme-games samsung-hq acme-labs new-subsidiary",
		"/?sort=state":                 worstFirst,
		"/?sort=bogus&name=acme":       "acme-labs acme-games acme",
	} {
		page := page(t, url, world()...)
		if have := order(page); have != want {
			t.Errorf("%.40s: want %q, have %q", url, want, have)
		}
		if want == "" && !strings.Contains(page.text(), "No organization matches. Show all") {
			t.Errorf("%.40s: an empty page does not say why", url)
		}
	}
	for url, want := range map[string]string{
		"/?state=bogus": `state “bogus”`, "/?name=acme&state=ok": `1 of 8 organizations, name “acme”, state “ok”`,
		"/?decision=bogus":               `0 of 8 organizations, decision “bogus”`,
		"/?stat=ok&sort=bogus&refresh=1": `Ignored, unknown parameter or value: stat, sort=bogus, refresh=1`,
		"/organization?name=acme&x=y":    `Ignored, unknown parameter or value: x`,
	} {
		if have := page(t, url, world()...).text(); !strings.Contains(have, want) {
			t.Errorf("%s: want %q in\n%s", url, want, have)
		}
	}
}

// Every link of the overview keeps the other parameters.
func TestOverviewLinks(t *testing.T) {
	page := page(t, "/?name=acme&state=stale&sort=decisions&refresh=300", world()...)
	have := map[string]string{}
	for _, a := range page.all("a") {
		have[a.text()] = a.attr("href")
	}
	for text, want := range map[string]string{
		"stale 1":                         "?name=acme&refresh=300&sort=decisions",
		"failing 2":                       "?name=acme&refresh=300&sort=decisions&state=failing",
		"throttled 1":                     "?name=acme&reason=throttled&refresh=300&sort=decisions&state=stale",
		"ncp 7":                           "?cloud=ncp&name=acme&refresh=300&sort=decisions&state=stale",
		"1 invitation expired unanswered": "./?decision=expired&name=acme&refresh=300&sort=decisions&state=stale",
		"To decide":                       "?name=acme&refresh=300&state=stale",
		"Data age":                        "?name=acme&refresh=300&sort=age&state=stale",
		"Stop":                            "?name=acme&refresh=0&sort=decisions&state=stale",
		"acme-games":                      "./organization?name=acme-games",
		"Metrics":                         "./metrics",
		"Documentation":                   docsURL,
	} {
		if have[text] != want {
			t.Errorf("%s: want %q, have %q", text, want, have[text])
		}
	}
	for _, th := range page.all("th") {
		if sorted := th.attr("aria-sort"); (sorted != "") != (th.text() == "To decide") || sorted != "" && sorted != "descending" {
			t.Errorf("%s is said to be sorted %q", th.text(), sorted)
		}
	}
}

// Without the URL of the documentation no link leads there.
func TestNoDocumentation(t *testing.T) {
	cfg := statusConfig(world()...)
	cfg.DocsURL = ""
	for _, a := range parse(t, get(t, handler(cfg), "/").Body.String()).all("a") {
		if href := a.attr("href"); strings.Contains(href, "runbooks") || strings.Contains(href, "docs") {
			t.Errorf("link to %q", href)
		}
	}
}

// A view starts refreshes of what it shows, and reloads while one runs.
func TestViewStartsRefreshes(t *testing.T) {
	var started []string
	cfg := statusConfig(world()...)
	cfg.Start = func(names []string) { started = slices.Concat(started, names) }
	for _, step := range []struct{ url, started, reload string }{
		{"/", worstFirst, "5"},
		{"/?refresh=0", worstFirst, ""},
		{"/?refresh=60", worstFirst, "60"},
		{"/?refresh=1", worstFirst, ""},
		{"/?name=acme-", "acme-labs acme-games", "5"},
		{"/?name=nobody", "", "5"},
		{"/organization?name=old-branch", "old-branch", "5"},
		{"/organization?name=acme", "acme", ""},
		{"/organization?name=nobody", "", ""},
	} {
		started = nil
		page := parse(t, get(t, handler(cfg), step.url).Body.String())
		reload := ""
		for _, m := range page.all("meta") {
			if m.attr("http-equiv") == "refresh" {
				reload = m.attr("content")
			}
		}
		if have := strings.Join(started, " "); have != step.started || reload != step.reload {
			t.Errorf("%s: want %q, reload %q, have %q, reload %q", step.url, step.started, step.reload, have, reload)
		}
	}
	cfg.Start = nil
	if body := get(t, handler(cfg), "/").Body.String(); strings.Contains(body, "http-equiv") {
		t.Error("the page waits for refreshes that it cannot start")
	}
}

func TestRefusedConfiguration(t *testing.T) {
	cfg := statusConfig(good("acme"))
	cfg.Reloaded = func() (time.Time, error) {
		return noon().Add(-5 * time.Minute), errors.New("config.yml: line 3: unknown key \"<b>\"")
	}
	for _, url := range []string{"/", "/organization?name=acme"} {
		have := parse(t, get(t, handler(cfg), url).Body.String()).text()
		for _, want := range []string{"The configuration was refused 5 min ago", `unknown key "<b>"`} {
			if !strings.Contains(have, want) {
				t.Errorf("%s: want %q in\n%s", url, want, have)
			}
		}
	}
	cfg.Reloaded = func() (time.Time, error) { return noon(), nil }
	if have := get(t, handler(cfg), "/").Body.String(); strings.Contains(have, "refused") {
		t.Errorf("a good configuration is said to be refused")
	}
}

func TestTimesWithoutLocalZone(t *testing.T) {
	cfg := statusConfig(good("acme"))
	cfg.Zone = time.UTC
	have := parse(t, get(t, handler(cfg), "/").Body.String()).text()
	if !strings.Contains(have, "As of 2026-11-26 03:00 UTC.") || !strings.Contains(have, "variable TZ") {
		t.Errorf("have %s", have)
	}
}

func TestPanicIsAnError(t *testing.T) {
	cfg := statusConfig()
	cfg.Snapshots = func() []org.Snapshot { panic("boom") }
	for _, url := range []string{"/", "/organization?name=acme"} {
		if w := get(t, handler(cfg), url); w.Code != http.StatusInternalServerError || strings.Contains(w.Body.String(), "boom") {
			t.Errorf("%s: %d %q", url, w.Code, w.Body)
		}
	}
}

// All rows are on one page, which stays fast and small.
func TestOverviewOfAThousandOrganizations(t *testing.T) {
	h := handler(statusConfig(many(1000)...))
	start := time.Now()
	w := get(t, h, "/")
	t.Logf("%d bytes in %s", w.Body.Len(), time.Since(start))
	if w.Body.Len() > 1_000_000 {
		t.Errorf("the page has %d bytes", w.Body.Len())
	}
	if have := len(rows(parse(t, w.Body.String()))); have != 1000 {
		t.Errorf("rows: %d", have)
	}
}

func BenchmarkOverviewOfAThousandOrganizations(b *testing.B) {
	failing := make([]org.Snapshot, 1000)
	for i := range failing {
		failing[i] = refused(fmt.Sprintf("team-%03d", i))
	}
	for name, snapshots := range map[string][]org.Snapshot{"mixed": many(1000), "failing": failing} {
		b.Run(name, func(b *testing.B) {
			h := handler(statusConfig(snapshots...))
			b.ReportAllocs()
			for b.Loop() {
				get(b, h, "/")
			}
		})
	}
}

func long(s string, n int) string { return strings.Repeat(s, n) }

// A node is an element of a page.
type node struct{ *html.Node }

func parse(t testing.TB, page string) node {
	t.Helper()
	n, err := html.Parse(strings.NewReader(page))
	if err != nil {
		t.Fatal(err)
	}
	return node{n}
}

// all returns the elements of a kind within n.
func (n node) all(kind string) (found []node) {
	for d := range n.Descendants() {
		if d.Type == html.ElementNode && d.Data == kind {
			found = append(found, node{d})
		}
	}
	return found
}

func (n node) attr(name string) string {
	for _, a := range n.Attr {
		if a.Key == name {
			return a.Val
		}
	}
	return ""
}

// text is the text of n, with single spaces.
func (n node) text() string {
	var b strings.Builder
	for d := range n.Descendants() {
		switch {
		case d.Type == html.TextNode && d.Parent.Data != "style":
			b.WriteString(d.Data)
		case slices.Contains([]string{"td", "th", "tr", "dd", "dt", "div"}, d.Data):
			b.WriteString(" ")
		}
	}
	return strings.Join(strings.Fields(b.String()), " ")
}
