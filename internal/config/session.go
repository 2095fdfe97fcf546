package config

import (
	"errors"

	"github.com/go-kit/log"
	"github.com/prometheus/common/config"
)

// SessionKeys is the YAML keys of a KeyPair that may be left out, and of the
// session token that comes with temporary ones.
type SessionKeys struct {
	AccessKey        Secret `yaml:"access_key,omitempty"`
	AccessKeyFile    string `yaml:"access_key_file,omitempty"`
	SecretKey        Secret `yaml:"secret_key,omitempty"`
	SecretKeyFile    string `yaml:"secret_key_file,omitempty"`
	SessionToken     Secret `yaml:"session_token,omitempty"`
	SessionTokenFile string `yaml:"session_token_file,omitempty"`
}

// Given reports whether there are keys.
func (k *SessionKeys) Given() bool {
	return k.AccessKey != "" || k.AccessKeyFile != "" || k.SecretKey != "" || k.SecretKeyFile != ""
}

// temporary reports whether there is a session token.
func (k *SessionKeys) temporary() bool { return k.SessionToken != "" || k.SessionTokenFile != "" }

// Validate checks the keys as KeyPair's Validate does, if there are any.
func (k *SessionKeys) Validate(dir string) []error {
	if !k.Given() {
		if k.temporary() {
			return []error{errors.New("session_token needs access_key and secret_key")}
		}
		return nil
	}
	pair := KeyPair{AccessKey: k.AccessKey, AccessKeyFile: k.AccessKeyFile, SecretKey: k.SecretKey, SecretKeyFile: k.SecretKeyFile}
	errs := pair.Validate(dir)
	k.AccessKey, k.AccessKeyFile, k.SecretKey, k.SecretKeyFile = pair.AccessKey, pair.AccessKeyFile, pair.SecretKey, pair.SecretKeyFile
	if k.temporary() {
		k.SessionTokenFile, k.SessionToken = config.JoinDir(dir, k.SessionTokenFile), trimmed(k.SessionToken)
		if err := checkKey("session_token", k.SessionToken, k.SessionTokenFile); err != nil {
			errs = append(errs, err)
		}
	}
	return errs
}

// NewSession returns the Credential of validated keys. Changes are logged to
// logger.
func NewSession(k SessionKeys, logger log.Logger) (*Credential, error) {
	sources := []source{{k.AccessKey, k.AccessKeyFile}, {k.SecretKey, k.SecretKeyFile}}
	if k.temporary() {
		sources = append(sources, source{k.SessionToken, k.SessionTokenFile})
	}
	return newCredential(sources, logger)
}
