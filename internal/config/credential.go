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
	sources []source
	logger  log.Logger

	// Of the goroutine that looks at the files.
	seen   []fs.FileInfo // of the files, before they were read
	readAt time.Time
	broken bool // the files cannot be read now

	mu       sync.Mutex
	checking chan struct{} // closed when the files have been checked; nil if no check runs
	keys     []string      // in the order of sources; replaced, never changed
	revision uint64
}

// NewCredential returns the Credential of a validated pair. Changes are logged
// to logger.
func NewCredential(pair KeyPair, logger log.Logger) (*Credential, error) {
	return newCredential([]source{{pair.AccessKey, pair.AccessKeyFile}, {pair.SecretKey, pair.SecretKeyFile}}, logger)
}

// newCredential returns the Credential of an access key, a secret key and
// perhaps a session token.
func newCredential(sources []source, logger log.Logger) (*Credential, error) {
	n := len(sources)
	c := &Credential{sources: sources, logger: logger, keys: make([]string, n), seen: make([]fs.FileInfo, n)}
	return c, c.read()
}

// A source is a key as text, or the file that has it.
type source struct {
	text Secret
	file string
}

// Keys returns the access key and the secret key.
func (c *Credential) Keys() (access, secret string) {
	keys, _ := c.current()
	return keys[0], keys[1]
}

// Session returns the access key, the secret key and the session token, which
// is empty if the keys are not temporary.
func (c *Credential) Session() (access, secret, token string) {
	keys, _ := c.current()
	if len(keys) > 2 {
		token = keys[2]
	}
	return keys[0], keys[1], token
}

// Secret returns all keys, to be hashed.
func (c *Credential) Secret() string {
	keys, _ := c.current()
	return strings.Join(keys, "\n")
}

// Revision counts the changes of the keys.
func (c *Credential) Revision() uint64 {
	_, revision := c.current()
	return revision
}

// current returns the keys, read again if a file has changed.
func (c *Credential) current() ([]string, uint64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !slices.ContainsFunc(c.sources, func(s source) bool { return s.file != "" }) {
		return c.keys, c.revision
	}
	if c.checking == nil {
		c.checking = make(chan struct{})
		go c.check(c.checking)
	}
	done := c.checking
	c.mu.Unlock()
	timer := time.NewTimer(fileWait)
	select {
	case <-done:
	case <-timer.C:
	}
	timer.Stop()
	c.mu.Lock()
	return c.keys, c.revision
}

// check reads the keys again if a file has changed, and closes done.
func (c *Credential) check(done chan struct{}) {
	wasBroken, before := c.broken, c.revision
	var err error
	changed := c.changed()
	if changed {
		err = c.read()
		c.broken = err != nil
	}
	switch { // a log can block: callers wait for a while only
	case !changed:
	case err != nil && !wasBroken:
		level.Warn(c.logger).Log("msg", "cannot re-read the key file", "err", err, "serving", "last good key")
	case err == nil && c.revision != before:
		level.Info(c.logger).Log("msg", "key changed")
	case err == nil && wasBroken:
		level.Info(c.logger).Log("msg", "key file is readable again")
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

// read reads all keys, or changes nothing.
func (c *Credential) read() error {
	seen, keys := make([]fs.FileInfo, len(c.sources)), make([]string, len(c.sources))
	c.readAt = time.Now()
	for i, from := range c.sources {
		if from.file != "" {
			seen[i], _ = os.Stat(from.file) // before it is read: a change in between is seen the next time
		}
	}
	var errs []error
	for i, from := range c.sources {
		var err error
		if keys[i], err = readKey(from.text, from.file); err != nil {
			errs = append(errs, err)
		}
	}
	if err := errors.Join(errs...); err != nil {
		return err
	}
	c.seen = seen
	c.mu.Lock()
	defer c.mu.Unlock()
	if !slices.Equal(keys, c.keys) {
		c.revision++
		c.keys = keys
	}
	return nil
}
