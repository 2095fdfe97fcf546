//go:build e2e

package e2e_test

import (
	"net"
	"net/http"
	"os"
	"os/exec"
	"testing"
	"time"
)

// The exporter serves a socket that systemd has opened, and exits with code 0
// after SIGTERM.
func TestSocketActivation(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	socket, err := listener.(*net.TCPListener).File()
	if err != nil {
		t.Fatal(err)
	}
	defer socket.Close()
	listener.Close() // the exporter has the socket

	e := newExporter(t, "organizations:\n"+organization("acme", newSite(t, "ncp", 3091)))
	e.url = "http://" + listener.Addr().String()
	// As systemd does: the socket is file 3 and meant for this process.
	cmd := exec.Command("sh", "-c", `LISTEN_PID=$$ LISTEN_FDS=1 exec "$0" "$@"`, binary, "--web.systemd-socket", "--config.file="+e.config)
	cmd.ExtraFiles = []*os.File{socket}
	e.startWith(cmd)
	e.waitReady()
	if status, _, _ := e.get("/metrics"); status != http.StatusOK {
		t.Errorf("/metrics: %d", status)
	}
	e.stop()
}

// The connections of a refresh are kept for 15 seconds and closed then.
func TestConnectionsEnd(t *testing.T) {
	s := newSite(t, "ncp", 3092)
	e := startExporter(t, "organizations:\n"+organization("acme", s)+"    cache_ttl: 1h\n")
	e.waitReady()
	refreshed := time.Now()
	if s.connections() == 0 {
		t.Error("no connection is kept for the next call")
	}
	waitFor(t, 20*time.Second, "the connections are closed", func() bool { return s.connections() == 0 })
	if took := time.Since(refreshed); took < 10*time.Second {
		t.Errorf("the connections were closed after %s, while the next call may still come", took)
	}
}
