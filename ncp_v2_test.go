package main

import (
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/cloudorg-exporter/cloudorg_exporter/internal/sim"
)

// What an operator is told by version 2.
func TestOnceV2(t *testing.T) {
	const all = "organization, groups, members, invitations, withdrawals"
	for _, tt := range []struct {
		name    string
		caller  sim.Caller
		wide    bool
		company func(time.Time) sim.Company
		fails   string // the collectors
		reason  string
		says    []string
	}{
		{name: "master", says: []string{"acme: all 5 collectors read with 5 calls in "}},
		{name: "sub account with the permissions", caller: sim.Permitted, says: []string{"acme: all 5 collectors read with 5 calls in "}},
		{
			name: "sub account", caller: sim.SubAccount, fails: all, reason: "forbidden",
			says: []string{
				"\tget /open-api/v2/organizations: NCP error Forbidden: the key's Sub Account lacks the permission, or its account is not the organization's master (HTTP 403",
				"What to do: if the key is a Sub Account's, grant it the Organization View actions; else use a key of the organization's master account",
			},
		},
		{
			name: "member", caller: sim.NotMaster, fails: "groups, members, invitations, withdrawals", reason: "forbidden",
			says: []string{"NCP error Forbidden: ", "What to do: if the key is a Sub Account's, grant it the Organization View actions; else use a key of the organization's master account"},
		},
		{
			name: "member, which the organization tells", caller: sim.NotMaster, wide: true, fails: "groups, members, invitations, withdrawals", reason: "not_master",
			says: []string{"NCP error Forbidden: ", "What to do: use a key of the account that owns the organization"},
		},
		{
			name: "public-sector account", caller: sim.PublicSector, fails: all, reason: "forbidden",
			says: []string{
				"\tget /open-api/v2/organizations: NCP error AccessDenied: this account belongs to another environment of NAVER Cloud (HTTP 403",
				"What to do: use a key of an account of the private-sector environment",
			},
		},
		{name: "account without an organization", caller: sim.Outsider, says: []string{"acme: all 5 collectors read with 1 call in ", "0 members, 0 pending invitations"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, url := simulate(t, func(c *sim.Config) { c.Company, c.Caller, c.Wide = nil, tt.caller, tt.wide })
			stdout, stderr, err := runOnce(t, "organizations:\n"+organization("acme", url, "api_version: v2"))
			if (err != nil) != (tt.fails != "") {
				t.Errorf("have error %v", err)
			}
			says := tt.says
			if tt.fails != "" {
				says = append(says, "acme: "+tt.reason+": ", " failed: "+tt.fails+"\n")
				if n := strings.Count(stderr, "What to do: "); n != 1 {
					t.Errorf("want one paragraph, have %d:\n%s", n, stderr)
				}
			}
			for _, want := range says {
				if !strings.Contains(stderr, want) {
					t.Errorf("the diagnosis lacks %q:\n%s", want, stderr)
				}
			}
			for _, private := range append(sim.Sample(time.Now()).PersonalData(), "한빛 Industries", access, secret) {
				if strings.Contains(stdout+stderr, private) {
					t.Errorf("%q is shown:\n%s%s", private, stdout, stderr)
				}
			}
		})
	}
}

// A reload from one version to the other and back counts no change of a member,
// keeps the counters, and has the statuses of the version in force.
func TestReloadBetweenVersions(t *testing.T) {
	t.Parallel()
	ncp, url := simulate(t, nil)
	file := write(t, "config.yml", "organizations:\n"+organization("acme", url))
	p := start(t, "--web.enable-lifecycle", "--config.file="+file, "--storage.path="+t.TempDir())
	p.ready()
	counted := regexp.MustCompile(`(?m)^cloudorg_member_transitions_total\{.*\} [^0]`)
	for i, version := range []string{"v1", "v2", "v1"} {
		rewrite(t, file, "organizations:\n"+organization("acme", url, "api_version: "+version, "cache_ttl: 1s"))
		if status, body := p.do(http.MethodPost, "/-/reload"); status != http.StatusOK {
			t.Fatalf("reload: %d %s", status, body)
		}
		joined := map[string]string{"v1": "JOIN", "v2": "JOINED"}[version]
		members := `cloudorg_members{cloud="ncp",organization="acme",status="` + joined + `"} 3` + "\n"
		p.until("the members are those of "+version, func() bool { return strings.Contains(p.get("/metrics"), members) })
		calls := ncp.Calls()
		p.until("they have been read once more", func() bool {
			p.get("/metrics")
			now := ncp.Calls()
			return now["/org"] > calls["/org"]+1 || now["/v2/organizations"] > calls["/v2/organizations"]+1
		})
		metrics := p.get("/metrics")
		if counted.MatchString(metrics) || !strings.Contains(metrics, `cloudorg_member_transitions_total{cloud="ncp",from="`+joined+`",organization="acme",to="none"} 0`) {
			t.Errorf("reload %d, to %s: want transitions, and none counted:\n%s", i, version, counted.FindString(metrics))
		}
		other := map[string]string{"v1": "JOINED", "v2": "JOIN"}[version]
		if strings.Contains(metrics, `cloudorg_members{cloud="ncp",organization="acme",status="`+other+`"}`) {
			t.Errorf("reload %d, to %s: there still is the status %s", i, version, other)
		}
	}
	for _, change := range []string{"member changed", "invitation gone", "invitation appeared", "withdrawal", "organization changed"} {
		if strings.Contains(p.log.String(), `msg="`+change) {
			t.Errorf("%q is logged:\n%s", change, p.log)
		}
	}
}
