package main

import (
	"bytes"
	"io"
	"sync/atomic"
	"time"
)

const (
	logQueue = 1000                   // lines that wait for their reader
	logWait  = 100 * time.Millisecond // how long the first of them waits
	logFlush = 500 * time.Millisecond // how long the end of the program waits for all
)

// A queuedLog writes lines in a goroutine, so that no caller waits for a reader of
// the log that has stopped. Write waits for its line unless the one before was
// not written in time. Lines that do not fit in the queue are counted and
// dropped.
type queuedLog struct {
	w       io.Writer
	dropped func(lines int64) // writes to w

	lines   chan queuedLine
	stop    chan struct{}
	stopped chan struct{}
	blocked atomic.Bool
	lost    atomic.Int64
}

type queuedLine struct {
	text    []byte
	written chan struct{}
}

// newQueuedLog returns a log that writes to w. dropped reports to w how many
// lines were dropped before the one that comes next.
func newQueuedLog(w io.Writer, dropped func(lines int64)) *queuedLog {
	l := &queuedLog{
		w: w, dropped: dropped,
		lines: make(chan queuedLine, logQueue), stop: make(chan struct{}), stopped: make(chan struct{}),
	}
	go l.run()
	return l
}

// Write queues a line. It returns no error: whoever logs cannot do anything
// about one.
func (l *queuedLog) Write(p []byte) (int, error) {
	line := queuedLine{bytes.Clone(p), make(chan struct{})}
	select {
	case l.lines <- line:
	default:
		l.lost.Add(1)
		return len(p), nil
	}
	if l.blocked.Load() {
		return len(p), nil
	}
	select {
	case <-line.written:
	case <-time.After(logWait):
		l.blocked.Store(true)
	case <-l.stopped:
	}
	return len(p), nil
}

func (l *queuedLog) run() {
	defer close(l.stopped)
	for {
		select {
		case line := <-l.lines:
			l.write(line)
		case <-l.stop:
			for len(l.lines) > 0 { // what is queued already
				l.write(<-l.lines)
			}
			return
		}
	}
}

func (l *queuedLog) write(line queuedLine) {
	if n := l.lost.Swap(0); n > 0 {
		l.dropped(n)
	}
	_, _ = l.w.Write(line.text)
	l.blocked.Store(false)
	close(line.written)
}

// close writes what is queued, unless the log has no reader.
func (l *queuedLog) close() {
	close(l.stop)
	select {
	case <-l.stopped:
	case <-time.After(logFlush):
	}
}
