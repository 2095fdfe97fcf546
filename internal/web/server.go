package web

import (
	"log"
	"net/http"
	"sync"
	"time"
)

// The limits of a Server. Those of reading are for requests without a body.
const (
	headerTime = 10 * time.Second
	readTime   = 30 * time.Second
	idleTime   = 2 * time.Minute
	takeTime   = 2 * time.Minute // to take an answer, from its first byte on
	maxHeader  = 64 << 10
)

// NewServer returns a server that no client can hold. How long an answer takes
// to make is its handler's affair, as only a scrape knows its budget; once the
// first byte of it is written, the client has two minutes to take all of it.
func NewServer(handler http.Handler, errorLog *log.Logger) *http.Server {
	return newServer(handler, errorLog, takeTime)
}

func newServer(handler http.Handler, errorLog *log.Logger, take time.Duration) *http.Server {
	return &http.Server{
		Handler:           hurry(handler, take),
		ReadHeaderTimeout: headerTime,
		ReadTimeout:       readTime,
		IdleTimeout:       idleTime,
		MaxHeaderBytes:    maxHeader,
		ErrorLog:          errorLog,
	}
}

// hurry gives a client the time take for each answer of h.
func hurry(h http.Handler, take time.Duration) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		control := http.NewResponseController(w)
		_ = control.SetWriteDeadline(time.Time{}) // the previous answer's on this connection
		start := sync.OnceFunc(func() { _ = control.SetWriteDeadline(time.Now().Add(take)) })
		h.ServeHTTP(&hurried{w, start}, r)
		start() // for an answer that has not begun, as it is empty
	})
}

// hurried is a ResponseWriter whose deadline begins with the first byte.
type hurried struct {
	http.ResponseWriter
	start func()
}

func (h *hurried) WriteHeader(status int) {
	h.start()
	h.ResponseWriter.WriteHeader(status)
}

func (h *hurried) Write(b []byte) (int, error) {
	h.start()
	return h.ResponseWriter.Write(b)
}

// Flush implements http.Flusher.
func (h *hurried) Flush() {
	h.start()
	_ = http.NewResponseController(h.ResponseWriter).Flush()
}

// Unwrap is for http.ResponseController.
func (h *hurried) Unwrap() http.ResponseWriter { return h.ResponseWriter }
