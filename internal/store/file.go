package store

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"

	"github.com/cloudorg-exporter/cloudorg_exporter/internal/org"
)

// maxFile limits what is read. An organization has at most two million rows
// and 8 MiB of text.
const maxFile = 1 << 30

// errBusy says that the file system hangs.
var errBusy = errors.New("an earlier read or write of the file has not returned")

// A File is the org.Store of one organization.
type File struct {
	dir   *Dir
	path  string
	busy  *sync.Mutex // locked while the file is used
	owner owner
}

var _ org.Store = (*File)(nil)

// File returns the file of an organization. Identity is what a reading must
// agree in to be compared with another: the cloud, its address, the version of
// the API. Fingerprint returns the keys and the configuration as they are now.
// Both are stored as salted hashes only.
func (d *Dir) File(organization, identity string, fingerprint func() string) *File {
	busy, _ := d.busy.LoadOrStore(organization, new(sync.Mutex))
	return &File{
		dir:   d,
		path:  filepath.Join(d.path, fileName(organization)+stateSuffix),
		busy:  busy.(*sync.Mutex),
		owner: owner{organization, identity, fingerprint},
	}
}

// fileName returns a name for the file of an organization, whose own name may
// be any text: a readable part, and a hash.
func fileName(organization string) string {
	readable := strings.Map(func(r rune) rune {
		switch {
		case 'a' <= r && r <= 'z', 'A' <= r && r <= 'Z', '0' <= r && r <= '9', r == '-':
			return r
		}
		return '_'
	}, organization)
	hash := sha256.Sum256([]byte(organization))
	return fmt.Sprintf("%.40s-%x", readable, hash[:8])
}

// Load returns what was saved last, and nil if there is nothing or it cannot be
// used. A file that cannot be read is moved aside; one of another identity is
// left to be overwritten.
func (f *File) Load(ctx context.Context) (*org.Saved, error) {
	var saved *org.Saved
	err := within(ctx, fileWait, func() (err error) {
		saved, err = f.load()
		return err
	})
	if err != nil {
		return nil, err // load may go on, and set saved
	}
	return saved, nil
}

func (f *File) load() (*org.Saved, error) {
	if !f.busy.TryLock() {
		return nil, errBusy
	}
	defer f.busy.Unlock()
	data, err := read(f.path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	var saved *org.Saved
	if err == nil {
		saved, err = decode(data, f.owner)
	}
	if err == nil || errors.Is(err, errIdentity) {
		return saved, err
	}
	aside := strings.TrimSuffix(f.path, stateSuffix) + damagedSuffix
	if moved := errors.Join(os.RemoveAll(aside), os.Rename(f.path, aside)); moved != nil {
		return nil, fmt.Errorf("%w; moving it aside: %w", err, moved)
	}
	return nil, fmt.Errorf("%w; moved to %s", err, filepath.Base(aside))
}

// read returns the content of a regular file. Opening a pipe would hang.
func read(path string) ([]byte, error) {
	info, err := os.Lstat(path)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("%s is not a regular file", filepath.Base(path))
	}
	if info.Size() > maxFile {
		return nil, fmt.Errorf("%s has more than %d bytes", filepath.Base(path), maxFile)
	}
	return os.ReadFile(path)
}

// Save replaces the file by one that has s. After an error the file is whole,
// the one before or the new one. A write that goes on after ctx has ended may
// still succeed; until then other writes of the organization fail.
func (f *File) Save(ctx context.Context, s org.Saved) error {
	err := within(ctx, fileWait, func() error { return f.save(s) })
	if err != nil {
		f.dir.failed()
	}
	return err
}

func (f *File) save(s org.Saved) error {
	if !f.busy.TryLock() {
		return errBusy
	}
	defer f.busy.Unlock()
	temp := f.path + tempSuffix
	if err := f.write(temp, s); err != nil {
		_ = os.Remove(temp) // the other error is the one to tell
		return err
	}
	if f.dir.closed.Load() {
		return errors.New("the directory has been released")
	}
	if err := os.Rename(temp, f.path); err != nil {
		return err
	}
	return syncDir(f.dir.path)
}

// write makes the file temp with s, and syncs it.
func (f *File) write(temp string, s org.Saved) error {
	if err := os.Remove(temp); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	out, err := os.OpenFile(temp, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	defer out.Close()
	if err := encode(out, f.owner, s); err != nil {
		return err
	}
	if err := out.Sync(); err != nil {
		return err
	}
	return out.Close()
}

// syncDir makes a rename in the directory outlive a crash of the machine.
func syncDir(path string) error {
	if runtime.GOOS == "windows" {
		return nil // has no such call
	}
	dir, err := os.Open(path)
	if err != nil {
		return err
	}
	defer dir.Close()
	return dir.Sync()
}
