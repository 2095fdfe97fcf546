package config

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// The example configuration is documentation: it must be valid, and its values
// must be the defaults that it says they are.
func TestExample(t *testing.T) {
	text, err := os.ReadFile("../../docs/cloudorg_exporter.yml")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	for _, name := range []string{"ncp-access", "ncp-secret", "scp-access", "scp-secret"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte("key\n"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	full, err := Parse(strings.NewReader(strings.ReplaceAll(string(text), "/run/secrets/", "")), dir)
	if err != nil {
		t.Fatal(err)
	}
	short, err := Parse(strings.NewReader(`
organizations:
  - {name: acme, cloud: ncp, access_key_file: ncp-access, secret_key_file: ncp-secret}
  - {name: acme-scp, cloud: scp, access_key_file: scp-access, secret_key_file: scp-secret}
`), dir)
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
	if full.Organizations[0].InvitationLifetime != 30*24*time.Hour || full.Organizations[1].InvitationLifetime != 0 {
		t.Error("lifetimes of invitations are not the contract's")
	}
}
