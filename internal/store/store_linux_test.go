package store

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
)

// mount mounts a file system of 64 KiB until the test ends.
func mount(t *testing.T) string {
	t.Helper()
	path := t.TempDir()
	if err := syscall.Mount("tmpfs", path, "tmpfs", 0, "size=64k"); err != nil {
		t.Skipf("mount is not allowed here: %v", err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(path, syscall.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
	return path
}

// On a full disk the state before stays, and nothing of the new one.
func TestFullDisk(t *testing.T) {
	path := mount(t)
	var failures int
	d, err := Open(t.Context(), path, func() { failures++ })
	if err != nil {
		t.Fatal(err)
	}
	f := acme(d)
	if err := f.Save(t.Context(), members(10)); err != nil {
		t.Fatal(err)
	}
	if err := f.Save(t.Context(), members(10_000)); !errors.Is(err, syscall.ENOSPC) || failures != 1 {
		t.Errorf("want no space and one failure, have %v, %d", err, failures)
	}
	if have := entries(t, path); len(have) != 2 {
		t.Errorf("want the file and the lock, have %q", have)
	}
	if s, err := f.Load(t.Context()); err != nil || len(s.Members.Items) != 10 {
		t.Errorf("want the state before, have %+v, %v", s, err)
	}
	if err := f.Save(t.Context(), members(20)); err != nil || failures != 1 {
		t.Errorf("with space: want no error, have %v, %d failures", err, failures)
	}
	d.Close()

	if err := os.WriteFile(filepath.Join(path, "big"), make([]byte, 64<<10), 0o600); err == nil {
		t.Fatal("the disk is not full")
	}
	if _, err := Open(t.Context(), path, nil); !errors.Is(err, syscall.ENOSPC) || !strings.Contains(err.Error(), "cannot be written") {
		t.Errorf("at the start: want no space, have %v", err)
	}
	if have := entries(t, path); len(have) != 3 {
		t.Errorf("want the file, the lock and the big one, have %q", have)
	}
}

// A directory that becomes read-only is an error of each write, and of the
// start.
func TestReadOnlyDisk(t *testing.T) {
	path := mount(t)
	var failures int
	d, err := Open(t.Context(), path, func() { failures++ })
	if err != nil {
		t.Fatal(err)
	}
	f := acme(d)
	if err := f.Save(t.Context(), members(10)); err != nil {
		t.Fatal(err)
	}
	remount := func(flags uintptr) {
		t.Helper()
		if err := syscall.Mount("", path, "", syscall.MS_REMOUNT|flags, "size=64k"); err != nil {
			t.Fatal(err)
		}
	}
	remount(syscall.MS_RDONLY)
	if err := f.Save(t.Context(), members(20)); !errors.Is(err, syscall.EROFS) || failures != 1 {
		t.Errorf("want read-only and one failure, have %v, %d", err, failures)
	}
	if s, err := f.Load(t.Context()); err != nil || len(s.Members.Items) != 10 {
		t.Errorf("want the state before, have %+v, %v", s, err)
	}
	d.Close()
	if _, err := Open(t.Context(), path, nil); !errors.Is(err, syscall.EROFS) || !strings.Contains(err.Error(), "cannot be written") {
		t.Errorf("at the start: want read-only, have %v", err)
	}
	remount(0)
	if err := acme(open(t, path)).Save(t.Context(), members(20)); err != nil {
		t.Errorf("writable again: %v", err)
	}
}

// asNobody calls f without the rights to files of other users.
func asNobody(t *testing.T, f func()) {
	t.Helper()
	if os.Getuid() != 0 {
		t.Skip("needs root, who can read every file, to be another user")
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		runtime.LockOSThread() // for good: the thread ends with the goroutine
		_, _, _ = syscall.RawSyscall(syscall.SYS_SETFSUID, 65534, 0, 0)
		f()
	}()
	<-done
}

// A file and a directory of another user are errors.
func TestWrongOwner(t *testing.T) {
	parent := t.TempDir()
	for _, dir := range []string{parent, filepath.Dir(parent)} {
		if err := os.Chmod(dir, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	path := filepath.Join(parent, "dir")
	f := acme(open(t, path))
	if err := os.Chmod(path, 0o755); err != nil { // else nothing in it is reached
		t.Fatal(err)
	}
	if err := f.Save(t.Context(), members(1)); err != nil {
		t.Fatal(err)
	}
	asNobody(t, func() {
		if _, err := read(f.path); !errors.Is(err, fs.ErrPermission) {
			t.Errorf("a file: want permission denied, have %v", err)
		}
		if err := (&Dir{path: path}).open(t.Context()); !errors.Is(err, fs.ErrPermission) || !strings.Contains(err.Error(), "cannot be written") {
			t.Errorf("a directory: want permission denied, have %v", err)
		}
	})
}

// A pipe or a device in place of the file does not hang the start.
func TestPipe(t *testing.T) {
	f := acme(open(t, t.TempDir()))
	if err := os.Symlink("/dev/zero", f.path); err != nil {
		t.Fatal(err)
	}
	if s, err := f.Load(t.Context()); s != nil || err == nil || !strings.Contains(err.Error(), "not a regular file") {
		t.Errorf("want none and why, have %+v, %v", s, err)
	}
	if err := syscall.Mkfifo(f.path, 0o600); err != nil {
		t.Fatal(err)
	}
	if s, err := f.Load(t.Context()); s != nil || err == nil || !strings.Contains(err.Error(), "not a regular file") {
		t.Errorf("want none and why, have %+v, %v", s, err)
	}
	if err := f.Save(t.Context(), members(1)); err != nil {
		t.Error(err)
	}
}
