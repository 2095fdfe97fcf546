package web

import (
	"log"
	"net/http"
	"sync"
	"time"
)

// writeTimeout limits how long a client takes to read an answer.
const writeTimeout = 2 * time.Minute

// NewServer returns a server whose connections no client can keep busy. A
// handler has no time limit here, because only a scrape knows its budget; the
// client has two minutes to read the answer, from its first byte on.
func NewServer(handler http.Handler, errorLog *log.Logger) *http.Server {
	return &http.Server{
		Handler:           withWriteTimeout(handler, writeTimeout),
		ReadHeaderTimeout: 10 * time.Second,
		ReadTimeout:       30 * time.Second, // no request has a body
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    64 << 10,
		ErrorLog:          errorLog,
	}
}

// withWriteTimeout limits how long a client takes to read an answer of h.
func withWriteTimeout(h http.Handler, timeout time.Duration) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		control := http.NewResponseController(w)
		_ = control.SetWriteDeadline(time.Time{}) // that of the previous answer on this connection
		start := sync.OnceFunc(func() { _ = control.SetWriteDeadline(time.Now().Add(timeout)) })
		h.ServeHTTP(&deadlineWriter{w, start}, r)
		start() // an empty answer is written after h returns
	})
}

// A deadlineWriter is a ResponseWriter whose write deadline starts with the
// first byte of the body. The header is sent with it.
type deadlineWriter struct {
	http.ResponseWriter
	start func()
}

func (d *deadlineWriter) Write(b []byte) (int, error) {
	d.start()
	return d.ResponseWriter.Write(b)
}

// Unwrap makes http.ResponseController work.
func (d *deadlineWriter) Unwrap() http.ResponseWriter { return d.ResponseWriter }
