package main

import (
	stdlog "log"
	"regexp"
	"strings"
	"sync"
	"time"

	"github.com/go-kit/log"
	"github.com/go-kit/log/level"
)

const (
	sameLine     = time.Minute // between two lines that differ in an address only
	maxSameLines = 100         // different lines that are remembered
)

// A serverLog logs what net/http's servers say about connections. Whoever can
// connect can cause such a line, so equal ones are logged once a minute.
type serverLog struct {
	logger log.Logger

	mu   sync.Mutex
	seen map[string]sameLines
}

// sameLines are those that differ in an address only.
type sameLines struct {
	logged  time.Time
	leftOut int
}

// newServerLog returns the ErrorLog of a server.
func newServerLog(logger log.Logger) *stdlog.Logger {
	return stdlog.New(&serverLog{logger: logger, seen: map[string]sameLines{}}, "", 0)
}

var hostPort = regexp.MustCompile(`\S*:[0-9]+`)

// Write logs a line, unless it was logged lately.
func (l *serverLog) Write(p []byte) (int, error) {
	text := strings.TrimSpace(string(p))
	if strings.Contains(text, "TLS handshake error") && (strings.HasSuffix(text, ": EOF") || strings.HasSuffix(text, "connection reset by peer")) {
		// The TCP check of a load balancer.
		level.Debug(l.logger).Log("msg", "connection closed before the TLS handshake", "err", text)
		return len(p), nil
	}
	if leftOut, due := l.due(hostPort.ReplaceAllString(text, ""), time.Now()); due {
		level.Warn(l.logger).Log("msg", "connection failed", "err", text, "left_out", leftOut)
	}
	return len(p), nil
}

// due reports whether a line is logged at now, and how many were left out before
// it.
func (l *serverLog) due(line string, now time.Time) (leftOut int, due bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	same, found := l.seen[line]
	if found && now.Sub(same.logged) < sameLine {
		same.leftOut++
		l.seen[line] = same
		return 0, false
	}
	if !found && len(l.seen) == maxSameLines {
		clear(l.seen)
	}
	l.seen[line] = sameLines{logged: now}
	return same.leftOut, true
}
