//go:build e2e

package e2e_test

import (
	"maps"
	"strings"
	"testing"
	"time"
)

// Prometheus discovers three organizations, and a fourth after a reload of the
// exporter. Its configuration is the documented one, but for the addresses and the
// intervals; the rules are not where it looks for them.
func TestDiscovery(t *testing.T) {
	s := newSite(t, "ncp", 3090)
	three := "organizations:\n" + organization("acme", s) + organization("beta", s) + organization("gamma", s)
	e := startExporter(t, three)
	e.waitReady()
	target := e.listenAddress()
	documented := strings.NewReplacer("localhost:10076", target, ": 1m", ": 1s").Replace(readFile(t, "../../docs/prometheus.yml"))
	prometheus := startPrometheus(t, t.TempDir(), documented)

	want := func(what, expr string, want map[string]float64) {
		t.Helper()
		waitFor(t, 20*time.Second, what, func() bool { return maps.Equal(prometheus.valuesByInstance(expr), want) })
	}
	const up, members = `up{job="cloudorg"}`, `cloudorg_members{status="JOIN",job="cloudorg"}`
	want("three organizations are scraped", up, map[string]float64{"acme": 1, "beta": 1, "gamma": 1})
	want("each has its own members", members, map[string]float64{"acme": 3, "beta": 3, "gamma": 3})
	e.reload(three + organization("delta", s))
	want("the fourth is scraped", up, map[string]float64{"acme": 1, "beta": 1, "gamma": 1, "delta": 1})
	want("the exporter's own metrics are scraped once", `count by (instance) (cloudorg_exporter_build_info)`, map[string]float64{target: 1})
	want("nothing is scraped twice", `count by (instance) (cloudorg_groups)`, map[string]float64{"acme": 1, "beta": 1, "gamma": 1, "delta": 1})
}
