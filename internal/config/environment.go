package config

import (
	"bytes"
	"cmp"
	"fmt"

	"go.yaml.in/yaml/v2"
)

// Environment variables that replace a configuration file. Those of the keys
// are named as in NCP's own tools.
const (
	envAccessKey    = "NCLOUD_ACCESS_KEY"
	envSecretKey    = "NCLOUD_SECRET_KEY"
	envOrganization = "CLOUDORG_ORGANIZATION"
)

// FromEnvironment returns a configuration of one NCP organization, whose calls
// use the proxy that the environment names.
func FromEnvironment(getenv func(string) string, clouds []Cloud) (*Config, error) {
	access, secret := getenv(envAccessKey), getenv(envSecretKey)
	switch {
	case access == "" && secret == "":
		return nil, fmt.Errorf("no organization is configured: give --config.file, or set %s and %s, or try --demo", envAccessKey, envSecretKey)
	case access == "":
		return nil, fmt.Errorf("%s is set, but %s is not", envSecretKey, envAccessKey)
	case secret == "":
		return nil, fmt.Errorf("%s is set, but %s is not", envAccessKey, envSecretKey)
	}
	text, err := yaml.Marshal(map[string]any{"organizations": []any{map[string]any{
		"name": cmp.Or(getenv(envOrganization), "default"), "cloud": "ncp",
		"access_key": access, "secret_key": secret,
		"http_client_config": map[string]any{"proxy_from_environment": true},
	}}})
	if err != nil {
		return nil, err
	}
	c, errs := parse(bytes.NewReader(text), "", clouds)
	return c, joined("environment", errs)
}
