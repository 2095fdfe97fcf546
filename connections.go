package main

import (
	"container/list"
	"crypto/tls"
	"net"
	"net/http"
	"sync"
)

const (
	maxConnections       = 500 // of the main address
	maxHealthConnections = 50  // of the health address
)

// connectionLimit returns how many connections the main address may have: two
// thirds of the descriptors, so that the rest is left for the health address and
// for API calls.
func connectionLimit() int {
	if n, ok := descriptorLimit(); ok {
		return int(max(1, min(maxConnections, n/3*2)))
	}
	return maxConnections
}

// connections limits the open connections of a server. Beyond the limit it closes
// the one that has waited longest without sending a request. If new connections had
// to wait instead, a client that opens connections and does not use them could keep
// others out.
type connections struct {
	limit int
	full  func() // called for each connection that is closed

	mu      sync.Mutex
	open    map[net.Conn]*list.Element // nil: a request is being answered
	waiting *list.List                 // of net.Conn, the longest first
}

// limitConnections limits the connections of s.
func limitConnections(s *http.Server, limit int, full func()) {
	c := &connections{limit: limit, full: full, open: map[net.Conn]*list.Element{}, waiting: list.New()}
	s.ConnState = c.changed
}

// changed is called by the server when a connection changes its state.
func (c *connections) changed(conn net.Conn, state http.ConnState) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if e := c.open[conn]; e != nil {
		c.waiting.Remove(e)
	}
	switch state {
	case http.StateNew, http.StateIdle:
		c.open[conn] = c.waiting.PushBack(conn)
	case http.StateActive:
		c.open[conn] = nil
	case http.StateHijacked, http.StateClosed:
		delete(c.open, conn)
	}
	if len(c.open) <= c.limit || c.waiting.Len() == 0 {
		return
	}
	oldest := c.waiting.Remove(c.waiting.Front()).(net.Conn)
	delete(c.open, oldest)
	if t, ok := oldest.(*tls.Conn); ok {
		oldest = t.NetConn() // closing the TLS connection would wait for the client
	}
	_ = oldest.Close()
	c.full()
}
