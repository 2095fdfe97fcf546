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
				"acme: members: api_version: page 0: get /v1/organization-accounts: scp: NoSuchVersion", "version 9.9", "(status 406",
				"change api_version, or set it to", "/v1/account-invitations 406",
			},
			shows: []string{
				`cloudorg_collector_error{cloud="scp",collector="members",organization="acme",reason="api_version"} 1`,
				`cloudorg_collector_success{cloud="scp",collector="api_version",organization="acme"} 1`,
			},
		},
		{
			name: "member account", cloud: func(c *sim.Config) { c.Caller = sim.NotMaster },
			says: []string{
				"acme: members: forbidden: ", "missing permission organization:ListAccounts",
				"acme: invitations: forbidden: ", "missing permission organization:ListOrganizationInvitations",
				"collectors: [received_invitations, api_version]",
			},
			shows: []string{
				`cloudorg_received_invitations{cloud="scp",organization="acme",status="INVITING"} 1`,
				`cloudorg_collector_success{cloud="scp",collector="received_invitations",organization="acme"} 1`,
			},
		},
		{
			name: "wrong secret", cloud: func(c *sim.Config) { c.SecretKey = "another" },
			says: []string{"acme: members: auth: ", "(status 401", "check access_key and secret_key"},
			shows: []string{
				`cloudorg_collector_success{cloud="scp",collector="api_version",organization="acme"} 1`,
			},
		},
		{
			name: "headers lost on the way", fault: func(s *sim.SCP) {
				s.SetFault("/v1/account-invitations", sim.SCPNoCredentials("/v1/account-invitations"))
			},
			says:  []string{"acme: received_invitations: auth: ", "the headers were lost on the way, or the host is wrong"},
			shows: []string{`cloudorg_members{cloud="scp",organization="acme",status="ACTIVE"} 3`},
		},
		{
			name: "clock", cloud: func(c *sim.Config) { c.Skew = 6 * time.Minute },
			says: []string{"acme: members: clock_skew: ", "s from ours (status 401)", "set this machine's clock"},
		},
		{
			name:  "endless list",
			fault: func(s *sim.SCP) { s.SetPaging("/v1/organization-accounts", sim.Paging{Endless: true}) },
			keys:  []string{"page_size: 2"},
			says:  []string{"acme: members: decode: ", "the list does not end within"},
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
			for _, private := range append(sim.Sample(time.Now()).PersonalData(), access, secret) {
				if len(private) > 3 && strings.Contains(stdout+stderr, private) {
					t.Errorf("%q is shown", private)
				}
			}
		})
	}
}
