//go:build e2e

package main

import (
	"net"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"time"

	"github.com/cloudorg-exporter/cloudorg_exporter/internal/sim"
)

// Soon after a refresh no connection to the cloud is open. It takes the fifteen
// seconds that are promised, for the sockets are real.
func TestConnectionsEnd(t *testing.T) {
	ncp := sim.NewNCP(sim.Config{AccessKey: access, SecretKey: secret, Company: sim.Sample, Unexpected: t.Errorf})
	defer ncp.Close()
	var open, most atomic.Int64
	server := httptest.NewUnstartedServer(ncp)
	server.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		switch state {
		case http.StateNew:
			most.Store(max(most.Load(), open.Add(1)))
		case http.StateClosed, http.StateHijacked:
			open.Add(-1)
		}
	}
	server.Start()
	defer server.Close()
	p := start(t, "--config.file="+write(t, "config.yml", "organizations:\n"+organization("acme", server.URL, "cache_ttl: 1h")))
	p.ready()
	refreshed := time.Now()
	p.until("its connections are closed", func() bool { return open.Load() == 0 })
	if took := time.Since(refreshed); most.Load() == 0 || took < 10*time.Second {
		t.Errorf("%d connections were closed after %s, while the next call might still come", most.Load(), took)
	}
}
