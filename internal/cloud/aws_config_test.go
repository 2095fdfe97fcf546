package cloud_test

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/cloudorg-exporter/cloudorg_exporter/internal/cloud"
	"github.com/cloudorg-exporter/cloudorg_exporter/internal/config"
)

func TestAWSConfiguration(t *testing.T) {
	dir := t.TempDir()
	environment(t, map[string]string{"AWS_CONFIG_FILE": filepath.Join(dir, "config")})
	write(t, filepath.Join(dir, "config"), "[profile audit]\nregion = eu-west-1\n")
	write(t, filepath.Join(dir, "token"), "TOKEN//==\n")
	const head, keys = "organizations:\n  - name: acme\n    cloud: aws\n", "    access_key: A\n    secret_key: S\n"
	for yaml, want := range map[string]string{
		head: "",
		head + keys + "    session_token_file: token\n":                                            "",
		head + "    profile: audit\n    role_arn: arn:aws-cn:iam::111111111111:role/path/name\n":   "",
		head + "    profile: audti\n":                                                              `profile: no profile "audti" in the shared configuration of AWS`,
		head + keys + "    profile: audit\n":                                                       "both profile and access_key are given",
		head + "    access_key: A\n":                                                               "secret_key or secret_key_file is missing",
		head + "    session_token: T\n":                                                            "session_token needs access_key and secret_key",
		head + keys + "    session_token: T\n    session_token_file: token\n":                      "both session_token and session_token_file are given",
		head + keys + "    session_token_file: none\n":                                             "session_token_file: open",
		head + keys + "    session_token: ${TOKEN}\n":                                              "session_token looks like a placeholder",
		head + "    external_id: x\n":                                                              "external_id needs role_arn",
		head + "    role_arn: cloudorg\n":                                                          "role_arn must be like arn:aws:iam::111111111111:role/name",
		head + "    region: Ireland\n":                                                             `region must be a name like "us-east-1", not "Ireland"`,
		head + "    members_from: groups\n":                                                        "members_from must be paths or parents",
		head + "    invitation_lifetime: 15d\n":                                                    `unknown key "invitation_lifetime"`,
		head + "    api_version: v1\n":                                                             `unknown key "api_version"`,
		head + "    collectors: [withdrawals]\n":                                                   `no collector "withdrawals" for this cloud`,
		head + "    base_url: http://proxy.example.test\n":                                         "plain http would expose signed requests",
		strings.Replace(head, "aws", "ncp", 1) + keys + "    collectors: [account_creations]\n":    `no collector "account_creations" for this cloud`,
		strings.Replace(head, "aws", "scp", 1) + keys + "    role_arn: arn:aws:iam::1:role/name\n": `unknown key "role_arn"`,
	} {
		c, err := config.Parse(strings.NewReader(yaml), dir, cloud.Configs())
		if want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("%s\nwant %q, have %v", yaml, want, err)
		}
		if want != "" {
			continue
		}
		if err != nil {
			t.Errorf("%s\n%v", yaml, err)
			continue
		}
		if text, err := c.YAML(); err != nil || strings.Contains(string(text), "TOKEN") || !strings.Contains(string(text), "cache_ttl: 15m") ||
			!strings.Contains(string(text), "base_url: https://organizations.us-east-1.amazonaws.com") {
			t.Errorf("%s, %v", text, err)
		}
	}
}
