//go:build e2e

package e2e_test

// The endpoints, and the faults that faults_test.go combines with them.

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/cloudorg-exporter/cloudorg_exporter/internal/sim"
)

// An endpoint is a path of one cloud's API.
type endpoint struct {
	cloud      string
	path       string
	title      string // column of the table
	list       string // SCP: name of the list in the response
	unsigned   bool
	collectors []string // that call it
}

func endpoints() []endpoint {
	return []endpoint{
		{cloud: "ncp", path: "/org", title: "org", collectors: []string{"organization"}},
		{cloud: "ncp", path: "/group/tree", title: "group/tree", collectors: []string{"groups", "members"}},
		{cloud: "ncp", path: oneGroup, title: "account/group/{no}", collectors: []string{"members"}},
		{cloud: "ncp", path: "/account/invite/invitation", title: "account/invite/invitation", collectors: []string{"invitations"}},
		{cloud: "ncp", path: "/account/leave", title: "account/leave", collectors: []string{"withdrawals"}},
		{cloud: "ncp", path: "/policy/list", title: "policy/list", collectors: []string{"policies"}},
		{cloud: "scp", path: "/v1/organizations", title: "organizations", list: "organizations", collectors: []string{"organization"}},
		{cloud: "scp", path: "/v1/organization-accounts", title: "organization-accounts", list: "accounts", collectors: []string{"members"}},
		{cloud: "scp", path: "/v1/organization-invitations", title: "organization-invitations", list: "organization_invitations", collectors: []string{"invitations"}},
		{cloud: "scp", path: "/v1/account-invitations", title: "account-invitations", list: "account_invitations", collectors: []string{"received_invitations"}},
		{cloud: "scp", path: "/", title: "/", list: "versions", unsigned: true, collectors: []string{"api_version"}},
	}
}

// oneGroup is a group of the sample that is not the root.
const oneGroup = "/account/group/612"

// collectorsOf returns all collectors of a cloud.
func collectorsOf(cloud string) []string {
	if cloud == "scp" {
		return []string{"organization", "members", "invitations", "received_invitations", "api_version"}
	}
	return []string{"organization", "groups", "members", "invitations", "withdrawals", "policies"}
}

// headline returns a family that is present as long as a collector's listing is
// served.
func headline(collector string) string {
	switch collector {
	case "organization":
		return "cloudorg_organization_info"
	case "received_invitations", "groups", "members", "policies":
		return "cloudorg_" + collector
	case "api_version":
		return "cloudorg_api_version_info"
	}
	return "cloudorg_pending_" + collector
}

// Outcomes that are no reason of an error.
const (
	sameData  = "read"                // and nothing has changed
	otherData = "served changed data" // as the answer says something else
)

// A fault is something that fails at one endpoint, or at all of a cloud.
type fault struct {
	name  string
	whole bool                    // it is below HTTP, or in the clock: all endpoints have it
	want  func(e endpoint) string // outcome
	begin func(s *site, path string)
	end   func(s *site, path string) // nil: healAll

	pastMaxStale bool          // it lasts longer than max_stale
	retryAfter   time.Duration // between two calls
	retryAt      time.Time     // no call before

	// How the site is reached.
	tls, socks bool
	// The site's simulator is replaced.
	replaces bool
}

// healAll ends any fault of a path.
func healAll(s *site, path string) {
	s.instead.Store(nil)
	s.truth.SetFault(path, sim.Fault{})
	s.now.Store(&s.truth)
}

// responses is a fault of the simulators, and the reason each cloud's client
// makes of it.
func responses(name string, ncp sim.Fault, ncpReason string, scp sim.Fault, scpReason string) fault {
	return fault{
		name: name,
		want: func(e endpoint) string {
			if e.cloud == "scp" {
				return scpReason
			}
			return ncpReason
		},
		begin: func(s *site, path string) {
			if s.cloud == "scp" {
				s.truth.SetFault(path, scp)
			} else {
				s.truth.SetFault(path, ncp)
			}
		},
	}
}

// both is responses where the clouds do not differ.
func both(name string, f sim.Fault, reason string) fault {
	return responses(name, f, reason, f, reason)
}

// except returns f with another outcome for some endpoints.
func (f fault) except(outcome string, these func(e endpoint) bool) fault {
	want := f.want
	f.want = func(e endpoint) string {
		if these(e) {
			return outcome
		}
		return want(e)
	}
	return f
}

// changed is a fault of the body.
func changed(name, outcome string, change func(cloud, body string) string) fault {
	return fault{name: name, want: func(endpoint) string { return outcome }, begin: spoil(change)}
}

// handled is a fault made by a handler.
func handled(name, outcome string, answer func(w http.ResponseWriter)) fault {
	return fault{
		name: name,
		want: func(endpoint) string { return outcome },
		begin: func(s *site, path string) {
			s.instead.Store(&override{path, func(w http.ResponseWriter, _ *http.Request, _ http.Handler) { answer(w) }})
		},
	}
}

// wholeSite is a fault of all endpoints.
func wholeSite(name, reason string, begin, end func(s *site)) fault {
	return fault{
		name: name, whole: true,
		want:  func(endpoint) string { return reason },
		begin: func(s *site, _ string) { begin(s) },
		end:   func(s *site, _ string) { end(s) },
	}
}

func page(status int, text string) sim.Fault {
	return sim.Fault{Status: status, Body: text, Header: http.Header{"Content-Type": {"text/html"}}}
}

func header(key, value string) http.Header { return http.Header{key: {value}} }

// echo is a refusal that contains what must not be shown.
func echo(format string) sim.Fault {
	return sim.Fault{Status: http.StatusForbidden, Body: fmt.Sprintf(format,
		siteAccess+" with "+siteSecret+" of k.example@example.test\\u0000\\nforged=line")}
}

// faults returns all that are combined with every endpoint. ca signs the
// certificates of the sites.
func faults(ca *authority) []fault {
	const html = "<html><body>Bad Gateway</body></html>"
	is := func(path string) func(endpoint) bool { return func(e endpoint) bool { return e.path == path } }
	unsigned := func(e endpoint) bool { return e.unsigned }
	cloud := func(name string) func(endpoint) bool { return func(e endpoint) bool { return e.cloud == name } }
	pastMaxStale := func(f fault) fault {
		f.pastMaxStale = true
		return f
	}
	date := time.Now().Add(20 * time.Second).Truncate(time.Second)
	withRetryAfter := func(f fault, d time.Duration, until time.Time) fault {
		f.retryAfter, f.retryAt = d, until
		return f
	}
	skewed := func(name string, skew time.Duration) fault {
		f := wholeSite(name, "clock_skew", nil, nil).except(sameData, unsigned)
		f.begin = func(s *site, _ string) {
			other := newSimulator(s.t, s.cloud, sim.Config{Skew: skew})
			s.now.Store(&other)
		}
		f.end, f.replaces = healAll, true
		return f
	}
	certified := func(name string, wrong func(s *site)) fault {
		f := wholeSite(name, "network", wrong, func(s *site) { s.restart(ca.config(s.host(), time.Hour)) })
		f.tls = true
		return f
	}
	nameless := wholeSite("host name not found", "network",
		func(s *site) { s.front.unknown.Store(true); s.restart(nil) },
		func(s *site) { s.front.unknown.Store(false) })
	nameless.socks = true

	return []fault{
		responses("401, key or signature refused", sim.NCPGateway("200"), "auth", sim.SCPGateway("HmacValidFail"), "auth"),
		responses("401, not subscribed · without a body", sim.NCPGateway("210"), "forbidden", sim.Fault{Status: 401}, "auth"),
		responses("401, a Sub Account's key · unknown message", sim.NCPError("COMMON_201"), "not_master", sim.SCPGateway("something new"), "auth"),
		responses("403, not the master · permission missing", sim.NCPError("COMMON_101"), "not_master", sim.SCPError("Forbidden"), "forbidden"),
		responses("403, COMMON_103 · HTML", sim.NCPError("COMMON_103"), "server", page(403, html), "forbidden"),
		responses("403, COMMON_104 · without a body", sim.NCPError("COMMON_104"), "throttled", sim.Fault{Status: 403}, "forbidden"),
		responses("403, undocumented code", sim.NCPError("GROUP_101"), "forbidden", sim.Fault{Status: 403, Body: `{"errors": [{"code": "New", "status": "403"}]}`}, "forbidden"),
		responses("403 that repeats the key and an address", echo(`{"code": "%[1]s", "message": "%[1]s"}`), "forbidden",
			echo(`{"errors": [{"code": "%[1]s", "title": "%[1]s", "detail": "%[1]s", "request_id": "%[1]s", "response": {"action_name": "%[1]s"}}]}`), "forbidden"),
		pastMaxStale(both("403 for longer than max_stale", sim.Fault{Status: 403}, "forbidden")),
		responses("404 of the API", sim.NCPGateway("300"), "other", sim.SCPError("NotFound"), "other").except(otherData, is(oneGroup)),
		responses("404, HTML · no credentials arrived", page(404, html), "other", sim.SCPNoCredentials("/v1/x"), "auth").except(otherData, is(oneGroup)),
		responses("406", sim.Fault{Status: 406}, "other", sim.SCPError("NoSuchVersion"), "api_version"),
		responses("413", sim.NCPGateway("430"), "other", sim.Fault{Status: 413}, "other"),
		responses("429", sim.NCPGateway("420"), "throttled", sim.Fault{Status: 429}, "throttled"),
		withRetryAfter(both("429, Retry-After in seconds", sim.Fault{Status: 429, Header: header("Retry-After", "3")}, "throttled"), 3*time.Second, time.Time{}),
		withRetryAfter(both("429, Retry-After as a date", sim.Fault{Status: 429, Header: header("Retry-After", date.UTC().Format(http.TimeFormat))}, "throttled"), 0, date),
		responses("500", sim.NCPGateway("900"), "server", sim.SCPError("ContactAdminForAssistance"), "server"),
		both("502, HTML", page(502, html), "server"),
		both("503, empty", sim.Fault{Status: 503}, "server"),
		responses("504", sim.NCPGateway("510"), "server", sim.Fault{Status: 504}, "server"),

		wholeSite("connection refused", "network", (*site).down, (*site).up),
		nameless,
		certified("unknown certificate authority", func(s *site) { s.restart(newAuthority(s.t).config(s.host(), time.Hour)) }),
		certified("certificate expired", func(s *site) { s.restart(ca.config(s.host(), -time.Minute)) }),
		certified("certificate of another host", func(s *site) { s.restart(ca.config([]byte{127, 9, 9, 9}, time.Hour)) }),
		certified("plain HTTP on a TLS port", func(s *site) { s.restart(nil) }),
		both("reset before the answer", sim.Fault{Reset: true}, "network"),
		both("reset within the body", sim.Fault{ResetBody: true}, "network"),
		handled("not HTTP", "decode", func(w http.ResponseWriter) {
			if conn, _, err := http.NewResponseController(w).Hijack(); err == nil {
				_, _ = io.WriteString(conn, "SSH-2.0-OpenSSH\r\n")
				conn.Close()
			}
		}),

		both("hangs before the headers", sim.Fault{Hang: true}, "timeout"),
		both("hangs within the body", sim.Fault{HangBody: true}, "timeout"),
		both("one byte per second", sim.Fault{Drip: time.Second}, "timeout"),

		both("ends within the body", sim.Fault{Truncate: true}, "decode"),
		both("truncated JSON", sim.Fault{CutJSON: true}, "decode"),
		both("200, empty", sim.Fault{Status: 200}, "decode"),
		both("200, HTML", sim.Fault{Garbage: true}, "decode"),
		responses("object for array, array for object", sim.Fault{Body: `{"list": []}`}, "decode", sim.Fault{Body: `[]`}, "decode"),
		both("a list of numbers", sim.Fault{Body: `[1, 2]`}, "decode"),
		both("a number", sim.Fault{Body: `7`}, "decode"),
		both("the list is missing", sim.Fault{Body: `{"count": 0}`}, "decode"),
		changed("text after the JSON", "decode", func(_, body string) string { return body + "and more" }),
		changed("null", otherData, func(_, _ string) string { return "null" }).except("decode", cloud("scp")),
		{
			name: "null for the list", want: func(endpoint) string { return otherData },
			begin: func(s *site, path string) {
				body := "null"
				for _, e := range endpoints() {
					if e.cloud == s.cloud && e.path == path && e.list != "" {
						body = fmt.Sprintf(`{"count": 0, %q: null}`, e.list)
					}
				}
				s.truth.SetFault(path, sim.Fault{Body: body})
			},
		},
		both("text/plain", sim.Fault{Header: header("Content-Type", "text/plain;charset=UTF-8")}, sameData),
		both("gzip header on a plain body", sim.Fault{Header: header("Content-Encoding", "gzip")}, sameData),
		changed("unsolicited gzip", "decode", func(_, body string) string { return compressed(body) }),
		handled("nested too deeply", "decode", func(w http.ResponseWriter) {
			_, _ = io.WriteString(w, `{"x": `+strings.Repeat(`[{"y":`, 100_000))
		}),
		changed("invalid UTF-8", otherData, func(cloud, body string) string {
			if cloud == "scp" { // its names are in small letters
				body = strings.ReplaceAll(body, "E", "\xff")
			}
			return strings.ReplaceAll(body, "I", "\xc3\x28")
		}),
		changed("every row twice", sameData, func(_, body string) string { return twice(body) }).except(otherData, func(e endpoint) bool {
			switch e.collectors[0] { // "counts are of all rows" of these
			case "invitations", "withdrawals", "policies":
				return e.cloud == "ncp"
			}
			return false
		}),
		both("redirect to another host", sim.Fault{Redirect: otherHost}, "other"),
		skewed("cloud clock 6 minutes ahead", 6*time.Minute),
		skewed("cloud clock 6 minutes behind", -6*time.Minute),
	}
}

// otherHost is the target of a redirect, which must not be called.
const otherHost = "http://127.0.0.99:10099/open-api/v1/org"

// twice repeats the rows of the array in a body, or the fields of the object.
func twice(body string) string {
	from, to := strings.IndexByte(body, '['), strings.LastIndexByte(body, ']')
	if strings.HasPrefix(body, "{") {
		// A list in an object follows its name.
		if at := strings.LastIndex(body, `": [{`); at >= 0 && strings.Contains(body, `"count"`) {
			from = at + len(`": `)
		} else if !strings.Contains(body, `"versions"`) {
			from, to = 0, strings.LastIndexByte(body, '}')
		}
	}
	if from < 0 || strings.TrimSpace(body[from+1:to]) == "" {
		return body
	}
	return body[:to] + ", " + body[from+1:to] + body[to:]
}

func compressed(body string) string {
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	_, _ = io.WriteString(z, body)
	z.Close()
	return b.String()
}
