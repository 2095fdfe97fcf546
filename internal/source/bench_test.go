package source_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/go-kit/log"

	"github.com/cloudorg-exporter/cloudorg_exporter/collector"
	"github.com/cloudorg-exporter/cloudorg_exporter/internal/config"
	"github.com/cloudorg-exporter/cloudorg_exporter/internal/source"
)

// A refresh of 200 groups, with 50 ms per call and 8 calls at once, against
// the time of nothing but those calls.
func BenchmarkRefresh(b *testing.B) {
	const groups, concurrency, latency = 200, 8, 50 * time.Millisecond
	var tree strings.Builder
	for i := range groups {
		fmt.Fprintf(&tree, `,{"organizationGroupNo": %d, "groupYn": "Y", "upperOrganizationGroupNo": 1}`, i+1)
	}
	api := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		time.Sleep(latency)
		switch {
		case strings.HasSuffix(r.URL.Path, "/tree"):
			fmt.Fprint(w, "["+tree.String()[1:]+"]")
		case strings.Contains(r.URL.Path, "/account/group/"):
			fmt.Fprint(w, `[{"memberNo": 1, "memberStatusCode": "JOIN"}]`)
		default:
			fmt.Fprint(w, "null")
		}
	}))
	defer api.Close()
	cfg, err := config.Parse(strings.NewReader(fmt.Sprintf(
		"organizations: [{name: a, cloud: ncp, access_key: a, secret_key: s, base_url: '%s', cache_ttl: 0s, concurrency: %d, rate_limit: 1000000}]",
		api.URL, concurrency)), "")
	if err != nil {
		b.Fatal(err)
	}
	fleet := source.NewFleet(source.Deps{Logger: log.NewNopLogger(), Observer: collector.NewSelf()})
	if err := fleet.Apply(cfg); err != nil {
		b.Fatal(err)
	}
	defer fleet.Close()
	const calls = groups + 4 // default collectors
	ideal := (calls + concurrency - 1) / concurrency * latency
	for b.Loop() {
		if s := fleet.Caches()[0].Snapshot(b.Context()); s.Members.Err != nil || len(s.Groups.Items) != groups {
			b.Fatal(s.Members.Err)
		}
	}
	b.ReportMetric(float64(b.Elapsed())/float64(b.N)/float64(ideal), "×ideal")
}
