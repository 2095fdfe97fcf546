package config

import (
	"fmt"
	"io"
	"os"
	"strings"
	"syscall"
)

// A Key is a credential's text, or the file that holds it.
type Key struct {
	text string
	file string
}

// File returns the file that holds the key; empty if none does.
func (k Key) File() string { return k.file }

// Read returns the key as it is now, without white space around it.
func (k Key) Read() (string, error) {
	if k.file == "" {
		return k.text, nil
	}
	text, err := readKey(k.file)
	if err != nil {
		return "", err
	}
	switch {
	case text == "":
		return "", fmt.Errorf("%s is empty", k.file)
	case !isKey(text):
		return "", fmt.Errorf("%s holds more than one line of printable text", k.file)
	}
	return text, nil
}

// maxKey bounds what is read of a key file, in bytes.
const maxKey = 64 << 10

// readKey reads a file that must not keep anybody waiting, as a pipe would, or
// go on for ever, as a device does.
func readKey(name string) (string, error) {
	f, err := os.OpenFile(name, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return "", err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return "", err
	}
	if !info.Mode().IsRegular() {
		return "", fmt.Errorf("%s is not a regular file", name)
	}
	b, err := io.ReadAll(io.LimitReader(f, maxKey+1))
	if err == nil && len(b) > maxKey {
		err = fmt.Errorf("%s is longer than any key", name)
	}
	return strings.TrimSpace(string(b)), err
}

// isKey reports whether text can stand in an HTTP header.
func isKey(text string) bool {
	return !strings.ContainsFunc(text, func(r rune) bool { return r <= ' ' || r > '~' })
}
