package collector

import (
	"compress/gzip"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"

	"github.com/cloudorg-exporter/cloudorg_exporter/internal/org"
)

const openMetrics = "application/openmetrics-text;version=1.0.0"

// cached returns a cache of s, which is read anew after ttl.
func cached(s org.Snapshot, ttl time.Duration) *org.Cache {
	return org.NewCache(fixed(s), s, org.CacheConfig{TTL: ttl, ErrorTTL: ttl, MaxStale: time.Hour, Timeout: time.Minute})
}

func handler(organizations func() []*org.Cache, self *Self) *Handler {
	return NewHandler(HandlerConfig{Organizations: organizations, Self: self, Logger: slog.New(slog.DiscardHandler)})
}

// get scrapes h with the given headers, each "name: value".
func get(tb testing.TB, h *Handler, query string, headers ...string) *http.Response {
	tb.Helper()
	r := httptest.NewRequestWithContext(tb.Context(), http.MethodGet, "/metrics"+query, nil)
	for _, header := range headers {
		name, value, _ := strings.Cut(header, ": ")
		r.Header.Add(name, value)
	}
	w := httptest.NewRecorder()
	h.Metrics(w, r)
	if w.Code != http.StatusOK {
		tb.Fatalf("%s: %d %s", query, w.Code, w.Body)
	}
	return w.Result()
}

func body(tb testing.TB, r *http.Response) string {
	tb.Helper()
	text, err := io.ReadAll(r.Body)
	if err != nil {
		tb.Fatal(err)
	}
	return string(text)
}

// What is kept as text is what promhttp would make of it, but for the order of
// several organizations' series and OpenMetrics' ".0" after whole numbers.
func TestTextIsPromhttps(t *testing.T) {
	whole := regexp.MustCompile(`(?m)\.0$`)
	lines := func(text string) []string {
		all := strings.SplitAfter(whole.ReplaceAllString(text, ""), "\n")
		slices.Sort(all)
		return all
	}
	hostile := everything()
	hostile.Organization = `a "hostile" \ one` + "\n"
	hostile.Groups.Items = append(hostile.Groups.Items, org.Group{ID: "10", Name: "\xff\x00\r"}, org.Group{ID: "1", Name: "Root"})
	synctest.Test(t, func(t *testing.T) { // one time for both
		for _, organizations := range [][]*org.Cache{
			{cached(everything(), time.Hour)},
			{cached(everything(), time.Hour), cached(hostile, time.Hour)},
			{},
		} {
			h := handler(func() []*org.Cache { return organizations }, nil)
			all := "?" + url.Values{"collect[]": org.Collectors()}.Encode()
			for _, accept := range []string{"text/plain", openMetrics} {
				kept, made := get(t, h, "", "Accept: "+accept), get(t, h, all, "Accept: "+accept)
				kept.Header.Del("Content-Length")
				if diff := cmp.Diff(made.Header, kept.Header); diff != "" {
					t.Errorf("header (-promhttp +kept):\n%s", diff)
				}
				want, have := body(t, made), body(t, kept)
				if diff := cmp.Diff(lines(want), lines(have)); diff != "" {
					t.Errorf("%s (-promhttp +kept):\n%s", accept, diff)
				}
				if len(organizations) == 1 && accept == "text/plain" && want != have {
					t.Errorf("the order differs:\n%s", cmp.Diff(want, have))
				}
			}
		}
	})
}

// The same holds for the exporter's own metrics, whose registries are joined by
// hand.
func TestTextOfSelfIsPromhttps(t *testing.T) {
	self := NewSelf()
	for i, name := range []string{"b", "a", `c "hostile" \`} {
		self.Added("ncp", name)
		self.Called("scp", name, "/org", 200, time.Second)
		self.Called("scp", name, "/org", 0, time.Minute)
		if i > 0 {
			self.Offset("ncp", name, -2*time.Second)
		}
	}
	own := func(text string) []string {
		all := slices.DeleteFunc(strings.SplitAfter(text, "\n"), func(line string) bool { return !strings.Contains(line, namespace+"exporter_") })
		slices.Sort(all)
		return all
	}
	h := handler(func() []*org.Cache { return nil }, self)
	for _, accept := range []string{"text/plain", openMetrics} {
		r, made := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/metrics", nil), httptest.NewRecorder()
		r.Header.Set("Accept", accept)
		h.serveAny(t.Context(), made, r, scrape{self: self})
		want, have := own(made.Body.String()), own(body(t, get(t, h, "", "Accept: "+accept)))
		if diff := cmp.Diff(want, have); diff != "" || len(have) < 50 {
			t.Errorf("%s (-promhttp +kept):\n%s", accept, diff)
		}
	}
}

// Days go on while the data stays the same, and all else stays as it is, for
// one organization's refresh too.
func TestTextIsKept(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := everything()
		s.Versions.Err = nil
		s.Invitations.Items[0].Expires = time.Now().Add(48 * time.Hour)
		c := cached(s, 24*time.Hour)
		h := handler(func() []*org.Cache { return []*org.Cache{c} }, nil)
		const days = `cloudorg_invitation_expiry_days{cloud="any",inviting_organization_id="2",member_id="1",organization="acme"} `
		if text := body(t, get(t, h, "")); !strings.Contains(text, days+"2\n") {
			t.Errorf("want 2 days, have:\n%s", text)
		}
		before := h.texts.whole[textKey{}].exposition
		time.Sleep(12 * time.Hour)
		if text := body(t, get(t, h, "")); !strings.Contains(text, days+"1.5\n") {
			t.Errorf("want 1.5 days, have:\n%s", text)
		}
		if h.texts.whole[textKey{}].exposition != before {
			t.Error("a new exposition was made of the same texts")
		}
		time.Sleep(13 * time.Hour) // past max_stale, but a refresh is due first
		get(t, h, "")
		after := h.texts.whole[textKey{}].exposition
		same := func(a, b chunk) bool { return a.packed == b.packed }
		if after == before || !slices.EqualFunc(after.chunks, before.chunks, same) {
			t.Error("want a new exposition of the same chunks, for a refresh has found the same")
		}
	})
}

// Every client reads the text, whole, however it is sent.
func TestTextIsSent(t *testing.T) {
	self := NewSelf()
	self.Added("ncp", "acme")
	caches := organizations(3, 10, 500)
	h := handler(func() []*org.Cache { return caches }, self)
	api := httptest.NewServer(http.HandlerFunc(h.Metrics))
	defer api.Close()
	for _, tt := range []struct {
		method, encoding, accept, coding string
		end                              string
	}{
		{"GET", "", "", "", "\n"},
		{"GET", "identity", openMetrics, "", "\n# EOF\n"},
		{"GET", "gzip;q=0, identity", "", "", "\n"},
		{"GET", "br, GZIP ;q=0.5", "", "gzip", "\n"},
		{"GET", "gzip", openMetrics, "gzip", "\n# EOF\n"},
		{"HEAD", "gzip", "", "gzip", ""},
		{"HEAD", "", "", "", ""},
	} {
		r, err := http.NewRequestWithContext(t.Context(), tt.method, api.URL, nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Header = http.Header{"Accept-Encoding": {tt.encoding}, "Accept": {tt.accept}}
		answer, err := api.Client().Do(r)
		if err != nil {
			t.Fatal(err)
		}
		var text io.Reader = answer.Body
		if tt.coding != "" && tt.method != http.MethodHead {
			z, err := gzip.NewReader(answer.Body)
			if err != nil {
				t.Fatal(err)
			}
			z.Multistream(false) // curl, for one, reads a single member
			text = z
		}
		all, err := io.ReadAll(text)
		_ = answer.Body.Close()
		switch {
		case err != nil:
			t.Errorf("%+v: %v", tt, err)
		case answer.Header.Get("Content-Encoding") != tt.coding:
			t.Errorf("%+v: have the coding %q", tt, answer.Header.Get("Content-Encoding"))
		case answer.ContentLength <= 0 && !answer.Uncompressed:
			t.Errorf("%+v: have the length %d", tt, answer.ContentLength)
		case tt.method == http.MethodHead && len(all) > 0, !strings.HasSuffix(string(all), tt.end):
			t.Errorf("%+v: have %d bytes", tt, len(all))
		case tt.method == http.MethodGet:
			if n := strings.Count(string(all), "cloudorg_invitation_expiry_days{"); n != 1500 {
				t.Errorf("%+v: want 1500 countdowns, have %d", tt, n)
			}
			if !strings.Contains(string(all), `cloudorg_exporter_refreshes_total{cloud="ncp",organization="acme"} 0`) {
				t.Errorf("%+v: the exporter's own metrics are not there", tt)
			}
		}
	}
}

// What has been counted is in the next scrape.
func TestTextOfSelf(t *testing.T) {
	self := NewSelf()
	h := handler(func() []*org.Cache { return nil }, self)
	for name, happen := range map[string]func(){
		`api_requests_total{cloud="a",code="200",endpoint="/org",organization="b"} 1`: func() { self.Called("a", "b", "/org", 200, time.Second) },
		`api_throttled_total{cloud="a",organization="b"} 1`:                           func() { self.Throttled("a", "b") },
		`api_clock_offset_seconds{cloud="a",organization="b"} 2`:                      func() { self.Offset("a", "b", 2*time.Second) },
		`refreshes_total{cloud="a",organization="b"} 1`:                               func() { self.Refreshed("a", "b") },
		`refreshes_total{cloud="a",organization="c"} 0`:                               func() { self.Added("a", "c") },
		`config_last_reload_successful 1`:                                             func() { self.Reloaded(nil) },
	} {
		name = "cloudorg_exporter_" + name + "\n"
		if strings.Contains(body(t, get(t, h, "")), name) {
			t.Errorf("%s is there before it has happened", name)
		}
		happen()
		if !strings.Contains(body(t, get(t, h, "")), name) {
			t.Errorf("%s is not there after it has happened", name)
		}
	}
	self.Removed("a", "b")
	if strings.Contains(body(t, get(t, h, "")), `organization="b"`) {
		t.Error("a removed organization is still there")
	}
}

// A growing Source has one more policy at each refresh.
type growing struct {
	name      string
	refreshes atomic.Int64
}

func (g *growing) Snapshot(context.Context) org.Snapshot {
	s := everything()
	s.Organization = g.name
	s.Policies.Items = make([]org.Policy, g.refreshes.Add(1))
	return s
}

// Scrapes, refreshes and reloads at once: each scrape can be read, none says
// less than one before it, and in the end nothing is kept of what is gone.
func TestTextHerd(t *testing.T) {
	fleet := func() []*org.Cache {
		all := make([]*org.Cache, 3)
		for i := range all {
			first := everything()
			first.Organization = string(rune('a' + i))
			all[i] = org.NewCache(&growing{name: first.Organization}, first, org.CacheConfig{MaxStale: time.Hour, Timeout: time.Minute})
		}
		return all
	}
	var current atomic.Pointer[[]*org.Cache]
	stays := fleet()
	current.Store(&stays)
	h := handler(func() []*org.Cache { return *current.Load() }, NewSelf())
	var scrapers sync.WaitGroup
	for i := range 8 {
		scrapers.Go(func() {
			headers := [][]string{nil, {"Accept: " + openMetrics}, {"Accept-Encoding: gzip"}}[i%3]
			latest := 0
			for range 30 {
				r := get(t, h, "", headers...)
				text := io.Reader(r.Body)
				if r.Header.Get("Content-Encoding") == "gzip" {
					text, _ = gzip.NewReader(r.Body)
				}
				all, err := io.ReadAll(text)
				if err != nil {
					t.Error(err)
					return
				}
				n, _, _ := strings.Cut(after(string(all), `cloudorg_policies{cloud="any",organization="a"} `), "\n")
				policies, err := strconv.Atoi(n)
				if err != nil || policies < latest {
					t.Errorf("policies: %q after %d", n, latest)
				}
				latest = policies
				lines := strings.Split(strings.TrimSpace(string(all)), "\n")
				slices.Sort(lines)
				if twice := len(lines) - len(slices.Compact(lines)); twice > 0 {
					t.Errorf("%d lines stand twice", twice)
				}
			}
		})
	}
	for range 20 {
		next := append(stays[:1:1], fleet()[1:]...)
		current.Store(&next)
		time.Sleep(time.Millisecond)
	}
	scrapers.Wait()
	current.Store(&stays)
	get(t, h, "")
	if orgs, whole := len(h.texts.orgs), len(h.texts.whole); orgs != len(stays) || whole > 2 {
		t.Errorf("kept: want the texts of %d, have %d in %d expositions", len(stays), orgs, whole)
	}
}

func after(s, sep string) string {
	_, rest, _ := strings.Cut(s, sep)
	return rest
}

// Whatever a cloud says comes back from the text.
func FuzzTextLabel(f *testing.F) {
	for _, s := range []string{"", `\`, `"`, "\n", `\n`, "a\xffb", "} 1\n", "\r\x00", "한글"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, name string) {
		s := everything()
		s.Info.Items[0].Name = name
		h := handler(func() []*org.Cache { return []*org.Cache{cached(s, time.Hour)} }, nil)
		parser := expfmt.NewTextParser(model.UTF8Validation)
		families, err := parser.TextToMetricFamilies(get(t, h, "").Body)
		if err != nil {
			t.Fatal(err)
		}
		for _, l := range families["cloudorg_organization_info"].GetMetric()[0].GetLabel() {
			if want := strings.ToValidUTF8(name, "\uFFFD"); l.GetName() == "organization_name" && l.GetValue() != want {
				t.Errorf("want %q, have %q", want, l.GetValue())
			}
		}
	})
}

// What has happened to one organization is read and compressed again for it and
// its neighbours in a chunk, not for all.
func TestTextOfOneOrganizationsCalls(t *testing.T) {
	self := NewSelf()
	for i := range 200 {
		for endpoint := range 4 {
			self.Called("ncp", fmt.Sprint(i), fmt.Sprint("/", endpoint), 200, time.Second)
		}
	}
	p := newTextCache()
	packed := func() []chunk {
		s, err := p.callsOf(self, false)
		if err != nil {
			t.Fatal(err)
		}
		return s.chunks
	}
	before := packed()
	if again := packed(); &again[0] != &before[0] {
		t.Error("nothing has happened, and the exposition is another one")
	}
	self.Called("ncp", "77", "/0", 200, time.Second)
	after, kept := packed(), 0
	for _, a := range after {
		if slices.ContainsFunc(before, func(b chunk) bool { return a.packed == b.packed }) {
			kept++
		}
	}
	if changed := len(after) - kept; changed == 0 || changed > 3 || kept < 6 {
		t.Errorf("of %d chunks, %d were kept", len(after), kept)
	}
}
