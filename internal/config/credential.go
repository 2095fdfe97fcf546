package config

import (
	"errors"
	"io/fs"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/go-kit/log"
	"github.com/go-kit/log/level"
)

// fileWait is how long a caller waits for the files of a Credential.
const fileWait = 100 * time.Millisecond

// A Credential is the keys of an organization as they are now. Files are
// read again when they change. A file that cannot be read, or that hangs, leaves
// the last key in use.
type Credential struct {
	sources [3]source // of the access key, the secret key and the session token
	logger  log.Logger

	// Of the goroutine that looks at the files.
	seen   [3]fs.FileInfo // of the files, before they were read
	readAt time.Time
	broken bool // the files cannot be read now

	mu       sync.Mutex
	checking chan struct{} // closed when the files have been checked; nil if no check runs
	keys     [3]string
	revision uint64
}

// A source is a key as text, or the file that has it. The zero source is no key.
type source struct {
	text Secret
	file string
}

// read returns the key, or "" if there is none.
func (s source) read() (string, error) {
	if s.file == "" {
		return string(s.text), nil
	}
	return readKey(s.file)
}

// NewCredential returns the Credential of validated keys, a KeyPair or
// SessionKeys. Changes are logged to logger.
func NewCredential(keys interface{ sources() [3]source }, logger log.Logger) (*Credential, error) {
	c := &Credential{sources: keys.sources(), logger: logger}
	return c, c.read()
}

// Keys returns the access key and the secret key.
func (c *Credential) Keys() (access, secret string) {
	access, secret, _ = c.Session()
	return access, secret
}

// Session returns the access key, the secret key and the session token, which
// is empty if the keys are not temporary.
func (c *Credential) Session() (access, secret, token string) {
	keys, _ := c.current()
	return keys[0], keys[1], keys[2]
}

// Secret returns all keys, to be hashed.
func (c *Credential) Secret() string {
	keys, _ := c.current()
	return strings.TrimSpace(strings.Join(keys[:], "\n"))
}

// Revision counts the changes of the keys.
func (c *Credential) Revision() uint64 {
	_, revision := c.current()
	return revision
}

// current returns the keys, read again if a file has changed.
func (c *Credential) current() (keys [3]string, revision uint64) {
	if slices.ContainsFunc(c.sources[:], func(s source) bool { return s.file != "" }) {
		c.checkFiles()
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.keys, c.revision
}

// checkFiles starts a check of the files, unless one runs, and waits for it for
// a while.
func (c *Credential) checkFiles() {
	c.mu.Lock()
	if c.checking == nil {
		c.checking = make(chan struct{})
		go c.check(c.checking)
	}
	done := c.checking
	c.mu.Unlock()
	select {
	case <-done:
	case <-time.After(fileWait):
	}
}

// check reads the keys again if a file has changed, and closes done.
func (c *Credential) check(done chan struct{}) {
	if c.changed() {
		c.readAgain()
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.checking = nil
	close(done)
}

// changed reports whether a file is not the one that was read.
func (c *Credential) changed() bool {
	for i, from := range c.sources {
		if from.file == "" {
			continue
		}
		now, err := os.Stat(from.file)
		seen := c.seen[i]
		if err != nil || seen == nil || !os.SameFile(now, seen) || now.Size() != seen.Size() || !now.ModTime().Equal(seen.ModTime()) {
			return true
		}
		// A second write within the resolution of the file's time looks the same.
		if c.readAt.Sub(now.ModTime()) < time.Second {
			return true
		}
	}
	return false
}

// readAgain reads the keys and logs what is new. A log can block: callers wait
// for a while only.
func (c *Credential) readAgain() {
	wasBroken, before := c.broken, c.revision
	err := c.read()
	c.broken = err != nil
	switch {
	case c.broken && !wasBroken:
		level.Warn(c.logger).Log("msg", "cannot re-read the key file", "err", err, "serving", "last good key")
	case c.revision != before:
		level.Info(c.logger).Log("msg", "key changed")
	case wasBroken && !c.broken:
		level.Info(c.logger).Log("msg", "key file is readable again")
	}
}

// read reads all keys, or changes nothing.
func (c *Credential) read() error {
	var seen [3]fs.FileInfo
	var keys [3]string
	var errs [3]error
	c.readAt = time.Now()
	for i, from := range c.sources {
		if from.file != "" {
			seen[i], _ = os.Stat(from.file) // before it is read: a change in between is seen the next time
		}
		keys[i], errs[i] = from.read()
	}
	if err := errors.Join(errs[:]...); err != nil {
		return err
	}
	c.seen = seen
	c.mu.Lock()
	defer c.mu.Unlock()
	if keys != c.keys {
		c.keys = keys
		c.revision++
	}
	return nil
}
