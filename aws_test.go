package main

import (
	"fmt"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"

	"github.com/cloudorg-exporter/cloudorg_exporter/internal/sim"
)

// What an operator is told by AWS, and what is served all the same.
func TestOnceAWS(t *testing.T) {
	home := t.TempDir()
	for name, value := range map[string]string{
		"HOME": home, "AWS_EC2_METADATA_DISABLED": "true", "AWS_ACCESS_KEY_ID": "", "AWS_SECRET_ACCESS_KEY": "", "AWS_PROFILE": "",
		"AWS_CONFIG_FILE": filepath.Join(home, "none"), "AWS_SHARED_CREDENTIALS_FILE": filepath.Join(home, "none"), "AWS_WEB_IDENTITY_TOKEN_FILE": "",
	} {
		t.Setenv(name, value)
	}
	keys := fmt.Sprintf("    access_key: %s\n    secret_key: %s\n", access, secret)
	for _, tt := range []struct {
		name    string
		keys    string
		caller  sim.Caller
		options sim.AWSOptions
		faults  map[string]sim.Fault
		says    []string // in the diagnosis
		shows   []string // in the metrics
	}{
		{
			name: "good", keys: keys,
			says: []string{"acme: all 5 collectors read with 10 calls in ", ": 7 members, 2 pending invitations"},
			shows: []string{
				`cloudorg_members{cloud="aws",organization="acme",status="CLOSED"} 1`,
				`cloudorg_received_invitations{cloud="aws",organization="acme",status="OPEN"} 1`,
			},
		},
		{
			name: "no credentials",
			says: []string{
				"acme: other: 5 collectors failed: organization, groups, members, invitations, received_invitations\n",
				"\tAWS: ec2imds GetMetadata failed: ", "What to do: set access_key_file and secret_key_file, or profile, or run where the default chain of AWS's SDK finds credentials",
			},
		},
		{
			name: "wrong key", keys: strings.Replace(keys, secret, "another", 1),
			says: []string{"acme: auth: 5 collectors failed: ", "AWS error InvalidSignatureException", "(HTTP 403, request sim-", "What to do: check access_key and secret_key"},
		},
		{
			name: "no permission for one operation", keys: keys, options: sim.AWSOptions{Denied: []string{"ListAccounts"}},
			says: []string{
				"acme: forbidden: 1 collector failed: members\n", "missing permission organizations:ListAccounts",
				`What to do: allow organizations:ListAccounts on resource "*"`, "acme: 4 of 5 collectors read",
			},
			shows: []string{`cloudorg_groups{cloud="aws",organization="acme"} 5`},
		},
		{
			name: "a member's key", keys: keys, caller: sim.NotMaster,
			says: []string{
				"acme: forbidden: 3 collectors failed: groups, members, invitations\n", "not a key of the management account or of a delegated administrator",
				"only these collectors work: [organization, received_invitations]",
			},
			shows: []string{`cloudorg_organization_info{cloud="aws",master_id="111111111111",organization="acme",organization_id="o-acme012345",organization_name=""} 1`},
		},
		{
			name: "throttled", keys: keys, faults: map[string]sim.Fault{"ListAccounts": sim.AWSError("TooManyRequestsException")},
			says: []string{"acme: throttled: 1 collector failed: members\n", "AWS error TooManyRequestsException", "(HTTP 400", "lower rate_limit"},
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			aws := sim.NewAWS(sim.Config{AccessKey: access, SecretKey: secret, Caller: tt.caller, Unexpected: t.Errorf})
			server := httptest.NewServer(aws)
			defer server.Close()
			defer aws.Close()
			aws.Set(tt.options)
			for operation, fault := range tt.faults {
				aws.SetFault(operation, fault)
			}
			stdout, stderr, err := runOnce(t, "organizations:\n  - name: acme\n    cloud: aws\n    base_url: "+server.URL+"\n    rate_limit: 100\n"+tt.keys)
			if (err == nil) != (tt.name == "good") {
				t.Errorf("error %v", err)
			}
			t.Log("\n" + stderr)
			for _, want := range tt.says {
				if !strings.Contains(stderr, want) {
					t.Errorf("%q is missing", want)
				}
			}
			for _, want := range tt.shows {
				if !strings.Contains(stdout, want+"\n") {
					t.Errorf("%s is missing in\n%s", want, stdout)
				}
			}
			if strings.Contains(stdout+stderr, secret) || strings.Contains(stdout+stderr, "@") {
				t.Error("a secret, or an address")
			}
		})
	}
}
