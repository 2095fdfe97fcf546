package cloud_test

import (
	"encoding/json"
	"fmt"
	"math"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/cloudorg-exporter/cloudorg_exporter/internal/capture"
	"github.com/cloudorg-exporter/cloudorg_exporter/internal/sim"
)

const (
	ncpHost, scpHost, awsHost = "127.0.0.1:1001", "127.0.0.1:1002", "127.0.0.1:1003"
	capturedAccess            = "EXAMPLEACCESSKEY"
	capturedSecret            = "EXAMPLESECRETKEY"
	capturedYAML              = `
defaults: {rate_limit: 1000, cache_ttl: 2h, error_ttl: 2h, max_stale: 2h}
organizations:
  - name: confidential
    cloud: ncp
    access_key: ` + capturedAccess + `
    secret_key: ` + capturedSecret + `
    base_url: http://` + ncpHost + `/secret-prefix
    collectors: [organization, groups, members, invitations, withdrawals, policies]
  - name: confidential-too
    cloud: scp
    access_key: ` + capturedAccess + `
    secret_key: ` + capturedSecret + `
    base_url: http://` + scpHost + `
    page_size: 20
    collectors: [organization, members, invitations, received_invitations, api_version]
    invitation_lifetime: 30d
  - name: confidential-aws
    cloud: aws
    access_key: ` + capturedAccess + `
    secret_key: ` + capturedSecret + `
    base_url: http://` + awsHost + `
    collectors: [organization, groups, members, invitations, received_invitations, policies, account_creations, delegations, service_access]
`
)

// hosts are handlers by host.
type hosts map[string]http.Handler

func (h hosts) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	r.URL.Path = strings.TrimPrefix(r.URL.Path, "/secret-prefix") // the URI, which is signed, stays
	h[r.Host].ServeHTTP(w, r)
}

// planted is what must not be in a capture.
var planted = []string{
	"Kim Min-jun", "김민준", "minjun.kim", "kim.minjun@example.test", "+82 10-1234-5678", "010-1234-5678", "821012345678",
	"AKIAPLANTED0KEY", "/home/minjun/keys", capturedAccess, capturedSecret, "confidential", "127.0.0.1", "secret-prefix",
}

// plantedBody is text of a JSON body with what is planted, in every place that
// is not a code. Its rows are in the field list, or it is an array.
func plantedBody(list string) string {
	rows := `[
	{"memberNo": 821012345678, "organizationNo": "010-1234-5678", "organizationGroupNo": 611, "memberName": "Kim Min-jun", "loginId": "minjun.kim",
	 "memberStatusCode": "kim.minjun@example.test", "memberAlias": "김민준", "regYmdt": "+82 10-1234-5678", "modYmdt": "kim.minjun@example.test",
	 "id": "kim.minjun@example.test", "state": "` + capturedAccess + `", "target_account_id": "AKIAPLANTED0KEY", "created_at": "010-1234-5678",
	 "account_name": {"first": "Kim Min-jun", "phone": 821012345678}, "login_id": ["minjun.kim"], "wholePath": "/home/minjun/keys"},
	{"memberNo": 9000002, "memberStatusCode": "010-1234-5678", "state": "Kim Min-jun", "id": "x-2",
	 "kim.minjun@example.test": "minjun.kim", "김민준": {"memberName": 821012345678, "deep": [["AKIAPLANTED0KEY"]]}, "count": "+82 10-1234-5678"},
	{"memberNo": 9000003, "memberStatusCode": "JOIN", "id": "x-3", "state": "ACTIVE", "policyName": "` + capturedSecret + `", "status": "김민준"}
]`
	if list == "" {
		return rows
	}
	return `{"count": 3, "minjun.kim": "confidential", "` + list + `": ` + rows + `}`
}

// A capture has nothing that names anybody, and served by the simulator it
// gives the same counts, statuses, intervals and errors.
func TestCapture(t *testing.T) {
	for _, tt := range []struct {
		name string
		fail func(ncp, scp, aws sim.Cloud)
		has  []string // in the metrics
	}{
		{
			"demo", func(sim.Cloud, sim.Cloud, sim.Cloud) {},
			[]string{`cloudorg_members{cloud="ncp",organization="confidential",status="INVT"}`},
		},
		{"failing", func(ncp, scp, aws sim.Cloud) {
			ncp.SetFault("/org", sim.Fault{Hang: true})
			ncp.SetFault("/account/leave", sim.NCPError("COMMON_104"))
			ncp.SetFault("/policy/list", sim.Fault{Body: sim.NCPGateway("200").Body})
			ncp.SetFault("/account/invite/invitation", sim.Fault{Truncate: true})
			scp.SetFault("/v1/organizations", sim.SCPError("Forbidden"))
			scp.SetFault("/v1/organization-accounts", sim.Fault{Status: 503, Times: 2})
			scp.SetFault("/v1/organization-invitations", sim.Fault{Garbage: true})
			scp.SetFault("/v1/account-invitations", sim.Fault{Body: "null"})
			scp.SetFault("/", sim.Fault{HangBody: true})
			aws.SetFault("ListAccounts", sim.AWSError("TooManyRequestsException"))
			aws.SetFault("ListRoots", sim.Fault{Body: sim.AWSError("AccessDeniedException").Body})
		}, []string{
			`cloudorg_collector_error{cloud="ncp",collector="organization",organization="confidential",reason="timeout"}`,
			`cloudorg_collector_error{cloud="ncp",collector="withdrawals",organization="confidential",reason="throttled"}`,
			`cloudorg_collector_error{cloud="ncp",collector="policies",organization="confidential",reason="auth"}`,
			`cloudorg_collector_error{cloud="scp",collector="invitations",organization="confidential-too",reason="decode"}`,
			`cloudorg_collector_error{cloud="scp",collector="api_version",organization="confidential-too",reason="timeout"}`,
		}},
		{"planted", func(ncp, scp, aws sim.Cloud) {
			header := http.Header{
				"Retry-After": {"kim.minjun@example.test"}, "Content-Type": {"text/plain; name=minjun.kim"},
				"X-Ncp-Trace-Id": {"AKIAPLANTED0KEY"}, "Set-Cookie": {"a=AKIAPLANTED0KEY"},
			}
			ncp.SetFault("/account/leave", sim.Fault{Body: plantedBody(""), Header: header})
			ncp.SetFault("/account/group/*", sim.Fault{Body: plantedBody(""), Header: http.Header{"Date": {"Kim Min-jun"}}})
			ncp.SetFault("/account/invite/invitation", sim.Fault{Body: plantedBody("")})
			ncp.SetFault("/policy/list", sim.Fault{Status: 403, Body: `{"code": "kim.minjun@example.test", "error": "010-1234-5678", "message": "Kim Min-jun may not, says /home/minjun/keys"}`})
			ncp.SetFault("/org", sim.Fault{Body: `<a href="mailto:kim.minjun@example.test">Kim Min-jun</a>`})
			scp.SetFault("/v1/organization-accounts", sim.Fault{Body: plantedBody("accounts")})
			scp.SetFault("/v1/organization-invitations", sim.Fault{Body: plantedBody("organization_invitations")[:900] + " 김민준"})
			aws.SetFault("ListHandshakesForAccount", sim.Fault{Body: plantedBody("Handshakes")})
			aws.SetFault("ListAccounts", sim.Fault{Status: 400, Body: `{"__type": "Kim Min-jun", "Message": "arn:aws:sts::821012345678:assumed-role/x/kim.minjun@example.test"}`})
			aws.SetFault("DescribeOrganization", sim.Fault{Body: `{"Organization": {"Id": "minjun.kim", "Arn": "arn:aws:organizations::821012345678:/home/minjun/keys", "MasterAccountId": "821012345678", "MasterAccountEmail": "kim.minjun@example.test"}}`})
			scp.SetFault("/v1/account-invitations", sim.Fault{Body: `"Kim Min-jun" 010-1234-5678`})
			scp.SetFault("/v1/organizations", sim.Fault{Status: 403, Body: `{"errors": [{"code": "Forbidden", "detail": ["minjun.kim"], "response": {"action_name": "organization:minjun.kim", "who": "김민준"}}], "Kim Min-jun": 821012345678}`})
		}, []string{
			`cloudorg_members{cloud="ncp",organization="confidential",status="JOIN"}`,
			`cloudorg_collector_error{cloud="scp",collector="organization",organization="confidential-too",reason="forbidden"}`,
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "made")
			var want string
			calls := 0
			secrets := slices.Clone(planted)
			synctest.Test(t, func(t *testing.T) {
				companies := []func(time.Time) sim.Company{sim.Living(7, 6, 40), sim.Living(11, 4, 25), sim.Living(13, 5, 60)}
				for _, company := range companies {
					c := company(sim.SampleTime())
					secrets = append(secrets, c.Name)
					secrets = append(secrets, c.PersonalData()...)
				}
				clock := sim.Clock{Start: sim.SampleTime()}
				ncp := sim.NewNCP(sim.Config{AccessKey: capturedAccess, SecretKey: capturedSecret, Company: companies[0], Clock: clock})
				scp := sim.NewSCP(sim.Config{AccessKey: capturedAccess, SecretKey: capturedSecret, Company: companies[1], Clock: clock})
				defer ncp.Close()
				defer scp.Close()
				aws := sim.NewAWS(sim.Config{AccessKey: capturedAccess, SecretKey: capturedSecret, Company: companies[2], Clock: clock})
				defer aws.Close()
				tt.fail(ncp, scp, aws)
				c, err := capture.New(dir)
				if err != nil {
					t.Fatal(err)
				}
				want = counts(t, newWorldAt(t, sim.SampleTime(), capturedYAML, hosts{ncpHost: ncp, scpHost: scp, awsHost: aws}, c))
				for _, s := range []sim.Cloud{ncp, scp, aws} {
					for _, n := range s.Calls() {
						calls += n
					}
				}
				if files, err := c.Files(); files != calls || err != nil {
					t.Errorf("want %d files, have %d and %v", calls, files, err)
				}
			})
			for _, line := range tt.has {
				if !strings.Contains(want, line) {
					t.Errorf("%s is missing in\n%s", line, want)
				}
			}
			checkFiles(t, dir, calls, secrets)
			synctest.Test(t, func(t *testing.T) {
				var start time.Time
				replayed := hosts{}
				for i, host := range []string{ncpHost, scpHost, awsHost} {
					c, err := sim.OpenCapture(dir, i+1)
					if err != nil {
						t.Fatal(err)
					}
					defer c.Close()
					replayed[host], start = c, c.Start()
				}
				if have := counts(t, newWorldAt(t, start, capturedYAML, replayed, nil)); have != want {
					t.Errorf("served by the simulator (-captured +served):\n%s", cmp.Diff(want, have))
				}
			})
		})
	}
}

// checkFiles checks what every capture promises.
func checkFiles(t *testing.T, dir string, calls int, secrets []string) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "*"))
	if err != nil || len(files) != calls {
		t.Fatalf("want %d files, have %d and %v", calls, len(files), err)
	}
	for _, file := range files {
		info, err := os.Stat(file)
		if err != nil || info.Mode() != 0o600 {
			t.Errorf("%s: want mode 0600, have %v, %v", file, info.Mode(), err)
		}
		text, err := os.ReadFile(file)
		if err != nil || !json.Valid(text) {
			t.Errorf("%s is not JSON: %v\n%s", file, err, text)
		}
		for _, secret := range secrets {
			if strings.Contains(string(text), secret) {
				t.Errorf("%s has %q:\n%s", file, secret, text)
			}
		}
	}
}

var (
	label = regexp.MustCompile(`(\w*(?:_id|_name|id)|service)="([^"]*)"`)
	value = regexp.MustCompile(`^(cloudorg_\w+)(.*) (\S+)$`)
)

// counts refreshes and returns the metrics, sorted, without identifiers, names
// and what is planted, with times as seconds after now.
func counts(t *testing.T, w *world) string {
	t.Helper()
	start := time.Now()
	w.fleet.Prime(t.Context())
	time.Sleep(time.Until(start.Add(time.Hour))) // however long it was retried
	var lines []string
	for line := range strings.Lines(w.scrape("")) {
		m := value.FindStringSubmatch(strings.TrimSpace(line))
		if m == nil || strings.HasPrefix(m[1], "cloudorg_exporter_") || m[1] == "cloudorg_collector_duration_seconds" {
			continue
		}
		number, err := strconv.ParseFloat(m[3], 64)
		if err != nil {
			t.Fatal(err)
		}
		switch {
		case m[1] == "cloudorg_api_version_support_end_timestamp_seconds":
			number = 0 // shifted by whole days
		case strings.HasSuffix(m[1], "_timestamp_seconds"):
			number -= float64(time.Now().Unix())
		}
		if m[1] == "cloudorg_collector_last_success_timestamp_seconds" {
			number = math.Round(number / 600) // retries take a random time
		}
		labels := label.ReplaceAllString(m[2], `$1=""`)
		for _, secret := range planted { // as a status
			labels = strings.ReplaceAll(labels, `status="`+secret+`"`, `status="`+strings.Repeat("x", len(secret))+`"`)
		}
		lines = append(lines, fmt.Sprintf("%s%s %.3f", m[1], labels, number))
	}
	slices.Sort(lines)
	return strings.Join(lines, "\n") + "\n"
}
