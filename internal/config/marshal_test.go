package config_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/cloudorg-exporter/cloudorg_exporter/internal/cloud"
	"github.com/cloudorg-exporter/cloudorg_exporter/internal/config"
)

// full has a secret, or what could be one, in every place that takes one. Each
// contains "hush".
const full = `
defaults:
  cache_ttl: 90s
  http_client_config:
    proxy_url: http://hush-user:hush-password@proxy.example:3128
    proxy_connect_header:
      Proxy-Authorization: [hush-connect]
    http_headers:
      X-Token:
        values: [hush-value]
        secrets: [hush-secret]
    oauth2:
      client_id: me
      client_secret: hush-client
      token_url: https://hush-token@login.example/token
      endpoint_params: {password: hush-grant}
organizations:
  - name: "acme: \"한국\" <b>"
    cloud: ncp
    access_key: hush-access
    secret_key_file: key
    collectors: [members]
    members_from: tree
  - name: samsung
    cloud: scp
    api_version: ""
    access_key: hush-scp-access
    secret_key: hush-scp-secret
    http_client_config:
      basic_auth: {username: me, password: hush-basic}
      tls_config: {server_name: other.example}
`

func TestYAMLHasEverythingButSecrets(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "key"), []byte("hush-file\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	c, err := config.Parse(strings.NewReader(full), dir, cloud.Configs())
	if err != nil {
		t.Fatal(err)
	}
	first, err := c.YAML()
	if err != nil {
		t.Fatal(err)
	}
	text := string(first)
	if strings.Contains(text, "hush") {
		t.Errorf("a secret is shown:\n%s", text)
	}
	for _, want := range []string{
		`access_key: <secret>`, "secret_key_file: " + filepath.Join(dir, "key"), "secret_key: <secret>",
		"cache_ttl: 1m30s", "error_ttl: 1m", "max_stale: 1h", "rate_limit: 10", "members_from: tree",
		"proxy_url: http://redacted@proxy.example:3128", `api_version: ""`, "page_size: 100",
		"base_url: https://organization.e.samsungsdscloud.com", "invitation_lifetime: 30d", "server_name: other.example",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("want %q in\n%s", want, text)
		}
	}
	// Both keys are shown as present, also where a file has them.
	again, err := config.Parse(strings.NewReader(strings.NewReplacer("  secret_key: <secret>\n  secret_key_file", "  secret_key_file", "<secret>", "EXAMPLE").Replace(text)), "", cloud.Configs())
	if err != nil {
		t.Fatalf("what is shown cannot be read again: %v\n%s", err, text)
	}
	second, err := again.YAML()
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(text, string(second)); diff != "" {
		t.Errorf("read again, it is another configuration (-want +have):\n%s", diff)
	}
}

// What is shown must not change what is in force.
func TestYAMLChangesNothing(t *testing.T) {
	c, err := config.Parse(strings.NewReader(strings.ReplaceAll(full, "secret_key_file: key", "secret_key: hush")), "", cloud.Configs())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.YAML(); err != nil {
		t.Fatal(err)
	}
	o := c.Organizations[0].Base()
	if have := o.HTTP.ProxyURL.User.String(); have != "hush-user:hush-password" {
		t.Errorf("the proxy's user is now %q", have)
	}
	if have := o.HTTP.HTTPHeaders.Headers["X-Token"].Values[0]; have != "hush-value" {
		t.Errorf("the header's value is now %q", have)
	}
	if have := o.HTTP.OAuth2.EndpointParams["password"]; have != "hush-grant" {
		t.Errorf("the parameter is now %q", have)
	}
}
