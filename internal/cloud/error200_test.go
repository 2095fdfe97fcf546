package cloud_test

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/cloudorg-exporter/cloudorg_exporter/internal/org"
	"github.com/cloudorg-exporter/cloudorg_exporter/internal/sim"
)

// An endpoint is an operation of a simulated cloud, the collector that needs
// it, and an answer of it without rows.
type endpoint struct{ operation, collector, empty string }

// insides are the clouds whose answers of 200 are replaced.
func insides() []struct {
	name      string
	new       func(sim.Config) sim.Cloud
	yaml      string
	endpoints []endpoint
	bodies    []string // EMPTY and ROWS are the fields of an answer without and with a row
} {
	type inside = struct {
		name      string
		new       func(sim.Config) sim.Cloud
		yaml      string
		endpoints []endpoint
		bodies    []string
	}
	v2 := []string{
		`{"error": {"errorCode": "Forbidden", "message": "x", "detail": "y"}}`,
		`{"error": {"errorCode": "AccessDenied", "message": "x"}}`,
		`{"error": {"errorCode": "ResourceNotFound", "message": "x"}}`,
		`{"error": {"errorCode": "InvalidParameter", "message": "x", "fieldErrors": [{"field": "pageSize"}]}}`,
		`{"error": {"errorCode": "200", "message": "Authentication Failed", "details": "x"}}`,
		`{"error": {"errorCode": 420, "message": "Rate Limited"}}`,
		`{"error": {"errorCode": "SomethingNew", "message": "x"}}`,
		`{"timestamp": "2026-04-26T10:50:30Z", "status": 403, "error": "FORBIDDEN", "message": "x", "code": "COMMON_104"}`,
		`{"responseError": {"returnCode": "800", "returnMessage": "internal"}}`,
		`{EMPTY"errors": [{"code": "Forbidden"}]}`,
		`{EMPTY"error": {"errorCode": "Forbidden", "message": "x"}}`,
		`{ROWS"error": {"errorCode": "Forbidden", "message": "x"}}`,
		`{EMPTY"errors": [], "error": null}`,
		`{EMPTY"errors": null}`,
		`{"errors": []}`,
		`{"totalElements": 0, "totalPages": 0}`,
		`{"a": [], "b": [], "totalElements": 0}`,
		`{}`,
		`null`,
		`[]`,
	}
	return []inside{{
		name: "ncp_v2",
		new:  func(c sim.Config) sim.Cloud { return sim.NewNCP(c) },
		yaml: "cloud: ncp, api_version: v2, collectors: [organization, groups, members, invitations, withdrawals, policies]",
		endpoints: []endpoint{
			{v2Organizations, "organization", `"organizations": [], `},
			{v2Groups, "groups", `"accountGroups": [], "totalElements": 0, `},
			{v2Accounts, "members", `"accounts": [], "totalElements": 0, `},
			{v2Invitations, "invitations", `"invitations": [], "totalElements": 0, `},
			{v2LeaveRequests, "withdrawals", `"leaveRequests": [], "totalElements": 0, `},
			{v2Policies, "policies", `"quotaPolicies": [], "totalElements": 0, `},
		},
		bodies: v2,
	}, {
		name: "ncp_v2_received",
		new: func(c sim.Config) sim.Cloud {
			c.Caller = sim.Outsider
			return sim.NewNCP(c)
		},
		yaml:      "cloud: ncp, api_version: v2, collectors: [received_invitations]",
		endpoints: []endpoint{{v2Received, "received_invitations", `"receivedInvitations": [], "totalElements": 0, `}},
		bodies:    v2,
	}, {
		name: "ncp",
		new:  func(c sim.Config) sim.Cloud { return sim.NewNCP(c) },
		yaml: "cloud: ncp, collectors: [organization, groups, members, invitations, withdrawals, policies]",
		endpoints: []endpoint{
			{"/org", "organization", "{}"},
			{"/group/tree", "groups", "[]"},
			{"/account/group/*", "members", "[]"},
			{"/account/invite/invitation", "invitations", "[]"},
			{"/account/leave", "withdrawals", "[]"},
			{"/policy/list", "policies", "[]"},
		},
		bodies: []string{
			`{"timestamp": "2026-04-26T10:50:30Z", "status": 403, "error": "FORBIDDEN", "message": "x", "code": "COMMON_104"}`,
			`{"timestamp": "2026-04-26T10:50:30Z", "status": 403, "error": "FORBIDDEN", "message": "x", "code": "COMMON_101"}`,
			`{"timestamp": "2026-04-26T10:50:30Z", "status": 401, "error": "UNAUTHORIZED", "message": "x", "code": "COMMON_201"}`,
			`{"code": "COMMON_103", "message": "x"}`,
			`{"code": "COMMON_102", "message": "x"}`,
			`{"code": "GROUP_101", "message": "x"}`,
			`{"error": {"errorCode": "200", "message": "Authentication Failed", "details": "x"}}`,
			`{"error": {"errorCode": 210, "message": "Permission Denied"}}`,
			`{"error": {"errorCode": 420, "message": "Rate Limited"}}`,
			`{"error": {"errorCode": "500", "message": "Endpoint Error"}}`,
			`{"error": {"errorCode": "SomethingNew", "message": "x"}}`,
			`{"errorCode": "200", "message": "x"}`,
			`{"responseError": {"returnCode": "800", "returnMessage": "internal"}}`,
			`{"status": {"code": "40300"}, "message": "x"}`,
			`{"error": "Unauthorized"}`,
			`{"organizationNo": 4100, "masterMemberNo": 9000001, "code": "COMMON_104"}`,
			`{"list": []}`,
			`{"id": "o-acme01", "name": "x"}`,
			`{"organizationName": null, "memberNo": 9000101}`,
			`{"organizationNo": null}`,
			`{}`,
			`null`,
			`[]`,
			`7`,
		},
	}, {
		name: "scp",
		new:  func(c sim.Config) sim.Cloud { return sim.NewSCP(c) },
		yaml: "cloud: scp, collectors: [organization, members, invitations, received_invitations, api_version]",
		endpoints: []endpoint{
			{"/v1/organizations", "organization", `"organizations": [], "count": 0, `},
			{"/v1/organization-accounts", "members", `"accounts": [], "count": 0, `},
			{"/v1/organization-invitations", "invitations", `"organization_invitations": [], "count": 0, `},
			{"/v1/account-invitations", "received_invitations", `"account_invitations": [], "count": 0, `},
			{"/", "api_version", `"versions": [], `},
		},
		bodies: []string{
			`{"errors": [{"code": "Forbidden", "title": "x", "status": 403, "response": {"action_name": "organization:X"}}]}`,
			`{"errors": [{"code": "ContactAdminForAssistance", "title": "x", "status": 500}]}`,
			`{"errors": [{"code": "NoSuchVersion", "title": "x", "status": 406}]}`,
			`{"errors": [{"code": "ValidationError", "title": "x", "status": 400, "detail": ["x"]}]}`,
			`{"errors": [{"code": "SomethingNew", "title": "x", "status": 400}]}`,
			`{"status": "UNAUTHORIZED", "name": "x", "message": "HmacValidFail"}`,
			`{"timestamp": "2026-11-15T00:00:00.000+00:00", "path": "/v1/x", "status": 404, "error": "Not Found", "requestId": "0a1b2c3d-1"}`,
			`{EMPTY"errors": [{"code": "Forbidden", "title": "x", "status": 403}]}`,
			`{"errors": [{"code": "ContactAdminForAssistance", "title": "x"}], EMPTY"more": 1}`,
			`{ROWS"errors": [{"code": "Forbidden", "title": "x", "status": 403}]}`,
			`{EMPTY"errors": [], "error": null}`,
			`{EMPTY"errors": null}`,
			`{"errors": []}`,
			`{"count": 0, "items": []}`,
			`{}`,
			`null`,
			`[]`,
		},
	}, {
		name: "aws",
		new:  func(c sim.Config) sim.Cloud { return sim.NewAWS(c) },
		yaml: "cloud: aws, cache_ttl: 5m, collectors: [organization, groups, members, invitations, received_invitations, policies, account_creations, delegations, service_access]",
		endpoints: []endpoint{
			{"DescribeOrganization", "organization", `"Organization": {}, `},
			{"ListRoots", "groups", `"Roots": [], `},
			{"ListOrganizationalUnitsForParent", "groups", `"OrganizationalUnits": [], `},
			{"ListAccounts", "members", `"Accounts": [], `},
			{"ListHandshakesForOrganization", "invitations", `"Handshakes": [], `},
			{"ListHandshakesForAccount", "received_invitations", `"Handshakes": [], `},
			{"ListPolicies", "policies", `"Policies": [], `},
			{"ListTargetsForPolicy", "policies", `"Targets": [], `},
			{"ListCreateAccountStatus", "account_creations", `"CreateAccountStatuses": [], `},
			{"ListDelegatedAdministrators", "delegations", `"DelegatedAdministrators": [], `},
			{"ListDelegatedServicesForAccount", "delegations", `"DelegatedServices": [], `},
			{"ListAWSServiceAccessForOrganization", "service_access", `"EnabledServicePrincipals": [], `},
		},
		bodies: []string{
			`{"__type": "TooManyRequestsException", "Message": "x", "Type": "RATE"}`,
			`{"__type": "com.amazonaws.organizations#AWSOrganizationsNotInUseException", "Message": "x"}`,
			`{"__type": "AccessDeniedException", "Message": "x is not authorized to perform: organizations:ListAccounts"}`,
			`{"__type": "UnrecognizedClientException", "message": "x"}`,
			`{"__type": "ServiceException", "Message": "x"}`,
			`{"__type": "SomethingNew", "Message": "x"}`,
			`{"code": "ThrottlingException", "message": "x"}`,
			`{EMPTY"__type": "ServiceException"}`,
			`{ROWS"__type": "ServiceException"}`,
			`{EMPTY"__type": null}`,
			`{"Message": "x"}`,
			`{"Lines": []}`,
			`{}`,
			`null`,
			`[]`,
		},
	}}
}

// What an answer of 200 is whose body is not the documented one, for every
// endpoint. After a failure the last good data is still served.
func TestErrorInside200(t *testing.T) {
	for _, tt := range insides() {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			var matrix strings.Builder
			for _, e := range tt.endpoints {
				fmt.Fprintf(&matrix, "%s (%s)\n", e.operation, e.collector)
				for _, body := range tt.bodies {
					body = strings.NewReplacer("EMPTY", e.empty, "ROWS", strings.Replace(e.empty, "[]", `[{"id": "x-1"}]`, 1)).Replace(body)
					fmt.Fprintf(&matrix, "  %-21s %s\n", answered(t, tt.new, tt.yaml, e, body), body)
				}
			}
			t.Logf("\n%s", &matrix)
			file := filepath.Join("testdata", "error200."+tt.name+".txt")
			if *update {
				if err := os.WriteFile(file, []byte(matrix.String()), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(string(want), matrix.String()); diff != "" {
				t.Errorf("%s (-want +have):\n%s", file, diff)
			}
		})
	}
}

// answered returns what becomes of an endpoint that answers with body after a
// good refresh: the reason of the failure and whether the call was retried, or the
// number of rows.
func answered(t *testing.T, newCloud func(sim.Config) sim.Cloud, yaml string, e endpoint, body string) (result string) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		cloud := newCloud(sim.Config{AccessKey: "EXAMPLEACCESS", SecretKey: "EXAMPLESECRET"})
		defer cloud.Close()
		operation := strings.NewReplacer("*", "{no}", "/4100/", "/{organizationNo}/").Replace(e.operation)
		calls := func() int { return cloud.Calls()[operation] }
		w := newWorld(t, "organizations:\n  - {name: acme, base_url: 'http://127.0.0.1:1', access_key: EXAMPLEACCESS, secret_key: EXAMPLESECRET, "+
			"rate_limit: 1000, concurrency: 1, "+yaml+"}\n", cloud)
		defer w.fleet.Close()
		w.fleet.Prime(context.Background())
		before := collectorOf(t, w.fleet.Last()[0], e.collector)
		if !before.Success() || before.Items == 0 {
			t.Fatalf("%s: want rows, have %d and %v", e.collector, before.Items, before.Err)
		}
		normal := calls()
		cloud.SetFault(e.operation, sim.Fault{Body: body, Header: http.Header{"Content-Type": {"application/json"}}})
		time.Sleep(6 * time.Minute)
		w.fleet.Caches()[0].Snapshot(context.Background())
		after := collectorOf(t, w.fleet.Last()[0], e.collector)
		switch {
		case after.Success():
			result = fmt.Sprintf("%d rows", after.Items)
		case after.Items != before.Items:
			t.Errorf("%s: %s: %d of %d rows are left after a failure", e.operation, body, after.Items, before.Items)
		case calls() > normal+1: // concurrency is 1: the first of several calls ends the others
			result = string(after.Err.Reason) + ", retried"
		default:
			result = string(after.Err.Reason)
		}
	})
	return result
}

func collectorOf(t *testing.T, s org.Snapshot, name string) org.Collector {
	t.Helper()
	all := s.Collectors()
	i := slices.IndexFunc(all, func(c org.Collector) bool { return c.Name == name })
	if i < 0 {
		t.Fatalf("no collector %s", name)
	}
	return all[i]
}
