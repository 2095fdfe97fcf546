package config

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"regexp"
	"strings"
	"syscall"

	"github.com/prometheus/common/config"
)

// hidden is shown in place of a secret.
const hidden = "<secret>"

// A Secret is a text that is shown as "<secret>".
type Secret string

// MarshalYAML hides the text.
func (Secret) MarshalYAML() (any, error) { return hidden, nil }

// String hides the text.
func (Secret) String() string { return hidden }

// A KeyPair is the YAML keys of an access key and its secret key, each as text
// or as file.
type KeyPair struct {
	AccessKey     Secret `yaml:"access_key"`
	AccessKeyFile string `yaml:"access_key_file,omitempty"`
	SecretKey     Secret `yaml:"secret_key"`
	SecretKeyFile string `yaml:"secret_key_file,omitempty"`
}

// Validate checks that each key is given once, and reads the files. Relative
// file names are relative to dir.
func (p *KeyPair) Validate(dir string) []error {
	return failures(
		validateKey("access_key", &p.AccessKey, &p.AccessKeyFile, dir),
		validateKey("secret_key", &p.SecretKey, &p.SecretKeyFile, dir),
	)
}

func (p KeyPair) sources() [3]source {
	return [3]source{{p.AccessKey, p.AccessKeyFile}, {p.SecretKey, p.SecretKeyFile}}
}

// SessionKeys is the YAML keys of a KeyPair that may be left out, and of the
// session token that comes with temporary ones.
type SessionKeys struct {
	optionalPair     `yaml:",inline"`
	SessionToken     Secret `yaml:"session_token,omitempty"`
	SessionTokenFile string `yaml:"session_token_file,omitempty"`
}

// An optionalPair is a KeyPair whose keys are shown only if they are given.
type optionalPair struct {
	AccessKey     Secret `yaml:"access_key,omitempty"`
	AccessKeyFile string `yaml:"access_key_file,omitempty"`
	SecretKey     Secret `yaml:"secret_key,omitempty"`
	SecretKeyFile string `yaml:"secret_key_file,omitempty"`
}

// Given reports whether there are keys.
func (k *SessionKeys) Given() bool { return k.optionalPair != optionalPair{} }

// Validate checks the keys as KeyPair's Validate does, if there are any.
func (k *SessionKeys) Validate(dir string) []error {
	temporary := k.SessionToken != "" || k.SessionTokenFile != ""
	switch {
	case !k.Given() && temporary:
		return []error{errors.New("session_token needs access_key and secret_key")}
	case !k.Given():
		return nil
	}
	errs := (*KeyPair)(&k.optionalPair).Validate(dir)
	if temporary {
		errs = append(errs, failures(validateKey("session_token", &k.SessionToken, &k.SessionTokenFile, dir))...)
	}
	return errs
}

func (k SessionKeys) sources() [3]source {
	all := KeyPair(k.optionalPair).sources()
	all[2] = source{k.SessionToken, k.SessionTokenFile}
	return all
}

// validateKey checks that the key name is given once, and reads the file, whose
// name may be relative to dir.
func validateKey(name string, text *Secret, file *string, dir string) error {
	*text, *file = Secret(strings.TrimSpace(string(*text))), config.JoinDir(dir, *file)
	switch {
	case *text == "" && *file == "":
		return fmt.Errorf("%s or %s_file is missing", name, name)
	case *text != "" && *file != "":
		return fmt.Errorf("both %s and %s_file are given: remove one", name, name)
	case *text != "":
		if err := checkText(string(*text)); err != nil {
			return fmt.Errorf("%s %w", name, err)
		}
		return nil
	}
	if _, err := readKey(*file); err != nil {
		return fmt.Errorf("%s_file: %w", name, err)
	}
	return nil
}

// readKey returns the key in a file, without white space around it.
func readKey(file string) (string, error) {
	b, err := readSmallFile(file)
	if err != nil {
		return "", err
	}
	if bytes.HasPrefix(b, []byte{0xff, 0xfe}) || bytes.HasPrefix(b, []byte{0xfe, 0xff}) {
		return "", fmt.Errorf("%s is UTF-16: save it as UTF-8", file)
	}
	key := strings.TrimSpace(withoutMark(b))
	if key == "" {
		return "", fmt.Errorf("%s is empty", file)
	}
	if err := checkText(key); err != nil {
		return "", fmt.Errorf("%s %w", file, err)
	}
	return key, nil
}

// withoutMark returns a text without a byte order mark.
func withoutMark(b []byte) string { return string(bytes.TrimPrefix(b, []byte("\xef\xbb\xbf"))) }

const (
	maxSmall  = 1 << 20  // bytes of a file with keys or certificates
	maxConfig = 64 << 20 // bytes of the configuration file
)

// readSmallFile reads a regular file of at most 1 MiB.
func readSmallFile(name string) ([]byte, error) { return readFile(name, maxSmall) }

// readFile reads a regular file of at most limit bytes. It neither blocks, as a
// pipe would, nor reads without end, as a device would.
func readFile(name string, limit int64) ([]byte, error) {
	f, err := os.OpenFile(name, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("%s is not a regular file", name)
	}
	b, err := io.ReadAll(io.LimitReader(f, limit+1))
	if err == nil && int64(len(b)) > limit {
		err = fmt.Errorf("%s has more than %d MiB", name, limit>>20)
	}
	return b, err
}

// envLine matches a line of an env file. The = of base64 is at the end only.
var envLine = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*=[^=]`)

// checkText returns why text cannot be a key.
func checkText(text string) error {
	switch {
	case strings.Contains(text, "\n"):
		return errors.New("has more than one line")
	case strings.ContainsAny(text, "${}<>"):
		return errors.New("looks like a placeholder: variables are not expanded, use the key's _file")
	case strings.ContainsAny(text, `"'`):
		return errors.New("has quotes: remove them")
	case envLine.MatchString(text):
		return errors.New("is a line of an env file: remove the name and the =")
	case strings.ContainsFunc(text, func(r rune) bool { return r <= ' ' || r > '~' }):
		return errors.New("has a space, a control character or a character that is not ASCII")
	}
	return nil
}
