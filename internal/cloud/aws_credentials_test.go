package cloud_test

import (
	"encoding/pem"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cloudorg-exporter/cloudorg_exporter/internal/org"
	"github.com/cloudorg-exporter/cloudorg_exporter/internal/sim"
)

// reasons returns the reasons of the failed collectors, each once.
func (w *world) reasons() []string {
	seen := map[string]bool{}
	for _, c := range w.fleet.Last()[0].Collectors() {
		if c.Err != nil {
			seen[string(c.Err.Reason)] = true
		}
	}
	return slices.Sorted(maps.Keys(seen))
}

// firstError returns the error of the first collector that failed.
func (w *world) firstError() *org.Error {
	for _, c := range w.fleet.Last()[0].Collectors() {
		if c.Err != nil {
			return c.Err
		}
	}
	return nil
}

const (
	role     = "arn:aws:iam::111111111111:role/cloudorg"
	withRole = "role_arn: " + role + "\n    external_id: shared-with-us"
)

// assumable lets a cloud's role be assumed.
func assumable(cloud *sim.AWS, more func(*sim.AWSOptions)) {
	o := sim.AWSOptions{RoleARN: role, ExternalID: "shared-with-us", WebIdentity: "a.b.c"}
	if more != nil {
		more(&o)
	}
	cloud.Set(o)
}

// environment is what AWS's library finds in the environment of a test.
func environment(t *testing.T, variables map[string]string) {
	t.Helper()
	home := t.TempDir()
	all := map[string]string{
		"HOME": home, "AWS_EC2_METADATA_DISABLED": "true", "AWS_ACCESS_KEY_ID": "", "AWS_SECRET_ACCESS_KEY": "", "AWS_SESSION_TOKEN": "",
		"AWS_PROFILE": "", "AWS_CONFIG_FILE": filepath.Join(home, "config"), "AWS_SHARED_CREDENTIALS_FILE": filepath.Join(home, "credentials"),
		"AWS_WEB_IDENTITY_TOKEN_FILE": "", "AWS_ROLE_ARN": "", "AWS_CA_BUNDLE": "", "AWS_CONTAINER_CREDENTIALS_FULL_URI": "",
	}
	maps.Copy(all, variables)
	for name, value := range all {
		t.Setenv(name, value)
	}
}

func write(t *testing.T, name, text string) {
	t.Helper()
	if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// withoutKeys is acmeAWS without keys.
func withoutKeys(more string) string {
	return strings.Replace(acmeAWS, "    access_key: EXAMPLE\n    secret_key: SECRET\n", "", 1) + more
}

// A role is assumed once for many calls, through the organization's limits, and
// is renewed before its keys expire.
func TestAssumedRole(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cloud := newAWS(t, nil)
		assumable(cloud, nil)
		w := newWorld(t, withAWS(withRole), cloud)
		golden(t, "aws_full", untimed(w.scrape("")))
		if n := cloud.Calls()["sts:AssumeRole"]; n != 1 {
			t.Errorf("assumed %d times", n)
		}
		if w.seen.calls["sts:AssumeRole"] != 1 {
			t.Errorf("not observed: %v", w.seen.calls)
		}
		for range 8 { // two hours
			time.Sleep(15*time.Minute + time.Second)
			w.scrape("")
		}
		if w.firstError() != nil {
			t.Errorf("after two hours: %v", w.firstError())
		}
		if n := cloud.Calls()["sts:AssumeRole"]; n != 3 {
			t.Errorf("assumed %d times in two hours, want 3", n)
		}
	})
}

// The library's own ways to find credentials, and what is said of each that
// fails.
func TestCredentialChain(t *testing.T) {
	dir := t.TempDir()
	token := filepath.Join(dir, "token")
	write(t, token, "a.b.c")
	server := httptest.NewTLSServer(nil)
	server.Close()
	write(t, filepath.Join(dir, "ca.pem"), string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})))
	web := map[string]string{"AWS_WEB_IDENTITY_TOKEN_FILE": token, "AWS_ROLE_ARN": role}
	config := filepath.Join(dir, "config")
	write(t, config, "[profile audit]\naws_access_key_id = EXAMPLE\naws_secret_access_key = SECRET\n")
	for _, tt := range []struct {
		name    string
		env     map[string]string
		yaml    string
		cloud   func(*sim.AWS)
		reasons []string
		advice  string // in it
		text    string // in the error's
	}{
		{name: "keys", env: map[string]string{"AWS_ACCESS_KEY_ID": "EXAMPLE", "AWS_SECRET_ACCESS_KEY": "SECRET"}, yaml: withoutKeys("")},
		{name: "keys and a role", env: map[string]string{"AWS_ACCESS_KEY_ID": "EXAMPLE", "AWS_SECRET_ACCESS_KEY": "SECRET"}, yaml: withoutKeys("    " + withRole)},
		{name: "keys with CA bundle", env: map[string]string{"AWS_ACCESS_KEY_ID": "EXAMPLE", "AWS_SECRET_ACCESS_KEY": "SECRET", "AWS_CA_BUNDLE": filepath.Join(dir, "ca.pem")}, yaml: withoutKeys("    " + withRole)},
		{name: "static keys and a CA bundle that is missing", env: map[string]string{"AWS_CA_BUNDLE": filepath.Join(dir, "none")}, yaml: withAWS(withRole)},
		{name: "web identity", env: web, yaml: withoutKeys("")},
		{name: "profile", env: map[string]string{"AWS_CONFIG_FILE": config}, yaml: withoutKeys("    profile: audit")},
		{name: "session token", yaml: withAWS("session_token: TOKEN//=="), cloud: func(c *sim.AWS) { c.Set(sim.AWSOptions{SessionToken: "TOKEN//=="}) }},
		{
			name: "session token expired", yaml: withAWS("session_token: TOKEN//=="), cloud: func(c *sim.AWS) { c.Set(sim.AWSOptions{SessionToken: "TOKEN//==", Expired: true}) },
			reasons: []string{"auth"}, advice: "expired", text: "ExpiredTokenException",
		},
		{name: "none", yaml: withoutKeys(""), reasons: []string{"other"}, advice: "set access_key_file", text: "ec2imds GetMetadata failed"},
		{
			name: "role refused", yaml: withAWS(strings.Replace(withRole, "shared", "other", 1)),
			reasons: []string{"forbidden"}, advice: "trust policy", text: "AccessDenied: STS AssumeRole failed",
		},
		{
			name: "wrong key for the role", yaml: strings.Replace(withAWS(withRole), "SECRET", "ANOTHER", 1),
			reasons: []string{"auth"}, advice: "check the keys", text: "SignatureDoesNotMatch",
		},
		{
			name: "token of nobody", env: web, yaml: withoutKeys(""), cloud: func(c *sim.AWS) { assumable(c, func(o *sim.AWSOptions) { o.WebIdentity = "x" }) },
			reasons: []string{"auth"}, text: "InvalidIdentityToken: STS AssumeRoleWithWebIdentity failed",
		},
		{
			name: "no token file", env: map[string]string{"AWS_WEB_IDENTITY_TOKEN_FILE": token + "-none", "AWS_ROLE_ARN": role}, yaml: withoutKeys(""),
			reasons: []string{"other"}, advice: "check the profile", text: "no credentials: unable to read file",
		},
		{
			name: "STS down", yaml: withAWS(withRole), cloud: func(c *sim.AWS) {
				assumable(c, nil)
				c.SetFault("sts:*", sim.STSError(http.StatusServiceUnavailable, "ServiceUnavailable", "made-up"))
			},
			reasons: []string{"server"},
		},
		{
			name: "STS throttles", yaml: withAWS(withRole), cloud: func(c *sim.AWS) {
				assumable(c, nil)
				c.SetFault("sts:*", sim.STSError(http.StatusBadRequest, "Throttling", "made-up"))
			},
			reasons: []string{"throttled"},
		},
		{
			name: "STS hangs", yaml: withAWS(withRole), cloud: func(c *sim.AWS) {
				assumable(c, nil)
				c.SetFault("sts:*", sim.Fault{Hang: true})
			},
			reasons: []string{"timeout"},
		},
		{
			name: "STS cut", yaml: withAWS(withRole), cloud: func(c *sim.AWS) {
				assumable(c, nil)
				c.SetFault("sts:*", sim.Fault{Garbage: true})
			},
			reasons: []string{"decode"},
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			environment(t, tt.env)
			synctest.Test(t, func(t *testing.T) {
				cloud := newAWS(t, nil)
				assumable(cloud, nil)
				if tt.cloud != nil {
					tt.cloud(cloud)
				}
				w := newWorld(t, tt.yaml, cloud)
				w.scrape("")
				time.Sleep(5 * time.Minute) // until a refresh that hangs has ended
				synctest.Wait()
				if have := w.reasons(); !slices.Equal(have, tt.reasons) {
					t.Fatalf("want %v, have %v: %v", tt.reasons, have, w.firstError())
				}
				if tt.reasons == nil {
					return
				}
				if e := w.firstError(); !strings.Contains(e.Advice, tt.advice) || !strings.Contains(e.Error(), tt.text) {
					t.Errorf("want %q, %q; have %v, %s", tt.text, tt.advice, e, e.Advice)
				}
				if out := w.log.String(); strings.Contains(out, "SECRET") || strings.Contains(out, "a.b.c") || strings.Contains(out, role) {
					t.Errorf("secret, or names a role:\n%s", out)
				}
			})
		})
	}
}

// A token file is read anew each time: it may be missing for a while, and is
// rotated.
func TestRotatedTokenFile(t *testing.T) {
	token := filepath.Join(t.TempDir(), "token")
	environment(t, map[string]string{"AWS_WEB_IDENTITY_TOKEN_FILE": token, "AWS_ROLE_ARN": role})
	synctest.Test(t, func(t *testing.T) {
		cloud := newAWS(t, nil)
		assumable(cloud, nil)
		w := newWorld(t, withoutKeys(""), cloud)
		w.scrape("")
		if w.firstError() == nil {
			t.Fatal("read without a token")
		}
		write(t, token, "a.b.c\n"[:5])
		time.Sleep(2 * time.Minute)
		w.scrape("")
		if err := w.firstError(); err != nil {
			t.Fatalf("once the token is there: %v", err)
		}
		assumable(cloud, func(o *sim.AWSOptions) { o.WebIdentity = "d.e.f" })
		write(t, token, "d.e.f")
		time.Sleep(58 * time.Minute) // the old keys end
		w.scrape("")
		if err := w.firstError(); err != nil {
			t.Errorf("with the next token: %v", err)
		}
		if n := cloud.Calls()["sts:AssumeRoleWithWebIdentity"]; n != 2 {
			t.Errorf("assumed %d times", n)
		}
	})
}

// Keys that expire in the middle of a listing are replaced, and the listing goes
// on.
func TestExpiresInTheMiddle(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cloud := newAWS(t, nil)
		assumable(cloud, nil)
		cloud.SetPaging("ListAccounts", sim.AWSPaging{Empty: 5})
		cloud.SetFault("ListAccounts", sim.Fault{Delay: time.Second})
		calls := 0
		w := newWorld(t, withAWS(withRole), http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
			if strings.HasSuffix(r.Header.Get("X-Amz-Target"), ".ListAccounts") {
				if calls++; calls == 3 {
					cloud.EndSessions()
				}
			}
			cloud.ServeHTTP(rw, r)
		}))
		w.scrape("")
		time.Sleep(time.Minute)
		if err := w.firstError(); err != nil {
			t.Fatal(err)
		}
		if n := cloud.Calls()["sts:AssumeRole"]; n != 2 {
			t.Errorf("assumed %d times", n)
		}
		if calls != 7 {
			t.Errorf("%d calls for six pages, one of them twice", calls)
		}
	})
}

// While a renewal fails, the old keys are used until they expire.
func TestRenewalFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cloud := newAWS(t, nil)
		assumable(cloud, nil)
		w := newWorld(t, withAWS(withRole+"\n    cache_ttl: 1m"), cloud)
		w.scrape("")
		cloud.SetFault("sts:*", sim.STSError(http.StatusForbidden, "AccessDenied", "made-up"))
		time.Sleep(57 * time.Minute)
		w.scrape("")
		if err := w.firstError(); err != nil {
			t.Errorf("while the old keys live: %v", err)
		}
		time.Sleep(4 * time.Minute)
		w.scrape("")
		if have := w.reasons(); !slices.Equal(have, []string{"forbidden"}) {
			t.Errorf("once they have ended: %v", have)
		}
		cloud.SetFault("*", sim.Fault{})
		time.Sleep(16 * time.Minute)
		w.scrape("")
		if err := w.firstError(); err != nil {
			t.Errorf("once the role may be assumed again: %v", err)
		}
	})
}

// One organization's credentials never stop another.
func TestCredentialsOfOthers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cloud := newAWS(t, nil)
		assumable(cloud, nil)
		cloud.SetFault("sts:*", sim.Fault{Hang: true})
		both := withAWS(withRole) + strings.Replace(acmeAWS[strings.Index(acmeAWS, "  - name"):], "acme-aws", "good", 1)
		text := newWorld(t, both, cloud).scrape("")
		if !strings.Contains(text, `cloudorg_members{cloud="aws",organization="good",status="ACTIVE"} 3`) {
			t.Errorf("the good organization is missing:\n%s", text)
		}
	})
}
