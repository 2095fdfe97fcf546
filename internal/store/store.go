// Package store keeps what outlives the process: one file per organization in
// a directory that one process uses at a time.
//
// A file is a line with the version of the format and the SHA-256 of the rest,
// and the rest, an org.Saved in JSON. It is written whole, synced and renamed, so
// that a crash at any moment leaves the file before or the new one. It holds
// neither keys nor configuration, only salted hashes, by which a change of either
// is noticed.
package store

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gofrs/flock"
)

// Names in the directory.
const (
	lockName      = "lock"
	stateSuffix   = ".state"
	damagedSuffix = stateSuffix + ".damaged"
	tempSuffix    = ".tmp"
)

const (
	lockWait = 10 * time.Second // for another process to end
	fileWait = 10 * time.Second // for a file system that does not answer
)

// A Dir is a directory that this process has locked.
type Dir struct {
	path   string
	failed func()
	lock   *flock.Flock
	closed atomic.Bool
	busy   sync.Map // of each organization, a *sync.Mutex that is locked while its file is used
}

// Open locks the directory at path, makes it if its parent exists, and removes
// what an interrupted write has left. It waits 10 seconds for the lock. The
// error says why the directory cannot be used. After each write that fails,
// failed is called, which may be nil.
func Open(ctx context.Context, path string, failed func()) (*Dir, error) {
	if failed == nil {
		failed = func() {}
	}
	d := &Dir{path: path, failed: failed}
	if err := within(ctx, lockWait+fileWait, func() error { return d.open(ctx) }); err != nil {
		return nil, fmt.Errorf("storage: %w", err)
	}
	return d, nil
}

func (d *Dir) open(ctx context.Context) error {
	info, err := os.Stat(d.path)
	if errors.Is(err, fs.ErrNotExist) {
		if err := os.Mkdir(d.path, 0o700); err != nil {
			return err
		}
		info, err = os.Stat(d.path)
	}
	if err != nil {
		return err
	}
	if !info.IsDir() {
		return fmt.Errorf("%s is not a directory", d.path)
	}
	// Before the lock: its file may be there in a directory that is read-only.
	probe, err := os.CreateTemp(d.path, "probe-*"+tempSuffix)
	if err != nil {
		return fmt.Errorf("cannot be written: %w", err)
	}
	_, err = probe.WriteString("probe")
	err = errors.Join(err, probe.Sync(), probe.Close(), os.Remove(probe.Name()))
	if err != nil {
		return fmt.Errorf("cannot be written: %w", err)
	}
	d.lock = flock.New(filepath.Join(d.path, lockName), flock.SetPermissions(0o600))
	ctx, cancel := context.WithTimeout(ctx, lockWait)
	defer cancel()
	if _, err := d.lock.TryLockContext(ctx, lockWait/100); err != nil {
		_ = d.lock.Close() // the other error is the one to tell
		if errors.Is(err, context.DeadlineExceeded) {
			return fmt.Errorf("%s is used by another process; each process and each shard needs a directory of its own", d.path)
		}
		return fmt.Errorf("lock: %w", err)
	}
	return d.remove(func(name string) bool { return strings.HasSuffix(name, tempSuffix) })
}

// Close releases the directory. Nothing is written afterwards.
func (d *Dir) Close() error {
	d.closed.Store(true)
	return d.lock.Close()
}

// Retain removes the files of all organizations but the named ones.
func (d *Dir) Retain(ctx context.Context, organizations []string) error {
	keep := make(map[string]bool, 2*len(organizations))
	for _, o := range organizations {
		name := fileName(o)
		keep[name+stateSuffix], keep[name+damagedSuffix] = true, true
	}
	err := within(ctx, fileWait, func() error {
		return d.remove(func(name string) bool {
			return (strings.HasSuffix(name, stateSuffix) || strings.HasSuffix(name, damagedSuffix)) && !keep[name]
		})
	})
	if err != nil {
		return fmt.Errorf("storage: %w", err)
	}
	return nil
}

// remove removes the entries of the directory that match.
func (d *Dir) remove(match func(name string) bool) error {
	entries, err := os.ReadDir(d.path)
	if err != nil {
		return err
	}
	for _, e := range entries {
		if match(e.Name()) {
			err = errors.Join(err, os.RemoveAll(filepath.Join(d.path, e.Name())))
		}
	}
	return err
}

// within returns what f returns, or an error after the limit or when ctx ends.
// In that case f goes on: nothing can end a call to a file system that hangs.
func within(ctx context.Context, limit time.Duration, f func() error) error {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	done := make(chan error, 1)
	go func() {
		defer func() {
			if p := recover(); p != nil {
				done <- fmt.Errorf("panic: %v", p)
			}
		}()
		done <- f()
	}()
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
		return fmt.Errorf("the file system does not answer: %w", ctx.Err())
	}
}
