package config

import (
	"maps"
	"net/url"

	"github.com/prometheus/common/config"
	"go.yaml.in/yaml/v2"
)

// hidden stands in for a secret wherever one is shown.
const hidden = "<secret>"

// YAML returns c as a file, with every default filled in and without a secret:
// both keys, a password and a header's value are "<secret>". Beside a key that
// is in a file stands the file's path.
func (c *Config) YAML() ([]byte, error) {
	f := file{Organizations: make([]organization, len(c.Organizations))}
	for i, o := range c.Organizations {
		f.Organizations[i] = o.redacted()
	}
	return yaml.Marshal(f)
}

// redacted returns o as it would stand in a file, without secrets.
func (o Organization) redacted() organization {
	out := organization{
		Name: o.Name, Cloud: o.Cloud, BaseURL: o.BaseURL, InsecureHTTP: o.InsecureHTTP, Collectors: o.Collectors,
		settings: settings{
			CacheTTL: ofLength(o.CacheTTL), ErrorTTL: ofLength(o.ErrorTTL), MaxStale: ofLength(o.MaxStale),
			RefreshTimeout: ofLength(o.RefreshTimeout), Concurrency: new(whole(o.Concurrency)), RateLimit: &o.RateLimit,
			MaxItems: new(whole(o.MaxItems)), HTTP: &httpClient{HTTPClientConfig: redactedHTTP(o.HTTP)},
		},
	}
	out.AccessKey, out.AccessKeyFile = o.AccessKey.redacted()
	out.SecretKey, out.SecretKeyFile = o.SecretKey.redacted()
	if o.InvitationLifetime != 0 {
		out.InvitationLifetime = ofLength(o.InvitationLifetime)
	}
	switch o.Cloud {
	case NCP:
		out.MembersFrom = &o.MembersFrom
	case SCP:
		out.Environment, out.APIVersion = &o.Environment, &o.APIVersion
		out.OrganizationID, out.PageSize = &o.OrganizationID, new(whole(o.PageSize))
	}
	return out
}

func (k Key) redacted() (text config.Secret, file string) {
	return hidden, k.file
}

// redactedHTTP returns a copy of c without secrets. What has the type Secret
// hides itself; this is the rest.
func redactedHTTP(c config.HTTPClientConfig) config.HTTPClientConfig {
	c.FollowRedirects = false // whatever it says: the clients never do
	c.ProxyURL = withoutUser(c.ProxyURL)
	if c.OAuth2 != nil {
		o := *c.OAuth2
		o.ProxyURL = withoutUser(o.ProxyURL)
		if u, err := url.Parse(o.TokenURL); err == nil && u.User != nil {
			o.TokenURL = withoutUser(config.URL{URL: u}).String()
		}
		o.EndpointParams = maps.Clone(o.EndpointParams) // a password grant's are secret
		for name := range o.EndpointParams {
			o.EndpointParams[name] = hidden
		}
		c.OAuth2 = &o
	}
	if c.HTTPHeaders != nil {
		headers := config.Headers{Headers: maps.Clone(c.HTTPHeaders.Headers)}
		for name, h := range headers.Headers {
			values := make([]string, len(h.Values))
			for i := range values {
				values[i] = hidden // somebody will put a token there
			}
			h.Values = values
			headers.Headers[name] = h
		}
		c.HTTPHeaders = &headers
	}
	return c
}

// withoutUser hides the name as well as the password: a token may be either.
func withoutUser(u config.URL) config.URL {
	if u.URL == nil || u.User == nil {
		return u
	}
	clone := *u.URL
	clone.User = url.User("redacted")
	return config.URL{URL: &clone}
}
