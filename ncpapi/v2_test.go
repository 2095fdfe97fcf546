package ncpapi

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/cloudorg-exporter/cloudorg_exporter/internal/httpx"
	"github.com/cloudorg-exporter/cloudorg_exporter/internal/sim"
)

// handled carries calls to a handler without a network.
type handled struct{ http.Handler }

func (h handled) RoundTrip(r *http.Request) (*http.Response, error) {
	w := httptest.NewRecorder()
	r = r.Clone(r.Context())
	r.RequestURI = r.URL.RequestURI()
	h.ServeHTTP(w, r)
	return w.Result(), nil
}

// newV2 returns a client of a handler.
func newV2(h http.Handler, maxPages int) *ClientV2 {
	return NewV2(Config{
		BaseURL:   "https://organization.apigw.ntruss.com",
		Keys:      func() (string, string) { return "ACCESS", "SECRET" },
		Transport: httpx.NewTransport(httpx.Config{Next: handled{h}, Concurrency: 4, RateLimit: 1e12}),
		MaxPages:  maxPages,
	})
}

// A script answers successive calls with bodies, and fails the test if there
// are more or fewer.
type script struct {
	t      *testing.T
	bodies []string
	uris   []string
}

func (s *script) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.uris = append(s.uris, r.RequestURI)
	if len(s.uris) > len(s.bodies) {
		s.t.Errorf("call %d is one too many: %s", len(s.uris), r.RequestURI)
		w.WriteHeader(http.StatusTeapot)
		return
	}
	_, _ = w.Write([]byte(s.bodies[len(s.uris)-1]))
}

func (s *script) done() {
	s.t.Helper()
	if len(s.uris) != len(s.bodies) {
		s.t.Errorf("want %d calls, have %d: %v", len(s.bodies), len(s.uris), s.uris)
	}
}

// scripted returns a client that gets the bodies, or the samples of these names,
// one after the other.
func scripted(t *testing.T, bodies ...string) (*ClientV2, *script) {
	t.Helper()
	for i, b := range bodies {
		if strings.HasSuffix(b, ".json") {
			bodies[i] = string(sample(t, b))
		}
	}
	s := &script{t: t, bodies: bodies}
	t.Cleanup(s.done)
	return newV2(s, 0), s
}

// Each call has the exact path and query of the documentation.
func TestPathsV2(t *testing.T) {
	var uris []string
	c := newV2(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		uris = append(uris, r.Method+" "+r.RequestURI)
		_, _ = w.Write([]byte(`{"organizations": [], "accountGroups": [], "accounts": [], "invitations": [],
			"receivedInvitations": [], "leaveRequests": [], "quotaPolicies": [], "totalElements": 0}`))
	}), 0)
	for _, call := range []func() error{
		func() error { _, _, err := c.Organizations(t.Context()); return err },
		func() error { _, _, err := c.AccountGroups(t.Context(), 4100); return err },
		func() error { _, _, err := c.Accounts(t.Context(), 4100); return err },
		func() error { _, _, err := c.Invitations(t.Context(), 4100); return err },
		func() error { _, _, err := c.ReceivedInvitations(t.Context()); return err },
		func() error { _, _, err := c.LeaveRequests(t.Context(), 4100); return err },
		func() error { _, _, err := c.QuotaPolicies(t.Context(), 4100); return err },
	} {
		if err := call(); err != nil {
			t.Error(err)
		}
	}
	want := []string{
		"GET /open-api/v2/organizations",
		"GET /open-api/v2/organizations/4100/account-groups?pageNo=0&pageSize=100",
		"GET /open-api/v2/organizations/4100/account-groups/-/accounts?pageNo=0&pageSize=100",
		"GET /open-api/v2/organizations/4100/invitations?pageNo=0&pageSize=100",
		"GET /open-api/v2/received-invitations?pageNo=0&pageSize=100",
		"GET /open-api/v2/organizations/4100/leave-requests?pageNo=0&pageSize=100",
		"GET /open-api/v2/organizations/4100/quota-policies?pageNo=0&pageSize=100",
	}
	if diff := cmp.Diff(want, uris); diff != "" {
		t.Errorf("(-want +have):\n%s", diff)
	}
}

func TestOrganizationsV2(t *testing.T) {
	for body, want := range map[string][]OrganizationV2{
		"v2.organizations.json":      {{Number: n(4100), MasterNo: n(9000001)}},
		"v2.organizations.none.json": nil,
		`{"organizations": null}`:    nil,
		`{"organizations": [{"no": "4100", "masterMemberNo": null, "memberNo": 9000002}, {"no": 4101}]}`: {
			{Number: n(4100), Caller: n(9000002)}, {Number: n(4101)},
		},
	} {
		c, _ := scripted(t, body)
		have, unparsed, err := c.Organizations(t.Context())
		if diff := cmp.Diff(want, have); diff != "" || err != nil || unparsed != 0 {
			t.Errorf("%s: error %v, %d warnings, (-want +have):\n%s", body, err, unparsed, diff)
		}
	}
}

func TestAccountGroups(t *testing.T) {
	plain := []AccountGroup{
		{Number: n(610), Name: "한빛 Industries"},
		{Number: n(611), Name: "research", Upper: n(610)},
		{Number: n(612), Name: "production", Upper: n(610)},
		{Number: n(613), Name: "europe", Upper: n(612)},
	}
	wide := append([]AccountGroup{}, plain...)
	for i := range wide {
		wide[i].HasPolicy = true
		wide[i].PolicyNo, wide[i].PolicyName = n(81), "Default limits"
	}
	wide[2].PolicyNo, wide[2].PolicyName = n(82), "Production limits"
	wide[3].PolicyNo, wide[3].PolicyName = Number{}, ""
	for body, want := range map[string][]AccountGroup{
		"v2.account_groups.json":      plain,
		"v2.account_groups.wide.json": wide,
		`{"accountGroups": [{"no": 1, "quotaPolicyNo": 81, "quotaPolicyName": "a"}, {"no": 2, "quotaPolicy": {"no": "82", "name": "b", "x": []}},
			{"no": 3, "quotaPolicy": null}, {"no": 4, "quotaPolicy": ["?"]},
			{"no": 5, "quotaPolicyNo": 83, "policyName": "c", "quotaPolicy": {"name": "d"}}], "totalElements": 5}`: {
			{Number: n(1), PolicyNo: n(81), PolicyName: "a", HasPolicy: true},
			{Number: n(2), PolicyNo: n(82), PolicyName: "b", HasPolicy: true},
			{Number: n(3), HasPolicy: true},
			{Number: n(4), HasPolicy: true},
			{Number: n(5), PolicyNo: n(83), PolicyName: "d", HasPolicy: true},
		},
	} {
		c, _ := scripted(t, body)
		have, unparsed, err := c.AccountGroups(t.Context(), 4100)
		if diff := cmp.Diff(List[AccountGroup]{Rows: want, Total: int64(len(want)), Complete: true}, have); diff != "" || err != nil || unparsed != 0 {
			t.Errorf("%s: error %v, %d warnings, (-want +have):\n%s", body, err, unparsed, diff)
		}
	}
}

// accounts returns accounts by number within 9000000, group and status.
func accounts(rows ...any) (all []AccountV2) {
	for i := 0; i < len(rows); i += 3 {
		all = append(all, AccountV2{Member: n(9000000 + int64(rows[i].(int))), Group: n(int64(rows[i+1].(int))), Status: rows[i+2].(string)})
	}
	return all
}

// The accounts of the samples, whole.
func fourAccounts() []AccountV2 {
	return accounts(1, 610, "JOINED", 2, 611, "JOINED", 4, 612, "LEAVE_REQUESTED", 5, 613, "JOINED")
}

// Every sample of the accounts, one page after the other.
func TestAccountsV2(t *testing.T) {
	const size2, moved = "v2.accounts.size2.page", "v2.accounts.moved.page"
	five := append(fourAccounts(), AccountV2{Member: n(8999999), Group: n(610), Status: "JOINED"})
	joined := `{"memberNo": 8999999, "accountGroupNo": 610, "memberStatus": "JOINED"}`
	first := `{"accounts": [` + joined + `, {"memberNo": 9000001, "accountGroupNo": 610, "memberStatus": "JOINED"}], "totalElements": 5, "pageSize": 2}`
	again := strings.Replace(string(sample(t, size2+"0.json")), `"totalElements": 4`, `"totalElements": 5`, 1)
	seven := string(sample(t, "v2.accounts.json"))
	seven = strings.Replace(seven, `"totalElements": 4, "totalPages": 1`, `"totalElements": 7, "totalPages": 2`, 1)
	for _, tt := range []struct {
		name     string
		bodies   []string
		want     List[AccountV2]
		unparsed int
	}{
		{"one page", []string{"v2.accounts.json"}, List[AccountV2]{Rows: fourAccounts(), Total: 4, Complete: true}, 0},
		{"two pages", []string{size2 + "0.json", size2 + "1.json"}, List[AccountV2]{Rows: fourAccounts(), Total: 4, Complete: true}, 0},
		{
			"a row that moves, and the new one comes when all is read once more",
			[]string{size2 + "0.json", moved + "1.json", moved + "2.json", first},
			List[AccountV2]{Rows: five, Total: 5, Complete: false},
			0,
		},
		{
			"a row that moves, and the new one does not come",
			[]string{size2 + "0.json", moved + "1.json", moved + "2.json", again, moved + "1.json", moved + "2.json"},
			List[AccountV2]{Rows: fourAccounts(), Total: 5, Complete: false},
			0,
		},
		{"null", []string{"v2.accounts.null.json"}, List[AccountV2]{Total: 0, Complete: true}, 0},
		{"nothing", []string{`{"accounts": [], "totalElements": 0, "totalPages": 1}`}, List[AccountV2]{Total: 0, Complete: true}, 0},
		{"the empty page is the end", []string{seven, "v2.accounts.empty_page.json"}, List[AccountV2]{Rows: fourAccounts(), Total: 7, Complete: false}, 0},
		{"drift", []string{"v2.accounts.drift.json"}, List[AccountV2]{Rows: []AccountV2{
			{Member: n(9000011), Group: n(611), Status: "JOINED"},
			{Member: n(9000012), Status: "DORMANT"},
			{Member: n(9000013), Group: n(611)},
			{Member: n(9000014), Group: n(611)},
			{Group: n(611), Status: "JOINED"},
		}, Total: 5, Complete: true}, 1},
		{
			"another name",
			[]string{`{"organizationAccounts": [{"memberNo": 9000001, "accountGroupNo": 610, "memberStatus": "JOINED"}], "sort": {"by": []}, "totalElements": 1}`},
			List[AccountV2]{Rows: accounts(1, 610, "JOINED"), Total: 1, Complete: true},
			0,
		},
		{
			"another name, a number that cannot be read",
			[]string{`{"list": [{"memberNo": "x", "accountGroupNo": 610}], "totalElements": 1}`},
			List[AccountV2]{Rows: []AccountV2{{Group: n(610)}}, Total: 1, Complete: true},
			1,
		},
		{
			"no errors beside it",
			[]string{`{"accounts": [{"memberNo": 9000001}], "errors": [], "error": null, "totalElements": 1}`},
			List[AccountV2]{Rows: []AccountV2{{Member: n(9000001)}}, Total: 1, Complete: true},
			0,
		},
		{
			"a number beyond int64",
			[]string{`{"accounts": [{"memberNo": 9223372036854775808}], "totalElements": 1}`},
			List[AccountV2]{Rows: []AccountV2{{}}, Total: 1, Complete: true},
			1,
		},
		{
			"a total that is too low",
			[]string{strings.Replace(string(sample(t, "v2.accounts.json")), `"totalElements": 4`, `"totalElements": 3`, 1)},
			List[AccountV2]{Rows: fourAccounts(), Total: 3, Complete: false},
			0,
		},
		{
			"no total",
			[]string{`{"accounts": [{"memberNo": 9000001}], "pageSize": 1}`, `{"accounts": []}`},
			List[AccountV2]{Rows: []AccountV2{{Member: n(9000001)}}, Total: -1, Complete: true},
			0,
		},
		{
			"a total that nobody can read",
			[]string{`{"accounts": [{"memberNo": 9000001}], "totalElements": "many"}`},
			List[AccountV2]{Rows: []AccountV2{{Member: n(9000001)}}, Total: -1, Complete: true},
			1,
		},
		{
			"a negative size",
			[]string{`{"accounts": [{"memberNo": 9000001}], "totalElements": 1, "pageSize": -2}`},
			List[AccountV2]{Rows: []AccountV2{{Member: n(9000001)}}, Total: 1, Complete: true},
			0,
		},
		{
			"no pages",
			[]string{`{"accounts": [{"memberNo": 9000001}], "totalElements": 1, "totalPages": 0}`},
			List[AccountV2]{Rows: []AccountV2{{Member: n(9000001)}}, Total: 1, Complete: true},
			0,
		},
		{
			"a billion pages",
			[]string{`{"accounts": [{"memberNo": 9000001}], "totalElements": 1, "totalPages": 1000000000}`},
			List[AccountV2]{Rows: []AccountV2{{Member: n(9000001)}}, Total: 1, Complete: true},
			0,
		},
		{
			"pages as a word",
			[]string{`{"accounts": [{"memberNo": 9000001}], "totalElements": 1, "totalPages": "one"}`},
			List[AccountV2]{Rows: []AccountV2{{Member: n(9000001)}}, Total: 1, Complete: true},
			1,
		},
		{
			"rows missing, and a billion pages",
			[]string{`{"accounts": [{"memberNo": 9000001}], "totalElements": 2, "totalPages": 1000000000}`, `{"accounts": [], "totalElements": 2}`},
			List[AccountV2]{Rows: []AccountV2{{Member: n(9000001)}}, Total: 2, Complete: false},
			0,
		},
		{
			"rows missing, and no pages",
			[]string{`{"accounts": [{"memberNo": 9000001}], "totalElements": 2, "totalPages": 0}`, `{"accounts": [], "totalElements": 2}`},
			List[AccountV2]{Rows: []AccountV2{{Member: n(9000001)}}, Total: 2, Complete: false},
			0,
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c, _ := scripted(t, tt.bodies...)
			have, unparsed, err := c.Accounts(t.Context(), 4100)
			if diff := cmp.Diff(tt.want, have); diff != "" || err != nil || unparsed != tt.unparsed {
				t.Errorf("error %v, want %d warnings, have %d, (-want +have):\n%s", err, tt.unparsed, unparsed, diff)
			}
		})
	}
}

// What is no list of the documentation is an error, in words.
func TestUndecodableV2(t *testing.T) {
	for body, want := range map[string]string{
		"v2.accounts.nokey.json":      "unexpected shape: no accounts (HTTP 200)",
		"v2.accounts.empty_page.json": "page 0 is empty, and totalElements is 7",
		`[]`:                          "unexpected shape: an array instead of an object",
		`null`:                        "unexpected shape: no accounts",
		`{}`:                          "unexpected shape: no accounts",
		`{"a": [], "b": []}`:          "unexpected shape: no accounts",
		`{"tags": ["x"]}`:             "unexpected shape: a string instead of an object",
		`{"accounts": {}}`:            "unexpected shape: an object instead of an array",
		`{"accounts": [null]}`:        "unexpected shape: null instead of an object",
		`{"accounts": [], "error": {"errorCode": "X"}}`:    "NCP error X: an error in place of the answer",
		`{"errors": [{"code": "X"}], "accounts": [{}]}`:    "an error beside rows",
		`{"errors": [{"code": "X"}]}`:                      "an error in place of the answer",
		`{"error": {"errorCode": "New", "message": "so"}}`: "NCP error New: so (HTTP 200)",
		``:                     "empty body",
		`<html>`:               "not JSON but HTML or XML",
		`{"accounts": [{"memb`: "cut off after 20 bytes",
		`{"accounts": []} {}`:  "trailing data after JSON value",
	} {
		c, _ := scripted(t, body)
		list, _, err := c.Accounts(t.Context(), 4100)
		var e *Error
		if !errors.As(err, &e) || e.Kind != httpx.Decode || list.Rows != nil || !strings.Contains(err.Error(), want) ||
			!strings.Contains(err.Error(), "get /open-api/v2/organizations/{organizationNo}/account-groups/-/accounts: ") {
			t.Errorf("%s: want decode and %q, have %v", body, want, err)
		}
	}
}

// An error's body in an answer of 200 is that error, and is tried again if that
// can help.
func TestErrorInSuccessV2(t *testing.T) {
	for _, tt := range []struct {
		body  string
		kind  httpx.Kind
		code  string
		err   error
		tries int
	}{
		{"v2.403.forbidden.json", httpx.Forbidden, "Forbidden", ErrForbidden, 1},
		{"v2.403.access_denied.json", httpx.Forbidden, "AccessDenied", ErrEnvironment, 1},
		{"v2.404.json", httpx.Other, "ResourceNotFound", nil, 1},
		{"v2.401.gateway_200.json", httpx.Auth, "200", nil, 1},
		{"v2.429.json", httpx.Decode, "MadeUpTooMany", nil, 1},
		{`{"error": {"errorCode": "410", "message": "slow"}}`, httpx.Throttled, "410", nil, 4},
		{`{"responseError": {"returnCode": "800", "returnMessage": "internal"}}`, httpx.Decode, "800", nil, 1},
		{`{"timestamp": "x", "status": 403, "error": "FORBIDDEN", "message": "x", "code": "COMMON_104"}`, httpx.Throttled, "COMMON_104", nil, 4},
	} {
		synctest.Test(t, func(t *testing.T) {
			body := tt.body
			if strings.HasSuffix(body, ".json") {
				body = string(sample(t, body))
			}
			calls := 0
			c := newV2(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				calls++
				_, _ = w.Write([]byte(body))
			}), 0)
			_, _, err := c.Organizations(t.Context())
			var e *Error
			if !errors.As(err, &e) || e.Kind != tt.kind || e.Code != tt.code || tt.err != nil && !errors.Is(err, tt.err) || calls != tt.tries {
				t.Errorf("%s: want %s, code %s, after %d calls, have %v after %d", body, tt.kind, tt.code, tt.tries, err, calls)
			}
		})
	}
}

// Both error tables, told apart by the code.
func TestErrorsV2(t *testing.T) {
	for _, tt := range []struct {
		status int
		body   string
		kind   httpx.Kind
		code   string
		err    error
		says   string
	}{
		{400, "v2.400.invalid.json", httpx.Other, "InvalidParameter", nil, "made-up: bad parameter (parameter pageSize)"},
		{403, "v2.403.access_denied.json", httpx.Forbidden, "AccessDenied", ErrEnvironment, ""},
		{403, "v2.403.forbidden.json", httpx.Forbidden, "Forbidden", ErrForbidden, ""},
		{404, "v2.404.json", httpx.Other, "ResourceNotFound", nil, "made-up: no such thing"},
		{429, "v2.429.json", httpx.Throttled, "MadeUpTooMany", nil, "made-up: slow down"},
		{401, "v2.401.gateway_200.json", httpx.Auth, "200", nil, "Authentication Failed"},
		{401, `{"error": {"errorCode": "Unauthorized", "message": "m"}}`, httpx.Auth, "Unauthorized", nil, "m"},
		{401, `{"error": {"errorCode": "210", "message": "m"}}`, httpx.Forbidden, "210", nil, "m"},
		{429, `{"error": {"errorCode": "420", "message": "m"}}`, httpx.Throttled, "420", nil, "m"},
		{503, `{"error": {"errorCode": "500", "message": "m"}}`, httpx.Server, "500", nil, "m"},
		{500, `{"error": {"errorCode": "InternalError", "message": "m"}}`, httpx.Server, "InternalError", nil, "m"},
		{409, `{"error": {"errorCode": "Conflict", "message": "m"}}`, httpx.Other, "Conflict", nil, "m"},
		{403, `{"timestamp": "x", "status": 403, "error": "FORBIDDEN", "message": "m", "code": "COMMON_104"}`, httpx.Throttled, "COMMON_104", nil, "m"},
		{402, ``, httpx.Forbidden, "", nil, "payment required"},
		{408, ``, httpx.Timeout, "", nil, "request timeout"},
		{504, `<html>`, httpx.Server, "", nil, "gateway timeout"},
	} {
		body := tt.body
		if strings.HasSuffix(body, ".json") {
			body = string(sample(t, body))
		}
		e := explain(tt.status, http.Header{}, []byte(body))
		if e.Kind != tt.kind || e.Code != tt.code || !errors.Is(e.Err, tt.err) || e.Detail != tt.says {
			t.Errorf("%d %s: want %s, %q, %q, have %s, %q, %q, %v", tt.status, body, tt.kind, tt.code, tt.says, e.Kind, e.Code, e.Detail, e.Err)
		}
	}
}

// 408 is tried again, after the time that the API asks for.
func TestRequestTimeoutV2(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		calls, start := 0, time.Now()
		c := newV2(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			if calls++; calls == 1 {
				w.Header().Set("Retry-After", "1.5")
				w.WriteHeader(http.StatusRequestTimeout)
				return
			}
			_, _ = w.Write([]byte(`{"organizations": []}`))
		}), 0)
		if _, _, err := c.Organizations(t.Context()); err != nil || calls != 2 || time.Since(start) != 2*time.Second {
			t.Errorf("want two calls and two seconds, have %d, %s, error %v", calls, time.Since(start), err)
		}
	})
}

func TestInvitationsV2(t *testing.T) {
	three := InvitationV2{Member: n(9000003), Organization: n(4100), Created: ms(1793620800000)}
	seven := InvitationV2{Member: n(9000007), Organization: n(4100), Created: ms(1792476000000)}
	for file, tt := range map[string]struct {
		want     []InvitationV2
		unparsed int
	}{
		"v2.invitations.json": {[]InvitationV2{three, seven}, 0},
		"v2.invitations.waiting.json": {[]InvitationV2{
			{Member: n(9000008), Organization: n(4100), Created: time.Date(2026, 11, 20, 3, 0, 0, 0, time.UTC), MemberStatus: "MADE_UP_WAITING"},
		}, 0},
		"v2.invitations.drift.json": {[]InvitationV2{
			three, seven, {Member: n(9000008), Created: ms(1793620800000)}, {Member: n(9000009), Organization: n(4100)},
		}, 1},
	} {
		c, _ := scripted(t, file)
		have, unparsed, err := c.Invitations(t.Context(), 4100)
		if diff := cmp.Diff(tt.want, have.Rows); diff != "" || err != nil || unparsed != tt.unparsed || !have.Complete {
			t.Errorf("%s: error %v, %d warnings, (-want +have):\n%s", file, err, unparsed, diff)
		}
	}
}

func TestOtherListsV2(t *testing.T) {
	c, _ := scripted(t, "v2.received_invitations.json", "v2.leave_requests.json", "v2.quota_policies.json", "v2.quota_policies.wide.json")
	received, _, err := c.ReceivedInvitations(t.Context())
	if diff := cmp.Diff([]InvitationV2{{Member: n(9000101), Organization: n(4200), Created: ms(1793966400000)}}, received.Rows); diff != "" || err != nil {
		t.Errorf("received: error %v, (-want +have):\n%s", err, diff)
	}
	leaving, _, err := c.LeaveRequests(t.Context(), 4100)
	if diff := cmp.Diff([]LeaveRequest{{Member: n(9000004), Requested: ms(1794459600000)}}, leaving.Rows); diff != "" || err != nil {
		t.Errorf("leave requests: error %v, (-want +have):\n%s", err, diff)
	}
	want := []QuotaPolicy{{Number: n(81), Name: "Default limits"}, {Number: n(82), Name: "Production limits"}}
	for _, applied := range [][2]Number{{}, {n(2), n(1)}} {
		want[0].Applied, want[1].Applied = applied[0], applied[1]
		policies, unparsed, err := c.QuotaPolicies(t.Context(), 4100)
		if diff := cmp.Diff(want, policies.Rows); diff != "" || err != nil || unparsed != 0 {
			t.Errorf("policies: error %v, %d warnings, (-want +have):\n%s", err, unparsed, diff)
		}
	}
}

// A date-time in any form, and what is none.
func TestDateTime(t *testing.T) {
	at := time.Date(2026, 11, 2, 12, 0, 0, 0, time.UTC)
	for text, want := range map[string]struct {
		time     time.Time
		unparsed int
	}{
		`"2026-11-02T12:00:00Z"`:             {at, 0},
		`"2026-11-02t12:00:00z"`:             {at, 0},
		`"2026-11-02T12:00:00.250Z"`:         {at.Add(250 * time.Millisecond), 0},
		`"2026-11-02T21:00:00+09:00"`:        {at, 0},
		`"2026-11-02T21:00:00.000001+09:00"`: {at.Add(time.Microsecond), 0},
		`"2026-11-02T12:00:00"`:              {at, 0},
		`"2026-11-02T12:00:00.5"`:            {at.Add(500 * time.Millisecond), 0},
		`1793620800000`:                      {at, 0},
		`"1793620800000"`:                    {at, 0},
		`null`:                               {time.Time{}, 0},
		`""`:                                 {time.Time{}, 0},
		`"soon"`:                             {time.Time{}, 1},
		`"2026-11-02"`:                       {time.Time{}, 1},
		`"2026-13-02T12:00:00Z"`:             {time.Time{}, 1},
		`179362080`:                          {time.Time{}, 1},
		`-179362080000`:                      {time.Time{}, 1},
		`{"seconds": 1}`:                     {time.Time{}, 1},
		`["2026-11-02T12:00:00Z"]`:           {time.Time{}, 1},
		`true`:                               {time.Time{}, 1},
	} {
		have, unparsed, err := httpx.DecodeBody(strings.NewReader(text), testAPI(), func(r *httpx.Reader) (at time.Time) {
			r.Decode(&at)
			return at
		})
		if err != nil || !have.Equal(want.time) || unparsed != want.unparsed {
			t.Errorf("%s: want %s and %d warnings, have %s, %d, %v", text, want.time, want.unparsed, have, unparsed, err)
		}
	}
}

// How many accounts there are, how they are paged, and what that costs.
func TestPagesV2(t *testing.T) {
	for name, tt := range map[string]struct {
		rows     int
		paging   sim.Paging
		wide     bool
		calls    int
		total    int64
		complete bool
	}{
		"no echo":                       {250, sim.Paging{}, true, 3, 250, true},
		"a short last page":             {250, sim.Paging{}, false, 3, 250, true},
		"a full last page":              {300, sim.Paging{}, false, 3, 300, true},
		"one account":                   {1, sim.Paging{}, false, 1, 1, true},
		"smaller pages":                 {250, sim.Paging{MaxSize: 20}, false, 13, 250, true},
		"smaller pages without a word":  {250, sim.Paging{MaxSize: 20, Silent: true}, false, 13, 250, true},
		"a row that moves, read again":  {250, sim.Paging{Moves: 1}, false, 3 + 2, 250, true},
		"read again in smaller pages":   {250, sim.Paging{MaxSize: 20, Moves: 1}, true, 13 + 2, 250, true},
		"a total too high":              {250, sim.Paging{CountOff: 7}, false, 3, 257, false},
		"a total too low":               {250, sim.Paging{CountOff: -7}, false, 3, 243, false},
		"a total that grows":            {250, sim.Paging{CountGrows: 1, CountOff: -2}, false, 3, 250, false},
		"a total that always is higher": {250, sim.Paging{CountGrows: 1}, false, 3, 252, false},
	} {
		t.Run(name, func(t *testing.T) {
			company := sim.Company{ID: 4100, Master: 1, Groups: []sim.Group{{ID: 610}}}
			for i := range tt.rows {
				company.Members = append(company.Members, sim.Member{Account: sim.Account{ID: int64(i + 1)}, Group: 610})
			}
			cloud := sim.NewNCP(sim.Config{
				AccessKey: "ACCESS", SecretKey: "SECRET", Wide: tt.wide, Unexpected: t.Errorf,
				Company: func(time.Time) sim.Company { return company },
			})
			defer cloud.Close()
			const operation = "/v2/organizations/{organizationNo}/account-groups/-/accounts"
			cloud.SetPaging(operation, tt.paging)
			list, unparsed, err := newV2(cloud, 0).Accounts(t.Context(), 4100)
			if err != nil || unparsed != 0 {
				t.Fatalf("error %v, %d warnings", err, unparsed)
			}
			numbers := map[int64]bool{}
			for _, a := range list.Rows {
				numbers[a.Member.Value] = true
			}
			if len(list.Rows) != tt.rows || len(numbers) != tt.rows || list.Total != tt.total || list.Complete != tt.complete {
				t.Errorf("want %d rows of %d, complete %t, have %d with %d numbers of %d, %t",
					tt.rows, tt.total, tt.complete, len(list.Rows), len(numbers), list.Total, list.Complete)
			}
			if have := cloud.Calls()[operation]; have != tt.calls {
				t.Errorf("want %d calls, have %d", tt.calls, have)
			}
		})
	}
}

// A list without an end, and one that ignores the page number, end as decode.
func TestEndlessV2(t *testing.T) {
	cloud := sim.NewNCP(sim.Config{AccessKey: "ACCESS", SecretKey: "SECRET"})
	defer cloud.Close()
	cloud.SetPaging("/v2/organizations/{organizationNo}/invitations", sim.Paging{Endless: true})
	page := func(context.Context) string {
		var rows []string
		for i := range 100 {
			rows = append(rows, fmt.Sprintf(`{"memberNo": %d}`, i+1))
		}
		return `{"invitations": [` + strings.Join(rows, ",") + `], "totalElements": 1000}`
	}(t.Context())
	for want, h := range map[string]http.Handler{
		"more than 50 pages":            cloud,
		"has only rows of earlier page": http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(page)) }),
	} {
		list, _, err := newV2(h, 50).Invitations(t.Context(), 4100)
		var e *Error
		if !errors.As(err, &e) || e.Kind != httpx.Decode || list.Rows != nil || !strings.Contains(err.Error(), want) {
			t.Errorf("want %q, have %v and %d rows", want, err, len(list.Rows))
		}
	}
}

// A page that cannot be read fails the list, however many could.
func TestAPageThatFailsV2(t *testing.T) {
	c, _ := scripted(t, "v2.accounts.size2.page0.json", `<html>`)
	list, _, err := c.Accounts(t.Context(), 4100)
	if list.Rows != nil || err == nil || !strings.HasPrefix(err.Error(), "page 1: get /open-api/v2/organizations/{organizationNo}/account-groups/-/accounts: NCP: not JSON") {
		t.Errorf("have %d rows, error %v", len(list.Rows), err)
	}
}

// The bound of rows is of the list, not of a page.
func TestRowsOfAllPagesV2(t *testing.T) {
	page := `{"leaveRequests": [{}` + strings.Repeat(",{}", 700_000-1) + `], "totalElements": 9000000}`
	c, _ := scripted(t, page, page, page)
	list, _, err := c.LeaveRequests(t.Context(), 4100)
	if err == nil || list.Rows != nil || !strings.Contains(err.Error(), "more than 2000000 rows") {
		t.Errorf("have %d rows, error %v", len(list.Rows), err)
	}
}
