// Package config reads the exporter's YAML file: strictly, whole, and with
// errors that name the line or the organization.
package config

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/prometheus/common/config"
)

// The clouds.
const (
	NCP = "ncp" // NAVER Cloud Platform
	SCP = "scp" // Samsung Cloud Platform
)

// A Config is a validated configuration.
type Config struct {
	Organizations []Organization
}

// An Organization is one organization with one credential. Every field has its
// value: what the file leaves out is filled in.
type Organization struct {
	Name  string
	Cloud string // NCP or SCP

	AccessKey Key
	SecretKey Key

	CacheTTL       time.Duration
	ErrorTTL       time.Duration
	MaxStale       time.Duration
	RefreshTimeout time.Duration
	Concurrency    int     // API calls at once
	RateLimit      float64 // API calls per second
	MaxItems       int     // per-item series, per collector
	HTTP           config.HTTPClientConfig

	BaseURL            string
	InsecureHTTP       bool // BaseURL may be plain http to any host
	Collectors         []string
	InvitationLifetime time.Duration // 0: unknown

	MembersFrom string // NCP: FromGroups or FromTree

	Environment    string // SCP: s, g or e
	APIVersion     string // SCP: empty takes the newest
	OrganizationID string // SCP: empty is the key's own
	PageSize       int    // SCP: rows
}

// Where the members of an NCP organization are read.
const (
	FromGroups = "groups" // one call per group
	FromTree   = "tree"   // the one call that reads the groups too
)

// settings are the keys that may stand in defaults and in an organization.
type settings struct {
	CacheTTL       *period     `yaml:"cache_ttl,omitempty"`
	ErrorTTL       *period     `yaml:"error_ttl,omitempty"`
	MaxStale       *period     `yaml:"max_stale,omitempty"`
	RefreshTimeout *period     `yaml:"refresh_timeout,omitempty"`
	Concurrency    *whole      `yaml:"concurrency,omitempty"`
	RateLimit      *float64    `yaml:"rate_limit,omitempty"`
	MaxItems       *whole      `yaml:"max_items,omitempty"`
	HTTP           *httpClient `yaml:"http_client_config,omitempty"`
}

// organization is an organization as it stands in the file.
type organization struct {
	Name          string        `yaml:"name"`
	Cloud         string        `yaml:"cloud"`
	AccessKey     config.Secret `yaml:"access_key,omitempty"`
	AccessKeyFile string        `yaml:"access_key_file,omitempty"`
	SecretKey     config.Secret `yaml:"secret_key,omitempty"`
	SecretKeyFile string        `yaml:"secret_key_file,omitempty"`

	settings `yaml:",inline"`

	BaseURL            string   `yaml:"base_url,omitempty"`
	InsecureHTTP       bool     `yaml:"insecure_http,omitempty"`
	Collectors         []string `yaml:"collectors,omitempty"`
	InvitationLifetime *period  `yaml:"invitation_lifetime,omitempty"`

	MembersFrom *string `yaml:"members_from,omitempty"`

	Environment    *string `yaml:"environment,omitempty"`
	APIVersion     *string `yaml:"api_version,omitempty"`
	OrganizationID *string `yaml:"organization_id,omitempty"`
	PageSize       *whole  `yaml:"page_size,omitempty"`
}

// file is the whole file.
type file struct {
	Defaults      settings       `yaml:"defaults,omitempty"`
	Organizations []organization `yaml:"organizations"`
}

// Load reads, completes and validates the file at path, and the key files that
// it names. Its errors do not name the file itself.
func Load(path string) (*Config, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, errors.Unwrap(err) // the caller names the file
	}
	defer f.Close()
	return Parse(f, filepath.Dir(path))
}

// Environment variables that make a configuration without a file. The names
// are those of NCP's own tools.
const (
	envAccessKey = "NCLOUD_ACCESS_KEY"
	envSecretKey = "NCLOUD_SECRET_KEY"
)

// FromEnvironment makes a configuration of one NCP organization named
// "default" from the environment.
func FromEnvironment(getenv func(string) string) (*Config, error) {
	access, secret := getenv(envAccessKey), getenv(envSecretKey)
	switch {
	case access == "" && secret == "":
		return nil, fmt.Errorf("nothing to export: give --config.file, or set %s and %s, or try --demo", envAccessKey, envSecretKey)
	case access == "":
		return nil, fmt.Errorf("%s is set, and %s is missing", envSecretKey, envAccessKey)
	case secret == "":
		return nil, fmt.Errorf("%s is set, and %s is missing", envAccessKey, envSecretKey)
	}
	return complete(file{Organizations: []organization{{
		Name: "default", Cloud: NCP, AccessKey: config.Secret(access), SecretKey: config.Secret(secret),
	}}})
}
