package web_test

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/html"

	"github.com/cloudorg-exporter/cloudorg_exporter/internal/org"
	"github.com/cloudorg-exporter/cloudorg_exporter/internal/web"
)

func statusConfig(snapshots ...org.Snapshot) web.StatusConfig {
	return web.StatusConfig{
		Snapshots: func() []org.Snapshot { return snapshots },
		Version:   "0.1.0",
		ProbePath: "/probe",
		Now:       noon,
		Links: []web.Link{
			{Text: "Metrics", Href: "/metrics"},
			{Text: "Discovery", Href: "/sd"},
			{Text: "Configuration", Href: "/config"},
			{Text: "Healthy", Href: "/-/healthy"},
			{Text: "Ready", Href: "/-/ready"},
			{Text: "Documentation", Href: "https://github.com/cloudorg-exporter/cloudorg_exporter"},
		},
	}
}

func get(t testing.TB, h http.Handler, url string) *httptest.ResponseRecorder {
	t.Helper()
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodGet, url, nil))
	return w
}

// statusPage is the page at url, of snapshots.
func statusPage(t testing.TB, url string, snapshots ...org.Snapshot) node {
	t.Helper()
	w := get(t, web.Status(statusConfig(snapshots...)), url)
	if w.Code != http.StatusOK {
		t.Fatalf("%s: status %d", url, w.Code)
	}
	return parse(t, w.Body.String())
}

// order is the organizations that a page shows, from the top.
func order(page node) string {
	var names []string
	for _, s := range page.all("section") {
		names = append(names, s.all("h2")[0].all("bdi")[0].text())
	}
	return strings.Join(names, " ")
}

func TestStatusShowsTheWorstFirst(t *testing.T) {
	page := statusPage(t, "/", representative()...)
	want := "acme-labs samsung-hq archive acme-games new-subsidiary acme 한국-클라우드"
	if have := order(page); have != want {
		t.Errorf("order: want %s, have %s", want, have)
	}
	if want, have := "4 of 7 organizations need attention", page.all("h1")[0].text(); have != want {
		t.Errorf("headline: want %q, have %q", want, have)
	}
}

func TestStatusSaysWhatIsWrongAndWhatToDo(t *testing.T) {
	sections := map[string]string{}
	for _, s := range statusPage(t, "/", representative()...).all("section") {
		sections[s.all("bdi")[0].text()] = s.text()
	}
	for name, wants := range map[string][]string{
		"acme-games": {
			"▲ stale acme-games", "ncp · acme-games Inc. · id 4711",
			"Refreshed 2 min 3 s ago in 1.2 s. Next in 2 min 57 s.",
			"throttled (members): raise cache_ttl",
			"members ▲ stale 123 17 min 2.3 s", "COMMON_104: too many requests",
			"throttled for 12 min; serving data 17 min old, for another 43 min",
			"could not be read so far: 2",
			"Members 123", "INVT 9", "LEV 0",
			"Pending invitations 9", "account 2511871 lapsed 1 d 2 h ago", "account 2511876 1 d 17 h left", "and 4 more",
			"Pending withdrawals 2", "account 2503310 asked 2 d 2 h ago account 2503377 asked 9 h ago",
		},
		"acme-labs": {
			"✕ failing acme-labs", "auth (members, invitations): check access_key", "members ✕ failing –unknown 5 h",
			"auth for 4 h 55 min; serving nothing", "Members unknown", "Pending invitations unknown",
		},
		"samsung-hq":     {"api_version ✕ failing –unknown –unknown 2.3 s", "sent 9 d ago", "Received invitations 1", "from organization o-5kd81mzq 3 d left"},
		"archive":        {"◆ expired archive", "Next due, with the next scrape.", "still scrapes this"},
		"new-subsidiary": {"○ waiting new-subsidiary", "The first refresh has not ended.", "members ○ waiting –unknown –unknown –unknown"},
		"acme":           {"✓ ok acme", "Pending withdrawals 0"},
	} {
		for _, want := range wants {
			if !strings.Contains(sections[name], want) {
				t.Errorf("%s: want %q in\n%s", name, want, sections[name])
			}
		}
	}
	if s := sections["acme-labs"]; strings.Contains(s, "withdrawals") {
		t.Errorf("a collector that is not configured is shown:\n%s", s)
	}
}

func TestStatusFilters(t *testing.T) {
	for url, want := range map[string]string{
		"/?name=ACME":                 "acme-labs acme-games acme",
		"/?name=games+inc":            "acme-games", // the cloud's name for it
		"/?name=%ED%95%9C%EA%B5%AD":   "한국-클라우드",
		"/?name=nobody":               "",
		"/?state=failing":             "acme-labs samsung-hq",
		"/?state=attention":           "acme-labs samsung-hq archive acme-games",
		"/?state=waiting":             "new-subsidiary",
		"/?state=ok&name=acme":        "acme",
		"/?state=nonsense&page=x":     "acme-labs samsung-hq archive acme-games new-subsidiary acme 한국-클라우드",
		"/?page=99&name=acme-l":       "acme-labs",
		"/?page=-1&name=acme-l":       "acme-labs",
		"/?name=" + long("x", 100000): "",
	} {
		page := statusPage(t, url, representative()...)
		if have := order(page); have != want {
			t.Errorf("%.40s: want %q, have %q", url, want, have)
		}
		if want == "" && !strings.Contains(page.text(), "No organization is like that. Show all") {
			t.Errorf("%.40s: an empty page does not say why", url)
		}
	}
}

// The page asks for itself again, with the same parameters: a refresh without
// an address does that. Those who read with a screen reader can turn it off.
func TestStatusRefreshesItself(t *testing.T) {
	for url, want := range map[string]string{"/": "60", "/?name=acme&refresh=300": "300", "/?refresh=0": "", "/?refresh=1": "60"} {
		have := ""
		for _, m := range statusPage(t, url, representative()...).all("meta") {
			if m.attr("http-equiv") == "refresh" {
				have = m.attr("content")
			}
		}
		if have != want {
			t.Errorf("%s: want %q, have %q", url, want, have)
		}
	}
	page := statusPage(t, "/?name=acme&state=ok&refresh=300", representative()...)
	for _, a := range page.all("a") {
		if href := a.attr("href"); strings.Contains(href, "state=failing") && href != "?name=acme&refresh=300&state=failing" {
			t.Errorf("a link loses the filter: %s", href)
		}
	}
	if have := page.all("input")[0].attr("value"); have != "acme" {
		t.Errorf("the form loses the name: %q", have)
	}
}

func TestStatusOfAThousandOrganizations(t *testing.T) {
	all := make([]org.Snapshot, 1000)
	for i := range all {
		all[i] = good(fmt.Sprintf("organization-%03d", i))
	}
	all[777] = representative()[1]
	w := get(t, web.Status(statusConfig(all...)), "/")
	if w.Body.Len() > 150_000 {
		t.Errorf("the page has %d bytes", w.Body.Len())
	}
	page := parse(t, w.Body.String())
	if have := order(page); !strings.HasPrefix(have, "acme-games organization-000 organization-001 ") {
		t.Errorf("order: %s", have)
	}
	seen := map[string]bool{}
	for n := 1; n <= 40; n++ {
		page := statusPage(t, fmt.Sprintf("/?page=%d", n), all...)
		for name := range strings.FieldsSeq(order(page)) {
			if seen[name] {
				t.Errorf("%s is shown twice", name)
			}
			seen[name] = true
		}
		next := ""
		for _, a := range page.all("a") {
			if a.attr("rel") == "next" {
				next = a.attr("href")
			}
		}
		if want := fmt.Sprintf("?page=%d", n+1); n < 40 && next != want || n == 40 && next != "" {
			t.Errorf("page %d leads to %q", n, next)
		}
	}
	if len(seen) != 1000 {
		t.Errorf("the pages show %d organizations", len(seen))
	}
}

func TestStatusHeadline(t *testing.T) {
	first := representative()[6]
	for want, snapshots := range map[string][]org.Snapshot{
		"No organization is served here":              nil,
		"The organization is well":                    {good("a")},
		"All 2 organizations are well":                {good("a"), good("b")},
		"Starting: 1 of 2 organizations not read yet": {good("a"), first},
		"1 of 1 organization needs attention":         {representative()[1]},
		"1 of 3 organizations needs attention":        {good("a"), representative()[1], first},
	} {
		page := statusPage(t, "/", snapshots...)
		if have := page.all("h1")[0].text(); have != want {
			t.Errorf("want %q, have %q", want, have)
		}
		if have := page.all("title")[0].text(); !strings.HasPrefix(have, want) {
			t.Errorf("title: want %q, have %q", want, have)
		}
	}
}

func TestStatusTellsOfARefusedConfiguration(t *testing.T) {
	cfg := statusConfig(good("acme"))
	cfg.Reloaded = func() (time.Time, error) {
		return noon().Add(-5 * time.Minute), errors.New("config.yml: line 3: unknown key \"<b>\"")
	}
	have := parse(t, get(t, web.Status(cfg), "/").Body.String()).text()
	for _, want := range []string{"The configuration was refused 5 min ago. The one before it is in force.", `unknown key "<b>"`} {
		if !strings.Contains(have, want) {
			t.Errorf("want %q in\n%s", want, have)
		}
	}
	cfg.Reloaded = func() (time.Time, error) { return noon(), nil }
	if have := get(t, web.Status(cfg), "/").Body.String(); strings.Contains(have, "refused") {
		t.Errorf("a good configuration is said to be refused")
	}
}

func BenchmarkStatusOfAThousandOrganizations(b *testing.B) {
	all := make([]org.Snapshot, 1000)
	for i := range all {
		all[i] = good(fmt.Sprintf("organization-%03d", i))
	}
	h := web.Status(statusConfig(all...))
	b.ReportAllocs()
	for b.Loop() {
		get(b, h, "/")
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

// text is what stands in n, with single spaces.
func (n node) text() string {
	var b strings.Builder
	for d := range n.Descendants() {
		switch {
		case d.Type == html.TextNode && d.Parent.Data != "style":
			b.WriteString(d.Data)
		case slices.Contains([]string{"td", "th", "tr", "dd", "div"}, d.Data):
			b.WriteString(" ")
		}
	}
	return strings.Join(strings.Fields(b.String()), " ")
}
