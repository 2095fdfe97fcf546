//go:build e2e

package e2e_test

// The faults that faults_test.go combines with the endpoints of apis_test.go.

import (
	"bytes"
	"cmp"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/cloudorg-exporter/cloudorg_exporter/internal/sim"
)

// Outcomes that are no reason of an error.
const (
	sameData  = "read"                // and nothing has changed
	otherData = "served changed data" // as the answer says something else
)

// A fault is something that fails at one endpoint, or at all of an API.
type fault struct {
	name  string
	whole bool                    // it is below HTTP, in the clock or in the account: all endpoints have it
	want  func(e endpoint) string // outcome; empty: it does not apply
	begin func(s *site, e endpoint)
	end   func(s *site, e endpoint) // nil: healAll

	pastMaxStale bool          // it lasts longer than max_stale
	retryAfter   time.Duration // between two calls
	retryAt      time.Time     // no call before

	// How the site is reached.
	tls, socks bool
	// The site's simulator is replaced.
	replaces bool
}

// healAll ends any fault of an endpoint.
func healAll(s *site, e endpoint) {
	s.instead.Store(nil)
	s.truth.SetFault(e.key(), sim.Fault{})
	s.now.Store(&s.truth)
}

// always is the outcome of a fault at every endpoint.
func always(outcome string) func(endpoint) string { return func(endpoint) string { return outcome } }

// simulated is a fault of the simulator.
func simulated(name string, f sim.Fault, outcome string) fault {
	return fault{name: name, want: always(outcome), begin: func(s *site, e endpoint) { s.truth.SetFault(e.key(), f) }}
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
func changed(name, outcome string, change func(e endpoint, body string) string) fault {
	return fault{name: name, want: always(outcome), begin: spoil(change)}
}

// handled is a fault made by a handler.
func handled(name, outcome string, answer func(w http.ResponseWriter)) fault {
	return fault{
		name: name,
		want: always(outcome),
		begin: func(s *site, e endpoint) {
			s.instead.Store(&override{e.key(), func(w http.ResponseWriter, _ *http.Request, _ http.Handler) { answer(w) }})
		},
	}
}

// wholeSite is a fault of all endpoints.
func wholeSite(name, reason string, begin, end func(s *site)) fault {
	return fault{
		name: name, whole: true,
		want:  always(reason),
		begin: func(s *site, _ endpoint) { begin(s) },
		end:   func(s *site, _ endpoint) { end(s) },
	}
}

// replaced is a fault of all endpoints: another simulator answers.
func replaced(name, reason string, cfg sim.Config) fault {
	f := wholeSite(name, reason, func(s *site) {
		other := newSimulator(s.t, s.api, cfg)
		s.now.Store(&other)
	}, nil)
	f.end, f.replaces = healAll, true
	return f
}

// refused is a refusal of the API.
func refused(r refusal) fault {
	f := simulated(r.name, r.answer, r.reason)
	if r.only != nil {
		f = f.except("", func(e endpoint) bool { return !slices.Contains(r.only, e.operation) })
	}
	if r.answer.Status == http.StatusNotFound {
		f = f.except(otherData, func(e endpoint) bool { return e.gone404 })
	}
	return f
}

// faults returns all that are combined with every endpoint of an API. ca signs
// the certificates of the sites.
func faults(a *api, ca *authority) (all []fault) {
	for _, r := range a.refusals {
		all = append(all, refused(r))
	}
	status := func(code int, reason string) string { return cmp.Or(a.statuses[code], reason) }
	unsigned := func(e endpoint) bool { return e.unsigned }
	withHeader := func(key, value string) sim.Fault {
		f := a.throttled
		f.Header = header(key, value)
		return f
	}
	date := time.Now().Add(20 * time.Second).Truncate(time.Second)
	certified := func(name string, wrong func(s *site)) fault {
		f := wholeSite(name, "network", wrong, func(s *site) { s.restart(ca.config(s.host(), time.Hour)) })
		f.tls = true
		return f
	}
	nameless := wholeSite("host name not found", "network",
		func(s *site) { s.front.unknown.Store(true); s.restart(nil) },
		func(s *site) { s.front.unknown.Store(false) })
	nameless.socks = true
	forbidden := simulated("403 for longer than max_stale", answer(403, ""), status(403, "forbidden"))
	forbidden.pastMaxStale = true
	inSeconds := simulated("throttled, Retry-After in seconds", withHeader("Retry-After", "3"), "throttled")
	inSeconds.retryAfter = 3 * time.Second
	asDate := simulated("throttled, Retry-After as a date", withHeader("Retry-After", date.UTC().Format(http.TimeFormat)), "throttled")
	asDate.retryAt = date

	all = append(all,
		// What must not be shown: the keys, an address, and a line that looks like another one.
		simulated("refusal that repeats the key and an address", answer(403, fmt.Sprintf(a.echo,
			siteAccess+" with "+siteSecret+" of k.example@example.test\\u0000\\nforged=line")), "forbidden"),
		simulated("401 without a body", answer(401, ""), "auth"),
		simulated("403 without a body", answer(403, ""), status(403, "forbidden")),
		simulated("403, HTML", page(403), status(403, "forbidden")),
		forbidden,
		simulated("404, HTML", page(404), "other").except(otherData, func(e endpoint) bool { return e.gone404 }),
		simulated("406 without a body", answer(406, ""), status(406, "other")),
		simulated("429 without a body", answer(429, ""), "throttled"),
		inSeconds,
		asDate,
		simulated("502, HTML", page(502), "server"),
		simulated("503, empty", answer(503, ""), "server"),
		simulated("504, empty", answer(504, ""), "server"),

		wholeSite("connection refused", "network", (*site).down, (*site).up),
		nameless,
		certified("unknown certificate authority", func(s *site) { s.restart(newAuthority(s.t).config(s.host(), time.Hour)) }),
		certified("certificate expired", func(s *site) { s.restart(ca.config(s.host(), -time.Minute)) }),
		certified("certificate of another host", func(s *site) { s.restart(ca.config([]byte{127, 9, 9, 9}, time.Hour)) }),
		certified("plain HTTP on a TLS port", func(s *site) { s.restart(nil) }),
		simulated("reset before the answer", sim.Fault{Reset: true}, "network"),
		simulated("reset within the body", sim.Fault{ResetBody: true}, "network"),
		handled("not HTTP", "decode", func(w http.ResponseWriter) {
			if conn, _, err := http.NewResponseController(w).Hijack(); err == nil {
				_, _ = io.WriteString(conn, "SSH-2.0-OpenSSH\r\n")
				conn.Close()
			}
		}),

		simulated("hangs before the headers", sim.Fault{Hang: true}, "timeout"),
		simulated("hangs within the body", sim.Fault{HangBody: true}, "timeout"),
		simulated("one byte per second", sim.Fault{Drip: time.Second}, "timeout"),

		simulated("ends within the body", sim.Fault{Truncate: true}, "decode"),
		simulated("truncated JSON", sim.Fault{CutJSON: true}, "decode"),
		simulated("200, empty", answer(200, ""), "decode"),
		simulated("200, HTML", sim.Fault{Garbage: true}, "decode"),
		changed("object for array, array for object", "decode", func(_ endpoint, body string) string {
			if strings.HasPrefix(body, "[") {
				return `{"list": []}`
			}
			return `[]`
		}),
		simulated("a list of numbers", answer(0, `[1, 2]`), "decode"),
		simulated("a number", answer(0, `7`), "decode"),
		simulated("the list is missing", answer(0, `{"count": 0}`), "decode"),
		changed("text after the JSON", "decode", func(_ endpoint, body string) string { return body + "and more" }),
		// Where the list is in an object, null is not a list, and neither is an object.
		changed("null", otherData, func(endpoint, string) string { return "null" }).except("decode", func(e endpoint) bool { return e.list != "" }),
		changed("null for the list", otherData, func(e endpoint, _ string) string {
			if e.list == "" {
				return "null"
			}
			return fmt.Sprintf(`{"count": 0, "totalElements": 0, %q: null}`, e.list)
		}).except("decode", func(e endpoint) bool { return e.object && e.list != "" }),
		simulated("text/plain", sim.Fault{Header: header("Content-Type", "text/plain;charset=UTF-8")}, sameData),
		simulated("gzip header on a plain body", sim.Fault{Header: header("Content-Encoding", "gzip")}, sameData),
		changed("unsolicited gzip", "decode", func(_ endpoint, body string) string { return compressed(body) }),
		handled("nested too deeply", "decode", func(w http.ResponseWriter) {
			_, _ = io.WriteString(w, `{"x": `+strings.Repeat(`[{"y":`, 100_000))
		}),
		changed("invalid UTF-8", otherData, func(_ endpoint, body string) string { return a.corrupt.Replace(body) }),
		changed("every row twice", sameData, twice).except(otherData, func(e endpoint) bool { return e.allRows }),
		simulated("redirect to another host", sim.Fault{Redirect: otherHost}, "other"),
		replaced("cloud clock 6 minutes ahead", "clock_skew", sim.Config{Skew: 6 * time.Minute}).except(sameData, unsigned),
		replaced("cloud clock 6 minutes behind", "clock_skew", sim.Config{Skew: -6 * time.Minute}).except(sameData, unsigned),
	)
	return append(all, a.faults...)
}

// paged is a fault of how a list is paged.
func paged[P any](name string, p P, outcome string) fault {
	set := func(s *site, e endpoint, p P) {
		s.truth.(interface{ SetPaging(operation string, p P) }).SetPaging(e.operation, p)
	}
	f := fault{name: name, want: always(outcome), begin: func(s *site, e endpoint) { set(s, e, p) }}
	f.end = func(s *site, e endpoint) {
		var none P
		set(s, e, none)
	}
	return f.except("", func(e endpoint) bool { return e.unpaged })
}

// otherHost is the target of a redirect, which must not be called.
const otherHost = "http://127.0.0.99:10099/open-api/v1/org"

// twice repeats the rows of the list in a body, or the fields of the object.
func twice(e endpoint, body string) string {
	list := body
	if e.list != "" {
		var fields map[string]json.RawMessage
		if err := json.Unmarshal([]byte(body), &fields); err != nil {
			return body
		}
		list = string(fields[e.list])
	}
	if len(list) <= len("[]") {
		return body
	}
	end := len(list) - 1
	return strings.Replace(body, list, list[:end]+", "+list[1:end]+list[end:], 1)
}

func compressed(body string) string {
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	_, _ = io.WriteString(z, body)
	z.Close()
	return b.String()
}
