package config_test

import (
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/cloudorg-exporter/cloudorg_exporter/internal/cloud"
	"github.com/cloudorg-exporter/cloudorg_exporter/internal/config"
	"github.com/cloudorg-exporter/cloudorg_exporter/internal/testutil"
)

// A file is refused with a reason, or it is a configuration that can be shown
// without its keys; and what is shown of it can be read again but for them.
func FuzzParse(f *testing.F) {
	const key = "FUZZSECRETFUZZSECRET"
	organization := "organizations:\n  - name: acme\n    cloud: ncp\n    access_key: A\n    secret_key: " + key + "\n"
	for _, text := range []string{
		"", "organizations: []\n", organization,
		"defaults: {rate_limit: .inf}\n" + organization,
		"defaults: {cache_ttl: 0s, rate_limit: 7.5, concurrency: 7, max_items: 0}\n" + organization,
		organization + "    invitation_lifetime: 30d\n    collectors: [members]\n    members_from: tree\n    base_url: http://[::1]:8/x\n",
		strings.Replace(organization, "ncp", "scp", 1) + "    environment: g\n    api_version: \"\"\n    page_size: 7\n    organization_id: o-1\n",
		organization + "    http_client_config: {proxy_url: 'http://a:b@c', tls_config: {insecure_skip_verify: true}, basic_auth: {username: u, password: " + key + "}}\n",
		"a: &a [x, x, x, x]\nb: &b [*a, *a, *a, *a]\nc: &c [*b, *b, *b, *b]\norganizations: [*c, *c]\n",
		organization + "---\n" + organization,
	} {
		f.Add(text)
	}
	for _, example := range testutil.Samples(f, "../../docs/cloudorg_exporter.yml", "../../deploy/*/config.yml") {
		// As texts, for files are not read below.
		f.Add(strings.ReplaceAll(strings.ReplaceAll(example.Body, "_file", ""), "file", "text"))
	}
	f.Fuzz(func(t *testing.T, text string) {
		if strings.Contains(text, "file") {
			return // it would read what there is on this machine
		}
		c, err := config.Parse(strings.NewReader(text), "", cloud.Configs())
		if err != nil {
			// The library quotes a value that stands where a key belongs.
			if strings.Contains(err.Error(), key) && strings.Count(text, "secret_key: "+key) == strings.Count(text, key) && strings.Contains(text, "secret_key: "+key+"\n") {
				t.Errorf("the error shows the key: %v", err)
			}
			return
		}
		for _, o := range c.Organizations {
			o := o.Base()
			if o.Name == "" || len(o.Collectors) == 0 || o.RefreshTimeout.Duration <= 0 || o.CacheTTL.Duration < 0 || o.Concurrency < 1 || !(o.RateLimit > 0) || o.MaxItems < 0 {
				t.Errorf("%+v", o)
			}
		}
		shown, err := c.YAML()
		if err != nil || !utf8.Valid(shown) {
			t.Fatalf("it cannot be shown: %v\n%s", err, shown)
		}
		if strings.Contains(string(shown), key) && strings.Contains(text, "secret_key: "+key+"\n") && strings.Count(text, key) == 1 {
			t.Errorf("it shows the key:\n%s", shown)
		}
		if again, err := config.Parse(strings.NewReader(strings.ReplaceAll(string(shown), "<secret>", "EXAMPLE")), "", cloud.Configs()); err != nil || len(again.Organizations) != len(c.Organizations) {
			t.Errorf("what is shown cannot be read: %v\n%s", err, shown)
		}
	})
}
