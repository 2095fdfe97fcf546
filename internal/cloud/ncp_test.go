package cloud_test

import (
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cloudorg-exporter/cloudorg_exporter/internal/sim"
)

// acme is the organization of the documentation's samples.
const acme = `
defaults: {rate_limit: 1000000000000}
organizations:
  - name: acme
    cloud: ncp
    base_url: https://organization.apigw.ntruss.com
    access_key: EXAMPLE
    secret_key: SECRET
    collectors: [organization, groups, members, invitations, withdrawals, policies]
`

func ncp(t *testing.T, change func(*sim.Config)) *sim.NCP {
	cfg := sim.Config{AccessKey: "EXAMPLE", SecretKey: "SECRET", Company: sim.Sample, Unexpected: t.Errorf}
	if change != nil {
		change(&cfg)
	}
	cloud := sim.NewNCP(cfg)
	t.Cleanup(cloud.Close)
	return cloud
}

func sample(t *testing.T, name string) string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("../../ncpapi/testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestGoldenNCP(t *testing.T) {
	fromTree := strings.Replace(acme, "cloud: ncp", "cloud: ncp\n    members_from: tree", 1)
	defaults := acme[:strings.Index(acme, "    collectors")]
	broken := sim.NCPGateway("100") // not tried again, so that no jitter shows
	for _, tt := range []struct {
		name   string
		yaml   string
		cloud  func(*sim.Config)
		before func(w *world, cloud *sim.NCP) // until the scrape that is compared
	}{
		{name: "full", yaml: acme},
		{name: "full_old_shape", yaml: acme, cloud: func(c *sim.Config) { c.Old = true }},
		{name: "full", yaml: acme, cloud: func(c *sim.Config) { c.Drift = true }},
		{name: "full", yaml: fromTree},
		{name: "default_collectors", yaml: defaults},
		{name: "empty", yaml: acme, before: func(_ *world, cloud *sim.NCP) {
			cloud.SetFault("*", sim.Fault{Body: "[]"})
			cloud.SetFault("/org", sim.Fault{Body: sample(t, "org.none.json")})
		}},
		{name: "empty", yaml: acme, before: func(_ *world, cloud *sim.NCP) {
			cloud.SetFault("*", sim.Fault{Body: "null"})
		}},
		{name: "one_refused", yaml: acme, before: func(_ *world, cloud *sim.NCP) {
			cloud.SetFault("/account/leave", sim.NCPError("COMMON_101"))
		}},
		{name: "one_group_refused", yaml: acme, before: func(_ *world, cloud *sim.NCP) {
			cloud.SetFault("/account/group/612", broken)
		}},
		{name: "sub_account", yaml: acme, cloud: func(c *sim.Config) { c.Caller = sim.SubAccount }},
		{name: "clock_skew", yaml: acme, cloud: func(c *sim.Config) { c.Skew = 6 * time.Minute }},
		{name: "all_stale", yaml: acme, before: func(w *world, cloud *sim.NCP) {
			w.scrape("")
			cloud.SetFault("*", broken)
			time.Sleep(30 * time.Minute)
		}},
		{name: "past_max_stale", yaml: acme, before: func(w *world, cloud *sim.NCP) {
			w.scrape("")
			cloud.SetFault("*", broken)
			for range 61 {
				time.Sleep(time.Minute)
				w.scrape("")
			}
		}},
		{name: "cold_and_late", yaml: acme, before: func(_ *world, cloud *sim.NCP) {
			cloud.SetFault("*", sim.Fault{Hang: true})
		}},
		{name: "unknown_status", yaml: acme, before: func(_ *world, cloud *sim.NCP) {
			cloud.SetFault("/account/group/611", sim.Fault{Body: sample(t, "account_group.drift.json")})
			cloud.SetFault("/account/invite/invitation", sim.Fault{Body: sample(t, "invitation.drift.json")})
		}},
		{name: "vanished_group", yaml: acme, before: func(w *world, cloud *sim.NCP) {
			w.scrape("")
			cloud.SetFault("/account/group/612", sim.NCPNotFound())
			time.Sleep(5 * time.Minute)
		}},
		{name: "recovered", yaml: acme, before: func(w *world, cloud *sim.NCP) {
			w.scrape("")
			cloud.SetFault("*", broken)
			time.Sleep(5 * time.Minute)
			w.scrape("")
			cloud.SetFault("*", sim.Fault{})
			time.Sleep(5 * time.Minute)
		}},
		{name: "max_items", yaml: strings.Replace(acme, "defaults: {", "defaults: {max_items: 1, ", 1)},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				cloud := ncp(t, tt.cloud)
				w := newWorld(t, tt.yaml, cloud)
				if tt.before != nil {
					tt.before(w, cloud)
				}
				golden(t, tt.name, w.scrape(""))
				for _, secret := range append(sim.Sample(time.Now()).PersonalData(), "EXAMPLE", "SECRET") {
					if strings.Contains(w.log.String(), secret) {
						t.Errorf("the log shows %q:\n%s", secret, w.log)
					}
				}
			})
		})
	}
}

// A tree in which the root cannot be told still has its accounts: the root is
// above the groups that are there.
func TestRootWithoutMaster(t *testing.T) {
	members := func(text string) string {
		_, rest, _ := strings.Cut(text, "# HELP cloudorg_members ")
		rest, _, _ = strings.Cut(rest, "# HELP")
		return rest
	}
	tree := sample(t, "tree.new.json")
	rows := strings.SplitAfter(tree, "},\n")
	for name, body := range map[string]string{
		"full":    tree,
		"no flag": strings.Replace(tree, `"masterMemberYn": "Y"`, `"masterMemberYn": null`, 1),
		"no row":  "[" + strings.Join(rows[1:], ""),
	} {
		synctest.Test(t, func(t *testing.T) {
			cloud := ncp(t, nil)
			w := newWorld(t, acme, cloud)
			want := members(w.scrape(""))
			cloud.SetFault("/group/tree", sim.Fault{Body: body})
			time.Sleep(5 * time.Minute)
			if have := members(w.scrape("")); have != want || !strings.Contains(have, `group_id="610"`) && !strings.Contains(have, "JOIN") {
				t.Errorf("%s: want the members\n%s\nhave\n%s", name, want, have)
			}
		})
	}
}

// Nothing is above the root, whatever its row says.
func TestRootHasNoParent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cloud := ncp(t, nil)
		cloud.SetFault("/group/tree", sim.Fault{Body: strings.Replace(sample(t, "tree.new.json"), `"organizationGroupNo": 610,`, `"organizationGroupNo": 610, "upperOrganizationGroupNo": 600,`, 1)})
		text := newWorld(t, acme, cloud).scrape("")
		if !strings.Contains(text, `group_id="610",group_name="Root",organization="acme",parent_group_id="",`) {
			t.Errorf("want the root without a parent, have\n%s", text)
		}
	})
}

// 50 scrapes of a cold exporter are one refresh.
func TestHerdNCP(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cloud := ncp(t, nil)
		cloud.SetFault("*", sim.Fault{Delay: time.Second})
		calls := &counting{Handler: cloud}
		w := newWorld(t, acme, calls)
		var wg sync.WaitGroup
		for range 50 {
			wg.Go(func() {
				if !strings.Contains(w.scrape(""), `cloudorg_pending_invitations{cloud="ncp",organization="acme"} 2`) {
					t.Error("a scrape went without the refresh's data")
				}
			})
		}
		wg.Wait()
		if n := calls.calls.Load(); n != 9 {
			t.Errorf("calls: want 5 and one per group, 9, have %d", n)
		}
	})
}

// While the API hangs, scrapes are served from the last listing within their
// budget, and when it answers again all is as before.
func TestHangNCP(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cloud := ncp(t, nil)
		w := newWorld(t, acme, cloud)
		w.scrape("")
		cloud.SetFault("*", sim.Fault{Hang: true})
		for range 40 { // scrape checks its budget
			time.Sleep(15 * time.Second)
			if !strings.Contains(w.scrape(""), `cloudorg_members{cloud="ncp",organization="acme",status="JOIN"} 3`) {
				t.Fatal("a scrape went without the last good listing")
			}
		}
		if !strings.Contains(w.scrape(""), `reason="timeout"`) {
			t.Error("a refresh that ran out of time is not reported as such")
		}
		cloud.SetFault("*", sim.Fault{})
		time.Sleep(5 * time.Minute)
		w.scrape("")
		if have := w.scrape(""); strings.Contains(have, "cloudorg_collector_error{") || strings.Contains(have, "cloudorg_collector_success{cloud=\"ncp\",collector=\"members\",organization=\"acme\"} 0") {
			t.Errorf("not recovered:\n%s", have)
		}
	})
}

func TestCollectParameter(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, acme, ncp(t, nil))
		golden(t, "collect_groups", w.scrape("?collect[]=groups"))
		if have := w.scrape("?collect[]=api_version"); have != "" {
			t.Errorf("a collector that is not configured: want nothing, have\n%s", have)
		}
	})
}
