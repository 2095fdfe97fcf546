package httpx

import (
	"errors"
	"io"
	"net/http"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// enveloped reads the array in {"rows": [...]}.
func enveloped(r *Reader) (all []int64) {
	listed := false
	r.Object(func(name string) {
		if name == "rows" {
			listed = true
			all = numbers(r)
		}
	})
	if !listed {
		r.Fail("unexpected shape: no rows")
	}
	return all
}

// insideClient is a client of an API that answers 200 with body, and whose
// errors have the kind in their field code.
func insideClient(body io.Reader, header ...string) (c *Client, throttled *int) {
	throttled = new(int)
	a := api()
	a.ErrorFields = []string{"errors"}
	a.Explain = func(status int, _ http.Header, body []byte) Error {
		e := ParseFields(body).First("errors")
		kind := Kind(e.Text("code"))
		if kind == "" {
			kind = ByStatus(status)
		}
		return Error{Kind: kind, Code: e.Text("code"), Detail: e.Text("title"), Err: errors.New("what the code means")}
	}
	next := tripper(func(*http.Request) (*http.Response, error) {
		resp := answer(200, "", header...)
		resp.Body = io.NopCloser(body)
		return resp, nil
	})
	return New(a, NewTransport(Config{
		Next: next, Concurrency: 1, RateLimit: 1000, MaxRows: 1_000_000,
		Throttled: func() { *throttled++ },
	})), throttled
}

// An error in an answer of 200 is what its code says, in all that follows from
// it.
func TestErrorInside200(t *testing.T) {
	for _, tt := range []struct {
		name, body string
		header     []string
		kind       Kind
		says       string
		throttled  int
	}{
		{"throttled", `{"errors": [{"code": "throttled", "title": "to TOPSECRET"}]}`, []string{"Retry-After", "7"}, Throttled, "error throttled: to <secret>", 1},
		{"beside no rows", `{"rows": [], "errors": [{"code": "auth"}]}`, nil, Auth, "error auth: what the code means (HTTP 200)", 0},
		{"beside rows", `{"rows": [1], "errors": [{"code": "auth"}]}`, nil, Decode, "an error beside rows (HTTP 200)", 0},
		{"without a code", `{"rows": [], "errors": [{}]}`, nil, Decode, "what the code means (HTTP 200)", 0},
		{"clock", `{"errors": [{"code": "auth"}]}`, []string{"Date", "Fri, 31 Dec 1999 23:00:00 GMT"}, ClockSkew, "the cloud's clock is -1h0m0s from ours", 0},
		{"another object", `{"errors": [], "lines": []}`, nil, Decode, "TEST: unexpected shape: no rows (HTTP 200)", 0},
		{"cut off", `{"errors": [{"code": "auth"}]`, nil, Decode, "cut off after", 0},
		{"more after it", `{"errors": [{"code": "auth"}]} 1`, nil, Auth, "error auth", 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c, throttled := insideClient(strings.NewReader(tt.body), tt.header...)
				_, _, err := attempt(WithOperation(t.Context(), "/list"), c, Request{Operation: "/list", URL: "http://api.test/list"}, enveloped)
				e, ok := errors.AsType[*Error](err)
				if !ok || e.Kind != tt.kind || !strings.Contains(e.Error(), tt.says) || *throttled != tt.throttled {
					t.Errorf("want %s, %q and %d throttled calls, have %v and %d", tt.kind, tt.says, tt.throttled, err, *throttled)
				}
				if len(tt.header) > 0 && tt.header[0] == "Retry-After" && e.RetryAfter != 7*time.Second {
					t.Errorf("want to wait 7s, have %s", e.RetryAfter)
				}
			})
		})
	}
}

// An answer with an error behind its rows is read as a stream, and so are large
// fields that nobody reads.
func TestErrorBehindRowsIsNotBuffered(t *testing.T) {
	const rows = 500_000
	body := io.MultiReader(
		strings.NewReader(`{"more": [`), strings.NewReader(strings.Repeat("[1234567],", 1_000_000)), strings.NewReader(`0], "rows": [`),
		strings.NewReader(strings.Repeat("1,", rows-1)), strings.NewReader(`1], "errors": [{"code": "auth"}]}`))
	c, _ := insideClient(body)
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	_, _, err := Get(t.Context(), c, Request{Operation: "/list", URL: "http://api.test/list"}, func(r *Reader) (n int) {
		var number Number
		r.Object(func(name string) {
			if name == "rows" {
				r.Array(func() { r.Decode(&number); n++ })
			}
		})
		if n != rows {
			t.Errorf("want %d rows, have %d", rows, n)
		}
		return n
	})
	runtime.ReadMemStats(&after)
	if e, ok := errors.AsType[*Error](err); !ok || e.Kind != Decode || !strings.Contains(e.Error(), "an error beside rows") {
		t.Errorf("want an error beside rows, have %v", err)
	}
	if used := after.TotalAlloc - before.TotalAlloc; used > 4<<20 {
		t.Errorf("%d bytes were allocated for %d rows", used, rows)
	}
}
