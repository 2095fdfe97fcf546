package cloud_test

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/go-kit/log"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/common/expfmt"

	"github.com/cloudorg-exporter/cloudorg_exporter/collector"
	"github.com/cloudorg-exporter/cloudorg_exporter/internal/cloud"
	"github.com/cloudorg-exporter/cloudorg_exporter/internal/config"
	"github.com/cloudorg-exporter/cloudorg_exporter/internal/testutil"
)

// A cannedAPI is an API that answers with one of two texts, depending on the
// path.
type cannedAPI struct {
	status int
	texts  [2]string
}

func (p *cannedAPI) RoundTrip(r *http.Request) (*http.Response, error) {
	text := p.texts[0]
	if strings.Contains(r.URL.Path, "/account/group/") || strings.Contains(r.URL.Path, "/organizations/") || strings.HasSuffix(r.URL.Path, "-invitations") || r.URL.Query().Get("page") == "1" {
		text = p.texts[1]
	}
	return &http.Response{StatusCode: p.status, Header: http.Header{}, Body: io.NopCloser(strings.NewReader(text)), Request: r}, nil
}

// nopObserver is an Observer that does nothing.
type nopObserver struct{}

func (nopObserver) Added(string, string)                              {}
func (nopObserver) Removed(string, string)                            {}
func (nopObserver) Refreshed(string, string)                          {}
func (nopObserver) Called(string, string, string, int, time.Duration) {}
func (nopObserver) Throttled(string, string)                          {}
func (nopObserver) Offset(string, string, time.Duration)              {}
func (nopObserver) Reloaded(error)                                    {}

// bothClouds is an organization of each cloud and version, which never wait.
const bothClouds = `
defaults: {rate_limit: 1000000000000, concurrency: 100, refresh_timeout: 50ms, max_items: 3}
organizations:
  - name: naver
    cloud: ncp
    access_key: EXAMPLE
    secret_key: SECRETSECRET
    collectors: [organization, groups, members, invitations, withdrawals, policies]
  - name: naver-v2
    cloud: "ncp" # the quotes keep members_from out
    api_version: v2
    access_key: EXAMPLE
    secret_key: SECRETSECRET
    collectors: [organization, groups, members, invitations, received_invitations, withdrawals, policies]
  - name: samsung
    cloud: scp
    access_key: EXAMPLE
    secret_key: SECRETSECRET
    invitation_lifetime: 30d
    collectors: [organization, members, invitations, received_invitations, api_version]
`

// Whatever the API says, twice, a scrape has no error, no series that stands
// twice and nothing but UTF-8.
func FuzzScrape(f *testing.F) {
	samples := testutil.Samples(f, "../../ncpapi/testdata/*.json", "../../scpapi/testdata/*.json")
	for i, s := range samples {
		status, err := strconv.Atoi(s.Name[:3])
		if err != nil {
			status = http.StatusOK
		}
		f.Add(status, s.Body, samples[(i+1)/2].Body)
	}
	f.Add(200, `{"versions": [{"id": "v1"}, {"id": "1"}], "accounts": [{"id": "\ud800"}], "organizations": [{"id": ""}, {"id": ""}], "size": -1, "count": 1e9}`, "[]")
	f.Fuzz(func(t *testing.T, status int, first, second string) {
		if status < 200 || status > 599 || strings.Count(first+second, "{") > 1000 {
			return
		}
		api := &cannedAPI{status, [2]string{first, second}}
		yaml := bothClouds
		var logged bytes.Buffer
		fleet := cloud.NewFleet(func() (*config.Config, error) { return parse(yaml)() }, cloud.Deps{
			Logger: log.NewSyncLogger(log.NewLogfmtLogger(&logged)), Observer: nopObserver{}, Transport: api,
		})
		defer fleet.Close()
		if err := fleet.Reload(context.Background()); err != nil {
			t.Fatal(err)
		}
		gather(t, fleet)
		// Others, with the totals of before.
		yaml = strings.NewReplacer("max_items: 3", "max_items: 1", "cloud: ncp", "cloud: ncp\n    members_from: tree").Replace(yaml)
		api.texts[0], api.texts[1] = second, first
		if err := fleet.Reload(context.Background()); err != nil {
			t.Fatal(err)
		}
		text := gather(t, fleet)
		if strings.Contains(text+logged.String(), "SECRETSECRET") {
			t.Errorf("it shows the key:\n%s%s", text, logged.String())
		}
		if !utf8.ValidString(logged.String()) {
			t.Errorf("the log is not UTF-8: %q", logged.String())
		}
	})
}

// gather refreshes and renders all, with a registry that checks everything.
func gather(t *testing.T, fleet *cloud.Fleet) string {
	t.Helper()
	fleet.Prime(t.Context())
	reg := prometheus.NewPedanticRegistry()
	reg.MustRegister(collector.New(time.Now(), nil, fleet.Last()...))
	families, err := reg.Gather()
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	for _, family := range families {
		if _, err := expfmt.MetricFamilyToText(&b, family); err != nil {
			t.Fatal(err)
		}
	}
	if !utf8.ValidString(b.String()) {
		t.Errorf("not UTF-8: %q", b.String())
	}
	return b.String()
}

// Whatever is asked for, there is an answer, and it does not repeat what was
// asked for as anything but text.
func FuzzRequest(f *testing.F) {
	for _, query := range []string{"", "target=naver", "target=", "target=naver&target=samsung", "target=%ff", "collect[]=members", "collect[]=members&collect[]=x", "name[]=cloudorg_members", "collect[]=%00<script>", ";", "%"} {
		f.Add(query, "10", "text/plain", "gzip")
		f.Add(query, "1e-300", "application/openmetrics-text;version=1.0.0", "gzip;q=0, zstd")
	}
	f.Add("", "NaN", "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited", "br")
	fleet := cloud.NewFleet(parse(bothClouds), cloud.Deps{Logger: log.NewNopLogger(), Observer: nopObserver{}, Transport: &cannedAPI{200, [2]string{"[]", "[]"}}})
	if err := fleet.Reload(context.Background()); err != nil {
		f.Fatal(err)
	}
	f.Cleanup(fleet.Close)
	handler := collector.NewHandler(collector.HandlerConfig{
		Organizations: fleet.Caches, TimeoutOffset: 500 * time.Millisecond, Logger: slog.New(slog.DiscardHandler),
	})
	f.Fuzz(func(t *testing.T, query, timeout, accept, encoding string) {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", nil)
		r.URL.RawQuery = query
		r.Header = http.Header{"X-Prometheus-Scrape-Timeout-Seconds": {timeout}, "Accept": {accept}, "Accept-Encoding": {encoding}}
		for _, serve := range []http.HandlerFunc{handler.Metrics, handler.Probe} {
			w := httptest.NewRecorder()
			start := time.Now()
			serve(w, r)
			switch {
			case w.Code != http.StatusOK && w.Code != http.StatusBadRequest && w.Code != http.StatusNotFound:
				t.Errorf("status %d", w.Code)
			case w.Code != http.StatusOK && !strings.HasPrefix(w.Header().Get("Content-Type"), "text/plain"):
				t.Errorf("an error as %q", w.Header().Get("Content-Type"))
			case time.Since(start) > 11*time.Second:
				t.Errorf("it took %s", time.Since(start))
			}
		}
	})
}
