//go:build e2e

package e2e_test

import (
	"bytes"
	"errors"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// A logBuffer collects what a process writes and can be read meanwhile.
type logBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *logBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *logBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// reset forgets what was written so far.
func (l *logBuffer) reset() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.b.Reset()
}

// end returns the last 4000 bytes.
func (l *logBuffer) end() string {
	text := l.String()
	return text[max(0, len(text)-4000):]
}

// A process is a program that runs beside the test.
type process struct {
	cmd   *exec.Cmd
	log   *logBuffer
	ended chan struct{}
	err   error // after ended is closed
}

// startProcess starts a command. Its output goes to log, if the command has no
// other place for it. If the process still runs when the test ends, it is killed.
func startProcess(t *testing.T, log *logBuffer, cmd *exec.Cmd) *process {
	t.Helper()
	cmd.Stdout = log
	if cmd.Stderr == nil {
		cmd.Stderr = log
	}
	if cmd.Dir == "" {
		cmd.Dir = t.TempDir()
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	p := &process{cmd: cmd, log: log, ended: make(chan struct{})}
	go func() {
		p.err = cmd.Wait()
		close(p.ended)
	}()
	t.Cleanup(p.kill)
	return p
}

// kill ends the process by SIGKILL, if it still runs.
func (p *process) kill() {
	_ = p.cmd.Process.Kill() // it may have ended
	<-p.ended
}

// stop ends the process by SIGTERM and returns its error. It kills a process
// that has not ended after 15 seconds.
func (p *process) stop() error {
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return err
	}
	select {
	case <-p.ended:
		return p.err
	case <-time.After(15 * time.Second):
		p.kill()
		return errors.New("still running 15s after SIGTERM")
	}
}

// runProcess runs a program until the test ends. Its log is shown if the test
// fails.
func runProcess(t *testing.T, program string, args ...string) {
	t.Helper()
	p := startProcess(t, &logBuffer{}, exec.Command(program, args...))
	t.Cleanup(func() {
		if err := p.stop(); err != nil {
			t.Errorf("%s: %v", program, err)
		}
		if t.Failed() {
			t.Logf("%s: %s", filepath.Base(program), p.log.end())
		}
	})
}

// freeAddress returns an address on loopback that nobody listens on.
func freeAddress(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// waitFor polls until reached returns true. It fails the test after the limit.
func waitFor(t *testing.T, limit time.Duration, what string, reached func() bool) {
	t.Helper()
	start := time.Now()
	for !reached() {
		if time.Since(start) > limit {
			t.Fatalf("timed out after %s waiting until %s", limit, what)
		}
		time.Sleep(50 * time.Millisecond)
	}
	t.Logf("%s: after %s", what, time.Since(start).Round(100*time.Millisecond))
}

// findProgram returns the path of the first of the programs that is installed.
func findProgram(t *testing.T, names ...string) string {
	t.Helper()
	for _, name := range names {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	t.Fatalf("%s is missing: install the Debian packages prometheus and prometheus-alertmanager", names[0])
	return ""
}

// findPython returns a Python interpreter that has the modules. The test is skipped
// if none has.
func findPython(t *testing.T, modules ...string) string {
	t.Helper()
	for _, name := range []string{"python3", "/usr/bin/python3"} { // packages of Debian are in the second
		if exec.CommandContext(t.Context(), name, "-c", "import "+strings.Join(modules, ", ")).Run() == nil {
			return name
		}
	}
	t.Skipf("Python's modules are not installed: %s", strings.Join(modules, ", "))
	return ""
}

// writeFile writes a file and returns its path.
func writeFile(t *testing.T, dir, name, text string) string {
	t.Helper()
	path := filepath.Join(dir, name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// lines returns the lines of a log that contain all of the texts.
func (l *logBuffer) lines(texts ...string) (found []string) {
next:
	for line := range strings.Lines(l.String()) {
		for _, text := range texts {
			if !strings.Contains(line, text) {
				continue next
			}
		}
		found = append(found, strings.TrimSpace(line))
	}
	return found
}

// readFile returns the text of a file.
func readFile(t *testing.T, file string) string {
	t.Helper()
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}
