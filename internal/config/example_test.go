package config_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/cloudorg-exporter/cloudorg_exporter/internal/cloud"
	"github.com/cloudorg-exporter/cloudorg_exporter/internal/config"
)

// The example configuration is documentation: it must be valid, and its values
// must be the defaults that it says they are.
func TestExample(t *testing.T) {
	text, err := os.ReadFile("../../docs/cloudorg_exporter.yml")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	for _, name := range []string{"ncp-access", "ncp-secret", "scp-access", "scp-secret", "aws-access", "aws-secret"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte("key\n"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	full, err := config.Parse(strings.NewReader(strings.ReplaceAll(string(text), "/run/secrets/", "")), dir, cloud.Configs())
	if err != nil {
		t.Fatal(err)
	}
	short, err := config.Parse(strings.NewReader(`
organizations:
  - {name: acme, cloud: ncp, access_key_file: ncp-access, secret_key_file: ncp-secret}
  - {name: acme-scp, cloud: scp, access_key_file: scp-access, secret_key_file: scp-secret}
  - {name: acme-aws, cloud: aws, access_key_file: aws-access, secret_key_file: aws-secret}
`), dir, cloud.Configs())
	if err != nil {
		t.Fatal(err)
	}
	have, err := full.YAML()
	if err != nil {
		t.Fatal(err)
	}
	want, err := short.YAML()
	if err != nil {
		t.Fatal(err)
	}
	if string(have) != string(want) {
		t.Errorf("the example's values are not the defaults:\n%s\nwant:\n%s", have, want)
	}
	if n := strings.Count(string(have), "invitation_lifetime: 30d"); n != 1 {
		t.Errorf("want a lifetime of invitations for NCP alone, have %d:\n%s", n, have)
	}
}
