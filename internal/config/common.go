package config

import (
	"errors"
	"fmt"
	"math"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/prometheus/common/config"
)

// Common is the keys that all clouds have.
type Common struct {
	Name         string `yaml:"name"`
	Cloud        string `yaml:"cloud"`
	Settings     `yaml:",inline"`
	BaseURL      string   `yaml:"base_url"`
	InsecureHTTP bool     `yaml:"insecure_http,omitempty"` // allows a base_url with plain http
	Collectors   []string `yaml:"collectors"`
}

// Settings are the keys that defaults can have, too.
type Settings struct {
	CacheTTL       Duration   `yaml:"cache_ttl"`
	ErrorTTL       Duration   `yaml:"error_ttl"`
	MaxStale       Duration   `yaml:"max_stale"`
	RefreshTimeout Duration   `yaml:"refresh_timeout"`
	Concurrency    Integer    `yaml:"concurrency"` // API calls at once
	RateLimit      float64    `yaml:"rate_limit"`  // API calls per second
	MaxItems       Integer    `yaml:"max_items"`   // per-item series, per collector
	HTTP           HTTPClient `yaml:"http_client_config"`
}

// DefaultSettings returns the defaults of a cloud without defaults of its own.
func DefaultSettings() Settings {
	return Settings{
		CacheTTL:       Duration{Duration: 5 * time.Minute},
		ErrorTTL:       Duration{Duration: time.Minute},
		MaxStale:       Duration{Duration: time.Hour},
		RefreshTimeout: Duration{Duration: time.Minute},
		Concurrency:    4,
		RateLimit:      10,
		MaxItems:       1000,
		HTTP:           HTTPClient{HTTPClientConfig: config.DefaultHTTPClientConfig},
	}
}

// Base returns c. It makes a struct that embeds Common an Organization.
func (c *Common) Base() *Common { return c }

// Identity is the cloud and the address of its API.
func (c *Common) Identity() string { return c.Cloud + " " + c.BaseURL }

// checkSyntax returns the values that could not be parsed, each with its key.
func (s *Settings) checkSyntax() []error {
	return failures(
		s.CacheTTL.Check("cache_ttl"),
		s.ErrorTTL.Check("error_ttl"),
		s.MaxStale.Check("max_stale"),
		s.RefreshTimeout.Check("refresh_timeout"),
		s.HTTP.check("http_client_config"),
	)
}

// failures returns those of errs that are not nil.
func failures(errs ...error) []error {
	return slices.DeleteFunc(errs, func(err error) bool { return err == nil })
}

// validate returns what is wrong with c.
func (c *Common) validate(dir string, cloud Cloud) []error {
	errs := c.checkSyntax()
	add := func(format string, args ...any) { errs = append(errs, fmt.Errorf(format, args...)) }
	if c.RefreshTimeout.err == nil && c.RefreshTimeout.Duration == 0 {
		add("refresh_timeout must be above 0")
	}
	if c.Concurrency < 1 || c.Concurrency > 1000 {
		add("concurrency must be 1 to 1000, not %d", c.Concurrency)
	}
	if !(c.RateLimit > 0) || math.IsInf(c.RateLimit, 0) {
		add("rate_limit must be above 0, not %v", c.RateLimit)
	}
	if c.MaxItems < 0 {
		add("max_items must not be below 0, not %d", c.MaxItems)
	}
	if err := checkCollectors(c.Collectors, cloud.Collectors); err != nil {
		add("collectors: %w", err)
	}
	c.HTTP.SetDirectory(dir)
	// Reads the files: with one that cannot be read, every call would fail.
	if _, err := c.HTTP.RoundTripper("", func() *http.Transport { return new(http.Transport) }); err != nil {
		add("http_client_config: %w", err)
	}
	return errs
}

func checkCollectors(given, all []string) error {
	if len(given) == 0 {
		return errors.New("the list is empty: remove the key for the default")
	}
	for i, name := range given {
		if !slices.Contains(all, name) {
			return fmt.Errorf("no collector %q for this cloud, only %s", name, strings.Join(all, ", "))
		}
		if slices.Contains(given[:i], name) {
			return fmt.Errorf("duplicate collector %q", name)
		}
	}
	return nil
}

// checkURL rejects a base_url that would expose the signed headers to others.
func checkURL(s string, insecure bool) error {
	u, err := url.Parse(s)
	switch {
	case err != nil:
		return errors.New("not a URL")
	case u.Scheme != "https" && u.Scheme != "http" || u.Host == "":
		return errors.New("must begin with https:// and name a host")
	case u.User != nil || u.RawQuery != "" || u.Fragment != "":
		return errors.New("must have no user, query or fragment")
	case u.Scheme == "http" && !insecure && !loopback(u.Hostname()):
		return errors.New("plain http would expose signed requests to that host: use https, or set insecure_http: true")
	}
	return nil
}

func loopback(host string) bool {
	ip, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && ip.IsLoopback()
}
