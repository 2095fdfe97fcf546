package web

import (
	"context"
	"io"
	"log"
	"net"
	"net/http"
	"testing"
	"time"
)

// listen serves h to clients that have the given time to read an answer.
func listen(t *testing.T, h http.Handler, timeout time.Duration) (address string) {
	t.Helper()
	var lc net.ListenConfig
	l, err := lc.Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := NewServer(nil, log.New(io.Discard, "", 0))
	server.Handler = withWriteTimeout(h, timeout)
	done := make(chan struct{})
	go func() { defer close(done); _ = server.Serve(l) }()
	t.Cleanup(func() { _ = server.Close(); <-done })
	return l.Addr().String()
}

// A client that requests much and reads nothing is disconnected.
func TestSlowClientCannotHoldTheServer(t *testing.T) {
	ended := make(chan error, 1)
	address := listen(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		for chunk := make([]byte, 1<<20); ; {
			if _, err := w.Write(chunk); err != nil {
				ended <- err
				return
			}
		}
	}), 50*time.Millisecond)
	conn, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if _, err := io.WriteString(conn, "GET / HTTP/1.1\r\nHost: x\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	select {
	case <-ended:
	case <-time.After(10 * time.Second):
		t.Fatal("the answer is still being written")
	}
}

// A slow handler's answer is complete, and so is the next one on the same
// connection, long after the first.
func TestSlowAnswerIsNotCut(t *testing.T) {
	const timeout = 50 * time.Millisecond
	address := listen(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/empty" {
			return
		}
		time.Sleep(2 * timeout)
		_, _ = io.WriteString(w, "late")
		_ = http.NewResponseController(w).Flush()
	}), timeout)
	client := &http.Client{Transport: &http.Transport{MaxConnsPerHost: 1}}
	defer client.CloseIdleConnections()
	for range 2 {
		for path, want := range map[string]string{"/": "late", "/empty": ""} {
			req, err := http.NewRequestWithContext(context.WithoutCancel(t.Context()), http.MethodGet, "http://"+address+path, nil)
			if err != nil {
				t.Fatal(err)
			}
			resp, err := client.Do(req)
			if err != nil {
				t.Fatal(err)
			}
			body, err := io.ReadAll(resp.Body)
			_ = resp.Body.Close()
			if err != nil || string(body) != want {
				t.Errorf("%s: want %q, have %q, %v", path, want, body, err)
			}
			time.Sleep(2 * timeout)
		}
	}
}

func TestServerHasLimits(t *testing.T) {
	s := NewServer(http.NotFoundHandler(), log.New(io.Discard, "", 0))
	if s.ReadHeaderTimeout == 0 || s.ReadTimeout == 0 || s.IdleTimeout == 0 || s.MaxHeaderBytes == 0 {
		t.Errorf("a limit is missing: %+v", s)
	}
	if s.WriteTimeout != 0 {
		t.Errorf("a scrape with a long budget would be cut after %s", s.WriteTimeout)
	}
}
