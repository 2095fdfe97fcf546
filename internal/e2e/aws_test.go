//go:build e2e

package e2e_test

// AWS: our client against a mock that others have written, and AWS's own client
// against our simulator.

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"reflect"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/go-kit/log"

	"github.com/cloudorg-exporter/cloudorg_exporter/collector"
	"github.com/cloudorg-exporter/cloudorg_exporter/internal/cloud"
	"github.com/cloudorg-exporter/cloudorg_exporter/internal/config"
	"github.com/cloudorg-exporter/cloudorg_exporter/internal/org"
	"github.com/cloudorg-exporter/cloudorg_exporter/internal/sim"
)

// script runs one of our Python scripts and decodes what it prints.
func script(t *testing.T, python, name string, into any, arguments ...string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, python, append([]string{"testdata/" + name}, arguments...)...)
	cmd.Env = append(os.Environ(), "AWS_EC2_METADATA_DISABLED=true", "AWS_CONFIG_FILE=/dev/null", "AWS_SHARED_CREDENTIALS_FILE=/dev/null")
	var failure strings.Builder
	cmd.Stderr = &failure
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%s: %v\n%s", name, err, failure.String())
	}
	if err := json.Unmarshal(out, into); err != nil {
		t.Fatalf("%s: %v\n%s", name, err, out)
	}
}

// documented returns the policies in docs/aws.md: of the default collectors, and
// of all.
func documented(t *testing.T) (some, all string) {
	t.Helper()
	text, err := os.ReadFile("../../docs/aws.md")
	if err != nil {
		t.Fatal(err)
	}
	var policies []string
	for _, m := range regexp.MustCompile("(?s)```json\n(.*?)```").FindAllStringSubmatch(string(text), -1) {
		if strings.Contains(m[1], "organizations:") {
			policies = append(policies, m[1])
		}
	}
	if len(policies) != 2 {
		t.Fatalf("%d policies in the document", len(policies))
	}
	return policies[0], policies[1]
}

// readOnce reads one organization.
func readOnce(t *testing.T, yaml string) org.Snapshot {
	t.Helper()
	fleet := cloud.NewFleet(func() (*config.Config, error) {
		return config.Parse(strings.NewReader(yaml), "", cloud.Configs())
	}, cloud.Deps{Logger: log.NewNopLogger(), Observer: collector.NewSelf(false)})
	if err := fleet.Reload(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(fleet.Close)
	fleet.Prime(t.Context())
	return fleet.Last()[0]
}

// Our client reads an organization from moto, an independent mock of AWS. moto
// checks signatures, and the permissions that our documentation names.
func TestAWSClientAgainstMoto(t *testing.T) {
	t.Parallel()
	python := findPython(t, "moto.server", "boto3")
	address := freeAddress(t)
	_, port, err := net.SplitHostPort(address)
	if err != nil {
		t.Fatal(err)
	}
	moto := exec.CommandContext(t.Context(), python, "-m", "moto.server", "-H", "127.0.0.1", "-p", port)
	moto.Env = append(os.Environ(), "INITIAL_NO_AUTH_ACTION_COUNT=6")
	if err := moto.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = moto.Process.Kill(); _ = moto.Wait() })
	for deadline := time.Now().Add(30 * time.Second); ; time.Sleep(100 * time.Millisecond) {
		conn, err := new(net.Dialer).DialContext(t.Context(), "tcp", address)
		if err == nil {
			_ = conn.Close()
			break
		}
		if time.Now().After(deadline) {
			t.Fatal(err)
		}
	}
	_, policy := documented(t)
	var made struct {
		Access, Secret, Organization, Master, Administrator, Policy, Root string
		Groups, Accounts                                                  int
		InRoot                                                            int `json:"in_root"`
	}
	script(t, python, "aws_moto.py", &made, "http://"+address, policy)
	yaml := func(secret, more string) string {
		return fmt.Sprintf(`
organizations:
  - name: acme
    cloud: aws
    base_url: http://%s
    access_key: %s
    secret_key: %s
    rate_limit: 100
    %s
`, address, made.Access, secret, more)
	}
	const collectors = "collectors: [organization, groups, members, policies, delegations, service_access, account_creations, invitations]"
	s := readOnce(t, yaml(made.Secret, collectors+"\n    members_from: parents"))
	for _, c := range s.Collectors() {
		switch {
		case c.Name == "invitations": // moto has no handshakes
			if c.Err == nil || c.Err.Reason != org.Server {
				t.Errorf("%s: %v", c.Name, c.Err)
			}
		case c.Err != nil:
			t.Errorf("%s: %v", c.Name, c.Err)
		}
	}
	if len(s.Info.Items) != 1 || s.Info.Items[0].ID != made.Organization || s.Info.Items[0].MasterID != made.Master || s.Info.Items[0].FeatureSet != "ALL" {
		t.Errorf("organization: %+v", s.Info.Items)
	}
	states, inRoot := map[string]int{}, 0
	for _, m := range s.Members.Items {
		states[m.Status]++
		if m.GroupID == made.Root {
			inRoot++
		}
	}
	if len(s.Groups.Items) != made.Groups || len(s.Members.Items) != made.Accounts || inRoot != made.InRoot || states["SUSPENDED"] != 1 {
		t.Errorf("%d groups, %d members, %d in the root, %v; made %+v", len(s.Groups.Items), len(s.Members.Items), inRoot, states, made)
	}
	if len(s.Policies.Items) != 1 || s.Policies.Items[0].ID != made.Policy ||
		!reflect.DeepEqual(s.Policies.Items[0].Targets, map[string]int64{"ROOT": 1, "ORGANIZATIONAL_UNIT": 2, "ACCOUNT": 1}) {
		t.Errorf("policies: %+v", s.Policies.Items)
	}
	if len(s.Delegations.Items) != 1 || s.Delegations.Items[0].MemberID != made.Administrator || s.Delegations.Items[0].Service != "guardduty.amazonaws.com" {
		t.Errorf("delegations: %+v", s.Delegations.Items)
	}
	if len(s.Services.Items) != 2 {
		t.Errorf("service access: %+v", s.Services.Items)
	}
	if s = readOnce(t, yaml(made.Secret, "collectors: [members]")); len(s.Members.Items) != made.Accounts {
		t.Errorf("from paths: %d members, %v", len(s.Members.Items), s.Members.Err)
	}
	if s = readOnce(t, yaml("anothersecret", "collectors: [members]")); s.Members.Err == nil || s.Members.Err.Reason != org.Auth {
		t.Errorf("wrong secret: %v", s.Members.Err)
	}
}

// AWS's Python client reads everything from our simulator, with several forms of
// paging.
func TestBoto3AgainstSimulator(t *testing.T) {
	t.Parallel()
	python := findPython(t, "moto.server", "boto3")
	for name, setting := range map[string]struct {
		cfg    sim.Config
		paging sim.AWSPaging
	}{
		"samples":     {},
		"living":      {cfg: sim.Config{Company: sim.Living(13, 5, 60)}},
		"empty pages": {cfg: sim.Config{Company: sim.Living(13, 5, 60)}, paging: sim.AWSPaging{Empty: 1, Long: true}},
	} {
		t.Run(name, func(t *testing.T) {
			setting.cfg.AccessKey, setting.cfg.SecretKey, setting.cfg.Unexpected = siteAccess, siteSecret, t.Errorf
			setting.cfg.Clock = sim.Clock{Start: sim.SampleTime()} // it stands still
			aws := sim.NewAWS(setting.cfg)
			for _, operation := range []string{"ListAccounts", "ListHandshakesForOrganization", "ListTargetsForPolicy"} {
				aws.SetPaging(operation, setting.paging)
			}
			server := httptest.NewServer(http.Handler(aws))
			t.Cleanup(func() { aws.Close(); server.Close() })
			var read struct {
				Boto3, Organization, Master                                              string
				Groups, Accounts                                                         int
				ByParent                                                                 int `json:"by_parent"`
				States, Handshakes, Received, Policies, Creations, Delegations, Services []string
				Targets                                                                  map[string]int
			}
			script(t, python, "aws_read.py", &read, server.URL, siteAccess, siteSecret)
			s := readOnce(t, fmt.Sprintf(`
organizations:
  - name: acme
    cloud: aws
    base_url: %s
    access_key: %s
    secret_key: %s
    rate_limit: 100
    collectors: [organization, groups, members, invitations, received_invitations, policies, account_creations, delegations, service_access]
`, server.URL, siteAccess, siteSecret))
			for _, c := range s.Collectors() {
				if c.Err != nil {
					t.Errorf("%s: %v", c.Name, c.Err)
				}
			}
			if read.ByParent != read.Accounts || read.Groups != len(s.Groups.Items) || read.Accounts != len(s.Members.Items) ||
				len(read.Handshakes) != len(s.Invitations.Items) || len(read.Received) != len(s.Received.Items) || len(read.Creations) != len(s.Creations.Items) ||
				len(read.Delegations) != len(s.Delegations.Items) || len(read.Services) != len(s.Services.Items) || read.Organization != s.Info.Items[0].ID {
				t.Errorf("boto3 read %+v, ours %d groups, %d members, %d handshakes, %d received, %d creations, %d delegations, %d services", read,
					len(s.Groups.Items), len(s.Members.Items), len(s.Invitations.Items), len(s.Received.Items), len(s.Creations.Items), len(s.Delegations.Items), len(s.Services.Items))
			}
			for _, p := range s.Policies.Items {
				if n := p.Targets["ROOT"] + p.Targets["ORGANIZATIONAL_UNIT"] + p.Targets["ACCOUNT"]; int64(read.Targets[p.ID]) != n {
					t.Errorf("policy %s: boto3 read %d targets, ours %d", p.ID, read.Targets[p.ID], n)
				}
			}
			if read.Accounts < 7 || len(read.Handshakes) < 5 {
				t.Errorf("too little to compare: %+v", read)
			}
		})
	}
}
