package config

import (
	"errors"
	"io/fs"
	"os"
	"sync"
	"time"

	"github.com/go-kit/log"
	"github.com/go-kit/log/level"
)

// fileWait is how long a caller waits for the files of a Credential.
const fileWait = 100 * time.Millisecond

// A Credential is the two keys of an organization as they are now. Files are
// read again when they change. A file that cannot be read, or that hangs, leaves
// the last key in use.
type Credential struct {
	pair   KeyPair
	logger log.Logger

	// Of the goroutine that looks at the files.
	seen   [2]fs.FileInfo // of the files, before they were read
	readAt time.Time
	broken bool // the files cannot be read now

	mu       sync.Mutex
	checking chan struct{} // closed when the files have been looked at; nil if nobody does
	keys     [2]string     // access key, secret key
	revision uint64
}

// NewCredential returns the Credential of a validated pair. Changes are logged
// to logger.
func NewCredential(pair KeyPair, logger log.Logger) (*Credential, error) {
	c := &Credential{pair: pair, logger: logger}
	return c, c.read()
}

// Keys returns the access key and the secret key.
func (c *Credential) Keys() (access, secret string) {
	keys, _ := c.current()
	return keys[0], keys[1]
}

// Secret returns both keys, to be hashed.
func (c *Credential) Secret() string {
	access, secret := c.Keys()
	return access + "\n" + secret
}

// Revision counts the changes of the keys.
func (c *Credential) Revision() uint64 {
	_, revision := c.current()
	return revision
}

// current returns the keys, read again if a file has changed.
func (c *Credential) current() ([2]string, uint64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.pair.AccessKeyFile+c.pair.SecretKeyFile == "" {
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
	for i, name := range []string{c.pair.AccessKeyFile, c.pair.SecretKeyFile} {
		if name == "" {
			continue
		}
		now, err := os.Stat(name)
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

// read reads both keys, or changes nothing.
func (c *Credential) read() error {
	var seen [2]fs.FileInfo
	c.readAt = time.Now()
	for i, name := range []string{c.pair.AccessKeyFile, c.pair.SecretKeyFile} {
		if name != "" {
			seen[i], _ = os.Stat(name) // before it is read: a change in between is seen the next time
		}
	}
	access, err1 := readKey(c.pair.AccessKey, c.pair.AccessKeyFile)
	secret, err2 := readKey(c.pair.SecretKey, c.pair.SecretKeyFile)
	if err := errors.Join(err1, err2); err != nil {
		return err
	}
	c.seen = seen
	c.mu.Lock()
	defer c.mu.Unlock()
	if keys := [2]string{access, secret}; keys != c.keys {
		c.revision++
		c.keys = keys
	}
	return nil
}
