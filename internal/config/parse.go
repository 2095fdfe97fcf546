package config

import (
	"errors"
	"fmt"
	"io"
	"regexp"
	"strings"

	"github.com/prometheus/common/config"
	"go.yaml.in/yaml/v2"
)

// Parse reads, completes and validates one YAML document, and the key files
// that it names. Paths in it are relative to dir.
func Parse(r io.Reader, dir string) (*Config, error) {
	dec := yaml.NewDecoder(r)
	dec.SetStrict(true)
	var f file
	if err := dec.Decode(&f); err != nil && !errors.Is(err, io.EOF) {
		return nil, readable(err)
	}
	var second any
	if err := dec.Decode(&second); !errors.Is(err, io.EOF) {
		return nil, errors.New("a second YAML document: there must be one")
	}
	f.setDirectory(dir)
	return complete(f)
}

// setDirectory makes the paths in f relative to dir.
func (f *file) setDirectory(dir string) {
	f.Defaults.HTTP.setDirectory(dir)
	for i := range f.Organizations {
		o := &f.Organizations[i]
		o.AccessKeyFile = config.JoinDir(dir, o.AccessKeyFile)
		o.SecretKeyFile = config.JoinDir(dir, o.SecretKeyFile)
		o.HTTP.setDirectory(dir)
	}
}

var (
	unknownKey = regexp.MustCompile(`field (\S+) not found in type \S+`)
	twiceKey   = regexp.MustCompile(`field (\S+) already set in type \S+`)
	value      = regexp.MustCompile("(?s) `.*` into ")
	goType     = regexp.MustCompile(` into (\S+)$`)
)

// readable puts the errors of the YAML library into the words of somebody who
// wrote the file. They lose the values that they show: one may be a secret.
func readable(err error) error {
	var te *yaml.TypeError
	if !errors.As(err, &te) {
		return errors.New(value.ReplaceAllString(strings.TrimPrefix(err.Error(), "yaml: "), " into "))
	}
	lines := make([]error, len(te.Errors))
	for i, line := range te.Errors {
		line = unknownKey.ReplaceAllString(line, `unknown key "$1"`)
		line = twiceKey.ReplaceAllString(line, `key "$1" stands twice`)
		line = value.ReplaceAllString(line, " into ")
		line = strings.ReplaceAll(line, "cannot unmarshal ", "cannot read ")
		line = goType.ReplaceAllStringFunc(line, func(s string) string { return kind(s) })
		lines[i] = errors.New(line)
	}
	return errors.Join(lines...)
}

func kind(s string) string {
	t := strings.TrimPrefix(s, " into ")
	switch {
	case strings.HasPrefix(t, "[]"):
		return " as a list"
	case t == "config.wholeNumber":
		return " as a whole number"
	case t == "int", t == "float64":
		return " as a number"
	case t == "bool":
		return " as true or false"
	case t == "string", t == "config.Secret", t == "config.plain":
		return " as a text"
	}
	return fmt.Sprintf(" as %s", "what belongs here")
}
