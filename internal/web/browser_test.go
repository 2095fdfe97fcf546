//go:build e2e

package web_test

import (
	"bytes"
	"flag"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/cloudorg-exporter/cloudorg_exporter/internal/org"
	"github.com/cloudorg-exporter/cloudorg_exporter/internal/web"
)

// See docs/img/shoot.sh.
var screenshots = flag.String("screenshots", "", "directory for pictures of the status page")

// serve serves the status page, and a word for everything that it links to.
func serve(t *testing.T, snapshots ...org.Snapshot) string {
	t.Helper()
	mux := http.NewServeMux()
	mux.Handle("GET /{$}", web.Status(statusConfig(snapshots...)))
	mux.HandleFunc("GET /", func(w http.ResponseWriter, r *http.Request) { _, _ = w.Write([]byte("here is " + r.URL.String())) })
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	return server.URL
}

func TestBrowserReadsTheTable(t *testing.T) {
	c := startChromium(t)
	c.open(serve(t, representative()...))
	rows := eval[[][]string](c, `[...document.querySelectorAll("table.overview tbody tr")].map(r => [...r.cells].map(d => d.innerText.trim().replace(/\u00a0/g, " ")))`)
	if len(rows) != 7 {
		t.Fatalf("rows: want 7, have %q", rows)
	}
	want := []string{"▲ stale", "acme-games", "ncp", "123", "9\nlapsed 1 d ago", "2\nasked 2 d ago", "17 min", "in 2 min 57 s"}
	if diff := cmp.Diff(want, rows[3]); diff != "" {
		t.Errorf("(-want +have):\n%s", diff)
	}
	// What a screen reader is told.
	var tree struct {
		Nodes []struct{ Role, Name struct{ Value any } }
	}
	c.call("Accessibility.getFullAXTree", nil, &tree)
	told := map[string]bool{}
	for _, n := range tree.Nodes {
		told[strings.Join(strings.Fields(fmt.Sprint(n.Role.Value, " ", n.Name.Value)), " ")] = true
	}
	for _, want := range []string{
		"heading 4 of 7 organizations need attention", "table Organizations 1 to 7 of 7, the worst first",
		"table Collectors of acme", "rowheader acme-games", "columnheader Oldest data", "region stale acme-games",
		"navigation Exporter", "search Organizations", "searchbox Name", "combobox State", "button Show", "main",
		"link metrics of acme", "link Skip to the organizations",
	} {
		if !told[want] {
			t.Errorf("nobody is told of %q, only %q", want, slices.Sorted(maps.Keys(told)))
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
	url := serve(t, representative()...)
	for selector, want := range map[string]string{
		`header li:nth-child(1) a`:          "here is /metrics",
		`header li:nth-child(2) a`:          "here is /sd",
		`header li:nth-child(3) a`:          "here is /config",
		`header li:nth-child(4) a`:          "here is /-/healthy",
		`header li:nth-child(5) a`:          "here is /-/ready",
		`[aria-label="metrics of acme"]`:    "here is /probe?target=acme",
		`[aria-label="metrics of archive"]`: "here is /probe?target=archive",
	} {
		c.open(url)
		c.andLoad(func() { eval[bool](c, "document.querySelector(`"+selector+"`).click() || true") })
		if have := eval[string](c, "document.body.innerText"); have != want {
			t.Errorf("%s: want %q, have %q", selector, want, have)
		}
	}
	c.open(url)
	eval[bool](c, `[...document.querySelectorAll("table.overview a")].find(a => a.innerText == "acme-games").click() || true`)
	if have := eval[string](c, `document.querySelector("section:target h2").innerText`); !strings.Contains(have, "acme-games") {
		t.Errorf("the link to acme-games leads to %q", have)
	}
}

// Everything can be done with the keyboard, and one sees where one is.
func TestBrowserFiltersByKeyboard(t *testing.T) {
	c := startChromium(t)
	url := serve(t, representative()...)
	c.open(url)
	focused := func() string {
		return eval[string](c, `document.activeElement.innerText || document.activeElement.name || document.activeElement.tagName`)
	}
	c.press("Tab", "")
	if have := focused(); have != "Skip to the organizations" {
		t.Fatalf("the first stop is %q", have)
	}
	if left := eval[float64](c, `document.activeElement.getBoundingClientRect().left`); left < 0 {
		t.Error("the skip link cannot be seen")
	}
	c.press("Enter", "\r")
	c.press("Tab", "")
	if have := focused(); have != "name" {
		t.Fatalf("after skipping, the next stop is %q", have)
	}
	if have := eval[string](c, `getComputedStyle(document.activeElement).outlineStyle`); have != "solid" {
		t.Errorf("the focus cannot be seen: %s", have)
	}
	c.call("Input.insertText", map[string]any{"text": "GAMES"}, nil)
	c.andLoad(func() { c.press("Enter", "\r") })
	if have := eval[[]string](c, `[...document.querySelectorAll("section h2 bdi")].map(n => n.innerText)`); len(have) != 1 || have[0] != "acme-games" {
		t.Errorf("the filter shows %q", have)
	}
	c.andLoad(func() {
		eval[bool](c, `[...document.querySelectorAll("a")].find(a => a.innerText == "show all").click() || true`)
	})
	c.andLoad(func() { eval[bool](c, `document.querySelector(".tallies a.failing").click() || true`) })
	if have := eval[[]string](c, `[...document.querySelectorAll("section h2 bdi")].map(n => n.innerText)`); len(have) != 2 {
		t.Errorf("the link to what fails shows %q", have)
	}
}

func TestBrowserRefreshKeepsTheFilter(t *testing.T) {
	c := startChromium(t)
	url := serve(t, representative()...) + "/?name=games&refresh=15"
	c.open(url)
	c.andLoad(func() {}) // it comes by itself
	if have := eval[string](c, `location.href`); have != url {
		t.Errorf("want %s, have %s", url, have)
	}
}

// Neither a phone nor a long name makes the page scroll sideways, and
// everything can be told from its background (WCAG AA).
func TestBrowserOnEveryScreen(t *testing.T) {
	c := startChromium(t)
	snapshots := append(representative(), hostile(), good(strings.Repeat("long", 60)), good(strings.Repeat("길다", 60)))
	snapshots[len(snapshots)-2].Info.Items[0].ID = strings.Repeat("7", 100)
	c.open(serve(t, snapshots...))
	for _, width := range []int{320, 360, 390, 700, 800, 1280, 2560} {
		for _, scheme := range []string{"light", "dark"} {
			c.look(width, scheme)
			if have := eval[int](c, `document.documentElement.scrollWidth`); have > width {
				t.Errorf("at %d pixels the page is %d wide: %q", width, have, eval[[]string](c, fmt.Sprintf(wide, width)))
			}
			if have := eval[[]string](c, faint); len(have) > 0 {
				t.Errorf("%s, at %d pixels, too faint: %q", scheme, width, have)
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
	world := slices.DeleteFunc(representative(), func(s org.Snapshot) bool { return s.Organization == "archive" })
	c.open(serve(t, world...))
	for _, screen := range []struct {
		name          string
		width, height int
	}{{"desktop", 1280, 1610}, {"phone", 390, 1500}} {
		for _, scheme := range []string{"light", "dark"} {
			c.look(screen.width, scheme)
			path := filepath.Join(*screenshots, "status-"+screen.name+"-"+scheme+".png")
			if err := os.WriteFile(path, smaller(t, c.shoot(screen.height)), 0o644); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// smaller returns a picture with no more colours than a palette takes. A page
// of text needs few: each is put to the nearest of the most frequent ones.
func smaller(t *testing.T, picture []byte) []byte {
	t.Helper()
	in, err := png.Decode(bytes.NewReader(picture))
	if err != nil {
		t.Fatal(err)
	}
	b := in.Bounds()
	count := map[color.Color]int{}
	for y := b.Min.Y; y < b.Max.Y; y++ {
		for x := b.Min.X; x < b.Max.X; x++ {
			count[in.At(x, y)]++
		}
	}
	palette := color.Palette(slices.SortedFunc(maps.Keys(count), func(p, q color.Color) int { return count[q] - count[p] }))
	palette = palette[:min(len(palette), 256)]
	out := image.NewPaletted(b, palette)
	nearest := map[color.Color]uint8{}
	for c := range count {
		nearest[c] = uint8(palette.Index(c))
	}
	for y := b.Min.Y; y < b.Max.Y; y++ {
		for x := b.Min.X; x < b.Max.X; x++ {
			out.SetColorIndex(x, y, nearest[in.At(x, y)])
		}
	}
	var buf bytes.Buffer
	encoder := png.Encoder{CompressionLevel: png.BestCompression}
	if err := encoder.Encode(&buf, out); err != nil {
		t.Fatal(err)
	}
	return buf.Bytes()
}
