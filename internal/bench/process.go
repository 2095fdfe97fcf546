//go:build peers

package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"time"
)

// A process is a server under measurement.
type process struct {
	name string
	url  string
	cmd  *exec.Cmd
	up   time.Duration // from its start to its first answer of 200
}

// start runs a program until it answers at path. In its arguments, ADDRESS and
// PORT stand for where it is to listen.
func start(ctx context.Context, name, path string, args ...string) (*process, error) {
	address, err := free(ctx)
	if err != nil {
		return nil, err
	}
	_, port, _ := strings.Cut(address, ":")
	for i := range args {
		args[i] = strings.NewReplacer("ADDRESS", address, "PORT", port).Replace(args[i])
	}
	p := &process{name: name, url: "http://" + address + path, cmd: exec.CommandContext(ctx, args[0], args[1:]...)}
	var said bytes.Buffer
	p.cmd.Stdout, p.cmd.Stderr = &said, &said
	begin := time.Now()
	if err := p.cmd.Start(); err != nil {
		return nil, err
	}
	for time.Since(begin) < time.Minute {
		if p.answers(ctx) {
			p.up = time.Since(begin)
			return p, nil
		}
		time.Sleep(time.Millisecond)
	}
	p.stop()
	return nil, fmt.Errorf("%s did not start: %s", name, said.String())
}

// free returns an address on loopback that nobody listens on.
func free(ctx context.Context) (string, error) {
	l, err := new(net.ListenConfig).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	return l.Addr().String(), l.Close()
}

func (p *process) answers(ctx context.Context) bool {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, p.url, nil)
	if err != nil {
		return false
	}
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		return false
	}
	return errors.Join(resp.Body.Close()) == nil && resp.StatusCode == http.StatusOK
}

func (p *process) stop() {
	_ = p.cmd.Process.Kill()
	_ = p.cmd.Wait() // it was killed
}

// cpu returns how much processor time the process has used.
func (p *process) cpu() time.Duration {
	const tick = time.Second / 100
	_, fields, _ := bytes.Cut(p.proc("stat"), []byte(") "))
	f := strings.Fields(string(fields))
	user, _ := strconv.Atoi(f[11])
	system, _ := strconv.Atoi(f[12])
	return time.Duration(user+system) * tick
}

// memory returns a line of the process's status in bytes: VmRSS is resident,
// VmHWM the most that was.
func (p *process) memory(line string) int64 {
	for text := range strings.Lines(string(p.proc("status"))) {
		if rest, ok := strings.CutPrefix(text, line+":"); ok {
			kB, _ := strconv.ParseInt(strings.Fields(rest)[0], 10, 64)
			return kB << 10
		}
	}
	return 0
}

// forget makes VmHWM begin anew.
func (p *process) forget() error {
	return os.WriteFile(fmt.Sprintf("/proc/%d/clear_refs", p.cmd.Process.Pid), []byte("5"), 0)
}

func (p *process) proc(file string) []byte {
	text, _ := os.ReadFile(fmt.Sprintf("/proc/%d/%s", p.cmd.Process.Pid, file))
	return text
}
