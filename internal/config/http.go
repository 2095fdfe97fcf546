package config

import (
	"errors"
	"fmt"
	"maps"
	"net/url"
	"slices"

	"github.com/prometheus/common/config"
	"go.yaml.in/yaml/v2"
)

// An HTTPClient is a http_client_config. It shows itself without secrets. An
// invalid one keeps its error until validation, where the organization is
// known.
type HTTPClient struct {
	config.HTTPClientConfig
	err error
}

// UnmarshalYAML reads a http_client_config with prometheus/common's defaults.
func (h *HTTPClient) UnmarshalYAML(unmarshal func(any) error) error {
	h.HTTPClientConfig = config.HTTPClientConfig{}
	err := unmarshal(&h.HTTPClientConfig)
	if types := (*yaml.TypeError)(nil); errors.As(err, &types) {
		return err // it has its line
	}
	h.err = err
	return nil
}

// check returns what is wrong with h, with its key and without a secret.
func (h *HTTPClient) check(key string) error {
	// A text that is not a URL may have a password.
	if notURL := (*url.Error)(nil); errors.As(h.err, &notURL) {
		return fmt.Errorf("%s: proxy_url is not a URL", key)
	}
	if h.err != nil {
		return fmt.Errorf("%s: %w", key, h.err)
	}
	proxies := []config.URL{h.ProxyURL}
	if h.OAuth2 != nil {
		proxies = append(proxies, h.OAuth2.ProxyURL)
	}
	for _, p := range proxies {
		if p.URL != nil && !isProxy(p.URL) {
			return fmt.Errorf("%s: proxy_url must be http, https, socks5 or socks5h, a host and a port: http://host:3128", key)
		}
	}
	return nil
}

func isProxy(u *url.URL) bool {
	return slices.Contains([]string{"http", "https", "socks5", "socks5h"}, u.Scheme) && u.Hostname() != "" &&
		(u.Path == "" || u.Path == "/") && u.RawQuery == "" && u.Fragment == ""
}

// MarshalYAML returns the http_client_config without secrets. What has
// prometheus/common's type Secret hides itself; this is the rest.
func (h HTTPClient) MarshalYAML() (any, error) {
	c := h.HTTPClientConfig
	c.FollowRedirects = false // whatever is configured: redirects are never followed
	c.ProxyURL = withoutUser(c.ProxyURL)
	if c.OAuth2 != nil {
		o := *c.OAuth2
		o.ProxyURL = withoutUser(o.ProxyURL)
		if u, err := url.Parse(o.TokenURL); err == nil && u.User != nil {
			o.TokenURL = withoutUser(config.URL{URL: u}).String()
		}
		o.EndpointParams = maps.Clone(o.EndpointParams)
		for name := range o.EndpointParams {
			o.EndpointParams[name] = hidden // a password grant has its password here
		}
		c.OAuth2 = &o
	}
	if c.HTTPHeaders != nil {
		headers := config.Headers{Headers: maps.Clone(c.HTTPHeaders.Headers)}
		for name, h := range headers.Headers {
			h.Values = slices.Repeat([]string{hidden}, len(h.Values)) // may be tokens
			headers.Headers[name] = h
		}
		c.HTTPHeaders = &headers
	}
	return c, nil
}

// withoutUser hides user name and password: either may be a token.
func withoutUser(u config.URL) config.URL {
	if u.URL == nil || u.User == nil {
		return u
	}
	clone := *u.URL
	clone.User = url.User("redacted")
	return config.URL{URL: &clone}
}
