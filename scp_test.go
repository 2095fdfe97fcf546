package main

import (
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/cloudorg-exporter/cloudorg_exporter/internal/sim"
)

// scpCloud serves a simulated SCP over HTTP.
func scpCloud(t *testing.T, change func(*sim.Config)) (*sim.SCP, string) {
	t.Helper()
	cfg := sim.Config{AccessKey: access, SecretKey: secret, Unexpected: t.Errorf}
	if change != nil {
		change(&cfg)
	}
	scp := sim.NewSCP(cfg)
	server := httptest.NewServer(scp)
	t.Cleanup(func() {
		scp.Close()
		server.Close()
	})
	return scp, server.URL
}

// What an operator is told by the second cloud, and what is served all the
// same.
func TestOnceSCP(t *testing.T) {
	for _, tt := range []struct {
		name  string
		cloud func(*sim.Config)
		fault func(*sim.SCP)
		keys  []string
		says  []string // in the diagnosis
		shows []string // in the metrics
	}{
		{
			name: "good", shows: []string{
				`cloudorg_members{cloud="scp",organization="acme",status="ACTIVE"} 3`,
				`cloudorg_pending_invitations{cloud="scp",organization="acme"} 2`,
				`cloudorg_received_invitations{cloud="scp",organization="acme",status="INVITING"} 1`,
				`cloudorg_api_version_support_end_timestamp_seconds{cloud="scp",organization="acme",version="1.0"} 1.7671392e+09`,
			},
		},
		{
			name: "unknown version", keys: []string{`api_version: "9.9"`},
			says: []string{
				"acme: api_version: 3 collectors failed: members, invitations, received_invitations\n",
				"get /v1/organization-accounts: SCP error NoSuchVersion", "version 9.9", "(HTTP 406", "change api_version, or set it to",
			},
			shows: []string{
				`cloudorg_collector_error{cloud="scp",collector="members",organization="acme",reason="api_version"} 1`,
				`cloudorg_collector_success{cloud="scp",collector="api_version",organization="acme"} 1`,
			},
		},
		{
			name: "member account", cloud: func(c *sim.Config) { c.Caller = sim.NotMaster },
			says: []string{
				"acme: forbidden: 1 collector failed: members\n", "missing permission organization:ListAccounts",
				"acme: forbidden: 1 collector failed: invitations\n", "missing permission organization:ListOrganizationInvitations",
				"only these collectors work: [received_invitations, api_version]",
			},
			shows: []string{
				`cloudorg_received_invitations{cloud="scp",organization="acme",status="INVITING"} 1`,
				`cloudorg_collector_success{cloud="scp",collector="received_invitations",organization="acme"} 1`,
			},
		},
		{
			name: "wrong secret", cloud: func(c *sim.Config) { c.SecretKey = "another" },
			says: []string{"acme: auth: ", "(HTTP 401", "check access_key and secret_key"},
			shows: []string{
				`cloudorg_collector_success{cloud="scp",collector="api_version",organization="acme"} 1`,
			},
		},
		{
			name: "headers lost on the way", fault: func(s *sim.SCP) {
				s.SetFault("/v1/account-invitations", sim.SCPNoCredentials("/v1/account-invitations"))
			},
			says:  []string{"acme: auth: 1 collector failed: received_invitations\n", "a proxy removed the headers, or the host is wrong"},
			shows: []string{`cloudorg_members{cloud="scp",organization="acme",status="ACTIVE"} 3`},
		},
		{
			name: "clock", cloud: func(c *sim.Config) { c.Skew = 6 * time.Minute },
			says: []string{"acme: clock_skew: ", "s from ours (HTTP 401)", "set this machine's clock"},
		},
		{
			name:  "endless list",
			fault: func(s *sim.SCP) { s.SetPaging("/v1/organization-accounts", sim.Paging{Endless: true}) },
			keys:  []string{"page_size: 2"},
			says:  []string{"acme: decode: 1 collector failed: members\n", "more than 1000 pages"},
			shows: []string{`cloudorg_pending_invitations{cloud="scp",organization="acme"} 2`},
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			scp, url := scpCloud(t, tt.cloud)
			if tt.fault != nil {
				tt.fault(scp)
			}
			yaml := strings.ReplaceAll(organization("acme", url, tt.keys...), "cloud: ncp", "cloud: scp")
			stdout, stderr, err := runOnce(t, "organizations:\n"+strings.Replace(yaml, "rate_limit: 1000", "rate_limit: 100000", 1))
			if (err == nil) != (tt.says == nil) {
				t.Errorf("have %v and\n%s", err, stderr)
			}
			for _, want := range tt.says {
				if !strings.Contains(stderr, want) {
					t.Errorf("the diagnosis lacks %q:\n%s", want, stderr)
				}
			}
			for _, want := range tt.shows {
				if !strings.Contains(stdout, want+"\n") {
					t.Errorf("the metrics lack %s", want)
				}
			}
			for _, private := range []string{access, secret, "m1@example.test", "u2@example.test", "m@example.test"} {
				if len(private) > 3 && strings.Contains(stdout+stderr, private) {
					t.Errorf("%q is shown", private)
				}
			}
		})
	}
}
