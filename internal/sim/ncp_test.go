package sim_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/cloudorg-exporter/cloudorg_exporter/internal/sim"
)

func TestSamples(t *testing.T) {
	for _, c := range []struct {
		path, file string
		old        bool
	}{
		{"/org", "org.old.json", true},
		{"/org", "org.new.json", false},
		{"/group/tree", "tree.old.json", true},
		{"/group/tree", "tree.new.json", false},
		{"/account/group/610", "account_group_610.new.json", false},
		{"/account/group/611", "account_group_611.old.json", true},
		{"/account/group/611", "account_group_611.new.json", false},
		{"/account/group/612", "account_group_612.new.json", false},
		{"/account/group/613", "account_group_613.new.json", false},
		{"/account/invite/invitation", "invitation.old.json", true},
		{"/account/invite/invitation", "invitation.new.json", false},
		{"/account/leave", "leave.old.json", true},
		{"/account/leave", "leave.new.json", false},
		{"/policy/list", "policy_list.old.json", true},
		{"/policy/list", "policy_list.new.json", false},
	} {
		t.Run(c.file, func(t *testing.T) {
			want := sample(t, c.file)
			synctest.Test(t, func(t *testing.T) {
				time.Sleep(time.Until(sim.SampleTime())) // expireDay counts from now
				rec := record(t, newNCP(t, sim.Config{Old: c.old}), c.path)
				if rec.Code != http.StatusOK || rec.Header().Get("Content-Type") != "application/json" {
					t.Errorf("have %d %s", rec.Code, rec.Header())
				}
				if diff := cmp.Diff(want, decode(t, rec.Body.Bytes())); diff != "" {
					t.Errorf("want -, have +\n%s", diff)
				}
			})
		})
	}
}

func TestNoOrganization(t *testing.T) {
	ncp := newNCP(t, sim.Config{Company: func(time.Time) sim.Company { return sim.Company{} }})
	for path, want := range map[string]string{
		"/org":                       "{}",
		"/group/tree":                "[]",
		"/account/invite/invitation": "[]",
		"/account/leave":             "[]",
		"/policy/list":               "[]",
	} {
		if rec := record(t, ncp, path); rec.Code != http.StatusOK || rec.Body.String() != want {
			t.Errorf("%s: have %d %s", path, rec.Code, rec.Body)
		}
	}
}

func TestRefusals(t *testing.T) {
	ncp := newNCP(t, sim.Config{})
	send := func(uri, access, secret string, now time.Time) *httptest.ResponseRecorder {
		rec := httptest.NewRecorder()
		ncp.ServeHTTP(rec, signed(t.Context(), "", uri, access, secret, now))
		return rec
	}
	now := time.Now()
	for name, c := range map[string]struct {
		have       *httptest.ResponseRecorder
		status     int
		code, hint string
	}{
		"wrong key":       {send(prefix+"/org", "EXAMPLEACCESSKEY0002", secret, now), 401, "200", "no such access key"},
		"wrong secret":    {send(prefix+"/org", access, "x", now), 401, "200", "signature does not match"},
		"late":            {send(prefix+"/org", access, secret, now.Add(-6*time.Minute)), 401, "200", "off"},
		"unknown path":    {send(prefix+"/policy/tree", access, secret, now), 404, "300", ""},
		"not a number":    {send(prefix+"/account/group/x", access, secret, now), 404, "300", ""},
		"without version": {send("/org", access, secret, now), 404, "300", ""},
		"trailing slash":  {send(prefix+"/org/", access, secret, now), 404, "300", ""},
	} {
		t.Run(name, func(t *testing.T) {
			if c.have.Code != c.status {
				t.Errorf("want %d, have %d", c.status, c.have.Code)
			}
			body := decode(t, c.have.Body.Bytes()).(map[string]any)["error"].(map[string]any)
			if body["errorCode"] != c.code || !strings.Contains(body["details"].(string), c.hint) {
				t.Errorf("have %v", body)
			}
		})
	}
}

func TestUnknownGroup(t *testing.T) {
	rec := record(t, newNCP(t, sim.Config{}), "/account/group/614")
	if rec.Code != http.StatusNotFound || !strings.Contains(rec.Body.String(), `"code": "GROUP_404"`) {
		t.Errorf("have %d %s", rec.Code, rec.Body)
	}
}

func TestCallers(t *testing.T) {
	for caller, want := range map[sim.Caller]string{
		sim.SubAccount: "401.common_201.json",
		sim.NotMaster:  "403.common_101.json",
	} {
		rec := record(t, newNCP(t, sim.Config{Caller: caller}), "/account/leave")
		if diff := cmp.Diff(sample(t, want), decode(t, rec.Body.Bytes())); diff != "" || want[:3] != fmt.Sprint(rec.Code) {
			t.Errorf("have %d\n%s", rec.Code, diff)
		}
	}
}

func TestOnlyGET(t *testing.T) {
	for _, method := range []string{http.MethodPost, http.MethodDelete, http.MethodHead} {
		var reported []string
		ncp := newNCP(t, sim.Config{Unexpected: func(format string, args ...any) {
			reported = append(reported, fmt.Sprintf(format, args...))
		}})
		req := signed(t.Context(), "", prefix+"/account/leave", access, secret, time.Now())
		req.Method = method
		rec := httptest.NewRecorder()
		ncp.ServeHTTP(rec, req)
		if rec.Code != http.StatusMethodNotAllowed || rec.Header().Get("Allow") != "GET" {
			t.Errorf("have %d %v", rec.Code, rec.Header())
		}
		if diff := cmp.Diff([]string{"sim: " + method + " /open-api/v1/account/leave: only GET is expected"}, reported); diff != "" {
			t.Errorf("want -, have +\n%s", diff)
		}
	}
}

func TestSkew(t *testing.T) {
	const skew = time.Hour
	ncp := newNCP(t, sim.Config{Skew: skew})
	rec := record(t, ncp, "/org")
	if rec.Code != http.StatusUnauthorized {
		t.Errorf("have %d", rec.Code)
	}
	date, err := http.ParseTime(rec.Header().Get("Date"))
	if err != nil {
		t.Fatal(err)
	}
	if off := time.Until(date); off < skew-time.Minute || off > skew {
		t.Errorf("date is %v off", off)
	}

	rec = httptest.NewRecorder()
	ncp.ServeHTTP(rec, signed(t.Context(), "", prefix+"/org", access, secret, time.Now().Add(skew)))
	if rec.Code != http.StatusOK {
		t.Errorf("by its own clock: have %d", rec.Code)
	}
}

func TestSetKeys(t *testing.T) {
	ncp := newNCP(t, sim.Config{})
	ncp.SetKeys("EXAMPLEACCESSKEY0002", secret)
	if rec := record(t, ncp, "/org"); rec.Code != http.StatusUnauthorized {
		t.Errorf("old key: have %d", rec.Code)
	}
	rec := httptest.NewRecorder()
	ncp.ServeHTTP(rec, signed(t.Context(), "", prefix+"/org", "EXAMPLEACCESSKEY0002", secret, time.Now()))
	if rec.Code != http.StatusOK {
		t.Errorf("new key: have %d", rec.Code)
	}
}

func TestCalls(t *testing.T) {
	ncp := newNCP(t, sim.Config{})
	for _, path := range []string{"/org", "/group/tree", "/account/group/611", "/account/group/999", "/org?a=b", "/policy/region"} {
		record(t, ncp, path)
	}
	want := map[string]int{"/org": 2, "/group/tree": 1, "/account/group/{no}": 2, "other": 1}
	if diff := cmp.Diff(want, ncp.Calls()); diff != "" {
		t.Errorf("want -, have +\n%s", diff)
	}
}

// A day of the company passes per minute, and reported times have the age that
// they have in the company's time.
func TestClock(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		ncp := newNCP(t, sim.Config{
			Company: func(world time.Time) sim.Company {
				if want := start.Add(10 * 24 * time.Hour); !world.Equal(want) {
					t.Errorf("world: want %v, have %v", want, world)
				}
				return sim.Company{
					ID:          1,
					Members:     []sim.Member{{State: sim.Leaving, LeaveRequested: start}},
					Invitations: []sim.Invitation{{Sent: start.Add(-time.Hour)}},
				}
			},
			Clock: sim.Clock{Start: start, Speed: 1440},
		})
		time.Sleep(10 * time.Minute)

		withdrawal := decode(t, record(t, ncp, "/account/leave").Body.Bytes()).([]any)[0].(map[string]any)
		want := time.Now().Add(-10 * 24 * time.Hour).UnixMilli()
		if have := int64(withdrawal["modYmdt"].(float64)); have != want {
			t.Errorf("asked: want %d, have %d", want, have)
		}
		invitation := decode(t, record(t, ncp, "/account/invite/invitation").Body.Bytes()).([]any)[0].(map[string]any)
		if have := invitation["expireDay"]; have != 19.0 {
			t.Errorf("days left: want 19, have %v", have)
		}
	})
}

func TestClockWorld(t *testing.T) {
	start := sim.SampleTime()
	now := start.Add(90 * time.Second)
	for name, c := range map[string]struct {
		clock sim.Clock
		want  time.Time
	}{
		"zero":         {sim.Clock{}, now},
		"real":         {sim.Clock{Start: start, Speed: 1}, now},
		"still":        {sim.Clock{Start: start}, start},
		"day a minute": {sim.Clock{Start: start, Speed: 1440}, start.Add(36 * time.Hour)},
		"no start":     {sim.Clock{Speed: 1440}, now},
	} {
		if have := c.clock.World(now); !have.Equal(c.want) {
			t.Errorf("%s: want %v, have %v", name, c.want, have)
		}
	}
	// After three years at full speed the company's time is beyond a Duration.
	c := sim.Clock{Start: start, Speed: 1440}
	late := start.Add(3 * 365 * 24 * time.Hour)
	if have := c.Real(c.World(late).Add(-time.Hour), late); !have.Equal(late.Add(-time.Hour)) {
		t.Errorf("want an hour ago, have %v", have.Sub(late))
	}
}

// Responses contain all personal data, so that tests can check that the exporter
// does not show it.
func TestPersonalDataIsServed(t *testing.T) {
	company := sim.Living(1, 8, 40)
	now := time.Now()
	ncp := newNCP(t, sim.Config{Company: func(time.Time) sim.Company { return company(now) }})
	served := record(t, ncp, "/group/tree").Body.String() + record(t, ncp, "/account/invite/invitation").Body.String()
	c := company(now)
	c.Invitations = nil
	for _, s := range c.PersonalData() {
		if strings.Contains(s, "@mail.") {
			continue // only invited accounts have an address
		}
		if !strings.Contains(served, `"`+s+`"`) {
			t.Errorf("%s is missing", s)
		}
	}
	if !strings.Contains(served, "@mail.example.test") {
		t.Error("no address of an invited account")
	}
}
