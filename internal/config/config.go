// Package config reads the exporter's YAML file. It is strict: an unknown key,
// a value of the wrong type or a missing secret is an error, and every error is
// reported with the file and the organization.
//
// Which clouds there are is passed in. Each has a struct of its own for the
// keys of an organization.
package config

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"

	"go.yaml.in/yaml/v2"
)

// A Cloud is what the configuration needs to know of a provider.
type Cloud struct {
	Name       string   // value of the key "cloud"
	Collectors []string // all it has, in the order in which they are shown
	Defaults   []string // those that are read unless the configuration says otherwise
	// Keys returns the YAML keys of an organization, filled with the cloud's
	// defaults.
	Keys func() Organization
}

// An Organization is one organization with one credential: a pointer to a
// cloud's struct of YAML keys, which embeds Common.
type Organization interface {
	// Base returns the keys that all clouds have.
	Base() *Common
	// Identity is equal for configurations of the same organization as seen
	// through the same API. Readings of another identity are not compared.
	Identity() string
	// Validate checks the cloud's own keys and fills in what follows from
	// others. Relative file names are relative to dir.
	Validate(dir string) []error
}

// A Config is a validated configuration.
type Config struct {
	Organizations []Organization `yaml:"organizations"`
	Warnings      []string       `yaml:"-"` // settings that are valid and probably mistakes; see FindWarnings
}

// YAML returns c as a file with all defaults filled in. Secrets are shown as
// "<secret>".
func (c *Config) YAML() ([]byte, error) { return yaml.Marshal(c) }

// Load reads and validates the file at path, which must be a regular file of at
// most 64 MiB, and the key files that it names. Each of its errors names the
// file.
func Load(path string, clouds []Cloud) (*Config, error) {
	text, err := readFile(path, maxConfig)
	if pathErr, ok := errors.AsType[*fs.PathError](err); ok {
		return nil, fmt.Errorf("%s: %w", path, pathErr.Err) // without a second path
	}
	if err != nil {
		return nil, err
	}
	c, errs := parse(bytes.NewReader(text), filepath.Dir(path), clouds)
	return c, joined(path, errs)
}

// maxErrors is how many errors of a configuration are shown.
const maxErrors = 10

// joined joins the first errors, each with where it is, and the number of the
// others.
func joined(where string, errs []error) error {
	if more := len(errs) - maxErrors; more > 0 {
		errs = append(errs[:maxErrors], fmt.Errorf("and %d more", more))
	}
	return errors.Join(located(where, errs)...)
}

// located prefixes each of errs with where it is.
func located(where string, errs []error) []error {
	for i, err := range errs {
		errs[i] = fmt.Errorf("%s: %w", where, err)
	}
	return errs
}
