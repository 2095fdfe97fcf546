//go:build e2e

package e2e_test

import (
	"bytes"
	"errors"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"syscall"
	"testing"
	"time"
)

// A process is a program that runs beside the test, until the test ends.
type process struct {
	mu  sync.Mutex
	out bytes.Buffer
}

// Write takes down what the process writes.
func (p *process) Write(b []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.out.Write(b)
}

// tail returns the end of what the process has written.
func (p *process) tail() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	const enough = 4000
	return string(p.out.Bytes()[max(0, p.out.Len()-enough):])
}

// runProcess starts a program. When the test ends it is asked to go, and
// killed if it does not; if the test has failed its last words are logged.
func runProcess(t *testing.T, program string, args ...string) {
	t.Helper()
	p := &process{}
	cmd := exec.Command(program, args...) //nolint:noctx // ended by Cleanup, in peace
	cmd.Stdout, cmd.Stderr = p, p
	cmd.Dir = t.TempDir()
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	t.Cleanup(func() {
		if err := cmd.Process.Signal(syscall.SIGTERM); err != nil && !errors.Is(err, os.ErrProcessDone) {
			t.Errorf("end %s: %v", program, err)
		}
		select {
		case <-ended:
		case <-time.After(15 * time.Second):
			t.Errorf("%s does not end", program)
			_ = cmd.Process.Kill()
			<-ended
		}
		if t.Failed() {
			t.Logf("%s: %s", filepath.Base(program), p.tail())
		}
	})
}

// freeAddress returns an address of loopback that nobody listens on.
func freeAddress(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// waitFor asks until the answer is yes, and fails the test if it never is.
func waitFor(t *testing.T, limit time.Duration, what string, yes func() bool) {
	t.Helper()
	start := time.Now()
	for !yes() {
		if time.Since(start) > limit {
			t.Fatalf("%s: not within %s", what, limit)
		}
		time.Sleep(200 * time.Millisecond)
	}
	t.Logf("%s: after %s", what, time.Since(start).Round(100*time.Millisecond))
}

// find returns the first of the programs that is installed.
func find(t *testing.T, names ...string) string {
	t.Helper()
	for _, name := range names {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	t.Fatalf("%s is missing: install the Debian packages prometheus and prometheus-alertmanager", names[0])
	return ""
}
