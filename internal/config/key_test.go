//go:build unix

package config

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// What is no key file is refused at once: it neither blocks nor fills the
// memory.
func TestKeyFiles(t *testing.T) {
	dir := t.TempDir()
	pipe, long := filepath.Join(dir, "pipe"), filepath.Join(dir, "long")
	if err := syscall.Mkfifo(pipe, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(long, make([]byte, maxKey+1), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{
		pipe:        "is not a regular file",
		long:        "is longer than any key",
		"/dev/zero": "is not a regular file",
		dir:         "is not a regular file",
	} {
		done := make(chan error, 1)
		go func() {
			_, err := Key{file: name}.Read()
			done <- err
		}()
		select {
		case err := <-done:
			if err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("%s: want %q, have %v", name, want, err)
			}
		case <-time.After(5 * time.Second):
			t.Errorf("%s blocks", name)
		}
	}
}
