package scpapi

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/cloudorg-exporter/cloudorg_exporter/internal/httpx"
	"github.com/cloudorg-exporter/cloudorg_exporter/internal/sim"
)

const html = "<html><body>Please come back later.</body></html>"

// refusals are the bodies that were seen, and what becomes of them.
func refusals(t testing.TB) map[string]struct {
	status int
	body   string
	want   Error
	text   string
} {
	type refusal = struct {
		status int
		body   string
		want   Error
		text   string
	}
	named := func(file string, status int, want Error, text string) refusal {
		return refusal{status, sample(t, file), want, text}
	}
	const lost = "no credentials arrived: a proxy removed the headers, or the host is wrong"
	return map[string]refusal{
		"forbidden": named("403.a_forbidden.json", 403,
			Error{Kind: httpx.Forbidden, Code: "Forbidden", Permission: "organization:ListOrganizationInvitations", RequestID: "req-0001"},
			"SCP error Forbidden: missing permission organization:ListOrganizationInvitations (HTTP 403, request req-0001)"),
		"validation": named("400.a_validation.json", 400,
			Error{Kind: httpx.Other, Code: "ValidationError", Detail: "Bad Request", RequestID: "req-0003"},
			"SCP error ValidationError: Bad Request (HTTP 400, request req-0003)"),
		"not found": named("404.a_notfound.json", 404,
			Error{Kind: httpx.Other, Code: "NotFound", Detail: "Not Found", RequestID: "req-0005"},
			"SCP error NotFound: Not Found (HTTP 404, request req-0005)"),
		"conflict": named("409.a_conflict.json", 409,
			Error{Kind: httpx.Other, Code: "Conflict", RequestID: "req-0007"}, "SCP error Conflict (HTTP 409, request req-0007)"),
		"contact": named("500.a_contact.json", 500,
			Error{Kind: httpx.Server, Code: "ContactAdminForAssistance", Detail: "Internal Server Error", RequestID: "req-0009"},
			"SCP error ContactAdminForAssistance: Internal Server Error (HTTP 500, request req-0009)"),
		"gateway": named("401.b_gateway.json", 401,
			Error{Kind: httpx.Auth, Code: "UNAUTHORIZED", Message: refused},
			"SCP error UNAUTHORIZED: the gateway refuses the access key, the signature or the account (HTTP 401)"),
		"signature": named("401.b_hmac.json", 401,
			Error{Kind: httpx.Auth, Code: "HmacValidFail", Message: "the signature is wrong: probably the secret key is"},
			"SCP error HmacValidFail: the signature is wrong: probably the secret key is (HTTP 401)"),
		"no credentials": named("404.c_nocredentials.json", 404,
			Error{Kind: httpx.Auth, Message: lost, RequestID: "0a1b2c3d-1"}, "SCP: "+lost+" (HTTP 404, request 0a1b2c3d-1)"),
		"version": named("406.e_version.json", 406,
			Error{Kind: httpx.Other, Code: "NoSuchVersion", Err: ErrVersion, RequestID: "req-0011"},
			`SCP error NoSuchVersion: unknown API version 1.3: change api_version, or set it to "" for the newest (HTTP 406, request req-0011)`),
		"an error without an error": named("400.a_empty.json", 400,
			Error{Kind: httpx.Other, Detail: "bad request"}, "SCP: bad request (HTTP 400)"),

		"a bare 401":  {401, "", Error{Kind: httpx.Auth, Message: refused, Detail: "unauthorized"}, "SCP: " + refused + " (HTTP 401)"},
		"a bare 403":  {403, "", Error{Kind: httpx.Forbidden, Detail: "forbidden"}, "SCP: forbidden (HTTP 403)"},
		"a bare 406":  {406, html, Error{Kind: httpx.Other, Err: ErrVersion}, `SCP: unknown API version 1.3: change api_version, or set it to "" for the newest (HTTP 406)`},
		"a 404 page":  {404, html, Error{Kind: httpx.Other, Message: "not an answer of the API: is base_url right?"}, "SCP: not an answer of the API: is base_url right? (HTTP 404)"},
		"a bare 404":  {404, "", Error{Kind: httpx.Other, Message: "not an answer of the API: is base_url right?"}, "SCP: not an answer of the API: is base_url right? (HTTP 404)"},
		"a bare 503":  {503, "", Error{Kind: httpx.Server, Detail: "service unavailable"}, "SCP: service unavailable (HTTP 503)"},
		"a 502 page":  {502, html, Error{Kind: httpx.Server, Detail: "bad gateway"}, "SCP: bad gateway (HTTP 502)"},
		"a bare 429":  {429, "", Error{Kind: httpx.Throttled, Detail: "too many requests"}, "SCP: too many requests (HTTP 429)"},
		"an array":    {400, "[1]", Error{Kind: httpx.Other, Detail: "bad request"}, "SCP: bad request (HTTP 400)"},
		"odd errors":  {400, `{"errors": {"code": 1}}`, Error{Kind: httpx.Other, Detail: "bad request"}, "SCP: bad request (HTTP 400)"},
		"odd entries": {400, `{"errors": [7]}`, Error{Kind: httpx.Other, Detail: "bad request"}, "SCP: bad request (HTTP 400)"},
	}
}

func TestErrors(t *testing.T) {
	for name, c := range refusals(t) {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { // retries wait
				_, _, err := newClient(says(c.status, c.body), nil).ReceivedInvitations(t.Context())
				var have *Error
				if !errors.As(err, &have) {
					t.Fatalf("have %T %v", err, err)
				}
				c.want.API, c.want.Status = "scp", c.status
				if diff := cmp.Diff(c.want, *have, cmpopts.IgnoreFields(Error{}, "Offset", "Err")); diff != "" {
					t.Errorf("(-want +have):\n%s", diff)
				}
				if !errors.Is(have, c.want.Err) && c.want.Err != nil {
					t.Errorf("want %v in the chain, have %v", c.want.Err, have.Err)
				}
				if want := "get /v1/account-invitations: " + c.text; err.Error() != want {
					t.Errorf("want %s\nhave %s", want, err)
				}
				if strings.Contains(err.Error(), "made-up") {
					t.Error("details in the error")
				}
			})
		})
	}
}

// What may pass is tried again, what cannot is not.
func TestAttempts(t *testing.T) {
	for name, c := range refusals(t) {
		synctest.Test(t, func(t *testing.T) {
			calls := 0
			answer := says(c.status, c.body)
			_, _, _ = newClient(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				calls++
				answer.ServeHTTP(w, r)
			}), nil).ReceivedInvitations(t.Context())
			want := 1
			if c.status == 429 || c.status >= 500 {
				want = 4
			}
			if calls != want {
				t.Errorf("%s: want %d attempts, have %d", name, want, calls)
			}
		})
	}
}

func TestRetryAfter(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cloud := newSim(t, sim.Config{TLS: true})
		cloud.SetFault(pathReceived, sim.Fault{Status: 429, Header: http.Header{"Retry-After": {"7"}}, Times: 1})
		start := time.Now()
		rows, _, err := newClient(cloud, nil).ReceivedInvitations(t.Context())
		if took := time.Since(start); took != 7*time.Second || err != nil || len(rows) != 2 {
			t.Errorf("have %d rows after %v, error %v", len(rows), took, err)
		}
	})
}

// A skewed clock explains refused credentials, but not lost ones.
func TestClockSkew(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cloud := newSim(t, sim.Config{TLS: true, Skew: 6 * time.Minute})
		reason := func() httpx.Kind {
			_, _, err := newClient(cloud, nil).ReceivedInvitations(t.Context())
			var e *Error
			if !errors.As(err, &e) {
				t.Fatal(err)
			}
			return e.Kind
		}
		if have := reason(); have != httpx.ClockSkew {
			t.Errorf("refused: have %s", have)
		}
		cloud.SetFault(pathReceived, sim.SCPNoCredentials(pathReceived))
		if have := reason(); have != httpx.Auth {
			t.Errorf("lost: have %s", have)
		}
	})
}

func TestUndecodable(t *testing.T) {
	for name, c := range map[string]struct {
		body, want string
	}{
		"HTML":            {html, "not JSON but HTML or XML: is base_url right?"},
		"nothing":         {"", "empty body"},
		"a cut body":      {`{"count": 2, "organization_invitations": [{"id"`, "cut off after 47 bytes"},
		"a bare array":    {"[]", "unexpected shape: an array instead of an object"},
		"null":            {"null", "unexpected shape: no organization_invitations"},
		"no list":         {`{"count": 0, "accounts": []}`, "unexpected shape: no organization_invitations"},
		"no list at all":  {`{}`, "unexpected shape: no organization_invitations"},
		"an odd list":     {`{"organization_invitations": {}}`, "unexpected shape: an object instead of an array"},
		"an odd row":      {`{"organization_invitations": ["x"]}`, "unexpected shape: a string instead of an object"},
		"a null row":      {`{"organization_invitations": [null]}`, "unexpected shape: null instead of an object"},
		"something after": {`{"organization_invitations": []} x`, "trailing data after JSON value"},
	} {
		t.Run(name, func(t *testing.T) {
			rows, _, err := newClient(says(200, c.body), nil).Invitations(t.Context())
			var e *Error
			if rows != nil || !errors.As(err, &e) || e.Kind != httpx.Decode || e.Err.Error() != c.want {
				t.Errorf("want %s, have %v", c.want, err)
			}
		})
	}
}

// No redirect is followed, and no secret or address is repeated.
func TestNothingLeaks(t *testing.T) {
	elsewhere := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Host != strings.TrimPrefix(testBase, "https://") {
			t.Errorf("%s was asked", r.Host)
		}
		http.Redirect(w, r, "https://elsewhere.example.test/", http.StatusFound)
	})
	echo := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusBadRequest)
		_, _ = w.Write([]byte(`{"errors": [{"code": "` + testSecret + `", "title": "of kim@example.test with ` + testAccess + `", "detail": "kim"}]}`))
	})
	for name, cloud := range map[string]http.Handler{"redirect": elsewhere, "echo": echo} {
		_, _, err := newClient(cloud, nil).Organizations(context.Background())
		if err == nil {
			t.Fatal(name, "no error")
		}
		for _, secret := range []string{testSecret, testAccess, "kim", "elsewhere"} {
			if strings.Contains(err.Error(), secret) {
				t.Errorf("%s: %s in %v", name, secret, err)
			}
		}
	}
}
