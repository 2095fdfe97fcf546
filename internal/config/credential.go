package config

import (
	"errors"
	"io/fs"
	"os"
	"sync"
	"time"
)

// A Credential is an organization's two keys as they are now: files are read
// again when they change.
type Credential struct {
	keys [2]Key
	warn func(error)

	mu       sync.Mutex
	texts    [2]string
	seen     [2]fs.FileInfo // of the files, when they were read
	readAt   time.Time
	broken   bool // the files cannot be read now
	revision uint64
}

// NewCredential returns the Credential of an organization. When its files can
// no longer be read, warn is told once and the last keys stay in use.
func NewCredential(access, secret Key, warn func(error)) (*Credential, error) {
	c := &Credential{keys: [2]Key{access, secret}, warn: warn}
	return c, c.read()
}

// Keys returns the access key and the secret key.
func (c *Credential) Keys() (access, secret string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.refresh()
	return c.texts[0], c.texts[1]
}

// Revision counts the changes of the keys so far.
func (c *Credential) Revision() uint64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.refresh()
	return c.revision
}

// refresh reads the keys again if a file has changed.
func (c *Credential) refresh() {
	if !c.changed() {
		return
	}
	err := c.read()
	if err != nil && !c.broken {
		c.warn(err)
	}
	c.broken = err != nil
}

// changed reports whether a file is another than when it was read.
func (c *Credential) changed() bool {
	for i, k := range c.keys {
		if k.file == "" {
			continue
		}
		now, err := os.Stat(k.file)
		seen := c.seen[i]
		if err != nil || seen == nil || !os.SameFile(now, seen) || now.Size() != seen.Size() || !now.ModTime().Equal(seen.ModTime()) {
			return true
		}
		// Written again within the file system's smallest step of time, it would look the same.
		if c.readAt.Sub(now.ModTime()) < time.Second {
			return true
		}
	}
	return false
}

// read reads both keys, or changes nothing.
func (c *Credential) read() error {
	var texts [2]string
	var seen [2]fs.FileInfo
	var errs [2]error
	c.readAt = time.Now()
	for i, k := range c.keys {
		if k.file != "" {
			seen[i], _ = os.Stat(k.file) // before it is read: a change in between is seen the next time
		}
		texts[i], errs[i] = k.Read()
	}
	if err := errors.Join(errs[:]...); err != nil {
		return err
	}
	if texts != c.texts {
		c.revision++
	}
	c.texts, c.seen = texts, seen
	return nil
}
