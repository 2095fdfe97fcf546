package httpx

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// A Transport may be given to any HTTP client, such as that of a vendor's
// library.
func TestTransportUnderAnotherClient(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, "/elsewhere", http.StatusTemporaryRedirect)
	}))
	defer server.Close()
	var calls []Call
	transport := NewTransport(Config{Next: http.DefaultTransport, Concurrency: 1, RateLimit: 1000, Observe: func(c Call) { calls = append(calls, c) }})
	defer transport.CloseIdleConnections()
	client := http.Client{Transport: transport}
	for range 2 { // the second needs the slot of the first
		ctx := WithOperation(t.Context(), "sts:AssumeRole")
		req, err := http.NewRequestWithContext(ctx, http.MethodPost, server.URL, strings.NewReader("secret"))
		if err != nil {
			t.Fatal(err)
		}
		resp, err := client.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		if resp.StatusCode != http.StatusTemporaryRedirect {
			t.Errorf("want the redirect itself, have %s", resp.Status)
		}
		resp.Body.Close()
	}
	if len(calls) != 2 || calls[0].Operation != "sts:AssumeRole" || calls[0].Status != 307 || calls[0].Offset == nil {
		t.Errorf("want two observed calls, have %+v", calls)
	}
}

func TestBodyIsSentAtEachAttempt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var bodies []string
		throttled := 0
		c := New(api(), NewTransport(Config{Concurrency: 1, RateLimit: 1000, Throttled: func() { throttled++ }, Next: tripper(func(r *http.Request) (*http.Response, error) {
			body, _ := io.ReadAll(r.Body)
			bodies = append(bodies, r.Method+" "+r.Header.Get("X-Amz-Target")+" "+string(body))
			if len(bodies) == 1 {
				return answer(400, "throttled"), nil
			}
			return answer(200, "[]"), nil
		})}))
		r := Request{Operation: "/list", Method: http.MethodPost, URL: "http://api.test/", Header: http.Header{"X-Amz-Target": {"List"}}, Body: []byte(`{"NextToken":"1"}`)}
		if _, _, err := Get(t.Context(), c, r, numbers); err != nil {
			t.Fatal(err)
		}
		const want = `POST List {"NextToken":"1"}`
		if len(bodies) != 2 || bodies[0] != want || bodies[1] != want || throttled != 1 {
			t.Errorf("want %q twice and one throttled answer, have %q, %d", want, bodies, throttled)
		}
	})
}

// A signature that has waited for the rate limit would be too old.
func TestSignedAfterTheWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := New(api(), NewTransport(Config{Concurrency: 1, RateLimit: 0.001, Next: tripper(func(r *http.Request) (*http.Response, error) {
			if signed, now := r.Header.Get("Signed-At"), time.Now().UTC().Format(time.TimeOnly); signed != now {
				t.Errorf("sent at %s, signed at %s", now, signed)
			}
			return answer(200, "[]"), nil
		})}))
		for range 3 {
			if _, _, err := get(t.Context(), c); err != nil {
				t.Error(err)
			}
		}
	})
}

func TestLimitedCallIsATimeout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := New(api(), NewTransport(Config{Concurrency: 1, RateLimit: 0.001, Next: tripper(func(*http.Request) (*http.Response, error) { return answer(200, "[]"), nil })}))
		_, _, _ = get(t.Context(), c)
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		_, _, err := get(ctx, c)
		var e *Error
		if !errors.As(err, &e) || e.Kind != Timeout || !strings.Contains(err.Error(), "rate_limit") {
			t.Errorf("want a timeout that names rate_limit, have %v", err)
		}
	})
}

// A certificate does not become trusted by trying again.
func TestUnknownAuthority(t *testing.T) {
	server := httptest.NewUnstartedServer(http.NotFoundHandler())
	server.Config.ErrorLog = nil
	server.StartTLS()
	defer server.Close()
	var calls []Call
	c := New(api(), NewTransport(Config{Next: http.DefaultTransport, Concurrency: 1, RateLimit: 1000, Observe: func(c Call) { calls = append(calls, c) }}))
	defer c.CloseIdleConnections()
	_, _, err := Get(t.Context(), c, Request{Operation: "/list", URL: server.URL}, numbers)
	var e *Error
	if !errors.As(err, &e) || e.Kind != Network || !strings.Contains(err.Error(), `issued by "O=Acme Co"`) {
		t.Errorf("want a network error that names the issuer, have %v", err)
	}
	if len(calls) != 1 {
		t.Errorf("want one call, have %d", len(calls))
	}
}
