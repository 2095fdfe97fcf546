package sim

import (
	"errors"
	"fmt"
	"maps"
	"net"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// A sender writes one answer. It gives up, with a panic that the server
// expects, when the client has gone or the simulator is closed.
type sender struct {
	w      http.ResponseWriter
	r      *http.Request
	closed <-chan struct{}
}

// send answers the request with the truth, as far as the fault lets it.
func (s sender) send(f Fault, truth func() answer) {
	if f.Delay > 0 {
		s.wait(f.Delay)
	}
	if f.Hang {
		s.hang()
	}
	if f.Reset {
		s.reset()
	}
	a := f.answer(truth)
	maps.Copy(s.w.Header(), a.header)
	if !f.Chunked && !f.Endless {
		s.w.Header().Set("Content-Length", strconv.Itoa(len(a.body)))
	}
	s.w.WriteHeader(a.status)
	if f.Chunked || f.Endless || f.Drip > 0 || f.partial() {
		s.flush() // a client that waits for the headers has them now
	}
	if f.partial() {
		a.body = a.body[:len(a.body)/2]
	}
	if f.Endless {
		s.endless(a.body)
	}
	if f.Drip > 0 {
		s.drip(a.body, f.Drip)
	} else {
		s.write(a.body)
	}
	if !f.partial() {
		return
	}
	s.flush()
	switch {
	case f.HangBody:
		s.hang()
	case f.ResetBody:
		s.reset()
	}
	panic(http.ErrAbortHandler)
}

// endless sends the start of a list and rows until the client has had enough.
// The rows are long, so that a limit in bytes is soon reached.
func (s sender) endless(start []byte) {
	if len(start) == 0 {
		start = []byte("[")
	}
	s.write(start)
	for n := 1; ; {
		var rows strings.Builder
		for rows.Len() < 64<<10 {
			fmt.Fprintf(&rows, `{"memberNo": %d, "memberStatusCode": "JOIN", "memberAlias": "%01000d"},`, n, n)
			n++
		}
		s.write([]byte(rows.String()))
		select {
		case <-s.r.Context().Done():
			panic(http.ErrAbortHandler)
		case <-s.closed:
			panic(http.ErrAbortHandler)
		default:
		}
	}
}

// drip sends one byte at a time.
func (s sender) drip(body []byte, every time.Duration) {
	for i := range body {
		s.wait(every)
		s.write(body[i : i+1])
		s.flush()
	}
}

func (s sender) write(body []byte) {
	_, err := s.w.Write(body)
	if err != nil && !errors.Is(err, http.ErrBodyNotAllowed) { // HEAD, 204, 304
		panic(http.ErrAbortHandler)
	}
}

func (s sender) flush() {
	if err := http.NewResponseController(s.w).Flush(); err != nil {
		panic(http.ErrAbortHandler)
	}
}

// wait waits for d.
func (s sender) wait(d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	s.until(t.C)
}

// hang waits until nobody cares any more.
func (s sender) hang() { s.until(nil) }

func (s sender) until(c <-chan time.Time) {
	select {
	case <-c:
	case <-s.r.Context().Done():
		panic(http.ErrAbortHandler)
	case <-s.closed:
		panic(http.ErrAbortHandler)
	}
}

// reset closes the connection without the usual goodbye, where it is one that
// knows how: TCP, with or without TLS, and HTTP/1.
func (s sender) reset() {
	conn, _, err := http.NewResponseController(s.w).Hijack()
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	if tls, ok := conn.(interface{ NetConn() net.Conn }); ok {
		conn = tls.NetConn()
	}
	if tcp, ok := conn.(*net.TCPConn); ok {
		_ = tcp.SetLinger(0) // makes Close a reset
	}
	_ = conn.Close()
	panic(http.ErrAbortHandler)
}
