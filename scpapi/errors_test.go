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
	const lost = "no credentials have arrived: the headers were lost on the way, or the host is wrong"
	return map[string]refusal{
		"forbidden": named("403.a_forbidden.json", 403,
			Error{Reason: httpx.Forbidden, Code: "Forbidden", Permission: "organization:ListOrganizationInvitations", RequestID: "req-0001"},
			"scp: Forbidden: missing permission organization:ListOrganizationInvitations (status 403, request req-0001)"),
		"validation": named("400.a_validation.json", 400,
			Error{Reason: httpx.Other, Code: "ValidationError", Message: "Bad Request", RequestID: "req-0003"},
			"scp: ValidationError: Bad Request (status 400, request req-0003)"),
		"not found": named("404.a_notfound.json", 404,
			Error{Reason: httpx.Other, Code: "NotFound", Message: "Not Found", RequestID: "req-0005"},
			"scp: NotFound: Not Found (status 404, request req-0005)"),
		"conflict": named("409.a_conflict.json", 409,
			Error{Reason: httpx.Other, Code: "Conflict", RequestID: "req-0007"}, "scp: Conflict (status 409, request req-0007)"),
		"contact": named("500.a_contact.json", 500,
			Error{Reason: httpx.Server, Code: "ContactAdminForAssistance", Message: "Internal Server Error", RequestID: "req-0009"},
			"scp: ContactAdminForAssistance: Internal Server Error (status 500, request req-0009)"),
		"gateway": named("401.b_gateway.json", 401,
			Error{Reason: httpx.Auth, Code: "UNAUTHORIZED", Message: refused},
			"scp: UNAUTHORIZED: the gateway refuses the access key, the signature or the account (status 401)"),
		"signature": named("401.b_hmac.json", 401,
			Error{Reason: httpx.Auth, Code: "HmacValidFail", Message: "the signature is wrong: the secret key, probably"},
			"scp: HmacValidFail: the signature is wrong: the secret key, probably (status 401)"),
		"no credentials": named("404.c_nocredentials.json", 404,
			Error{Reason: httpx.Auth, Message: lost, RequestID: "0a1b2c3d-1"}, "scp: "+lost+" (status 404, request 0a1b2c3d-1)"),
		"version": named("406.e_version.json", 406,
			Error{Reason: httpx.APIVersion, Code: "NoSuchVersion", Message: `the API does not know version 1.3: change api_version, or set it to "" for the newest`, RequestID: "req-0011"},
			`scp: NoSuchVersion: the API does not know version 1.3: change api_version, or set it to "" for the newest (status 406, request req-0011)`),
		"an error without an error": named("400.a_empty.json", 400,
			Error{Reason: httpx.Other, Message: "bad request"}, "scp: bad request (status 400)"),

		"a bare 401":  {401, "", Error{Reason: httpx.Auth, Message: refused}, "scp: " + refused + " (status 401)"},
		"a bare 403":  {403, "", Error{Reason: httpx.Forbidden, Message: "forbidden"}, "scp: forbidden (status 403)"},
		"a bare 406":  {406, html, Error{Reason: httpx.APIVersion, Message: `the API does not know version 1.3: change api_version, or set it to "" for the newest`}, `scp: the API does not know version 1.3: change api_version, or set it to "" for the newest (status 406)`},
		"a 404 page":  {404, html, Error{Reason: httpx.Other, Message: "not an answer of the API: is base_url right?"}, "scp: not an answer of the API: is base_url right? (status 404)"},
		"a bare 404":  {404, "", Error{Reason: httpx.Other, Message: "not an answer of the API: is base_url right?"}, "scp: not an answer of the API: is base_url right? (status 404)"},
		"a bare 503":  {503, "", Error{Reason: httpx.Server, Message: "service unavailable"}, "scp: service unavailable (status 503)"},
		"a 502 page":  {502, html, Error{Reason: httpx.Server, Message: "bad gateway"}, "scp: bad gateway (status 502)"},
		"a bare 429":  {429, "", Error{Reason: httpx.Throttled, Message: "too many requests"}, "scp: too many requests (status 429)"},
		"an array":    {400, "[1]", Error{Reason: httpx.Other, Message: "bad request"}, "scp: bad request (status 400)"},
		"odd errors":  {400, `{"errors": {"code": 1}}`, Error{Reason: httpx.Other, Message: "bad request"}, "scp: bad request (status 400)"},
		"odd entries": {400, `{"errors": [7]}`, Error{Reason: httpx.Other, Message: "bad request"}, "scp: bad request (status 400)"},
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
				if diff := cmp.Diff(c.want, *have, cmpopts.IgnoreFields(Error{}, "Offset")); diff != "" {
					t.Errorf("(-want +have):\n%s", diff)
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
		reason := func() httpx.Reason {
			_, _, err := newClient(cloud, nil).ReceivedInvitations(t.Context())
			var e *Error
			if !errors.As(err, &e) {
				t.Fatal(err)
			}
			return e.Reason
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
		"a bare array":    {"[]", "unexpected shape: an array where an object belongs"},
		"null":            {"null", "unexpected shape: an answer without organization_invitations"},
		"no list":         {`{"count": 0, "accounts": []}`, "unexpected shape: an answer without organization_invitations"},
		"no list at all":  {`{}`, "unexpected shape: an answer without organization_invitations"},
		"an odd list":     {`{"organization_invitations": {}}`, "unexpected shape: an object where an array belongs"},
		"an odd row":      {`{"organization_invitations": ["x"]}`, "unexpected shape: a string where an object belongs"},
		"a null row":      {`{"organization_invitations": [null]}`, "unexpected shape: null where an object belongs"},
		"something after": {`{"organization_invitations": []} x`, "something stands after the JSON"},
	} {
		t.Run(name, func(t *testing.T) {
			rows, _, err := newClient(says(200, c.body), nil).Invitations(t.Context())
			var e *Error
			if rows != nil || !errors.As(err, &e) || e.Reason != httpx.Decode || e.Err.Error() != c.want {
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
