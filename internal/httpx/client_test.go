package httpx

import (
	"bytes"
	"cmp"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	gocmp "github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// tripper answers calls without a network.
type tripper func(*http.Request) (*http.Response, error)

func (f tripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

func answer(status int, body string, header ...string) *http.Response {
	h := http.Header{}
	for i := 0; i < len(header); i += 2 {
		h.Set(header[i], header[i+1])
	}
	return &http.Response{StatusCode: status, Header: h, Body: io.NopCloser(strings.NewReader(body))}
}

// api is an API whose error bodies are the reason itself.
func api() API {
	return API{
		Name:       "test",
		Operations: []string{"/list"},
		Sign: func(r *http.Request, _ string, now time.Time) {
			r.Header.Set("Signed-At", now.UTC().Format(time.TimeOnly))
		},
		Explain: func(_ int, _ http.Header, body []byte) Error {
			return Error{Kind: Kind(body), Code: "C1", Detail: "said: " + string(body)}
		},
		Secrets: func() []string { return []string{"TOPSECRET"} },
	}
}

func client(rt http.RoundTripper, calls *[]Call) *Client {
	cfg := Config{Next: rt, Concurrency: 4, RateLimit: 1000, MaxRows: 1000}
	if calls != nil {
		cfg.Observe = func(c Call) { *calls = append(*calls, c) }
	}
	return New(api(), NewTransport(cfg))
}

// numbers reads an array of numbers.
func numbers(r *Reader) (all []int64) {
	r.Array(func() {
		var n Number
		if r.Decode(&n); n.Valid {
			all = append(all, n.Value)
		}
	})
	return all
}

func get(ctx context.Context, c *Client) ([]int64, int, error) {
	return Get(ctx, c, Request{Operation: "/list", URL: "http://api.test/list"}, numbers)
}

func TestGet(t *testing.T) {
	c := client(tripper(func(r *http.Request) (*http.Response, error) {
		if r.Method != http.MethodGet || r.Header.Get("Accept") != "application/json" {
			t.Errorf("unexpected request: %s %v", r.Method, r.Header)
		}
		return answer(200, ` [1, "2", null, "", "-", " 3 ", "12****", {"deep": [4]}, 5.0, 5.5, 6e0, true] `), nil
	}), nil)
	have, unparsed, err := get(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	if diff := gocmp.Diff([]int64{1, 2, 3, 5, 6}, have); diff != "" || unparsed != 4 {
		t.Errorf("4 warnings wanted, %d had; (-want +have):\n%s", unparsed, diff)
	}
}

func TestRetry(t *testing.T) {
	for _, tt := range []struct {
		name    string
		answers []string // "" is a good one
		status  int
		header  []string
		timeout time.Duration
		calls   int
		least   time.Duration // that it takes
		most    time.Duration
		kind    Kind // of the error; empty if there is none
	}{
		{name: "recovers", answers: []string{"server", "server", ""}, calls: 3, least: 200 * time.Millisecond, most: 5 * time.Second},
		{name: "gives up", answers: []string{"server"}, calls: 4, least: time.Second / 2, most: 5 * time.Second, kind: Server},
		{name: "waits as told", answers: []string{"throttled", ""}, header: []string{"Retry-After", "7"}, calls: 2, least: 7 * time.Second, most: 7 * time.Second},
		{name: "cannot wait as told", answers: []string{"throttled", ""}, header: []string{"Retry-After", "120"}, calls: 1, most: 0, kind: Throttled},
		{name: "cannot wait for ever", answers: []string{"throttled", ""}, header: []string{"Retry-After", "99999999999999999999"}, calls: 1, most: 0, kind: Throttled},
		{name: "refused credentials are final", answers: []string{"auth", ""}, calls: 1, most: 0, kind: Auth},
		{name: "decode is final", answers: []string{"decode", ""}, calls: 1, most: 0, kind: Decode},
		{name: "forbidden is final", answers: []string{"forbidden", ""}, calls: 1, most: 0, kind: Forbidden},
		{name: "other is final", answers: []string{"other", ""}, calls: 1, most: 0, kind: Other},
		{name: "time is up", answers: []string{"server"}, timeout: 100 * time.Millisecond, calls: 1, most: 100 * time.Millisecond, kind: Server},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var signed []string
				c := client(tripper(func(r *http.Request) (*http.Response, error) {
					signed = append(signed, r.Header.Get("Signed-At"))
					a := tt.answers[min(len(signed), len(tt.answers))-1]
					if a == "" {
						return answer(200, "[]"), nil
					}
					return answer(500, a, tt.header...), nil
				}), nil)
				ctx, cancel := context.WithTimeout(t.Context(), cmp.Or(tt.timeout, time.Minute))
				defer cancel()
				start := time.Now()
				_, _, err := get(ctx, c)
				took := time.Since(start)
				if len(signed) != tt.calls || took < tt.least || took > tt.most {
					t.Errorf("want %d calls within %s to %s, have %d in %s", tt.calls, tt.least, tt.most, len(signed), took)
				}
				var e *Error
				if errors.As(err, &e) != (tt.kind != "") || e != nil && e.Kind != tt.kind {
					t.Errorf("kind: want %q, have %v", tt.kind, err)
				}
			})
		})
	}
}

// A call that runs out of time is one without an answer. One that we give up says
// nothing of the API, and is not counted.
func TestCallsWithoutAnswer(t *testing.T) {
	hang := tripper(func(r *http.Request) (*http.Response, error) {
		<-r.Context().Done()
		return nil, r.Context().Err()
	})
	synctest.Test(t, func(t *testing.T) {
		var calls []Call
		late, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		_, _, err := get(late, client(hang, &calls))
		if err == nil || len(calls) != 1 || calls[0].Status != 0 || calls[0].Took != time.Second {
			t.Errorf("out of time: want a call of a second without a status, have %+v, %v", calls, err)
		}
	})
	synctest.Test(t, func(t *testing.T) {
		var calls []Call
		given, up := context.WithCancel(t.Context())
		time.AfterFunc(time.Second, up)
		if _, _, err := get(given, client(hang, &calls)); err == nil || len(calls) != 0 {
			t.Errorf("given up: want no call, have %+v, %v", calls, err)
		}
	})
}

func TestEachAttemptIsSignedAnew(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		seen := map[string]bool{}
		c := client(tripper(func(r *http.Request) (*http.Response, error) {
			seen[r.Header.Get("Signed-At")] = true
			if len(seen) < 3 {
				return answer(503, "server", "Retry-After", "1"), nil
			}
			return answer(200, "[]"), nil
		}), nil)
		if _, _, err := get(t.Context(), c); err != nil || len(seen) != 3 {
			t.Errorf("want 3 different signatures, have %v, %v", seen, err)
		}
	})
}

func TestLimits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var running, most atomic.Int64
		c := New(api(), NewTransport(Config{Concurrency: 3, RateLimit: 10, Next: tripper(func(*http.Request) (*http.Response, error) {
			most.Store(max(most.Load(), running.Add(1)))
			time.Sleep(time.Second)
			running.Add(-1)
			return answer(200, "[]"), nil
		})}))
		start := time.Now()
		done := make(chan error)
		for range 9 {
			go func() {
				_, _, err := get(t.Context(), c)
				done <- err
			}()
		}
		for range 9 {
			if err := <-done; err != nil {
				t.Error(err)
			}
		}
		if most.Load() != 3 {
			t.Errorf("calls at once: want 3, have %d", most.Load())
		}
		if took := time.Since(start); took < 3*time.Second || took > 4*time.Second {
			t.Errorf("want about 3s, have %s", took)
		}
	})
}

func TestErrorText(t *testing.T) {
	var calls []Call
	c := client(tripper(func(*http.Request) (*http.Response, error) {
		return answer(403, "other, says somebody@example.test of\nTOPSECRET\x1b[31m "+strings.Repeat("x", 300),
			"Date", time.Now().Add(-2*time.Hour).UTC().Format(http.TimeFormat)), nil
	}), &calls)
	_, _, err := get(t.Context(), c)
	const said = "said: other, says <address> of <secret> [31m "
	want := "get /list: TEST error C1: " + said + strings.Repeat("x", maxText-len(said)) + "… (HTTP 403)"
	if err == nil || err.Error() != want {
		t.Errorf("want %q\nhave %q", want, err)
	}
	if len(calls) != 1 || calls[0].Status != 403 || calls[0].Operation != "/list" || calls[0].Offset == nil || (*calls[0].Offset+2*time.Hour).Abs() > 2*time.Second {
		t.Errorf("unexpected call observed: %+v", calls)
	}
}

func TestClockSkew(t *testing.T) {
	for offset, want := range map[time.Duration]Kind{0: Auth, -6 * time.Minute: ClockSkew, 6 * time.Minute: ClockSkew, 4 * time.Minute: Auth} {
		c := client(tripper(func(*http.Request) (*http.Response, error) {
			return answer(401, "auth", "Date", time.Now().Add(offset).UTC().Format(http.TimeFormat)), nil
		}), nil)
		_, _, err := get(t.Context(), c)
		var e *Error
		if !errors.As(err, &e) || e.Kind != want {
			t.Errorf("%s: want %s, have %v", offset, want, err)
		}
		if want == ClockSkew && !strings.Contains(err.Error(), "the cloud's clock is "+e.Offset.Round(time.Second).String()+" from ours") {
			t.Errorf("%s: the message does not name the offset: %v", offset, err)
		}
	}
}

// endless is a body that repeats a text for ever.
type endless struct {
	text string
	n    atomic.Int64
}

func (e *endless) Read(p []byte) (int, error) {
	n := 0
	for n < len(p) {
		n += copy(p[n:], e.text)
	}
	e.n.Add(int64(n))
	return n, nil
}

func (e *endless) Close() error { return nil }

func TestBodies(t *testing.T) {
	var zipped bytes.Buffer
	z := gzip.NewWriter(&zipped)
	fmt.Fprint(z, "[1,2,3]")
	z.Close()
	for _, tt := range []struct {
		name    string
		handler http.HandlerFunc
		kind    Kind
		text    string
	}{
		{"gzip", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Encoding", "gzip")
			_, _ = w.Write(zipped.Bytes())
		}, "", ""},
		{"gzip lies", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Encoding", "gzip")
			fmt.Fprint(w, "[1,2,3] this is not gzip")
		}, Decode, "broken compression"},
		{"fewer bytes than declared", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "100")
			fmt.Fprint(w, "[1,2")
		}, Decode, "cut off after 4 bytes"},
		{"redirect", func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "http://127.0.0.1:1/elsewhere", http.StatusFound)
		}, Other, "redirected to another address"},
		{"nested", func(w http.ResponseWriter, _ *http.Request) {
			fmt.Fprint(w, strings.Repeat("[", 100_000))
		}, Decode, "not valid JSON"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			server := httptest.NewServer(tt.handler)
			defer server.Close()
			c := client(server.Client().Transport, nil)
			defer c.CloseIdleConnections()
			_, _, err := Get(t.Context(), c, Request{Operation: "/list", URL: server.URL}, numbers)
			var e *Error
			errors.As(err, &e)
			if tt.kind == "" && err != nil || tt.kind != "" && (e == nil || e.Kind != tt.kind || !strings.Contains(err.Error(), tt.text)) {
				t.Errorf("want %q %q, have %v", tt.kind, tt.text, err)
			}
		})
	}
}

func TestBodiesWithoutEnd(t *testing.T) {
	for name, tt := range map[string]struct {
		start, text string
		status      int
		most        int64 // bytes read
		want        string
	}{
		"rows":     {"[", "1,", 200, 1 << 20, "more than 1000 rows"},
		"blanks":   {"[", "          ", 200, 2 << 20, "a single value of more than 1048576 bytes"},
		"a string": {`["`, "abc", 200, 3 << 20, "a single value of more than 1048576 bytes"},
		"an error": {"other", "x", 400, 2 << 20, "said: other"},
	} {
		t.Run(name, func(t *testing.T) {
			body := &endless{text: tt.text}
			c := client(tripper(func(*http.Request) (*http.Response, error) {
				a := answer(tt.status, "")
				a.Body = struct {
					io.Reader
					io.Closer
				}{io.MultiReader(strings.NewReader(tt.start), body), body}
				return a, nil
			}), nil)
			_, _, err := get(t.Context(), c)
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("want %q, have %.300v", tt.want, err)
			}
			if n := body.n.Load(); n > tt.most {
				t.Errorf("read %d bytes, at most %d wanted", n, tt.most)
			}
		})
	}
}

func TestNetwork(t *testing.T) {
	for name, tt := range map[string]struct {
		err  error
		kind Kind
	}{
		"refused": {&net.OpError{Op: "dial", Err: syscall.ECONNREFUSED}, Network},
		"name":    {&net.DNSError{Err: "no such host", Name: "api.test", IsNotFound: true}, Network},
		"slow":    {&net.OpError{Op: "read", Err: context.DeadlineExceeded}, Timeout},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var calls []Call
				c := client(tripper(func(*http.Request) (*http.Response, error) { return nil, tt.err }), &calls)
				_, _, err := get(t.Context(), c)
				var e *Error
				if !errors.As(err, &e) || e.Kind != tt.kind || len(calls) != maxTries || calls[0].Status != 0 {
					t.Errorf("want kind %s after %d calls, have %v after %d", tt.kind, maxTries, err, len(calls))
				}
			})
		})
	}
}

func TestOnlyListedOperations(t *testing.T) {
	c := client(tripper(func(*http.Request) (*http.Response, error) {
		t.Error("called")
		return nil, errors.New("called")
	}), nil)
	ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
	defer cancel()
	if _, _, err := Get(ctx, c, Request{Operation: "/account/leave/force", URL: "http://api.test/account/leave/force"}, numbers); err == nil {
		t.Error("want an error")
	}
}

func mustURL(t *testing.T, text string) *url.URL {
	t.Helper()
	u, err := url.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	return u
}
