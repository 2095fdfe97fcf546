//go:build e2e

package main

import (
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
)

// The binary serves a socket that systemd has opened for it, and ends well
// when systemd says so.
func TestSocketActivation(t *testing.T) {
	_, url := simulate(t, nil)
	binary := filepath.Join(t.TempDir(), "cloudorg_exporter")
	if out, err := exec.CommandContext(t.Context(), "go", "build", "-o", binary, ".").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	socket, err := listener.(*net.TCPListener).File()
	if err != nil {
		t.Fatal(err)
	}
	listener.Close() // the child has it
	config := write(t, "config.yml", "organizations:\n"+organization("acme", url))
	// As systemd does: the socket is file 3, and meant for this process.
	cmd := exec.Command("sh", "-c", `LISTEN_PID=$$ LISTEN_FDS=1 exec "$0" "$@"`, binary, "--web.systemd-socket", "--config.file="+config)
	cmd.ExtraFiles = []*os.File{socket}
	p := &program{t: t, url: "http://" + listener.Addr().String(), log: &logBuffer{}}
	cmd.Stderr = p.log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	socket.Close()
	defer func() { _ = cmd.Process.Kill() }() // if it has not ended by then
	p.until("it answers", func() bool {
		resp, err := http.Get(p.url + "/-/healthy")
		if err == nil {
			resp.Body.Close()
		}
		return err == nil
	})
	p.ready()
	p.get("/metrics")
	http.DefaultClient.CloseIdleConnections()
	if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Wait(); err != nil {
		t.Errorf("want exit code 0 after SIGTERM, have %v\n%s", err, p.log)
	}
}
