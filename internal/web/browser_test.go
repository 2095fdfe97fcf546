//go:build e2e

package web_test

import (
	"flag"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/cloudorg-exporter/cloudorg_exporter/internal/org"
)

// See docs/img/shoot.sh.
var (
	screenshots = flag.String("screenshots", "", "directory for pictures of the status pages")
	exporter    = flag.String("exporter", "", "URL of a running exporter; empty: the organizations of the tests")
	// The page of one organization is of the running exporter, too.
	organization = flag.String("organization", "acme-games", "name of an organization")
)

// serve serves the status pages, and a line for everything else that they link
// to.
func serve(t *testing.T, snapshots ...org.Snapshot) string {
	t.Helper()
	mux := http.NewServeMux()
	cfg := statusConfig(snapshots...)
	cfg.Start = nil // the page would load itself again during a test
	mux.Handle("/", handler(cfg))
	for _, path := range []string{"/metrics", "/sd", "/config", "/probe", "/-/ready"} {
		mux.HandleFunc("GET "+path, func(w http.ResponseWriter, r *http.Request) { _, _ = w.Write([]byte("here is " + r.URL.String())) })
	}
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	return server.URL
}

// named returns the names of the organizations of the overview.
func named(c *chromium) []string {
	return eval[[]string](c, `[...document.querySelectorAll("main > table tbody th")].map(n => n.innerText)`)
}

func TestBrowserReadsTheTable(t *testing.T) {
	c := startChromium(t)
	c.open(serve(t, world()...))
	// What a screen reader is told, on a phone too.
	for _, width := range []int{1280, 390} {
		c.look(width, "light")
		var tree struct {
			Nodes []struct{ Role, Name struct{ Value any } }
		}
		c.call("Accessibility.getFullAXTree", nil, &tree)
		told := map[string]bool{}
		for _, n := range tree.Nodes {
			told[strings.Join(strings.Fields(fmt.Sprint(n.Role.Value, " ", n.Name.Value)), " ")] = true
		}
		for _, want := range []string{
			"heading 4 items need a decision. Data of 2 of 8 organizations is current", "table Organizations",
			"rowheader acme-games", "columnheader Data age", "cell stale", "region To decide", "region Data",
			"navigation Exporter", "search Organizations", "searchbox Name", "button Filter", "main",
			"link acme-games", "link Skip to the content",
		} {
			if !told[want] {
				t.Errorf("at %d pixels a screen reader does not say %q, only %q", width, want, slices.Sorted(maps.Keys(told)))
			}
		}
	}
	if said := c.complaints(); len(said) > 0 {
		t.Errorf("the browser complains: %q", said)
	}
	if have := eval[string](c, `getComputedStyle(document.body).maxWidth`); have != "1280px" {
		t.Errorf("the style is not applied: %s", have)
	}
}

func TestBrowserFollowsTheLinks(t *testing.T) {
	c := startChromium(t)
	address := serve(t, world()...)
	for _, step := range []struct{ page, link, want string }{
		{"/", "Metrics", "here is /metrics"},
		{"/", "Service discovery", "here is /sd"},
		{"/organization?name=acme", "Ready", "here is /-/ready"},
		{"/organization?name=acme", "Configuration", "here is /config"},
		{"/organization?name=acme", "Metrics of this organization", "here is /probe?target=acme"},
		{"/organization?name=acme", "All organizations", "4 items need a decision"},
		{"/", "한국-클라우드", "한국-클라우드 Inc."},
	} {
		c.open(address + step.page)
		c.andLoad(func() {
			eval[bool](c, `[...document.querySelectorAll("a")].find(a => a.innerText == "`+step.link+`").click() || true`)
		})
		if have := eval[string](c, "document.body.innerText"); !strings.Contains(have, step.want) {
			t.Errorf("%s, %s: want %q, have %q", step.page, step.link, step.want, have)
		}
	}
}

// The page can be used with the keyboard alone, and the focus is visible.
func TestBrowserFiltersByKeyboard(t *testing.T) {
	c := startChromium(t)
	c.open(serve(t, world()...) + "/?sort=name")
	focused := func() string {
		return eval[string](c, `document.activeElement.innerText || document.activeElement.name || document.activeElement.tagName`)
	}
	c.press("Tab", "")
	if have := focused(); have != "Skip to the content" {
		t.Fatalf("the first stop is %q", have)
	}
	if left := eval[float64](c, `document.activeElement.getBoundingClientRect().left`); left < 0 {
		t.Error("the skip link cannot be seen")
	}
	c.press("Enter", "\r")
	for range 100 {
		if c.press("Tab", ""); focused() == "name" {
			break
		}
		if have := eval[string](c, `getComputedStyle(document.activeElement).outlineStyle`); have != "solid" {
			t.Errorf("the focus on %q cannot be seen: %s", focused(), have)
		}
	}
	if have := focused(); have != "name" {
		t.Fatalf("the search cannot be reached: %q", have)
	}
	c.call("Input.insertText", map[string]any{"text": "GAMES"}, nil)
	c.andLoad(func() { c.press("Enter", "\r") })
	if have := named(c); len(have) != 1 || have[0] != "acme-games" {
		t.Errorf("the filter shows %q", have)
	}
	if have := eval[string](c, `location.search`); have != "?name=GAMES&sort=name" {
		t.Errorf("the form loses a parameter: %s", have)
	}
	// The summary of a cause opens with Enter.
	if open := eval[bool](c, `document.querySelector("summary").focus() || document.querySelector("details").open`); open {
		t.Error("details are open without being asked for")
	}
	c.press("Enter", "\r")
	if open := eval[bool](c, `document.querySelector("details").open`); !open {
		t.Error("details do not open")
	}
}

// A page that reloads keeps its parameters.
func TestBrowserReloadKeepsTheFilter(t *testing.T) {
	c := startChromium(t)
	address := serve(t, world()...) + "/?name=games&refresh=5"
	c.open(address)
	c.andLoad(func() {}) // by itself
	if have := eval[string](c, `location.href`); have != address {
		t.Errorf("want %s, have %s", address, have)
	}
}

// Neither a phone nor a long name makes the page scroll sideways, and
// everything can be told from its background (WCAG AA).
func TestBrowserOnEveryScreen(t *testing.T) {
	c := startChromium(t)
	snapshots := append(world(), hostile(), good(strings.Repeat("long", 60)), deciding(strings.Repeat("길다", 60)))
	snapshots[len(snapshots)-2].Info.Items[0].ID = strings.Repeat("7", 100)
	address := serve(t, snapshots...)
	for _, path := range []string{"/", "/organization?name=" + url.QueryEscape(nasty), "/organization?name=acme-games", "/organization?name=acme-labs", "/organization?name=" + strings.Repeat("long", 60)} {
		c.open(address + path)
		eval[int](c, `document.querySelectorAll("details").forEach(d => d.open = true) || 1`)
		for _, width := range []int{320, 390, 800, 1024, 1100, 1280, 2560} {
			for _, scheme := range []string{"light", "dark"} {
				c.look(width, scheme)
				if have := eval[int](c, `document.documentElement.scrollWidth`); have > width {
					t.Errorf("%.30s: at %d pixels the page is %d wide: %q", path, width, have, eval[[]string](c, fmt.Sprintf(wide, width)))
				}
				if have := eval[[]string](c, faint); len(have) > 0 {
					t.Errorf("%.30s: %s, at %d pixels, too faint: %q", path, scheme, width, have)
				}
				if have := eval[[]string](c, `[...document.querySelectorAll(".state")].filter(e => e.getClientRects().length > 1).map(e => e.innerText + " " + e.parentElement.innerText)`); len(have) > 0 {
					t.Errorf("%.30s: at %d pixels, states on two lines: %q", path, width, have)
				}
			}
		}
	}
}

const (
	// wide names the elements that stick out.
	wide = `[...document.querySelectorAll("body *")].filter(e => e.getBoundingClientRect().right > %d)
		.map(e => e.tagName + "." + e.className + " " + e.innerText.slice(0, 30)).slice(0, 5)`
	// faint names the texts whose contrast is below 4.5.
	faint = `(() => {
		const rgb = s => (s.match(/[\d.]+/g) || []).map(Number);
		const light = s => { const [r, g, b] = rgb(s).map(v => (v /= 255) <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4); return 0.2126 * r + 0.7152 * g + 0.0722 * b; };
		const back = e => { for (; e; e = e.parentElement) { const c = getComputedStyle(e).backgroundColor; if (rgb(c)[3] !== 0) return c; } return "rgb(255, 255, 255)"; };
		const out = [];
		for (const e of document.querySelectorAll("body *")) {
			if (![...e.childNodes].some(n => n.nodeType == 3 && n.data.trim())) continue;
			const [a, b] = [light(getComputedStyle(e).color), light(back(e))];
			const contrast = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
			if (contrast < 4.5) out.push(e.tagName + "." + e.className + " " + contrast.toFixed(2));
		}
		return out.slice(0, 5);
	})()`
)

func TestScreenshots(t *testing.T) {
	if *screenshots == "" {
		t.Skip("no -screenshots")
	}
	c := startChromium(t)
	live := *exporter
	if live == "" {
		live = serve(t, world()...)
	}
	for _, of := range []struct {
		name, address, screens string
	}{
		{"status", live, "desktop-light desktop-dark phone-light phone-dark"},
		{"organization", live + "/organization?name=" + url.QueryEscape(*organization), "desktop-light phone-dark"},
		{"two", serve(t, good("acme"), samsung("acme-scp")), "desktop-dark"},
		{"many", serve(t, many(300)...), "desktop-light phone-dark"},
		{"names", serve(t, deciding(strings.Repeat("very-long-name-", 8)), good(strings.Repeat("긴이름", 40)), refused("한국-클라우드"), good("acme")), "phone-light"},
	} {
		c.open(of.address)
		for screen := range strings.FieldsSeq(of.screens) {
			device, scheme, _ := strings.Cut(screen, "-")
			c.look(map[string]int{"desktop": 1280, "phone": 390}[device], scheme)
			if err := os.WriteFile(filepath.Join(*screenshots, of.name+"-"+screen+".png"), c.shoot(1800), 0o644); err != nil {
				t.Fatal(err)
			}
		}
	}
}
