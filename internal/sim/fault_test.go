package sim_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/cloudorg-exporter/cloudorg_exporter/internal/sim"
)

// A testServer is a simulator behind a real HTTP server, with a client.
type testServer struct {
	*sim.NCP
	server *httptest.Server
	ended  chan struct{} // receives when a handler returns
}

func newTestServer(t *testing.T) *testServer {
	s := &testServer{NCP: newNCP(t, sim.Config{}), ended: make(chan struct{}, 100)}
	s.server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer func() { s.ended <- struct{}{} }()
		s.ServeHTTP(w, r)
	}))
	s.server.Client().CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	t.Cleanup(func() {
		s.Close()
		s.server.Close()
	})
	return s
}

// open sends a valid request.
func (s *testServer) open(ctx context.Context, path string) (*http.Response, error) {
	req := signed(ctx, s.server.URL, prefix+path, access, secret, time.Now())
	req.RequestURI = ""
	return s.server.Client().Do(req)
}

// A result is a response and as much of its body as was received.
type result struct {
	code   int
	header http.Header
	length int64 // as declared
	body   string
}

// get sends a valid request and reads the response.
func (s *testServer) get(t *testing.T, path string) (result, error) {
	t.Helper()
	resp, err := s.open(t.Context(), path)
	if err != nil {
		return result{}, err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	return result{resp.StatusCode, resp.Header, resp.ContentLength, string(body)}, err
}

// waitForCall waits for the first request.
func (s *testServer) waitForCall() {
	for len(s.Calls()) == 0 {
		time.Sleep(time.Millisecond)
	}
}

const withdrawals = `[{"memberNo": 9000004, "organizationNo": 4100, "masterMemberNo": 9000001, "loginId": "c***@example.test", "memberName": "member-4", "memberStatusCode": "LVREQ", "modYmdt": 1794459600000}]`

func TestFaultResponses(t *testing.T) {
	s := newTestServer(t)
	const json, html = "application/json", "text/html"
	for name, c := range map[string]struct {
		fault  sim.Fault
		status int
		kind   string
		body   string
	}{
		"none":                {sim.Fault{}, 200, json, withdrawals},
		"status":              {sim.Fault{Status: 503}, 503, json, ""},
		"empty":               {sim.Fault{Status: 200}, 200, json, ""},
		"no content":          {sim.Fault{Status: 204}, 204, json, ""},
		"body":                {sim.Fault{Body: "[] and more"}, 200, json, "[] and more"},
		"status and body":     {sim.Fault{Status: 500, Body: `{"code": "E500"}`}, 500, json, `{"code": "E500"}`},
		"header alone":        {sim.Fault{Header: http.Header{"content-type": {"text/plain;charset=UTF-8"}}}, 200, "text/plain;charset=UTF-8", withdrawals},
		"garbage":             {sim.Fault{Garbage: true}, 200, html, "<html><head><title>Service</title></head><body>Please come back later.</body></html>\n"},
		"bad gateway":         {sim.Fault{Status: 502, Garbage: true}, 502, html, "<html><head><title>Service</title></head><body>Please come back later.</body></html>\n"},
		"redirect":            {sim.Fault{Redirect: "http://elsewhere.example.test/"}, 302, json, ""},
		"status and redirect": {sim.Fault{Redirect: "http://elsewhere.example.test/", Status: 307}, 307, json, ""},
		"cut":                 {sim.Fault{CutJSON: true}, 200, json, withdrawals[:len(withdrawals)/2]},
		"cut body":            {sim.Fault{CutJSON: true, Body: `[{"a": 1}]`}, 200, json, `[{"a"`},
		"drip":                {sim.Fault{Drip: time.Nanosecond, Body: "[]"}, 200, json, "[]"},
		"delay":               {sim.Fault{Delay: time.Nanosecond}, 200, json, withdrawals},
	} {
		t.Run(name, func(t *testing.T) {
			s.SetFault("/account/leave", c.fault)
			have, err := s.get(t, "/account/leave")
			if err != nil {
				t.Fatal(err)
			}
			if have.code != c.status || have.body != c.body || have.header.Get("Content-Type") != c.kind {
				t.Errorf("have %+v", have)
			}
			if have.header.Get("Location") != c.fault.Redirect {
				t.Errorf("have %+v", have)
			}
		})
	}
}

func TestErrorBodies(t *testing.T) {
	s := newTestServer(t)
	for file, fault := range map[string]sim.Fault{
		"401.common_201.json":  sim.NCPError("COMMON_201"),
		"403.common_101.json":  sim.NCPError("COMMON_101"),
		"403.common_103.json":  sim.NCPError("COMMON_103"),
		"403.common_104.json":  sim.NCPError("COMMON_104"),
		"400.gateway_100.json": sim.NCPGateway("100"),
		"401.gateway_200.json": sim.NCPGateway("200"),
		"401.gateway_210.json": sim.NCPGateway("210"),
		"404.gateway_300.json": sim.NCPGateway("300"),
		"413.gateway_430.json": sim.NCPGateway("430"),
		"429.gateway_400.json": sim.NCPGateway("400"),
		"429.gateway_410.json": sim.NCPGateway("410"),
		"429.gateway_420.json": sim.NCPGateway("420"),
		"503.gateway_500.json": sim.NCPGateway("500"),
		"504.gateway_510.json": sim.NCPGateway("510"),
		"500.gateway_900.json": sim.NCPGateway("900"),
	} {
		fault.Header = http.Header{"Retry-After": {"7"}}
		s.SetFault("/org", fault)
		have, err := s.get(t, "/org")
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(sample(t, file), decode(t, []byte(have.body))); diff != "" {
			t.Errorf("%s: want -, have +\n%s", file, diff)
		}
		if want := file[:3]; want != fmt.Sprint(have.code) || have.header.Get("Retry-After") != "7" {
			t.Errorf("%s: have %+v", file, have)
		}
	}
	for code, status := range map[string]int{"COMMON_102": 403, "ACCOUNT_101": 403, "ACCOUNT_104": 403, "GROUP_101": 403, "GROUP_404": 404} {
		if f := sim.NCPError(code); f.Status != status || !json.Valid([]byte(f.Body)) || !strings.Contains(f.Body, code) {
			t.Errorf("%s: have %+v", code, f)
		}
	}
}

func TestFaultBreaksConnection(t *testing.T) {
	s := newTestServer(t)
	half := withdrawals[:len(withdrawals)/2]
	for name, c := range map[string]struct {
		fault sim.Fault
		body  string
		err   error
	}{
		"reset":         {sim.Fault{Reset: true}, "", syscall.ECONNRESET},
		"reset body":    {sim.Fault{ResetBody: true}, half, syscall.ECONNRESET},
		"truncate":      {sim.Fault{Truncate: true}, half, io.ErrUnexpectedEOF},
		"truncate body": {sim.Fault{Truncate: true, Body: "[1,2]"}, "[1", io.ErrUnexpectedEOF},
	} {
		t.Run(name, func(t *testing.T) {
			s.SetFault("/account/leave", c.fault)
			have, err := s.get(t, "/account/leave")
			if !errors.Is(err, c.err) || have.body != c.body {
				t.Errorf("have %q, %v", have.body, err)
			}
		})
	}
}

// Close ends responses that hang, so that the HTTP server can be closed.
func TestClose(t *testing.T) {
	for name, f := range map[string]sim.Fault{
		"delay":     {Delay: time.Hour},
		"hang":      {Hang: true},
		"hang body": {HangBody: true},
		"drip":      {Drip: time.Hour},
		"endless":   {Endless: true},
	} {
		t.Run(name, func(t *testing.T) {
			s := newTestServer(t)
			s.SetFault("*", f)
			failed := make(chan error)
			go func() {
				resp, err := s.open(t.Context(), "/org")
				if err == nil {
					_, err = io.Copy(io.Discard, resp.Body)
					resp.Body.Close()
				}
				failed <- err
			}()
			s.waitForCall()
			s.Close()
			if err := <-failed; err == nil {
				t.Error("the response is complete")
			}
			<-s.ended
		})
	}
}

// The rows of an endless list are valid.
func TestEndless(t *testing.T) {
	s := newTestServer(t)
	for start, tokens := range map[string]int{"": 1, `{"accounts": [`: 3} {
		s.SetFault("/account/leave", sim.Fault{Endless: true, Body: start})
		resp, err := s.open(t.Context(), "/account/leave")
		if err != nil {
			t.Fatal(err)
		}
		d := json.NewDecoder(resp.Body)
		for range tokens {
			if _, err := d.Token(); err != nil {
				t.Fatal(err)
			}
		}
		for i := range 200 {
			var row struct{ MemberNo int }
			if err := d.Decode(&row); err != nil || row.MemberNo != i+1 {
				t.Fatalf("row %d: %+v, %v", i, row, err)
			}
		}
		resp.Body.Close()
		<-s.ended
	}
}

func TestPatterns(t *testing.T) {
	ncp := newNCP(t, sim.Config{})
	ncp.SetFault("*", sim.Fault{Status: 500})
	ncp.SetFault("/account/group/*", sim.Fault{Status: 502})
	ncp.SetFault("/account/group/612", sim.NCPNotFound())
	all := func() string {
		var codes []string
		for _, path := range []string{"/org", "/account/leave", "/account/group/611", "/account/group/612", "/else"} {
			codes = append(codes, fmt.Sprint(record(t, ncp, path).Code))
		}
		return strings.Join(codes, " ")
	}
	for _, step := range []struct{ remove, want string }{
		{"/org", "500 500 502 404 500"},
		{"/account/group/612", "500 500 502 502 500"},
		{"/account/*", "500 500 500 500 500"},
		{"*", "200 200 200 200 404"},
	} {
		ncp.SetFault(step.remove, sim.Fault{})
		if have := all(); have != step.want {
			t.Errorf("%s removed: want %s, have %s", step.remove, step.want, have)
		}
	}
	ncp.SetFault("*", sim.Fault{Status: 500})
	ncp.SetFault("/account/*", sim.Fault{Status: 502})
	ncp.SetFault("*", sim.Fault{})
	if have := all(); have != "200 200 200 200 404" {
		t.Errorf("all removed: have %s", have)
	}
}
