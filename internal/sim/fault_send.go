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

// A sender writes one response. When the client has gone or the simulator is
// closed it aborts with http.ErrAbortHandler, a panic that net/http expects.
type sender struct {
	w      http.ResponseWriter
	r      *http.Request
	closed <-chan struct{}
}

// send sends the original response with the fault applied.
func (s sender) send(f Fault, original func() response) {
	if f.Delay > 0 {
		s.sleep(f.Delay)
	}
	if f.Hang {
		s.hang()
	}
	if f.Reset {
		s.reset()
	}
	resp := f.response(original)
	maps.Copy(s.w.Header(), resp.header)
	if !f.Endless {
		s.w.Header().Set("Content-Length", strconv.Itoa(len(resp.body)))
	}
	s.w.WriteHeader(resp.status)
	if f.Endless || f.Drip > 0 || f.partial() {
		s.flush() // the client gets the headers before the body
	}
	if f.partial() {
		resp.body = resp.body[:len(resp.body)/2]
	}
	if f.Endless {
		s.writeEndless(resp.body)
	}
	if f.Drip > 0 {
		s.writeSlowly(resp.body, f.Drip)
	} else {
		s.write(resp.body)
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

// writeEndless sends the start of a list and rows until the client has gone. The
// rows are long, so that a limit in bytes is reached soon.
func (s sender) writeEndless(start []byte) {
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
		s.sleep(0) // aborts if the simulator is closed: the client may go on reading
	}
}

// writeSlowly sends one byte per interval.
func (s sender) writeSlowly(body []byte, interval time.Duration) {
	for i := range body {
		s.sleep(interval)
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

func (s sender) sleep(d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	s.wait(t.C)
}

// hang waits without end.
func (s sender) hang() { s.wait(nil) }

// wait waits for c, or aborts when the client has gone or the simulator is closed.
func (s sender) wait(c <-chan time.Time) {
	select {
	case <-c:
	case <-s.r.Context().Done():
		panic(http.ErrAbortHandler)
	case <-s.closed:
		panic(http.ErrAbortHandler)
	}
}

// reset resets the connection if it is TCP, with or without TLS, and HTTP/1;
// others it only closes.
func (s sender) reset() {
	conn, _, err := http.NewResponseController(s.w).Hijack()
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	if tls, ok := conn.(interface{ NetConn() net.Conn }); ok {
		conn = tls.NetConn()
	}
	if tcp, ok := conn.(*net.TCPConn); ok {
		_ = tcp.SetLinger(0) // makes Close send a reset
	}
	_ = conn.Close()
	panic(http.ErrAbortHandler)
}
