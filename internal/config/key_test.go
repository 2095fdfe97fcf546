//go:build unix

package config

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/go-kit/log"
)

// What is no key file is refused at once: it neither blocks nor fills the
// memory.
func TestKeyFiles(t *testing.T) {
	dir := t.TempDir()
	pipe, long := filepath.Join(dir, "pipe"), filepath.Join(dir, "long")
	if err := syscall.Mkfifo(pipe, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(long, make([]byte, maxSmall+1), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{
		pipe:        "is not a regular file",
		long:        "has more than 1 MiB",
		"/dev/zero": "is not a regular file",
		dir:         "is not a regular file",
	} {
		done := make(chan error, 1)
		go func() {
			_, err := readKey(name)
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

// What cannot be a key is refused with the reason, as text and as file.
func TestTextsThatAreNoKey(t *testing.T) {
	for text, want := range map[string]string{
		"${NCLOUD_ACCESS_KEY}":           "looks like a placeholder",
		"$NCLOUD_ACCESS_KEY":             "looks like a placeholder",
		`{{env"NCLOUD_ACCESS_KEY"}}`:     "looks like a placeholder",
		"<your-access-key>":              "looks like a placeholder",
		`"NCPACCESS"`:                    "has quotes",
		"'NCPACCESS'":                    "has quotes",
		"NCLOUD_ACCESS_KEY=NCPACCESS":    "is a line of an env file",
		"a b":                            "has a space",
		"clé":                            "not ASCII",
		"a\nb":                           "more than one line",
		"NCPACCESS":                      "",
		"wJalrXUtnFEMI/K7MDENG+bPxRfi==": "",
		"\xef\xbb\xbfNCPACCESS\r\n":      "",
		"\xff\xfeN\x00C\x00":             "is UTF-16: save it as UTF-8",
		" \n":                            "is empty",
	} {
		file := filepath.Join(t.TempDir(), "key")
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		key, err := readKey(file)
		if want == "" && (err != nil || key != strings.TrimSpace(strings.TrimPrefix(text, "\xef\xbb\xbf"))) {
			t.Errorf("%q: want it read, have %q, %v", text, key, err)
		}
		if want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("%q: want %q, have %v", text, want, err)
		}
	}
}

// A key file is read again when it changes. Each event is logged once.
func TestCredential(t *testing.T) {
	file := filepath.Join(t.TempDir(), "key")
	write := func(text string) {
		t.Helper()
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	var logged strings.Builder
	write("ONE")
	c, err := NewCredential(KeyPair{AccessKey: "A", SecretKeyFile: file}, log.NewLogfmtLogger(&logged))
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		text, key, log string
	}{
		{"ONE", "ONE", ""},
		{"TWO", "TWO", `level=info msg="key changed"`},
		{"", "TWO", `level=warn msg="cannot re-read the key file" err="` + file + ` is empty" serving="last good key"`},
		{"", "TWO", ""},
		{"TWO", "TWO", `level=info msg="key file is readable again"`},
		{"", "TWO", `level=warn msg="cannot re-read the key file" err="` + file + ` is empty" serving="last good key"`},
		{"SIX", "SIX", `level=info msg="key changed"`},
	} {
		logged.Reset()
		write(tt.text)
		c.Revision()
		if _, key := c.Keys(); key != tt.key || strings.TrimSpace(logged.String()) != tt.log {
			t.Errorf("after %q: want %q and %q, have %q and %q", tt.text, tt.key, tt.log, key, logged.String())
		}
	}
	if c.Revision() != 3 {
		t.Errorf("revision: want 3, have %d", c.Revision())
	}
}

// A key file that hangs leaves the last key in use, and delays nobody for long.
func TestKeyFileThatHangs(t *testing.T) {
	file := filepath.Join(t.TempDir(), "key")
	if err := os.WriteFile(file, []byte("ONE"), 0o600); err != nil {
		t.Fatal(err)
	}
	c, err := NewCredential(KeyPair{AccessKey: "A", SecretKeyFile: file}, log.NewNopLogger())
	if err != nil {
		t.Fatal(err)
	}
	c.mu.Lock()
	c.checking = make(chan struct{}) // as while a network file system is away
	c.mu.Unlock()
	start := time.Now()
	if _, key := c.Keys(); key != "ONE" || time.Since(start) > 10*fileWait {
		t.Errorf("have %q after %s", key, time.Since(start))
	}
}

// The first errors are shown, and the number of the others.
func TestErrorsAreBounded(t *testing.T) {
	var yaml strings.Builder
	yaml.WriteString("organizations:\n")
	for range 1000 {
		yaml.WriteString("  - {name: a, cloud: nope}\n")
	}
	file := filepath.Join(t.TempDir(), "config.yml")
	if err := os.WriteFile(file, []byte(yaml.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := Load(file, []Cloud{{Name: "ncp"}})
	if err == nil || strings.Count(err.Error(), "\n") != maxErrors || !strings.HasSuffix(err.Error(), "config.yml: and 1989 more") {
		t.Errorf("want ten errors and a number, have %v", err)
	}
}
