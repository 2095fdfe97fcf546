package collector

import (
	"compress/gzip"
	"context"
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
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"

	"github.com/cloudorg-exporter/cloudorg_exporter/internal/org"
)

const openMetrics = "application/openmetrics-text;version=1.0.0"

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

// fetch serves r with serve and returns the status, the header and the decoded
// body.
func fetch(tb testing.TB, serve http.HandlerFunc, r *http.Request) (int, http.Header, string) {
	tb.Helper()
	w := httptest.NewRecorder()
	serve(w, r)
	text := io.Reader(w.Body)
	if w.Header().Get("Content-Encoding") == "gzip" {
		z, err := gzip.NewReader(w.Body)
		if err != nil {
			tb.Fatal(err)
		}
		text = z
	}
	all, err := io.ReadAll(text)
	if err != nil {
		tb.Fatal(err)
	}
	return w.Code, w.Header(), string(all)
}

// sorted returns the lines of text in order, with OpenMetrics' ".0" taken from
// whole numbers.
func sorted(text string) []string {
	lines := strings.SplitAfter(regexp.MustCompile(`(?m)\.0$`).ReplaceAllString(text, ""), "\n")
	slices.Sort(lines)
	return lines
}

// throughPromhttp serves the latest snapshots of caches, and self if it is not nil,
// with promhttp.
func throughPromhttp(caches []*org.Cache, self *Self) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		c := New(time.Now(), nil)
		for _, cache := range caches {
			c.snapshots = append(c.snapshots, cache.Last())
		}
		reg := prometheus.NewRegistry()
		reg.MustRegister(c)
		if self != nil {
			reg.MustRegister(self.registry)
		}
		promhttp.HandlerFor(reg, promhttp.HandlerOpts{EnableOpenMetrics: true}).ServeHTTP(w, r)
	}
}

// Whatever a client accepts, it gets the headers and the metrics that promhttp
// would send, but for their order and OpenMetrics' ".0" after whole numbers. Of one
// organization alone the order is promhttp's, too.
func TestTextIsPromhttps(t *testing.T) {
	accepts := []string{
		"", "*/*", "text/*", "text/plain", "text/plain;version=0.0.4", "text/plain;version=0.0.4;escaping=allow-utf-8",
		"text/plain;version=1.0.0", "text/plain;version=1.0.0;escaping=dots", "text/plain;version=9", "text/html", "application/json;q=0.9, */*;q=0.1",
		openMetrics, "application/openmetrics-text", "application/openmetrics-text;version=0.0.1", openMetrics + ";escaping=values",
		openMetrics + ";q=0.3, text/plain;q=0.7", "text/plain;q=0.2, " + openMetrics + ";q=0.7", "text/plain;q=x", ";;", "\xff",
		"application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,application/openmetrics-text;version=0.0.1;q=0.5," +
			"text/plain;version=1.0.0;escaping=allow-utf-8;q=0.4,text/plain;version=0.0.4;q=0.3,*/*;q=0.2", // Prometheus 3
		"application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited",
	}
	encodings := []string{
		"", "gzip", "identity", "*", "*;q=0", "gzip;q=0", "gzip;q=0, *", "gzip, *", "gzip, *;q=0.5", "gzip;q=0.5, identity", "identity;q=0.1, gzip;q=0.9",
		"identity;q=0", "identity;q=0, gzip;q=0.5", "gzip;q=0.5, identity;q=0.5", "br", "deflate, gzip;q=1.0, *;q=0.5", "zstd, gzip",
	}
	hostile := everything()
	hostile.Organization = `a "hostile" \ one` + "\n"
	hostile.Groups.Items = append(hostile.Groups.Items, org.Group{ID: "10", Name: "\xff\x00\r"}, org.Group{ID: "1", Name: "Root"})
	self := NewSelf(false) // the metrics of the process differ at each scrape
	for _, name := range []string{"b", "a", `c "hostile" \`} {
		self.Added("ncp", name)
		self.Called("scp", name, "/org", 200, time.Second)
		self.Called("scp", name, "/org", 0, time.Minute)
		self.Offset("ncp", name, -2*time.Second)
	}
	synctest.Test(t, func(t *testing.T) { // one time for both
		all := []*org.Cache{cached(everything(), time.Hour), cached(hostile, time.Hour)}
		refresh(t.Context(), all)
		for _, tt := range []struct {
			path   string
			served []*org.Cache
			caches []*org.Cache
			self   *Self
		}{
			{"/metrics", all[:1], all[:1], self},
			{"/metrics", all, all, self},
			{"/metrics", nil, nil, self},
			{"/probe?target=acme", all, all[:1], nil},
		} {
			h := handler(func() []*org.Cache { return tt.served }, self)
			serve := h.Metrics
			if tt.self == nil {
				serve = h.Probe
			}
			for i, accept := range accepts {
				for j, encoding := range encodings {
					if i > 0 && j > 0 && accept != openMetrics && encoding != "gzip" {
						continue // formats and encodings are chosen independently
					}
					r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, tt.path, nil)
					r.Header = http.Header{"Accept": {accept}, "Accept-Encoding": {encoding}}
					wantCode, wantHeader, want := fetch(t, throughPromhttp(tt.caches, tt.self), r)
					code, header, text := fetch(t, serve, r)
					if code != wantCode || !cmp.Equal(wantHeader, header) {
						t.Errorf("%s, %q, %q: header (-promhttp +text):\n%s", tt.path, accept, encoding, cmp.Diff(wantHeader, header))
					}
					if diff := cmp.Diff(sorted(want), sorted(text)); diff != "" {
						t.Fatalf("%s, %q, %q (-promhttp +text):\n%s", tt.path, accept, encoding, diff)
					}
					if len(tt.caches) < 2 && tt.self == nil && !strings.Contains(header.Get("Content-Type"), "openmetrics") && want != text {
						t.Fatalf("%s, %q, %q: the order differs (-promhttp +text):\n%s", tt.path, accept, encoding, cmp.Diff(want, text))
					}
				}
			}
		}
	})
}

// Every family's name occurs once in a response, and so does every series, in
// each format: also in those that take a suffix from the name.
func TestNamesAreDistinct(t *testing.T) {
	good := everything()
	good.Organization, good.Versions.Err = "good", nil
	caches := []*org.Cache{cached(good, time.Hour), cached(everything(), time.Hour)}
	h := handler(func() []*org.Cache { return caches }, withSamples())
	for _, accept := range []string{"text/plain", openMetrics} {
		for _, query := range []string{"", "?" + url.Values{"collect[]": org.CollectorNames()}.Encode()} {
			names, series := map[string]bool{}, map[string]bool{}
			for line := range strings.Lines(body(t, get(t, h, query, "Accept: "+accept))) {
				if name, ok := strings.CutPrefix(line, "# TYPE "); ok {
					name, _, _ = strings.Cut(name, " ")
					if names[name] {
						t.Errorf("%s %s: the family %s occurs twice", accept, query, name)
					}
					names[name] = true
					continue
				}
				name := line[:strings.LastIndexByte(line, ' ')]
				if series[name] {
					t.Errorf("%s %s: %s occurs twice", accept, query, name)
				}
				series[name] = true
			}
			if len(names) < len(families()) {
				t.Errorf("%s %s: only %d families", accept, query, len(names))
			}
		}
	}
	r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/metrics", nil)
	r.Header.Set("Accept", string(expfmt.NewFormat(expfmt.TypeProtoDelim)))
	_, header, text := fetch(t, h.Metrics, r)
	decoder := expfmt.NewDecoder(strings.NewReader(text), expfmt.ResponseFormat(header))
	names := map[string]bool{}
	for {
		var f dto.MetricFamily
		if err := decoder.Decode(&f); err != nil {
			break
		}
		name := f.GetName()
		if f.GetType() == dto.MetricType_COUNTER {
			name = strings.TrimSuffix(name, "_total")
		}
		if names[name] {
			t.Errorf("protobuf: the family %s occurs twice", name)
		}
		names[name] = true
	}
	if !names["go_memstats_alloc_bytes"] || !names["cloudorg_collector_failures"] {
		t.Errorf("protobuf: have only %v", names)
	}
}

// Days go on while the data stays the same, and new data replaces the old.
func TestTextIsKept(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := everything()
		s.Versions.Err = nil
		s.Invitations.Items[0].Expires = time.Now().Add(48 * time.Hour)
		c := cached(s, 24*time.Hour)
		h := handler(func() []*org.Cache { return []*org.Cache{c} }, nil)
		const days = `cloudorg_invitation_expiry_days{cloud="any",inviting_organization_id="2",member_id="1",organization="acme"} `
		const read = `cloudorg_collector_last_success_timestamp_seconds{cloud="any",collector="groups",organization="acme"} `
		value := func(series string) string {
			_, rest, _ := strings.Cut(body(t, get(t, h, "")), series)
			value, _, _ := strings.Cut(rest, "\n")
			return value
		}
		first := value(read)
		if have := value(days); have != "2" {
			t.Errorf("want 2 days, have %q", have)
		}
		time.Sleep(12 * time.Hour)
		if have := value(days); have != "1.5" {
			t.Errorf("want 1.5 days, have %q", have)
		}
		if have := value(read); have != first {
			t.Errorf("without a refresh, want the time %q, have %q", first, have)
		}
		time.Sleep(13 * time.Hour)
		if have := value(read); have == first || have == "" {
			t.Errorf("after a refresh, have the time %q, before it %q", have, first)
		}
	})
}

// Every client can read the whole text, however it is sent.
func TestTextIsSent(t *testing.T) {
	self := NewSelf(true)
	self.Added("ncp", "acme")
	caches := companies(3, 10, 500)
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
		case tt.method == http.MethodHead && len(all) > 0, !strings.HasSuffix(string(all), tt.end):
			t.Errorf("%+v: have %d bytes", tt, len(all))
		case tt.method == http.MethodGet:
			if n := strings.Count(string(all), "cloudorg_invitation_expiry_days{"); n != 1500 {
				t.Errorf("%+v: want the days of 1500 invitations, have %d", tt, n)
			}
			if !strings.Contains(string(all), `cloudorg_exporter_refreshes_total{cloud="ncp",organization="acme"} 0`) {
				t.Errorf("%+v: the exporter's own metrics are not there", tt)
			}
		}
	}
}

// What has been counted is in the next scrape.
func TestTextOfSelf(t *testing.T) {
	self := NewSelf(true)
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
type growing struct{ refreshes atomic.Int64 }

func (g *growing) Read(ctx context.Context) org.Listings {
	l := fixed(everything().Listings).Read(ctx)
	l.Policies.Items = make([]org.Policy, g.refreshes.Add(1))
	return l
}

// Scrapes, refreshes and reloads at once: each scrape can be read, none has
// older data than one before it, and no text is kept of caches that are gone.
func TestTextHerd(t *testing.T) {
	fleet := func() []*org.Cache {
		all := make([]*org.Cache, 3)
		for i := range all {
			first := everything()
			first.Organization = string(rune('a' + i))
			all[i] = org.NewCache(&growing{}, config(first, 0))
		}
		return all
	}
	var current atomic.Pointer[[]*org.Cache]
	stays := fleet()
	current.Store(&stays)
	h := handler(func() []*org.Cache { return *current.Load() }, NewSelf(true))
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
					t.Errorf("%d lines occur twice", twice)
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
	if kept := len(h.kept); kept != len(stays) {
		t.Errorf("want the texts of %d caches, have %d", len(stays), kept)
	}
}

func after(s, sep string) string {
	_, rest, _ := strings.Cut(s, sep)
	return rest
}

// Whatever a cloud reports can be read back from the text.
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
