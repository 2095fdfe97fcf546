package cloud_test

import (
	"fmt"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/cloudorg-exporter/cloudorg_exporter/internal/capture"
	"github.com/cloudorg-exporter/cloudorg_exporter/internal/sim"
)

// acmeV2 is the organization of the documentation's samples, by version 2.
const acmeV2 = `
defaults: {rate_limit: 1000000000000}
organizations:
  - name: acme
    cloud: ncp
    api_version: v2
    access_key: EXAMPLE
    secret_key: SECRET
    collectors: [organization, groups, members, invitations, received_invitations, withdrawals, policies]
`

const (
	v2Organizations = "/v2/organizations"
	v2Groups        = "/v2/organizations/4100/account-groups"
	v2Accounts      = "/v2/organizations/4100/account-groups/-/accounts"
	v2Invitations   = "/v2/organizations/4100/invitations"
	v2LeaveRequests = "/v2/organizations/4100/leave-requests"
	v2Policies      = "/v2/organizations/4100/quota-policies"
	v2Received      = "/v2/received-invitations"

	v2AllAccounts    = "/v2/organizations/{organizationNo}/account-groups/-/accounts" // for SetPaging
	v2AllInvitations = "/v2/organizations/{organizationNo}/invitations"
)

// ncpV2 is an NCP whose company is that of the samples unless change says so.
func ncpV2(t *testing.T, change func(*sim.Config)) *sim.NCP {
	return ncp(t, func(c *sim.Config) {
		c.Company = nil
		if change != nil {
			change(c)
		}
	})
}

func wide(c *sim.Config) { c.Wide = true }

func callerV2(caller sim.Caller) func(*sim.Config) {
	return func(c *sim.Config) { c.Caller = caller }
}

func TestGoldenNCPV2(t *testing.T) {
	defaults := acmeV2[:strings.Index(acmeV2, "    collectors")]
	body := func(operation, file string) func(*world, *sim.NCP) {
		return func(_ *world, cloud *sim.NCP) { cloud.SetFault(operation, sim.Fault{Body: sample(t, file)}) }
	}
	for _, tt := range []struct {
		name   string
		yaml   string
		cloud  func(*sim.Config)
		before func(w *world, cloud *sim.NCP) // until the scrape that is compared
	}{
		{name: "v2_plain", yaml: acmeV2},
		{name: "v2_plain", yaml: acmeV2, cloud: callerV2(sim.Permitted)},
		{name: "v2_plain", yaml: acmeV2, cloud: func(c *sim.Config) { c.Drift = true }},
		{name: "v2_plain", yaml: acmeV2, before: func(_ *world, cloud *sim.NCP) {
			for operation, file := range map[string]string{
				v2Organizations: "v2.organizations.json", v2Groups: "v2.account_groups.json", v2Accounts: "v2.accounts.json",
				v2Invitations: "v2.invitations.json", v2LeaveRequests: "v2.leave_requests.json", v2Policies: "v2.quota_policies.json",
			} {
				body(operation, file)(nil, cloud)
			}
		}},
		{name: "v2_plain", yaml: acmeV2, before: func(_ *world, cloud *sim.NCP) {
			cloud.SetPaging(v2AllAccounts, sim.Paging{MaxSize: 1, Moves: 2})
			cloud.SetPaging(v2AllInvitations, sim.Paging{MaxSize: 1, Silent: true})
		}},
		{name: "v2_wide", yaml: acmeV2, cloud: wide},
		{name: "v2_wide", yaml: acmeV2, cloud: func(c *sim.Config) { c.Wide, c.Drift = true, true }},
		{name: "v2_wide", yaml: acmeV2, cloud: wide, before: body(v2Policies, "v2.quota_policies.json")}, // counted from the groups
		{name: "v2_default_collectors", yaml: defaults},
		{name: "v2_none", yaml: acmeV2, cloud: callerV2(sim.Outsider)},
		{name: "v2_sub_account", yaml: acmeV2, cloud: callerV2(sim.SubAccount)},
		{name: "v2_member", yaml: acmeV2, cloud: callerV2(sim.NotMaster)},
		{name: "v2_member_wide", yaml: acmeV2, cloud: func(c *sim.Config) { c.Wide, c.Caller = true, sim.NotMaster }},
		{name: "v2_public_sector", yaml: acmeV2, cloud: callerV2(sim.PublicSector)},
		{name: "v2_no_answer", yaml: acmeV2, before: func(_ *world, cloud *sim.NCP) {
			cloud.SetFault(v2Organizations, sim.NCPGateway("100"))
		}},
		{name: "v2_left_meanwhile", yaml: acmeV2, before: func(_ *world, cloud *sim.NCP) {
			cloud.SetFault("/v2/organizations/*", sim.NCPErrorV2("ResourceNotFound"))
		}},
		{name: "v2_drift", yaml: acmeV2, before: func(_ *world, cloud *sim.NCP) {
			body(v2Accounts, "v2.accounts.drift.json")(nil, cloud)
			body(v2Invitations, "v2.invitations.drift.json")(nil, cloud)
			cloud.SetFault(v2LeaveRequests, sim.Fault{Body: `{"leaveRequests": null, "totalElements": 0}`})
		}},
		{name: "v2_waiting", yaml: acmeV2, before: func(_ *world, cloud *sim.NCP) {
			body(v2Invitations, "v2.invitations.waiting.json")(nil, cloud)
			time.Sleep(time.Until(time.Date(2026, 12, 2, 3, 0, 0, 0, time.UTC)))
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				cloud := ncpV2(t, tt.cloud)
				w := newWorld(t, tt.yaml, cloud)
				if tt.before != nil {
					tt.before(w, cloud)
				}
				text := w.scrape("")
				golden(t, tt.name, text)
				for _, private := range append(sim.Sample(time.Now()).PersonalData(), "EXAMPLE", "SECRET", "한빛 Industries", "kim@example.test") {
					if strings.Contains(w.log.String()+text, private) {
						t.Errorf("%q is shown:\n%s\n%s", private, w.log, text)
					}
				}
			})
		})
	}
}

// section returns the samples of a metric, without those of another
// organization's name.
func section(text, metric string) string {
	var lines []string
	for line := range strings.Lines(text) {
		if strings.HasPrefix(line, metric+"{") {
			lines = append(lines, line)
		}
	}
	return strings.Join(lines, "")
}

// One company by version 1, from either listing of the members, and by version
// 2: which metrics agree.
func TestVersionsAgree(t *testing.T) {
	company := sim.Living(7, 6, 40)
	const collectors = "    collectors: [organization, groups, members, invitations, withdrawals, policies]\n"
	yaml := func(keys string) string {
		return acmeV2[:strings.Index(acmeV2, "    api_version")] + "    access_key: EXAMPLE\n    secret_key: SECRET\n" + collectors + keys
	}
	scrape := func(keys string) (text string) {
		synctest.Test(t, func(t *testing.T) {
			cloud := ncp(t, func(c *sim.Config) { c.Company, c.Wide = company, true })
			text = newWorld(t, yaml(keys), cloud).scrape("")
		})
		return text
	}
	one, tree, two := scrape("    members_from: groups\n"), scrape("    members_from: tree\n"), scrape("    api_version: v2\n")
	equal := func(metric, from, have string) {
		t.Helper()
		if diff := cmp.Diff(section(from, metric), section(have, metric)); diff != "" || section(from, metric) == "" {
			t.Errorf("%s (-v1 +%s):\n%s", metric, have[:0], diff)
		}
	}
	for _, metric := range []string{
		"cloudorg_groups", "cloudorg_pending_invitations", "cloudorg_invitation_created_timestamp_seconds",
		"cloudorg_invitation_expiry_timestamp_seconds", "cloudorg_invitation_expiry_days",
		"cloudorg_pending_withdrawals", "cloudorg_withdrawal_requested_timestamp_seconds",
		"cloudorg_policies", "cloudorg_policy_applied_groups",
		"cloudorg_collector_success", "cloudorg_collector_failures_total", "cloudorg_items_dropped", "cloudorg_decode_warnings_total",
	} {
		equal(metric, one, tree)
		equal(metric, one, two)
	}

	// The others agree but for what the versions call differently.
	rename := strings.NewReplacer(`status="JOIN"`, `status="JOINED"`, `status="LVREQ"`, `status="LEAVE_REQUESTED"`)
	lines := func(text, metric string, want func(string) bool) []string {
		var kept []string
		for line := range strings.Lines(section(rename.Replace(text), metric)) {
			if want(line) {
				kept = append(kept, line)
			}
		}
		slices.Sort(kept)
		return kept
	}
	notInvited := func(line string) bool {
		return !strings.Contains(line, `status="INVT"`) && !strings.Contains(line, `status="LEV"`)
	}
	for _, metric := range []string{"cloudorg_members", "cloudorg_group_members"} {
		for _, text := range []string{one, tree} {
			if diff := cmp.Diff(lines(text, metric, notInvited), lines(two, metric, notInvited)); diff != "" {
				t.Errorf("%s (-v1 +v2):\n%s", metric, diff)
			}
		}
	}
	value := func(text, prefix string) string {
		_, rest, _ := strings.Cut(text, "\n"+prefix+"} ")
		rest, _, _ = strings.Cut(rest, "\n")
		return rest
	}
	const labels = `{cloud="ncp",organization="acme"`
	invited := value(one, `cloudorg_members`+labels+`,status="INVT"`)
	if pending := value(two, `cloudorg_pending_invitations`+labels); pending != invited || pending == "" {
		t.Errorf("want v1's %q invited members as v2's pending invitations, have %q", invited, pending)
	}
	if strings.Contains(two, `status="INVT"`) {
		t.Error("v2 has members that are invited")
	}

	// Names: v2 has other rules for those of groups, and its organization and
	// its top group are called as the master account.
	unnamed := func(text, metric string) []string {
		return lines(cutLabels(text, "group_name", "organization_name"), metric, func(string) bool { return true })
	}
	for _, metric := range []string{"cloudorg_organization_info", "cloudorg_group_info"} {
		if diff := cmp.Diff(unnamed(one, metric), unnamed(two, metric)); diff != "" {
			t.Errorf("%s (-v1 +v2):\n%s", metric, diff)
		}
		equal(metric, one, tree)
	}
	for _, metric := range []string{"cloudorg_organization_joined_timestamp_seconds", "cloudorg_invitation_reported_expire_days"} {
		if section(one, metric) == "" || section(two, metric) != "" {
			t.Errorf("want %s by v1 alone", metric)
		}
	}
}

// cutLabels empties labels of a text.
func cutLabels(text string, names ...string) string {
	for _, name := range names {
		parts := strings.Split(text, name+`="`)
		for i := range parts[1:] {
			_, parts[i+1], _ = strings.Cut(parts[i+1], `"`)
		}
		text = strings.Join(parts, name+`=""`)
	}
	return text
}

// What a refresh costs with 40 groups below the top one and 300 accounts.
func TestCallsNCP(t *testing.T) {
	company := sim.Company{ID: 4100, Name: "Acme", Master: 1, Groups: []sim.Group{{ID: 610, Name: "Root"}}}
	for i := range 40 {
		company.Groups = append(company.Groups, sim.Group{ID: int64(611 + i), Name: fmt.Sprint("group-", i), Parent: 610})
	}
	for i := range 300 {
		company.Members = append(company.Members, sim.Member{Account: sim.Account{ID: int64(i + 1)}, Group: int64(610 + i%41)})
	}
	defaults := acmeV2[:strings.Index(acmeV2, "    collectors")]
	for keys, want := range map[string]int64{
		"api_version: v1":                         45,
		"api_version: v1\n    members_from: tree": 4,
		"api_version: v2":                         7,
	} {
		synctest.Test(t, func(t *testing.T) {
			calls := &counting{Handler: ncp(t, func(c *sim.Config) {
				c.Company = func(time.Time) sim.Company { return company }
			})}
			w := newWorld(t, strings.Replace(defaults, "api_version: v2", keys, 1), calls)
			text := w.scrape("")
			if n := calls.calls.Load(); n != want {
				t.Errorf("%s: want %d calls, have %d", keys, want, n)
			}
			for _, line := range []string{"cloudorg_groups{cloud=\"ncp\",organization=\"acme\"} 41\n", "organization=\"acme\",status=\"JOIN"} {
				if !strings.Contains(text, line) {
					t.Errorf("%s: %s is missing in\n%s", keys, line, text)
				}
			}
			if total := strings.Count(text, "} 300\n"); total != 1 {
				t.Errorf("%s: want 300 members, have\n%s", keys, section(text, "cloudorg_members"))
			}
		})
	}
}

// Without other collectors nobody asks for the organization.
func TestReceivedAloneV2(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cloud := ncpV2(t, callerV2(sim.Outsider))
		text := newWorld(t, acmeV2[:strings.Index(acmeV2, "    collectors")]+"    collectors: [received_invitations]\n", cloud).scrape("")
		if diff := cmp.Diff(map[string]int{v2Received: 1}, cloud.Calls()); diff != "" {
			t.Errorf("calls (-want +have):\n%s", diff)
		}
		if !strings.Contains(text, `cloudorg_received_invitations{cloud="ncp",organization="acme",status="unknown"} 1`) {
			t.Errorf("want an invitation, have\n%s", text)
		}
	})
}

const joinedToNone = `cloudorg_member_transitions_total{cloud="ncp",from="JOINED",organization="acme",to="none"} `

// Pages that are not whole are served, never compared, and reported after three
// refreshes; the last whole reading is what the next one is compared with.
func TestIncompleteV2(t *testing.T) {
	for name, paging := range map[string]sim.Paging{
		"a total too high":       {CountOff: 3},
		"a total too low":        {CountOff: -1},
		"a total that changes":   {MaxSize: 2, CountGrows: 1, CountOff: -1},
		"rows that always move":  {MaxSize: 2, Moves: 1000},
		"a total that is absurd": {CountOff: 1 << 40},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				cloud := ncpV2(t, nil)
				w := newWorld(t, acmeV2, cloud)
				w.scrape("")
				cloud.SetPaging(v2AllAccounts, paging)
				members := sample(t, "v2.accounts.json")
				for refresh := 1; refresh <= 5; refresh++ {
					time.Sleep(5 * time.Minute)
					text := w.scrape("")
					for _, want := range []string{
						`cloudorg_collector_success{cloud="ncp",collector="members",organization="acme"} 1`,
						joinedToNone + "0",
						`from="none",organization="acme",to="JOINED"} 0`,
						`cloudorg_members{cloud="ncp",organization="acme",status="JOINED"} 3`,
					} {
						if !strings.Contains(text, want) {
							t.Errorf("refresh %d: %s is missing in\n%s", refresh, want, text)
						}
					}
					warned := strings.Contains(w.log.String(), `msg="listing incomplete" collector=members refreshes=3 serving=`)
					if warned != (refresh >= 3) {
						t.Errorf("refresh %d: warned %t:\n%s", refresh, warned, w.log)
					}
				}
				if n := strings.Count(w.log.String(), "listing incomplete"); n != 1 {
					t.Errorf("want one warning, have %d", n)
				}
				// Somebody has left meanwhile, which the next whole reading shows.
				cloud.SetPaging(v2AllAccounts, sim.Paging{})
				members = strings.Replace(members, `{"memberNo": 9000005,`, `{"memberNo": 9000006,`, 1)
				cloud.SetFault(v2Accounts, sim.Fault{Body: members})
				time.Sleep(5 * time.Minute)
				if text := w.scrape(""); !strings.Contains(text, joinedToNone+"1") {
					t.Errorf("want one that has left, have\n%s", text)
				}
				if n := strings.Count(w.log.String(), `msg="listing complete again" collector=members rows=4`); n != 1 {
					t.Errorf("want one line when it has ended, have %d:\n%s", n, w.log)
				}
			})
		})
	}
}

// The account is in another organization, or in none: nobody has left, and it
// is said once.
func TestAnotherOrganizationV2(t *testing.T) {
	other := sim.Company{ID: 4200, Master: 7, Groups: []sim.Group{{ID: 1}}, Members: []sim.Member{{Account: sim.Account{ID: 7}, Group: 1}}}
	for to, next := range map[string]sim.Company{"4200": other, "none": {}} {
		synctest.Test(t, func(t *testing.T) {
			company := sim.Sample(time.Now())
			cloud := ncpV2(t, func(c *sim.Config) { c.Company = func(time.Time) sim.Company { return company } })
			w := newWorld(t, acmeV2, cloud)
			w.scrape("")
			company = next
			for range 3 {
				time.Sleep(5 * time.Minute)
				text := w.scrape("")
				for _, want := range []string{
					joinedToNone + "0", `from="none",organization="acme",to="JOINED"} 0`,
					`cloudorg_collector_success{cloud="ncp",collector="members",organization="acme"} 1`,
					fmt.Sprintf(`cloudorg_members{cloud="ncp",organization="acme",status="JOINED"} %d`, len(next.Members)),
				} {
					if !strings.Contains(text, want) {
						t.Errorf("%s: %s is missing in\n%s", to, want, text)
					}
				}
			}
			if n := strings.Count(w.log.String(), `msg="organization changed" from=4100 to=`+to); n != 1 {
				t.Errorf("want one warning, have %d:\n%s", n, w.log)
			}
			for _, what := range []string{"member changed", "invitation gone", "withdrawal gone"} {
				if strings.Contains(w.log.String(), what) {
					t.Errorf("%s: %q is logged:\n%s", to, what, w.log)
				}
			}
		})
	}
}

// More organizations than documented: the first, and one warning per process.
// One without a number cannot be asked about.
func TestOrganizationsV2(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cloud := ncpV2(t, nil)
		cloud.SetFault(v2Organizations, sim.Fault{Body: `{"organizations": [{"no": 4100, "masterMemberNo": 9000001}, {"no": 4300}]}`})
		w := newWorld(t, acmeV2, cloud)
		for range 3 {
			if text := w.scrape(""); !strings.Contains(text, `organization_id="4100"`) || strings.Contains(text, `4300`) {
				t.Errorf("want the first, have\n%s", text)
			}
			time.Sleep(5 * time.Minute)
		}
		if n := strings.Count(w.log.String(), `msg="account has more than one organization" organizations=2`); n != 1 {
			t.Errorf("want one warning, have %d:\n%s", n, w.log)
		}
	})
	for _, no := range []string{`"41**"`, "9223372036854775808", "null", "0", "-1", `{}`} {
		synctest.Test(t, func(t *testing.T) {
			cloud := ncpV2(t, nil)
			cloud.SetFault(v2Organizations, sim.Fault{Body: `{"organizations": [{"no": ` + no + `}]}`})
			text := newWorld(t, acmeV2, cloud).scrape("")
			if n := strings.Count(text, `reason="decode"} 1`); n != 6 || strings.Contains(text, `collector="received_invitations",organization="acme",reason=`) {
				t.Errorf("%s: want six collectors that fail with decode, have %d:\n%s", no, n, text)
			}
		})
	}
}

// A list that never ends has failed, and not by timeout.
func TestEndlessListV2(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cloud := ncpV2(t, nil)
		cloud.SetPaging(v2AllAccounts, sim.Paging{Endless: true})
		w := newWorld(t, strings.Replace(acmeV2, "{rate_limit: 1000000000000}", "{rate_limit: 10}", 1), cloud)
		start := time.Now()
		w.fleet.Prime(t.Context())
		if took := time.Since(start); took >= time.Minute {
			t.Errorf("it took %s", took)
		}
		text := w.scrape("")
		if !strings.Contains(text, `cloudorg_collector_error{cloud="ncp",collector="members",organization="acme",reason="decode"} 1`) ||
			strings.Count(text, "cloudorg_collector_error{") != 1 {
			t.Errorf("want the members alone to fail with decode, have\n%s\n%s", text, w.log)
		}
		if calls := cloud.Calls()[v2AllAccounts]; calls != 570 {
			t.Errorf("want 570 pages, have %d", calls)
		}
	})
}

// The organization disappears between two calls of a refresh: what fails says
// so, and what was read before is served.
func TestLeftDuringRefreshV2(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cloud := ncpV2(t, nil)
		w := newWorld(t, acmeV2, cloud)
		w.scrape("")
		cloud.SetFault("/v2/organizations/*", sim.NCPErrorV2("ResourceNotFound"))
		time.Sleep(5 * time.Minute)
		text := w.scrape("")
		for _, want := range []string{
			`cloudorg_collector_error{cloud="ncp",collector="members",organization="acme",reason="other"} 1`,
			`cloudorg_members{cloud="ncp",organization="acme",status="JOINED"} 3`,
			`cloudorg_collector_success{cloud="ncp",collector="organization",organization="acme"} 1`,
		} {
			if !strings.Contains(text, want) {
				t.Errorf("%s is missing in\n%s", want, text)
			}
		}
		if !strings.Contains(w.log.String(), "the account may have left the organization during the refresh") {
			t.Errorf("the log does not say why:\n%s", w.log)
		}
	})
}

// Gateway and service fail on any path of version 2.
func TestFaultsV2(t *testing.T) {
	for _, tt := range []struct {
		fault  sim.Fault
		reason string
		calls  int
	}{
		{sim.NCPGateway("200"), "auth", 1},
		{sim.NCPGateway("210"), "forbidden", 1},
		{sim.NCPGateway("300"), "other", 1},
		{sim.NCPGateway("420"), "throttled", 4},
		{sim.NCPGateway("500"), "server", 4},
		{sim.NCPErrorV2("MadeUpTooMany"), "throttled", 4},
		{sim.NCPErrorV2("NobodyKnows"), "server", 4},
		{sim.NCPErrorV2("InvalidParameter"), "other", 1},
		{sim.NCPErrorV2("AccessDenied"), "forbidden", 1},
		{sim.NCPError("COMMON_104"), "throttled", 4},
		{sim.Fault{Status: http.StatusRequestTimeout}, "timeout", 4},
		{sim.Fault{Status: http.StatusPaymentRequired}, "forbidden", 1},
		{sim.Fault{Garbage: true}, "decode", 1},
		{sim.Fault{CutJSON: true}, "decode", 1},
		{sim.Fault{Body: sim.NCPErrorV2("Forbidden").Body}, "forbidden", 1},
		{sim.Fault{Body: sim.NCPGateway("420").Body}, "throttled", 4},
		{sim.Fault{Body: "[]"}, "decode", 1},
		{sim.Fault{Body: "{}"}, "decode", 1},
	} {
		synctest.Test(t, func(t *testing.T) {
			cloud := ncpV2(t, nil)
			cloud.SetFault("/v2/*", tt.fault)
			w := newWorld(t, acmeV2, cloud)
			w.fleet.Prime(t.Context())
			text := w.scrape("")
			if n := strings.Count(text, `reason="`+tt.reason+`"} 1`); n != 7 {
				t.Errorf("%+v: want seven collectors that fail with %s, have %d:\n%s", tt.fault, tt.reason, n, section(text, "cloudorg_collector_error"))
			}
			if diff := cmp.Diff(map[string]int{v2Organizations: tt.calls, v2Received: tt.calls}, cloud.Calls()); diff != "" {
				t.Errorf("%+v: calls (-want +have):\n%s", tt.fault, diff)
			}
		})
		for _, operation := range []string{v2Groups, v2Accounts, v2Invitations, v2LeaveRequests, v2Policies} {
			synctest.Test(t, func(t *testing.T) {
				cloud := ncpV2(t, nil)
				cloud.SetFault(operation, tt.fault)
				w := newWorld(t, acmeV2, cloud)
				w.fleet.Prime(t.Context())
				text := section(w.scrape(""), "cloudorg_collector_error")
				if strings.Count(text, "\n") != 1 || !strings.Contains(text, `reason="`+tt.reason+`"} 1`) {
					t.Errorf("%s: %+v: want one collector that fails with %s, have\n%s", operation, tt.fault, tt.reason, text)
				}
			})
		}
	}
}

// A capture of version 2 names nobody, and gives the same when it is served:
// whichever fields there are, in pages, and for a member.
func TestCaptureV2(t *testing.T) {
	company := sim.Living(7, 6, 40)
	secrets := append(company(sim.SampleTime()).PersonalData(), company(sim.SampleTime()).Name, "EXAMPLE", "SECRET")
	for name, change := range map[string]func(*sim.Config){
		"plain":  func(*sim.Config) {},
		"wide":   wide,
		"member": callerV2(sim.NotMaster),
	} {
		t.Run(name, func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "made")
			var want string
			calls := 0
			synctest.Test(t, func(t *testing.T) {
				cloud := ncpV2(t, func(c *sim.Config) {
					c.Company, c.Clock = company, sim.Clock{Start: sim.SampleTime()}
					change(c)
				})
				cloud.SetPaging(v2AllAccounts, sim.Paging{MaxSize: 20, Moves: 1})
				c, err := capture.New(dir)
				if err != nil {
					t.Fatal(err)
				}
				want = counts(t, newWorldAt(t, sim.SampleTime(), acmeV2, cloud, c))
				for _, n := range cloud.Calls() {
					calls += n
				}
			})
			checkFiles(t, dir, calls, secrets)
			synctest.Test(t, func(t *testing.T) {
				c, err := sim.OpenCapture(dir, 1)
				if err != nil {
					t.Fatal(err)
				}
				defer c.Close()
				if have := counts(t, newWorldAt(t, c.Start(), acmeV2, c, nil)); have != want {
					t.Errorf("served by the simulator (-captured +served):\n%s", cmp.Diff(want, have))
				}
			})
		})
	}
}
