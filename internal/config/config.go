// Package config reads the exporter's YAML file. It is strict: an unknown key,
// a value of the wrong type or a missing secret is an error, and every error is
// reported with the file and the organization.
//
// Which clouds there are is passed in. Each has a struct of its own for the
// keys of an organization.
package config

import (
	"errors"
	"fmt"
	"os"
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
}

// YAML returns c as a file with all defaults filled in. Secrets are shown as
// "<secret>".
func (c *Config) YAML() ([]byte, error) { return yaml.Marshal(c) }

// Load reads and validates the file at path, and the key files that it names.
// Each of its errors names the file.
func Load(path string, clouds []Cloud) (*Config, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, errors.Unwrap(err)) // without a second path
	}
	defer f.Close()
	c, errs := parse(f, filepath.Dir(path), clouds)
	for i, err := range errs {
		errs[i] = fmt.Errorf("%s: %w", path, err)
	}
	return c, errors.Join(errs...)
}
