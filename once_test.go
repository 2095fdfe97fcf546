package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/cloudorg-exporter/cloudorg_exporter/internal/sim"
)

// runOnce runs the exporter with --once.
func runOnce(t *testing.T, yaml string) (stdout, stderr string, err error) {
	t.Helper()
	var out, diagnosis bytes.Buffer
	err = run(context.Background(), []string{"--once", "--config.file=" + write(t, "config.yml", yaml)}, &out, &diagnosis)
	return out.String(), diagnosis.String(), err
}

func TestOnce(t *testing.T) {
	_, url := simulate(t, nil)
	stdout, stderr, err := runOnce(t, "organizations:\n"+organization("acme", url))
	if err != nil || !regexp.MustCompile(`^acme: all 5 collectors read with 8 calls in \S+: 6 members, 2 pending invitations \(.+ days.*\), 1 pending withdrawal\n$`).MatchString(stderr) {
		t.Fatalf("want success and one line, have %v and\n%s", err, stderr)
	}
	for _, want := range []string{
		`cloudorg_members{cloud="ncp",organization="acme",status="JOIN"} 3`,
		`cloudorg_pending_withdrawals{cloud="ncp",organization="acme"} 1`,
	} {
		if !strings.Contains(stdout, want+"\n") {
			t.Errorf("%s is missing in\n%s", want, stdout)
		}
	}
}

// What an operator is told when the cloud refuses, stammers or lies, and that
// nothing else is lost.
func TestOnceSaysWhatIsWrong(t *testing.T) {
	for _, tt := range []struct {
		name   string
		cloud  func(*sim.Config)
		fault  sim.Fault // of the withdrawals
		keys   []string
		reason string
		says   []string
		all    bool // every listing fails
	}{
		{
			name: "wrong keys", keys: []string{"# "}, all: true, reason: "auth",
			cloud: func(c *sim.Config) { c.SecretKey = "another" },
			says:  []string{"NCP error 200: authentication failed: wrong access key, secret key or time (HTTP 401", "check access_key and secret_key"},
		},
		{
			name: "sub account", all: true, reason: "not_master",
			cloud: func(c *sim.Config) { c.Caller = sim.SubAccount },
			says:  []string{"NCP error COMMON_201: this key is not a main account's (probably a Sub Account's) (HTTP 401", "use a key of the organization's master account itself"},
		},
		{
			name: "not the master", all: true, reason: "not_master",
			cloud: func(c *sim.Config) { c.Caller = sim.NotMaster },
			says:  []string{"NCP error COMMON_101: this account is not the organization's master (HTTP 403", "use a key of the account that owns the organization"},
		},
		{
			name: "clock", all: true, reason: "clock_skew",
			cloud: func(c *sim.Config) { c.Skew = -6 * time.Minute },
			says:  []string{"the cloud's clock is -6m", "set this machine's clock"},
		},
		{
			name: "throttled", fault: sim.NCPError("COMMON_104"), reason: "throttled",
			says: []string{"NCP error COMMON_104: too many requests (HTTP 403", "raise cache_ttl or lower rate_limit"},
		},
		{
			name: "not subscribed", fault: sim.NCPGateway("210"), reason: "forbidden",
			says: []string{"NCP error 210: permission denied", "give the key's account the missing permission"},
		},
		{name: "HTML", fault: sim.Fault{Garbage: true}, reason: "decode", says: []string{"not JSON but HTML or XML: is base_url right?"}},
		{name: "empty", fault: sim.Fault{Status: 200}, reason: "decode", says: []string{"empty body"}},
		{name: "cut", fault: sim.Fault{CutJSON: true}, reason: "decode", says: []string{"cut off after"}},
		{name: "ended early", fault: sim.Fault{Truncate: true}, reason: "decode", says: []string{"cut off after"}},
		{name: "object", fault: sim.Fault{Body: `{"list": []}`}, reason: "decode", says: []string{"unexpected shape: an object instead of an array"}},
		{name: "endless", fault: sim.Fault{Endless: true, Body: "["}, reason: "timeout", says: []string{"no answer in time", "raise refresh_timeout"}},
		{name: "hangs", fault: sim.Fault{Hang: true}, reason: "timeout", says: []string{"no answer in time"}},
		{name: "reset", fault: sim.Fault{Reset: true}, reason: "network", says: []string{"check base_url, DNS, firewall and proxy_url"}},
		{name: "reset within", fault: sim.Fault{ResetBody: true}, reason: "network", says: []string{"connection reset"}},
		{name: "redirect", fault: sim.Fault{Redirect: "http://127.0.0.1:1/"}, reason: "other", says: []string{"redirected to another address, which is never followed"}},
		{
			name: "an e-mail address in the message", reason: "forbidden",
			fault: sim.Fault{Status: 403, Body: `{"code": "GROUP_101", "message": "k.example@example.test may not"}`},
			says:  []string{"NCP error GROUP_101: <address> may not (HTTP 403"},
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			ncp, url := simulate(t, tt.cloud)
			ncp.SetFault("/account/leave", tt.fault)
			timeout := "1s"
			if tt.fault.Endless {
				timeout = "400ms" // a fast machine reads the limit of a listing within a second
			}
			stdout, stderr, err := runOnce(t, "organizations:\n"+organization("acme", url, append(tt.keys, "refresh_timeout: "+timeout)...))
			if err == nil {
				t.Error("want a failure, have success")
			}
			header, call := "acme: "+tt.reason+": 1 collector failed: withdrawals\n", "\tget /open-api/v1/account/leave: NCP"
			if tt.all {
				header, call = "acme: "+tt.reason+": 5 collectors failed: organization, groups, members, invitations, withdrawals\n", "\tget /open-api/v1/org: NCP"
			}
			says := append(tt.says, header, call)
			if n := strings.Count(stderr, "What to do: "); n != 1 {
				t.Errorf("want one paragraph, have %d:\n%s", n, stderr)
			}
			for _, want := range says {
				if !strings.Contains(stderr, want) {
					t.Errorf("the diagnosis lacks %q:\n%s", want, stderr)
				}
			}
			others := map[bool]string{true: "0", false: "1"}[tt.all]
			for _, want := range []string{
				`cloudorg_collector_error{cloud="ncp",collector="withdrawals",organization="acme",reason="` + tt.reason + `"} 1`,
				`cloudorg_collector_success{cloud="ncp",collector="members",organization="acme"} ` + others,
			} {
				if !strings.Contains(stdout, want+"\n") {
					t.Errorf("the metrics lack %s:\n%s", want, stdout)
				}
			}
			for _, private := range append(sim.Sample(time.Now()).PersonalData(), access, secret, "k.example@example.test") {
				if strings.Contains(stdout+stderr, private) {
					t.Errorf("%q is shown:\n%s%s", private, stdout, stderr)
				}
			}
		})
	}
}

func TestOnceCannotConnect(t *testing.T) {
	_, stderr, err := runOnce(t, "organizations:\n"+organization("acme", "http://"+free(t), "refresh_timeout: 1s"))
	if err == nil || !strings.Contains(stderr, "acme: network: 5 collectors failed: ") || !strings.Contains(stderr, "\tget /open-api/v1/org: NCP: dial tcp") {
		t.Errorf("want a refused connection, have %v and\n%s", err, stderr)
	}
}

// A redirect is never followed: the other host must not even be asked.
func TestRedirectIsNotFollowed(t *testing.T) {
	other, otherURL := simulate(t, nil)
	ncp, url := simulate(t, nil)
	ncp.SetFault("*", sim.Fault{Redirect: otherURL + "/open-api/v1/org", Status: http.StatusTemporaryRedirect})
	if _, _, err := runOnce(t, "organizations:\n"+organization("acme", url)); err == nil {
		t.Error("want a failure")
	}
	if calls := other.Calls(); len(calls) != 0 {
		t.Errorf("the other host was asked: %v", calls)
	}
}

// Everything that is not valid is refused at the start with a message that
// names it.
func TestBadConfiguration(t *testing.T) {
	key := write(t, "key", "secret\n")
	head := "organizations:\n  - name: acme\n    cloud: ncp\n"
	keys := "    access_key: EXAMPLE\n    secret_key_file: " + key + "\n"
	for _, tt := range []struct{ name, yaml, want string }{
		{"empty file", "", "organizations: at least one is needed"},
		{"no organization", "organizations: []\n", "organizations: at least one is needed"},
		{"not YAML", "organizations: [\n", "line 1: did not find expected node content"},
		{"unknown key", head + keys + "    acess_key: x\n", `organization "acme": line 6: unknown key "acess_key", did you mean access_key?`},
		{"unknown default", "defaults: {ttl: 5m}\n" + head + keys, `line 1: unknown key "ttl"`},
		{"unknown key of the file", "organization: []\n" + head + keys, `line 1: unknown key "organization", did you mean organizations?`},
		{"duration without a unit", head + keys + "    cache_ttl: 5\n", `organization "acme": cache_ttl: "5" has no unit: write 5s, 5m or 5h`},
		{"key without a value", head + keys + "    cache_ttl:\n", `organization "acme": cache_ttl has no value`},
		{"placeholder", head + "    access_key: ${ACCESS}\n    secret_key_file: " + key + "\n", `organization "acme": access_key looks like a placeholder`},
		{"password file missing", head + keys + "    http_client_config: {basic_auth: {username: a, password_file: /nowhere/password}}\n", `organization "acme": http_client_config: open /nowhere/password`},
		{"key twice", head + keys + "    cloud: ncp\n", `line 6: duplicate key "cloud"`},
		{"name that is not UTF-8", "organizations:\n  - name: !!binary /w==\n" + keys, "name is not valid UTF-8"},
		{"name twice", head + keys + strings.TrimPrefix(head, "organizations:\n") + keys, `organization "acme": duplicate organization name`},
		{"no name", "organizations:\n  - cloud: ncp\n" + keys, "organizations[0]: name is missing"},
		{"no cloud", "organizations:\n  - name: acme\n" + keys, `organization "acme": cloud must be ncp, scp or aws, not ""`},
		{"no secret", head + "    access_key: EXAMPLE\n", `organization "acme": secret_key or secret_key_file is missing`},
		{"key both ways", head + keys + "    access_key_file: " + key + "\n", `organization "acme": both access_key and access_key_file are given`},
		{"secret file missing", head + "    access_key: EXAMPLE\n    secret_key_file: /nowhere/secret\n", `organization "acme": secret_key_file: open /nowhere/secret: no such file or directory`},
		{"secret file empty", head + "    access_key: EXAMPLE\n    secret_key_file: " + write(t, "empty", "\n") + "\n", "empty is empty"},
		{"bad duration", head + keys + "    cache_ttl: five minutes\n", `organization "acme": cache_ttl: not a valid duration string: "five minutes"`},
		{"bad default", "defaults: {max_stale: long}\n" + head + keys, "defaults: max_stale: not a valid duration string"},
		{"negative duration", head + keys + "    cache_ttl: -5m\n", "not a valid duration string"},
		{"no timeout", head + keys + "    refresh_timeout: 0s\n", `organization "acme": refresh_timeout must be above 0`},
		{"no concurrency", "defaults: {concurrency: 0}\n" + head + keys, `organization "acme": concurrency must be 1 to 1000, not 0`},
		{"a fraction of calls", head + keys + "    concurrency: 1.5\n", `organization "acme": line 6: cannot read !!float as an integer`},
		{"rate without end", head + keys + "    rate_limit: .inf\n", `organization "acme": rate_limit must be above 0`},
		{"proxy that is no URL", head + keys + "    http_client_config: {proxy_url: 'http://u:hunter2%ss@127.0.0.1'}\n", `organization "acme": http_client_config: proxy_url is not a URL`},
		{"proxy without scheme", head + keys + "    http_client_config: {proxy_url: 'u:hunter2@127.0.0.1:1'}\n", `organization "acme": http_client_config: proxy_url must be`},
		{"proxy with a token", head + keys + "    http_client_config: {proxy_url: 'http://127.0.0.1:1/?token=hunter2'}\n", `organization "acme": http_client_config: proxy_url must be`},
		{"proxy of defaults", "defaults: {http_client_config: {proxy_url: 'ftp://127.0.0.1'}}\n" + head + keys, `defaults: http_client_config: proxy_url must be`},
		{"two ways to log in", head + keys + "    http_client_config: {basic_auth: {username: a}, bearer_token: hunter2}\n", `organization "acme": http_client_config: at most one of`},
		{"no rate", head + keys + "    rate_limit: 0\n", `organization "acme": rate_limit must be above 0`},
		{"text for a number", head + keys + "    max_items: many\n", "line 6: cannot read !!str as a number"},
		{"foreign collector", head + keys + "    collectors: [members, api_version]\n", `organization "acme": collectors: no collector "api_version" for this cloud, only organization, groups`},
		{"no collector", head + keys + "    collectors: []\n", `organization "acme": collectors: the list is empty`},
		{"collector twice", head + keys + "    collectors: [members, members]\n", `organization "acme": collectors: duplicate collector "members"`},
		{"foreign key", head + keys + "    page_size: 10\n", `organization "acme": line 6: unknown key "page_size"`},
		{"members from", head + keys + "    members_from: everywhere\n", `organization "acme": members_from must be groups or tree, not "everywhere"`},
		{"no such version", head + keys + "    api_version: v3\n", `organization "acme": api_version must be v1 or v2, not "v3"`},
		{"version 1.3", head + keys + "    api_version: 1.3\n", `organization "acme": api_version must be v1 or v2, not "1.3"`},
		{"members from, with v2", head + keys + "    api_version: v2\n    members_from: groups\n", `organization "acme": members_from is for api_version v1 alone: remove it, as v2 lists the accounts of all groups at once`},
		{"received invitations, with v1", head + keys + "    collectors: [members, received_invitations]\n", `organization "acme": collectors: received_invitations needs api_version: v2`},
		{"plain http", head + keys + "    base_url: http://api.example.test\n", `organization "acme": base_url: plain http would expose signed requests to that host`},
		{"not a URL", head + keys + "    base_url: example.test\n", `organization "acme": base_url: must begin with https:// and name a host`},
		{"second document", head + keys + "---\n" + head + keys, "the file must contain a single YAML document"},
		{"certificate missing", head + keys + "    http_client_config: {tls_config: {ca_file: /nowhere/ca.pem}}\n", `organization "acme": http_client_config: unable to read CA cert`},
		{"bad proxy", head + keys + "    http_client_config: {proxy_url: 'http://a b'}\n", `organization "acme": http_client_config: proxy_url is not a URL`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			file := write(t, "config.yml", tt.yaml)
			for _, flag := range []string{"--config.check", "--once"} {
				var out bytes.Buffer
				err := run(t.Context(), []string{flag, "--config.file=" + file}, &out, &out)
				if err != nil && strings.Contains(err.Error(), "hunter2") {
					t.Errorf("%s: the error has a password: %v", flag, err)
				}
				if err == nil || !strings.Contains(err.Error(), tt.want) || !strings.Contains(err.Error(), filepath.Base(file)) {
					t.Errorf("%s: want an error that names the file and says %q, have %v", flag, tt.want, err)
				}
			}
		})
	}
}

// All errors are reported at once, each with the file's name.
func TestAllErrorsAreReported(t *testing.T) {
	file := write(t, "config.yml", `
defaults: {max_stale: long}
organizations:
  - {name: acme, cloud: ncp, access_key: A, secret_key: S, cache_ttl: soon, pagesize: 3, page_size: 4}
  - {name: acme, cloud: scp, access_key: A, concurrency: 0, page_size: 0}
  - {cloud: gcp}
`)
	err := run(t.Context(), []string{"--config.check", "--config.file=" + file}, io.Discard, io.Discard)
	want := []string{
		`defaults: max_stale: not a valid duration string: "long"`,
		`organization "acme": line 4: unknown key "page_size"`,
		`organization "acme": line 4: unknown key "pagesize"`,
		`organization "acme": cache_ttl: not a valid duration string: "soon"`,
		`organization "acme": duplicate organization name`,
		`organization "acme": concurrency must be 1 to 1000, not 0`,
		`organization "acme": secret_key or secret_key_file is missing`,
		`organization "acme": page_size must be 1 to 1000, not 0`,
		`organizations[2]: name is missing`,
		`organizations[2]: cloud must be ncp, scp or aws, not "gcp"`,
	}
	for i := range want {
		want[i] = file + ": " + want[i]
	}
	if diff := cmp.Diff(want, strings.Split(fmt.Sprint(err), "\n")); diff != "" {
		t.Errorf("errors (-want +have):\n%s", diff)
	}
}

func TestConfigCheckWarns(t *testing.T) {
	key := write(t, "key", "secret\n")
	if err := os.Chmod(key, 0o644); err != nil {
		t.Fatal(err)
	}
	file := write(t, "config.yml", fmt.Sprintf("organizations:\n  - {name: a, cloud: ncp, access_key: K, secret_key_file: %[1]s}\n  - {name: b, cloud: ncp, access_key: K, secret_key: S}\n  - {name: c, cloud: scp, access_key: K, secret_key: S}\n"+
		"  - {name: d, cloud: aws, access_key: K, secret_key_file: %[1]s, role_arn: 'arn:aws:iam::111111111111:role/d'}\n  - {name: e, cloud: aws, access_key: K, secret_key: S, role_arn: 'arn:aws:iam::111111111111:role/e'}\n", key))
	var out bytes.Buffer
	if err := run(t.Context(), []string{"--config.check", "--config.file=" + file}, io.Discard, &out); err != nil {
		t.Fatal(err)
	}
	want := fmt.Sprintf("warning: organization \"a\": every user of this machine can read %[1]s: chmod o-r it\nwarning: organizations \"a\" and \"b\" have the same access key: they export the same data\n"+
		"warning: organization \"d\": every user of this machine can read %[1]s: chmod o-r it\n", key)
	if out.String() != want {
		t.Errorf("want %q\nhave %q", want, out.String())
	}
}

func TestConfigCheck(t *testing.T) {
	var out bytes.Buffer
	file := write(t, "config.yml", "organizations:\n"+organization("acme", "https://example.test"))
	if err := run(t.Context(), []string{"--config.check", "--config.file=" + file}, &out, &out); err != nil || out.String() != "the configuration is valid: 1 organization\n" {
		t.Errorf("have %v and %q", err, out.String())
	}
}

// What cannot be listened with is found before the start, too.
func TestConfigCheckOfWebConfig(t *testing.T) {
	file := write(t, "config.yml", "organizations:\n"+organization("acme", "https://example.test"))
	web := write(t, "web.yml", "tls_server_config: {cert_file: /nowhere/tls.crt, key_file: /nowhere/tls.key}\n")
	err := run(t.Context(), []string{"--config.check", "--config.file=" + file, "--web.config.file=" + web}, io.Discard, io.Discard)
	if err == nil || !strings.Contains(err.Error(), "--web.config.file: ") || !strings.Contains(err.Error(), "/nowhere/tls.crt") {
		t.Errorf("want an error that names flag and file, have %v", err)
	}
}

func TestEnvironment(t *testing.T) {
	for _, tt := range []struct{ access, secret, want string }{
		{"", "", "give --config.file, or set NCLOUD_ACCESS_KEY and NCLOUD_SECRET_KEY, or try --demo"},
		{"A", "", "NCLOUD_ACCESS_KEY is set, but NCLOUD_SECRET_KEY is not"},
		{"", "S", "NCLOUD_SECRET_KEY is set, but NCLOUD_ACCESS_KEY is not"},
		{"A", "S", ""},
	} {
		t.Setenv("NCLOUD_ACCESS_KEY", tt.access)
		t.Setenv("NCLOUD_SECRET_KEY", tt.secret)
		var out bytes.Buffer
		err := run(t.Context(), []string{"--config.check"}, &out, &out)
		if (err == nil) != (tt.want == "") || err != nil && !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%q %q: want %q, have %v", tt.access, tt.secret, tt.want, err)
		}
	}
}

func TestFlags(t *testing.T) {
	for args, want := range map[string]string{
		"--shard=3 --total-shards=3":           "--shard must be 0 to 2, not 3",
		"--total-shards=0":                     "--total-shards must be at least 1, not 0",
		"--web.probe-path=/metrics":            "--web.probe-path: /metrics is taken",
		"--web.telemetry-path=metrics":         "--web.telemetry-path must be a plain path",
		"--web.telemetry-path=/":               "--web.telemetry-path: / is taken",
		"--web.telemetry-path=//metrics":       "--web.telemetry-path must be a plain path",
		"--web.probe-path=/a/../probe":         "--web.probe-path must be a plain path",
		"--web.probe-path=/probe/":             "--web.probe-path must be a plain path",
		"--log.level=loud":                     "enum value must be one of debug,info,warn,error",
		"--demo --config.file=x":               "--demo and --config.file exclude each other",
		"--no-such-flag":                       "unknown long flag '--no-such-flag', try --help",
		"--scrape.timeout-offset=-1s":          "--scrape.timeout-offset must not be below 0",
		"--config.file=/nowhere/cloudorg.yml":  "/nowhere/cloudorg.yml: no such file or directory",
		"--demo --web.listen-address=no-where": "missing port in address",
	} {
		var out bytes.Buffer
		if err := run(t.Context(), strings.Fields(args), &out, &out); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: want %q, have %v", args, want, err)
		}
	}
	for _, text := range []string{"--help", "--version"} {
		var out bytes.Buffer
		if err := run(t.Context(), []string{text}, &out, &out); err != nil || !strings.Contains(out.String(), "cloudorg_exporter") {
			t.Errorf("%s: have %v and %q", text, err, out.String())
		}
	}
}
