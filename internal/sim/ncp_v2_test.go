package sim_test

import (
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/cloudorg-exporter/cloudorg_exporter/internal/sim"
)

const (
	v2   = "/open-api/v2"
	acme = v2 + "/organizations/4100"
)

// recordV2 returns the response to a valid request of version 2.
func recordV2(t testing.TB, ncp *sim.NCP, uri string) *httptest.ResponseRecorder {
	t.Helper()
	rec := httptest.NewRecorder()
	ncp.ServeHTTP(rec, signed(t.Context(), "", uri, access, secret, time.Now()))
	return rec
}

// rowsV2 returns the rows of the only list of a response.
func rowsV2(t testing.TB, ncp *sim.NCP, uri string) []any {
	t.Helper()
	for _, v := range decode(t, recordV2(t, ncp, uri).Body.Bytes()).(map[string]any) {
		if list, ok := v.([]any); ok {
			return list
		}
	}
	t.Fatalf("%s: no list", uri)
	return nil
}

func TestSamplesV2(t *testing.T) {
	for _, c := range []struct {
		file, uri string
		caller    sim.Caller
	}{
		{file: "v2.organizations.json", uri: v2 + "/organizations"},
		{file: "v2.organizations.none.json", uri: v2 + "/organizations", caller: sim.Outsider},
		{file: "v2.account_groups.json", uri: acme + "/account-groups?pageNo=0&pageSize=100"},
		{file: "v2.accounts.json", uri: acme + "/account-groups/-/accounts?pageNo=0&pageSize=100", caller: sim.Permitted},
		{file: "v2.invitations.json", uri: acme + "/invitations?pageNo=0&pageSize=100"},
		{file: "v2.received_invitations.json", uri: v2 + "/received-invitations", caller: sim.Outsider},
		{file: "v2.leave_requests.json", uri: acme + "/leave-requests?pageNo=0&pageSize=100"},
		{file: "v2.quota_policies.json", uri: acme + "/quota-policies?pageNo=0&pageSize=100"},
	} {
		t.Run(c.file, func(t *testing.T) {
			want := sample(t, c.file)
			synctest.Test(t, func(t *testing.T) {
				time.Sleep(time.Until(sim.SampleTime()))
				rec := recordV2(t, newNCP(t, sim.Config{Caller: c.caller}), c.uri)
				if rec.Code != http.StatusOK {
					t.Fatalf("have %d %s", rec.Code, rec.Body)
				}
				have := decode(t, rec.Body.Bytes())
				if c.file == "v2.organizations.json" { // masked in version 1
					for _, v := range []any{want, have} {
						delete(v.(map[string]any)["organizations"].([]any)[0].(map[string]any), "masterMemberEmailAddress")
					}
				}
				if diff := cmp.Diff(want, have); diff != "" {
					t.Errorf("want -, have +\n%s", diff)
				}
			})
		})
	}
}

func TestErrorsV2(t *testing.T) {
	for file, fault := range map[string]sim.Fault{
		"v2.400.invalid.json":       sim.NCPErrorV2("InvalidParameter"),
		"v2.403.access_denied.json": sim.NCPErrorV2("AccessDenied"),
		"v2.403.forbidden.json":     sim.NCPErrorV2("Forbidden"),
		"v2.404.json":               sim.NCPErrorV2("ResourceNotFound"),
		"v2.429.json":               sim.NCPErrorV2("MadeUpTooMany"),
		"v2.401.gateway_200.json":   sim.NCPGateway("200"),
	} {
		if diff := cmp.Diff(sample(t, file), decode(t, []byte(fault.Body))); diff != "" || file[3:6] != strconv.Itoa(fault.Status) {
			t.Errorf("%s: %d, want -, have +\n%s", file, fault.Status, diff)
		}
	}
}

func TestRefusalsV2(t *testing.T) {
	var unexpected int
	for _, c := range []struct {
		caller sim.Caller
		uri    string
		status int
		body   string
	}{
		{sim.Master, acme + "/invitations", 200, `"invitations"`},
		{sim.Master, v2 + "/received-invitations", 200, `"receivedInvitations": []`},
		{sim.Master, v2 + "/organizations/4101/invitations", 404, "ResourceNotFound"},
		{sim.Master, acme + "/invitations?pageSize=101", 400, "InvalidParameter"},
		{sim.Master, acme + "/invitations?pageSize=0", 400, "fieldErrors"},
		{sim.Master, acme + "/invitations?pageNo=-1", 400, "InvalidParameter"},
		{sim.Master, acme + "/invitations?pageNo=7", 200, `"invitations": []`},
		{sim.Permitted, acme + "/leave-requests", 200, "leaveRequests"},
		{sim.SubAccount, v2 + "/organizations", 403, "Forbidden"},
		{sim.NotMaster, v2 + "/organizations", 200, `"no": 4100`},
		{sim.NotMaster, acme + "/account-groups", 403, "Forbidden"},
		{sim.NotMaster, v2 + "/received-invitations", 200, `"receivedInvitations": []`},
		{sim.Outsider, v2 + "/organizations", 200, `"organizations": []`},
		{sim.Outsider, acme + "/account-groups", 403, "Forbidden"},
		{sim.PublicSector, v2 + "/received-invitations", 403, "AccessDenied"},
		{sim.Master, acme, 404, `"300"`},
		{sim.Master, acme + "/accounts/9000002", 404, `"300"`},
		{sim.Master, acme + "/account-groups/610/accounts", 404, `"300"`},
	} {
		ncp := newNCP(t, sim.Config{Caller: c.caller, Unexpected: func(string, ...any) { unexpected++ }})
		rec := recordV2(t, ncp, c.uri)
		if rec.Code != c.status || !strings.Contains(rec.Body.String(), c.body) {
			t.Errorf("caller %d, %s: want %d with %s, have %d %s", c.caller, c.uri, c.status, c.body, rec.Code, rec.Body)
		}
	}
	if unexpected != 3 {
		t.Errorf("want three paths that must not be called, have %d", unexpected)
	}
}

func TestPagingV2(t *testing.T) {
	const path = "/v2/organizations/{organizationNo}/account-groups/-/accounts"
	const uri = acme + "/account-groups/-/accounts?pageSize=2&pageNo="
	page := func(ncp *sim.NCP, n string) (ids []float64, total, size any) {
		body := decode(t, recordV2(t, ncp, uri+n).Body.Bytes()).(map[string]any)
		for _, row := range body["accounts"].([]any) {
			ids = append(ids, row.(map[string]any)["memberNo"].(float64)-9000000)
		}
		return ids, body["totalElements"], body["pageSize"]
	}
	for name, c := range map[string]struct {
		paging      sim.Paging
		wide        bool
		ids         []float64 // of page 1
		total, size any
	}{
		"plain":              {ids: []float64{4, 5}, total: 4.0, size: 2.0},
		"no echo":            {wide: true, ids: []float64{4, 5}, total: 4.0},
		"a row moves":        {paging: sim.Paging{Moves: 1}, ids: []float64{2, 5}, total: 4.0, size: 2.0},
		"a total too high":   {paging: sim.Paging{CountOff: 3}, ids: []float64{4, 5}, total: 7.0, size: 2.0},
		"a total that grows": {paging: sim.Paging{CountGrows: 1}, ids: []float64{4, 5}, total: 5.0, size: 2.0},
		"smaller pages":      {paging: sim.Paging{MaxSize: 1}, ids: []float64{2}, total: 4.0, size: 1.0},
		"without a word":     {paging: sim.Paging{MaxSize: 1, Silent: true}, ids: []float64{2}, total: 4.0, size: 2.0},
		"no end":             {paging: sim.Paging{Endless: true}, ids: []float64{4, 5}, total: 6.0, size: 2.0},
	} {
		ncp := newNCP(t, sim.Config{Wide: c.wide})
		ncp.SetPaging(path, c.paging)
		ids, total, size := page(ncp, "1")
		if !cmp.Equal(ids, c.ids) || total != c.total || size != c.size {
			t.Errorf("%s: have %v of %v, size %v", name, ids, total, size)
		}
	}
	ncp := newNCP(t, sim.Config{})
	ncp.SetPaging(path, sim.Paging{Endless: true})
	if ids, _, _ := page(ncp, "3"); !cmp.Equal(ids, []float64{1_000_000_004, 1_000_000_005}) {
		t.Errorf("want other rows on each page without end, have %v", ids)
	}
}

// At all times, those that have joined, those that leave and those that are
// invited are version 1's members.
func TestOneWorld(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		company := sim.Living(7, 6, 80)
		time.Sleep(time.Until(sim.SampleTime()))
		ncp := newNCP(t, sim.Config{Company: company})
		waiting := 0
		for range 150 {
			time.Sleep(12 * time.Hour)
			members := make(map[float64]int)
			groups := make(map[float64]bool)
			var base string
			for _, row := range decode(t, record(t, ncp, "/group/tree").Body.Bytes()).([]any) {
				row := row.(map[string]any)
				if n, ok := row["memberNo"].(float64); ok {
					members[n]++
				}
				groups[row["organizationGroupNo"].(float64)] = true
			}
			base = v2 + "/organizations/" + strconv.FormatInt(company(time.Now()).ID, 10)
			count := func(uri string) int {
				rows := rowsV2(t, ncp, base+uri+"?pageSize=100")
				for _, row := range rows {
					if n, ok := row.(map[string]any)["memberNo"].(float64); ok {
						members[n]--
					}
				}
				return len(rows)
			}
			count("/account-groups/-/accounts")
			invited := count("/invitations")
			for n, left := range members {
				if left != 0 {
					t.Fatalf("%s: account %.0f differs by %d", time.Now(), n, left)
				}
			}
			if n := count("/account-groups"); n != len(groups) {
				t.Errorf("want %d groups, have %d", len(groups), n)
			}
			open := 0
			for _, i := range company(time.Now()).Invitations {
				if i.Outcome == sim.Pending {
					open++
				}
			}
			waiting = max(waiting, invited-open)
		}
		if waiting == 0 {
			t.Error("want an invitation that is accepted at the start of a month and waits")
		}
	})
}

// An invitation that is accepted on the 1st is open until the 3rd.
func TestAcceptedOnThe1st(t *testing.T) {
	sent, accepted := time.Date(2026, 11, 20, 3, 0, 0, 0, time.UTC), time.Date(2026, 12, 1, 3, 0, 0, 0, time.UTC)
	account := sim.Account{ID: 9000008}
	company := func(now time.Time) sim.Company {
		c := sim.Sample(now)
		if now.Before(accepted) {
			c.Invitations = []sim.Invitation{{Account: account, Sent: sent}}
			return c
		}
		c.Members = append(c.Members, sim.Member{Account: account, Group: 611, Since: accepted})
		c.Invitations = []sim.Invitation{{Account: account, Sent: sent, Ended: accepted, Outcome: sim.Accepted}}
		return c
	}
	synctest.Test(t, func(t *testing.T) {
		ncp := newNCP(t, sim.Config{Company: company, Wide: true})
		for _, c := range []struct {
			at                time.Time
			invited, accounts int
			status            string
		}{
			{accepted.Add(-time.Hour), 1, 4, "MADE_UP_INVITING"},
			{accepted.Add(time.Hour), 1, 4, "MADE_UP_WAITING"},
			{time.Date(2026, 12, 2, 14, 59, 0, 0, time.UTC), 1, 4, "MADE_UP_WAITING"},
			{time.Date(2026, 12, 2, 15, 0, 0, 0, time.UTC), 0, 5, ""}, // the 3rd in Korea
		} {
			time.Sleep(time.Until(c.at))
			invited := rowsV2(t, ncp, acme+"/invitations")
			accounts := rowsV2(t, ncp, acme+"/account-groups/-/accounts")
			if len(invited) != c.invited || len(accounts) != c.accounts {
				t.Errorf("%s: want %d and %d, have %d and %d", c.at, c.invited, c.accounts, len(invited), len(accounts))
			}
			if c.invited == 1 && invited[0].(map[string]any)["memberStatus"] != c.status {
				t.Errorf("%s: want %s, have %v", c.at, c.status, invited[0])
			}
		}
	})
}
