package httpx

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"runtime/debug"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// rowsTripper answers with so many rows.
func rowsTripper(rows int) tripper {
	body := "[" + strings.Repeat("7,", rows-1) + "7]"
	return func(*http.Request) (*http.Response, error) { return answer(200, body), nil }
}

func bounded(rt http.RoundTripper, maxRows int) *Client {
	return New(api(), NewTransport(Config{Next: rt, Concurrency: 4, RateLimit: 1e6, MaxRows: maxRows}))
}

// small is a budget for tests.
func small(size int64) *Budget { return &Budget{size: size, large: make(chan struct{}, 1)} }

func kindOf(err error) Kind {
	if e, ok := errors.AsType[*Error](err); ok {
		return e.Kind
	}
	return ""
}

// The bounds are of all calls of an operation in one refresh, and not of one
// call. What a failed attempt has read does not count.
func TestBoundsOfAListing(t *testing.T) {
	c := bounded(rowsTripper(3000), 10_000)
	ctx, end := small(1 << 30).NewAccount().WithRefresh(t.Context())
	for i := range 3 {
		if _, _, err := get(ctx, c); err != nil {
			t.Fatalf("call %d: %v", i, err)
		}
	}
	_, _, err := get(ctx, c)
	if kindOf(err) != Decode || !strings.Contains(err.Error(), "more than 10000 rows") {
		t.Errorf("12,000 rows in four calls: want them refused, have %v", err)
	}
	end()
	ctx, end = small(1 << 30).NewAccount().WithRefresh(t.Context())
	defer end()
	if _, _, err := get(ctx, c); err != nil {
		t.Errorf("the next refresh: %v", err)
	}
}

func TestFailedAttemptsDoNotCount(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := 0
		c := bounded(tripper(func(*http.Request) (*http.Response, error) {
			if n++; n < 4 {
				a := answer(200, "")
				a.Body = io.NopCloser(io.MultiReader(strings.NewReader("["+strings.Repeat("7,", 900_000)), failing{}))
				return a, nil
			}
			return answer(200, "[1]"), nil
		}), 1_000_000)
		budget := small(1 << 30)
		ctx, end := budget.NewAccount().WithRefresh(t.Context())
		if have, _, err := get(ctx, c); err != nil || len(have) != 1 {
			t.Errorf("want the fourth answer, have %v", err)
		}
		if budget.held > 1<<20 {
			t.Errorf("%d bytes are held of failed attempts", budget.held)
		}
		end()
		if budget.held != 0 || budget.used != 0 || budget.kept != 0 {
			t.Errorf("something is held after the end: %d, %d, %d", budget.held, budget.used, budget.kept)
		}
	})
}

// failing is a connection that breaks.
type failing struct{}

func (failing) Read([]byte) (int, error) {
	return 0, &net.OpError{Op: "read", Err: errors.New("connection reset")}
}

// Many refreshes that read without end leave a share to a good one, and hold
// less than the budget and one large one together.
func TestBudgetIsShared(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const size = 4 << 20
		budget := small(size)
		stop := make(chan struct{})
		var wg sync.WaitGroup
		var most atomic.Int64
		for range 8 {
			wg.Go(func() {
				endless := tripper(func(*http.Request) (*http.Response, error) {
					a := answer(200, "")
					a.Body = io.NopCloser(readerFunc(func(p []byte) (int, error) {
						select {
						case <-stop:
							return 0, io.ErrUnexpectedEOF
						case <-time.After(time.Microsecond):
						}
						budget.mu.Lock()
						most.Store(max(most.Load(), budget.held))
						budget.mu.Unlock()
						for i := range p {
							p[i] = "7,"[i%2]
						}
						if len(p)%2 == 1 {
							return len(p) - 1, nil
						}
						return len(p), nil
					}))
					a.Body = io.NopCloser(io.MultiReader(strings.NewReader("["), a.Body))
					return a, nil
				})
				ctx, end := budget.NewAccount().WithRefresh(t.Context())
				defer end()
				ctx, cancel := context.WithTimeout(ctx, time.Minute)
				defer cancel()
				_, _, err := get(ctx, bounded(endless, 0))
				if k := kindOf(err); k != Decode && k != Timeout {
					t.Errorf("want it refused, have %v", err)
				}
			})
		}
		time.Sleep(time.Second)
		ctx, end := budget.NewAccount().WithRefresh(t.Context())
		ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
		if _, _, err := get(ctx, bounded(rowsTripper(1000), 0)); err != nil {
			t.Errorf("the good one: %v", err)
		}
		cancel()
		end()
		close(stop)
		wg.Wait()
		if budget.held != 0 || budget.used != 0 {
			t.Errorf("something is held after the end: %d, %d", budget.held, budget.used)
		}
		if most.Load() > 2*size || most.Load() < size {
			t.Errorf("want between %d and %d bytes held at most, have %d", size, 2*size, most.Load())
		}
	})
}

type readerFunc func([]byte) (int, error)

func (f readerFunc) Read(p []byte) (int, error) { return f(p) }

// What large organizations keep counts, too. A tenth of the budget can be read
// whatever they keep.
func TestKeptCounts(t *testing.T) {
	budget := small(64 << 20)
	rows := func(mib int) int { return mib << 20 / rowCost }
	var read int
	for range 4 {
		account := budget.NewAccount()
		ctx, end := account.WithRefresh(t.Context())
		if _, _, err := get(ctx, bounded(rowsTripper(rows(40)), 0)); err == nil {
			read++
		}
		end()
	}
	if read != 1 || budget.kept < 40<<20 || budget.kept > 64<<20 {
		t.Errorf("want one of four that are read and kept, have %d, %d bytes", read, budget.kept)
	}
	budget.kept += 20 << 20 // of small ones
	account := budget.NewAccount()
	ctx, end := account.WithRefresh(t.Context())
	if _, _, err := get(ctx, bounded(rowsTripper(rows(6)), 0)); err != nil {
		t.Errorf("a good one: %v", err)
	}
	end()
	account.Close()
	if budget.kept > 62<<20 {
		t.Errorf("an organization that is closed still keeps data: %d bytes", budget.kept)
	}
}

// The size follows GOMEMLIMIT.
func TestBudgetFollowsTheMemoryLimit(t *testing.T) {
	defer debug.SetMemoryLimit(debug.SetMemoryLimit(100 << 20))
	if have := NewBudget().size; have != 25<<20 {
		t.Errorf("with 100 MiB: want a quarter, have %d", have)
	}
}

// Texts that net/http quotes have neither secrets nor addresses, nor much
// length; what is no HTTP answer is not asked again.
func TestAnswersThatAreNoHTTP(t *testing.T) {
	long := strings.Repeat("x", 20_000)
	for name, answer := range map[string]string{
		"status":   "HTTP/1.1 2OO TOPSECRET person@example.test " + long + "\r\n\r\n",
		"header":   "HTTP/1.1 200 OK\r\nTOPSECRET person@example.test " + long + "\r\n\r\n",
		"protocol": "SSH-2.0 TOPSECRET person@example.test " + long + "\r\n",
		"chunk":    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nTOPSECRET person@example.test\r\n",
		"headers":  "HTTP/1.1 200 OK\r\nA: " + long + long + "\r\n\r\n",
	} {
		t.Run(name, func(t *testing.T) {
			calls := 0
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				calls++
				conn, _, err := http.NewResponseController(w).Hijack()
				if err != nil {
					t.Error(err)
					return
				}
				defer conn.Close()
				fmt.Fprint(conn, answer)
			}))
			defer server.Close()
			transport := &http.Transport{MaxResponseHeaderBytes: 32 << 10}
			defer transport.CloseIdleConnections()
			_, _, err := Get(t.Context(), bounded(transport, 0), Request{Operation: "/list", URL: server.URL}, numbers)
			if kindOf(err) != Decode || calls != 1 {
				t.Errorf("want decode after one call, have %v after %d", err, calls)
			}
			if text := fmt.Sprint(err); len(text) > 400 || strings.Contains(text, "TOPSECRET") || strings.Contains(text, "person@") {
				t.Errorf("%d bytes: %.500s", len(text), text)
			}
		})
	}
}

// A connection that ends before or within the headers may be better the next
// time.
func TestConnectionsThatEnd(t *testing.T) {
	for name, answer := range map[string]string{"before": "", "within": "HTTP/1.1 200 OK\r\nA: b\r\n"} {
		t.Run(name, func(t *testing.T) {
			var calls atomic.Int64
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				if calls.Add(1) > 1 {
					fmt.Fprint(w, "[]")
					return
				}
				conn, _, _ := http.NewResponseController(w).Hijack()
				fmt.Fprint(conn, answer)
				conn.Close()
			}))
			defer server.Close()
			transport := &http.Transport{}
			defer transport.CloseIdleConnections()
			if _, _, err := Get(t.Context(), bounded(transport, 0), Request{Operation: "/list", URL: server.URL}, numbers); err != nil || calls.Load() != 2 {
				t.Errorf("want the second answer, have %v after %d", err, calls.Load())
			}
		})
	}
}

// A byte order mark before the JSON is no JSON, and no harm.
func TestByteOrderMark(t *testing.T) {
	c := client(tripper(func(*http.Request) (*http.Response, error) { return answer(200, "\xef\xbb\xbf[1, 2]"), nil }), nil)
	if have, _, err := get(t.Context(), c); err != nil || len(have) != 2 {
		t.Errorf("want two numbers, have %v, %v", have, err)
	}
}

// A proxy that refuses is named, and asked once in a refresh of many calls.
func TestProxyRefuses(t *testing.T) {
	for status, want := range map[int]int64{401: 1, 403: 1, 407: 1, 502: 16} {
		t.Run(fmt.Sprint(status), func(t *testing.T) {
			var asked atomic.Int64
			proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				asked.Add(1)
				w.WriteHeader(status)
			}))
			defer proxy.Close()
			address := strings.TrimPrefix(proxy.URL, "http://")
			via := http.ProxyURL(mustURL(t, "http://person:password@"+address))
			transport := &http.Transport{Proxy: via, OnProxyConnectResponse: OnProxyConnectResponse}
			defer transport.CloseIdleConnections()
			c := New(api(), NewTransport(Config{Next: transport, Concurrency: 4, RateLimit: 1e6, Proxy: via}))
			ctx, end := small(1 << 20).NewAccount().WithRefresh(t.Context())
			defer end()
			var wg sync.WaitGroup
			for range 4 {
				wg.Go(func() {
					_, _, err := Get(ctx, c, Request{Operation: "/list", URL: "https://api.test/list"}, numbers)
					text := fmt.Sprint(err)
					if kindOf(err) != Network || !strings.Contains(text, "proxy "+address+" refused the connection: "+fmt.Sprint(status)) || strings.Contains(text, "person") {
						t.Errorf("want the proxy's refusal, have %v", err)
					}
				})
			}
			wg.Wait()
			if asked.Load() != want {
				t.Errorf("the proxy is asked %d times, want %d", asked.Load(), want)
			}
		})
	}
}

// A plain call has the proxy's refusal as its answer.
func TestProxyRefusesPlainCalls(t *testing.T) {
	var asked atomic.Int64
	proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		asked.Add(1)
		w.WriteHeader(407)
	}))
	defer proxy.Close()
	via := http.ProxyURL(mustURL(t, proxy.URL))
	transport := &http.Transport{Proxy: via}
	defer transport.CloseIdleConnections()
	c := New(api(), NewTransport(Config{Next: transport, Concurrency: 4, RateLimit: 1e6, Proxy: via}))
	ctx, end := small(1 << 20).NewAccount().WithRefresh(t.Context())
	defer end()
	for range 3 {
		_, _, err := Get(ctx, c, Request{Operation: "/list", URL: "http://api.test/list"}, numbers)
		if _, ok := errors.AsType[*ProxyError](err); !ok || kindOf(err) != Network {
			t.Errorf("want the proxy's refusal, have %v", err)
		}
	}
	if asked.Load() != 1 {
		t.Errorf("the proxy is asked %d times", asked.Load())
	}
}

// A pair of keys is two files. If they changed while the call was made, the
// refusal says nothing about the pair as it is now.
func TestTornPairOfKeys(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, tt := range []struct{ changes, calls int }{{0, 1}, {1, 2}, {2, 3}} {
			version, calls := 0, 0
			a := api()
			a.Secrets = func() []string { return []string{fmt.Sprint("key", version)} }
			c := New(a, NewTransport(Config{Concurrency: 1, RateLimit: 1e6, Next: tripper(func(*http.Request) (*http.Response, error) {
				calls++
				version = min(calls, tt.changes)
				return answer(401, "auth"), nil
			})}))
			if _, _, err := get(t.Context(), c); kindOf(err) != Auth || calls != tt.calls {
				t.Errorf("%d changes: want auth after %d calls, have %v after %d", tt.changes, tt.calls, err, calls)
			}
		}
	})
}
