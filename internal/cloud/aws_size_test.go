package cloud_test

import (
	"fmt"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cloudorg-exporter/cloudorg_exporter/internal/sim"
)

// bigCompany has exactly so many accounts in so many units, five levels deep.
func bigCompany(accounts, units int) func(time.Time) sim.Company {
	c := sim.Company{ID: 1, Master: 1, Groups: []sim.Group{{ID: 1000, Name: "Root"}}}
	for i := range units {
		parent := c.Groups[max(0, i-3)/4].ID
		c.Groups = append(c.Groups, sim.Group{ID: int64(1001 + i), Name: fmt.Sprint("Unit ", i), Parent: parent})
	}
	for i := range accounts {
		c.Members = append(c.Members, sim.Member{
			Account: sim.Account{ID: int64(i + 1), Name: "N", Email: "n@example.test"}, Group: c.Groups[i%len(c.Groups)].ID, Since: sim.SampleTime().Add(-time.Hour),
		})
	}
	return func(time.Time) sim.Company { return c }
}

// At AWS's published rates no call of 1,000 accounts in 100 units is throttled,
// and the refresh ends within refresh_timeout: with the default collectors, and
// with all.
func TestAWSRates(t *testing.T) {
	for name, yaml := range map[string]string{
		"default collectors": strings.TrimPrefix(acmeAWS[:strings.Index(acmeAWS, "    collectors")], "\ndefaults: {rate_limit: 1000000000000}"),
		"all collectors":     strings.TrimPrefix(acmeAWS, "\ndefaults: {rate_limit: 1000000000000}"),
		"from parents":       strings.TrimPrefix(withAWS("members_from: parents"), "\ndefaults: {rate_limit: 1000000000000}"),
		"as fast as it can":  acmeAWS, // only the rates of the operations limit it
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				cloud := newAWS(t, func(c *sim.Config) {
					c.Company, c.Clock = bigCompany(1000, 100), sim.Clock{Start: sim.SampleTime()} // which stands still
				})
				cloud.Set(sim.AWSOptions{Throttle: true})
				w := newWorld(t, yaml, cloud)
				w.scrape("")
				time.Sleep(5 * time.Minute)
				last := w.fleet.Last()[0]
				if err := w.firstError(); err != nil || last.Refreshed.IsZero() {
					t.Fatal(err)
				}
				if w.seen.throttled != 0 {
					t.Errorf("%d calls were throttled", w.seen.throttled)
				}
				calls := 0
				for _, n := range w.seen.calls {
					calls += n
				}
				if n := len(last.Members.Items); n != 1000 || len(last.Groups.Items) != 101 {
					t.Errorf("%d members, %d groups", n, len(last.Groups.Items))
				}
				t.Logf("%d calls in %s", calls, last.Took.Round(time.Second))
			})
		})
	}
}

// 50,000 accounts, the most that AWS allows, in 2,000 units.
func TestAWSLargest(t *testing.T) {
	if testing.Short() {
		t.Skip("takes seconds")
	}
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		company := bigCompany(50_000, 2_000)
		cloud := newAWS(t, func(c *sim.Config) { c.Company, c.Clock = company, sim.Clock{Start: sim.SampleTime()} })
		w := newWorld(t, acmeAWS[:strings.Index(acmeAWS, "    collectors")]+"    refresh_timeout: 40m\n    rate_limit: 4\n", cloud)
		w.scrape("")
		time.Sleep(30 * time.Minute)
		last := w.fleet.Last()[0]
		if err := w.firstError(); err != nil {
			t.Fatal(err)
		}
		if len(last.Members.Items) != 50_000 || len(last.Groups.Items) != 2_001 {
			t.Errorf("%d members, %d groups", len(last.Members.Items), len(last.Groups.Items))
		}
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		t.Logf("%v calls in %s, heap %d MiB with the simulator", w.seen.calls, last.Took.Round(time.Second), m.HeapAlloc>>20)
	})
}
