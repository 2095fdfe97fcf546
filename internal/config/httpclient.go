package config

import (
	"errors"
	"fmt"
	"net/url"
	"slices"

	"github.com/prometheus/common/config"
	"go.yaml.in/yaml/v2"
)

// httpClient is a http_client_config. One that makes no sense keeps its error
// until somebody can say whose it is.
type httpClient struct {
	config.HTTPClientConfig
	err error
}

// UnmarshalYAML reads a http_client_config with prometheus/common's defaults.
func (h *httpClient) UnmarshalYAML(unmarshal func(any) error) error {
	err := unmarshal(&h.HTTPClientConfig)
	if wrongType := (*yaml.TypeError)(nil); errors.As(err, &wrongType) {
		return err // it has its line
	}
	h.err = err
	return nil
}

// MarshalYAML writes the http_client_config.
func (h httpClient) MarshalYAML() (any, error) { return h.HTTPClientConfig, nil }

// setDirectory makes the paths in h relative to dir.
func (h *httpClient) setDirectory(dir string) {
	if h != nil {
		h.SetDirectory(dir)
	}
}

// problem returns what is wrong with h, with its key and without a secret.
func (h *httpClient) problem(key string) error {
	if h == nil {
		return nil
	}
	// What cannot be read as a URL is shown nowhere: it may have a password.
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
