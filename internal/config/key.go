package config

import (
	"fmt"
	"os"
	"strings"
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
	b, err := os.ReadFile(k.file)
	if err != nil {
		return "", err
	}
	text := strings.TrimSpace(string(b))
	switch {
	case text == "":
		return "", fmt.Errorf("%s is empty", k.file)
	case !isKey(text):
		return "", fmt.Errorf("%s holds more than one line of printable text", k.file)
	}
	return text, nil
}

// isKey reports whether text can stand in an HTTP header.
func isKey(text string) bool {
	return !strings.ContainsFunc(text, func(r rune) bool { return r <= ' ' || r > '~' })
}
