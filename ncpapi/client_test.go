package ncpapi

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/cloudorg-exporter/cloudorg_exporter/internal/httpx"
)

// serve returns a client of a server that answers every call with status and
// body.
func serve(t *testing.T, status int, contentType string, body []byte) *Client {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", contentType)
		w.Header().Set("x-ncp-trace-id", "trace-1")
		w.WriteHeader(status)
		_, _ = w.Write(body)
	}))
	t.Cleanup(server.Close)
	return New(Config{
		BaseURL:   server.URL,
		Keys:      func() (string, string) { return "ACCESS", "SECRET" },
		Transport: httpx.NewTransport(httpx.Config{Next: server.Client().Transport, Concurrency: 4, RateLimit: 1000}),
	})
}

func sample(t testing.TB, name string) []byte {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// testAPI is what decoding an answer needs of the API.
func testAPI() httpx.API { return httpx.API{Time: parseTime, ErrorFields: []string{"errors"}} }

func n(v int64) Number { return Number{Value: v, Valid: true} }

func ms(v int64) time.Time { return time.UnixMilli(v).UTC() }

func TestOrganization(t *testing.T) {
	full := Organization{Number: n(4100), Name: "한빛 Industries", MasterNo: n(9000001), Joined: ms(1767573000000)}
	for name, want := range map[string]Organization{
		"org.old.json": full, "org.new.json": full, "org.drift.json": full, "org.none.json": {}, "null.json": {},
	} {
		t.Run(name, func(t *testing.T) {
			have, unparsed, err := serve(t, 200, "application/json", sample(t, name)).Organization(t.Context())
			if err != nil || unparsed != 0 {
				t.Fatalf("want no error and no warning, have %v and %d", err, unparsed)
			}
			if diff := cmp.Diff(want, have); diff != "" {
				t.Errorf("(-want +have):\n%s", diff)
			}
		})
	}
}

func TestGroupTree(t *testing.T) {
	for _, name := range []string{"tree.old.json", "tree.new.json"} {
		t.Run(name, func(t *testing.T) {
			rows, unparsed, err := serve(t, 200, "application/json", sample(t, name)).GroupTree(t.Context())
			if err != nil || unparsed != 0 || len(rows) != 9 {
				t.Fatalf("want 9 rows, no error and no warning, have %d, %v and %d", len(rows), err, unparsed)
			}
			root := TreeRow{
				Group: n(610), GroupName: "Root", Member: n(9000001), Status: "JOIN",
				PolicyNo: n(81), PolicyName: "Default limits", GroupYn: "N", MasterYn: "Y",
			}
			europe := TreeRow{Group: n(613), GroupName: "Europe", Parent: n(612), GroupYn: "Y", MasterYn: "N"}
			if diff := cmp.Diff([]TreeRow{root, europe}, []TreeRow{rows[0], rows[3]}); diff != "" {
				t.Errorf("(-want +have):\n%s", diff)
			}
		})
	}
}

// What a row of the tree stands for is decided by its fields.
func TestTreeRowStandsFor(t *testing.T) {
	for row, want := range map[string]struct{ group, account bool }{
		`{"organizationGroupNo": 611, "groupYn": "Y"}`:                                          {true, false},
		`{"organizationGroupNo": 611, "groupYn": "y"}`:                                          {true, false},
		`{"organizationGroupNo": 611, "groupYn": null}`:                                         {true, false},
		`{"organizationGroupNo": 611, "memberNo": 7, "groupYn": "N"}`:                           {false, true},
		`{"organizationGroupNo": 611, "memberNo": 7}`:                                           {false, true},
		`{"organizationGroupNo": 610, "memberNo": 7, "groupYn": "N", "masterMemberYn": "Y"}`:    {true, true},
		`{"organizationGroupNo": 610, "memberNo": 7, "groupYn": "Y", "masterMemberYn": "y"}`:    {true, true},
		`{"organizationGroupNo": 610, "memberNo": null, "groupYn": "Y", "masterMemberYn": "Y"}`: {true, false},
	} {
		rows, _, err := serve(t, 200, "application/json", []byte("["+row+"]")).GroupTree(t.Context())
		if err != nil || len(rows) != 1 {
			t.Fatalf("%s: %v", row, err)
		}
		if group, account := rows[0].NamesGroup(), rows[0].NamesAccount(); group != want.group || account != want.account {
			t.Errorf("%s: want a group %t, an account %t, have %t, %t", row, want.group, want.account, group, account)
		}
	}
}

func TestGroupAccounts(t *testing.T) {
	both := []Account{
		{Member: n(9000002), Group: n(611), Status: "JOIN"},
		{Member: n(9000003), Group: n(611), Status: "INVT"},
	}
	for _, tt := range []struct {
		file     string
		want     []Account
		unparsed int
	}{
		{"account_group_611.old.json", both, 0},
		{"account_group_611.new.json", both, 0},
		{"account_group.drift.json", []Account{
			{Member: n(9000010), Group: n(611), Status: "JOIN"},
			{Member: n(9000011), Group: n(611), Status: "JOIN"},
			{Member: n(9000012), Status: "SUSP"},
			{Member: n(9000013)},
			{Group: n(611), Status: "JOIN"},
		}, 1},
		{"empty.json", nil, 0},
		{"null.json", nil, 0},
	} {
		t.Run(tt.file, func(t *testing.T) {
			have, unparsed, err := serve(t, 200, "application/json", sample(t, tt.file)).GroupAccounts(t.Context(), 611)
			if err != nil || unparsed != tt.unparsed {
				t.Fatalf("want no error and %d warnings, have %v and %d", tt.unparsed, err, unparsed)
			}
			if diff := cmp.Diff(tt.want, slices.Concat(have...)); diff != "" {
				t.Errorf("(-want +have):\n%s", diff)
			}
		})
	}
}

func TestInvitations(t *testing.T) {
	three := Invitation{Member: n(9000003), Organization: n(4100), ExpireDays: n(30), Registered: ms(1793620800000)}
	seven := Invitation{Member: n(9000007), Organization: n(4100), ExpireDays: n(30), Registered: ms(1792476000000)}
	left := func(i Invitation, days int64) Invitation { i.ExpireDays = n(days); return i }
	table := three
	table.Group, table.Organization = table.Organization, Number{}
	for file, want := range map[string][]Invitation{
		"invitation.old.json":      {three, seven},
		"invitation.oldtable.json": {table},
		"invitation.new.json":      {left(three, 17), left(seven, 4)},
		"invitation.drift.json": {
			three,
			{Member: n(9000007), Organization: n(4100)},
			{Member: n(9000008), ExpireDays: n(30), Registered: ms(1793620800000)},
		},
	} {
		// A gateway of this family was seen to say text/plain.
		for _, contentType := range []string{"application/json", "text/plain;charset=UTF-8"} {
			t.Run(file+" "+contentType, func(t *testing.T) {
				have, unparsed, err := serve(t, 200, contentType, sample(t, file)).Invitations(t.Context())
				if err != nil || unparsed != 0 {
					t.Fatalf("want no error and no warning, have %v and %d", err, unparsed)
				}
				if diff := cmp.Diff(want, have); diff != "" {
					t.Errorf("(-want +have):\n%s", diff)
				}
				for _, i := range have[:1] {
					if i.Inviter() != n(4100) {
						t.Errorf("inviter: want 4100, have %v", i.Inviter())
					}
				}
			})
		}
	}
}

func TestWithdrawals(t *testing.T) {
	want := []Withdrawal{{Member: n(9000004), Modified: ms(1794459600000)}}
	for _, name := range []string{"leave.old.json", "leave.oldtable.json", "leave.new.json"} {
		have, unparsed, err := serve(t, 200, "application/json", sample(t, name)).Withdrawals(t.Context())
		if diff := cmp.Diff(want, have); diff != "" || err != nil || unparsed != 0 {
			t.Errorf("%s: error %v, %d warnings, (-want +have):\n%s", name, err, unparsed, diff)
		}
	}
}

func TestPolicies(t *testing.T) {
	want := []Policy{
		{Number: n(81), Name: "Default limits", Applied: n(2)},
		{Number: n(82), Name: "Production limits", Applied: n(1)},
	}
	for _, name := range []string{"policy_list.old.json", "policy_list.new.json"} {
		have, unparsed, err := serve(t, 200, "application/json", sample(t, name)).Policies(t.Context())
		if diff := cmp.Diff(want, have); diff != "" || err != nil || unparsed != 0 {
			t.Errorf("%s: error %v, %d warnings, (-want +have):\n%s", name, err, unparsed, diff)
		}
	}
}

// TestErrors asks with a context that has ended after the first attempt, so
// that nothing is tried again.
func TestErrors(t *testing.T) {
	for _, tt := range []struct {
		status int
		file   string
		body   string
		kind   httpx.Kind
		code   string
		err    error
	}{
		{file: "401.common_201.json", kind: httpx.Forbidden, code: "COMMON_201", err: ErrSubAccount},
		{file: "403.common_101.json", kind: httpx.Forbidden, code: "COMMON_101", err: ErrNotMaster},
		{file: "403.common_103.json", kind: httpx.Server, code: "COMMON_103"},
		{file: "403.common_104.json", kind: httpx.Throttled, code: "COMMON_104"},
		{file: "403.unknown.json", kind: httpx.Forbidden, code: "GROUP_101"},
		{file: "401.gateway_200.json", kind: httpx.Auth, code: "200"},
		{file: "401.gateway_210.json", kind: httpx.Forbidden, code: "210"},
		{file: "401.gateway_number.json", kind: httpx.Auth, code: "200"},
		{file: "400.gateway_100.json", kind: httpx.Other, code: "100"},
		{file: "404.gateway_300.json", kind: httpx.Other, code: "300"},
		{file: "413.gateway_430.json", kind: httpx.Other, code: "430"},
		{file: "429.gateway_400.json", kind: httpx.Throttled, code: "400"},
		{file: "429.gateway_410.json", kind: httpx.Throttled, code: "410"},
		{file: "429.gateway_420.json", kind: httpx.Throttled, code: "420"},
		{file: "503.gateway_500.json", kind: httpx.Server, code: "500"},
		{file: "504.gateway_510.json", kind: httpx.Server, code: "510"},
		{file: "500.gateway_900.json", kind: httpx.Server, code: "900"},
		{file: "400.toplevel.json", kind: httpx.Other, code: "100"},
		{file: "500.responseerror.json", kind: httpx.Server, code: "900"},
		{file: "500.code_msg.json", kind: httpx.Server, code: "E500"},
		{file: "403.status_code.json", kind: httpx.Forbidden, code: "40300"},
		{file: "401.plainerror.json", kind: httpx.Auth},
		{status: 502, body: "<html>bad gateway</html>", kind: httpx.Server},
		{status: 401, kind: httpx.Auth},
		{status: 503, kind: httpx.Server},
		{status: 418, body: "[]", kind: httpx.Other},
	} {
		name := tt.file
		if name == "" {
			name = strconv.Itoa(tt.status) + " " + tt.body
		}
		t.Run(name, func(t *testing.T) {
			status, body := tt.status, []byte(tt.body)
			if tt.file != "" {
				status, _ = strconv.Atoi(tt.file[:3])
				body = sample(t, tt.file)
			}
			have := explain(status, http.Header{"X-Ncp-Trace-Id": {"trace-1"}}, body)
			if have.Kind != tt.kind || have.Code != tt.code || have.Message+have.Detail == "" && have.Err == nil || have.RequestID != "trace-1" {
				t.Errorf("want kind %s, code %q, a message and the trace; have %s, %q, %q, %q", tt.kind, tt.code, have.Kind, have.Code, have.Message, have.RequestID)
			}
			if !errors.Is(have.Err, tt.err) {
				t.Errorf("want %v in the chain, have %v", tt.err, have.Err)
			}
		})
	}
}

func TestUndecodable(t *testing.T) {
	for body, message := range map[string]string{
		"":                            "empty body",
		"<html>sorry</html>":          "not JSON but HTML or XML: is base_url right?",
		`[{"memberNo": 1}, {"memb`:    "cut off after 24 bytes",
		`[] and more`:                 "trailing data after JSON value",
		`{"list": []}`:                "unexpected shape: an object instead of an array",
		`[{"memberNo": 1}, 7, {}]`:    "unexpected shape: a number instead of an object",
		`[{"memberNo": 1}, null]`:     "unexpected shape: null instead of an object",
		`[{"memberNo": 1}, {"a" 1}]`:  "not valid JSON at byte",
		`[{"memberNo": 1}, {"a": 01}`: "not valid JSON at byte",
		`"text"`:                      "unexpected shape: a string instead of an array",
	} {
		t.Run(body, func(t *testing.T) {
			rows, _, err := serve(t, 200, "application/json", []byte(body)).Withdrawals(t.Context())
			var e *Error
			if !errors.As(err, &e) || e.Kind != httpx.Decode || rows != nil {
				t.Fatalf("want reason decode and no rows, have %v and %d rows", err, len(rows))
			}
			want := "get /open-api/v1/account/leave: NCP: " + message
			if have := err.Error(); len(have) < len(want) || have[:len(want)] != want {
				t.Errorf("want %q, have %q", want, have)
			}
		})
	}
}
