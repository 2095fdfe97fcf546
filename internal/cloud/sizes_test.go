package cloud_test

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-kit/log"

	"github.com/cloudorg-exporter/cloudorg_exporter/collector"
	"github.com/cloudorg-exporter/cloudorg_exporter/internal/cloud"
	"github.com/cloudorg-exporter/cloudorg_exporter/internal/org"
	"github.com/cloudorg-exporter/cloudorg_exporter/internal/sim"
)

// rowsOf returns n rows, each with its number wherever the format asks for it.
func rowsOf(n int, format string) string {
	rows := make([]string, n)
	for i := range rows {
		rows[i] = fmt.Sprintf(format, i+1)
	}
	return strings.Join(rows, ",")
}

// An answer that would be a series per row, without end, fails its listing and
// costs nothing else.
func TestImplausible(t *testing.T) {
	for _, tt := range []struct {
		name, cloud, path, body, collector string
		read                               bool
	}{
		{"groups", "ncp", "/group/tree", "[" + rowsOf(20_001, `{"organizationGroupNo": %d, "groupYn": "Y"}`) + "]", "groups", false},
		{"policies", "ncp", "/policy/list", "[" + rowsOf(20_001, `{"policyNo": %d}`) + "]", "policies", false},
		{"as many policies as may be", "ncp", "/policy/list", "[" + rowsOf(20_000, `{"policyNo": %d}`) + "]", "policies", true},
		{"groups of one member", "ncp", "/account/group/610", "[" + rowsOf(20_001, `{"organizationGroupNo": %d, "memberNo": 7}`) + "]", "members", false},
		{"groups of different members", "ncp", "/account/group/610", "[" + rowsOf(20_001, `{"organizationGroupNo": %[1]d, "memberNo": %[1]d}`) + "]", "members", false},
		{"statuses", "ncp", "/account/group/610", "[" + rowsOf(101, `{"memberNo": %[1]d, "memberStatusCode": "S%[1]d"}`) + "]", "members", false},
		{"organizations", "scp", "/v1/organizations", `{"count": 20001, "size": 20001, "organizations": [` + rowsOf(20_001, `{"id": "o-%d"}`) + "]}", "organization", false},
		{"versions", "scp", "/", `{"versions": [` + rowsOf(20_001, `{"id": "v1.%d"}`) + "]}", "api_version", false},
		{"states of accounts", "scp", "/v1/organization-accounts", `{"count": 101, "size": 101, "accounts": [` + rowsOf(101, `{"id": "a-%[1]d", "state": "S%[1]d"}`) + "]}", "members", false},
		{"states of invitations", "scp", "/v1/organization-invitations", `{"count": 101, "size": 101, "organization_invitations": [` + rowsOf(101, `{"id": "i-%[1]d", "state": "S%[1]d"}`) + "]}", "invitations", false},
		{"states of received ones", "scp", "/v1/account-invitations", `{"account_invitations": [` + rowsOf(101, `{"id": "i-%[1]d", "state": "S%[1]d"}`) + "]}", "received_invitations", false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var cloud sim.Cloud
				yaml := acme
				if tt.cloud == "scp" {
					cloud, yaml = sim.NewSCP(sim.Config{AccessKey: "EXAMPLE", SecretKey: "SECRET", TLS: true}), strings.NewReplacer(
						"cloud: ncp", "cloud: scp", "organization.apigw.ntruss.com", "organization.e.samsungsdscloud.com",
						"[organization, groups, members, invitations, withdrawals, policies]", "[organization, members, invitations, received_invitations, api_version]",
					).Replace(acme)
				} else {
					cloud = ncp(t, nil)
				}
				cloud.SetFault(tt.path, sim.Fault{Body: tt.body})
				text := newWorld(t, yaml, cloud).scrape("")
				want := fmt.Sprintf(`cloudorg_collector_error{cloud="%s",collector="%s",organization="acme",reason="decode"} 1`, tt.cloud, tt.collector)
				if have := strings.Contains(text, want); have == tt.read {
					t.Errorf("refused: want %t, have %t", !tt.read, have)
				}
				if n := total(cloud.Calls()); n > 20 {
					t.Errorf("%d calls", n)
				}
				if lines := strings.Count(text, "\n"); lines > 2*20_000 {
					t.Errorf("%d lines", lines)
				}
			})
		})
	}
}

func total(calls map[string]int) (n int) {
	for _, c := range calls {
		n += c
	}
	return n
}

// panicking is a transport that panics at one path.
type panicking struct {
	http.RoundTripper
	path string
}

func (b panicking) RoundTrip(r *http.Request) (*http.Response, error) {
	if strings.HasSuffix(r.URL.Path, b.path) {
		panic("boom")
	}
	return b.RoundTripper.RoundTrip(r)
}

// A panic fails the listings that it is of, and neither the others nor the
// process.
func TestPanic(t *testing.T) {
	for path, failing := range map[string][]string{"/account/leave": {"withdrawals"}, "/group/tree": {"groups", "members"}, "/group/612": {"members"}} {
		synctest.Test(t, func(t *testing.T) {
			time.Sleep(time.Until(sim.SampleTime()))
			fleet := cloud.NewFleet(parse(acme), cloud.Deps{
				Logger: log.NewNopLogger(), Observer: collector.NewSelf(false),
				Transport: panicking{inProcess{ncp(t, nil)}, path},
			})
			defer fleet.Close()
			if err := fleet.Reload(context.Background()); err != nil {
				t.Fatal(err)
			}
			s := fleet.Caches()[0].Snapshot(t.Context())
			for _, c := range s.Collectors() {
				want := slices.Contains(failing, c.Name)
				if have := c.Err != nil && c.Err.Reason == org.Other; have != want {
					t.Errorf("%s: %s fails: want %t, have %v", path, c.Name, want, c.Err)
				}
			}
		})
	}
}
