package cloud_test

import (
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cloudorg-exporter/cloudorg_exporter/internal/sim"
)

// acmeSCP is the organization of the documentation's samples on the other
// cloud. No call waits for another: a bubble's time would tell which came first.
const acmeSCP = `
defaults: {rate_limit: 1000000000000}
organizations:
  - name: acme-scp
    cloud: scp
    access_key: EXAMPLE
    secret_key: SECRET
    collectors: [organization, members, invitations, received_invitations, api_version]
`

// with returns acmeSCP with a key more.
func with(key string) string { return acmeSCP + "    " + key + "\n" }

// The samples' reference time is the same on both clouds.
func scpCloud(t *testing.T, change func(*sim.Config)) *sim.SCP {
	cfg := sim.Config{AccessKey: "EXAMPLE", SecretKey: "SECRET", TLS: true, Unexpected: t.Errorf}
	if change != nil {
		change(&cfg)
	}
	cloud := sim.NewSCP(cfg)
	t.Cleanup(cloud.Close)
	return cloud
}

func scpSample(t *testing.T, name string) string {
	t.Helper()
	b, err := os.ReadFile("../../scpapi/testdata/" + name)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

const (
	scpSent     = "/v1/organization-invitations"
	scpReceived = "/v1/account-invitations"
)

func TestGoldenSCP(t *testing.T) {
	for _, tt := range []struct {
		name   string
		yaml   string
		cloud  func(*sim.Config)
		before func(w *world, cloud *sim.SCP) // until the scrape that is compared
	}{
		{name: "scp_full", yaml: acmeSCP},
		{name: "scp_full", yaml: acmeSCP, cloud: func(c *sim.Config) { c.Drift = true }},
		{name: "scp_full", yaml: with(`api_version: "1.0"`)}, // its times have no zone
		{name: "scp_full", yaml: with(`api_version: ""`)},
		{name: "scp_full", yaml: with("page_size: 4")},
		{name: "scp_full", yaml: with("organization_id: o-acme01")},
		{name: "scp_full", yaml: acmeSCP, before: func(_ *world, cloud *sim.SCP) {
			cloud.SetPaging("/v1/organization-accounts", sim.Paging{MaxSize: 2, Moves: 2})
			cloud.SetPaging(scpSent, sim.Paging{MaxSize: 2, CountOff: 3})
		}},
		{name: "scp_lifetime", yaml: with("invitation_lifetime: 30d")},
		{name: "scp_default_collectors", yaml: acmeSCP[:strings.Index(acmeSCP, "    collectors")]},
		{name: "scp_member_account", yaml: acmeSCP, cloud: func(c *sim.Config) { c.Caller = sim.NotMaster }},
		{name: "scp_unknown_version", yaml: with(`api_version: "9.9"`)},
		{name: "scp_drift", yaml: acmeSCP, before: func(_ *world, cloud *sim.SCP) {
			cloud.SetFault(scpSent, sim.Fault{Body: scpSample(t, "organization_invitations.drift.json")})
			cloud.SetFault("/", sim.Fault{Body: scpSample(t, "versions.drift.json")})
			cloud.SetFault("/v1/organization-accounts", sim.Fault{Body: `{"count": 2, "accounts": [{"id": "a"}, {"state": "FROZEN", "parent_unit_id": null}]}`})
			cloud.SetFault(scpReceived, sim.Fault{Body: `{"count": 0, "account_invitations": null}`})
		}},
		{name: "scp_lost_headers", yaml: acmeSCP, before: func(_ *world, cloud *sim.SCP) {
			cloud.SetFault("/v1/*", sim.SCPNoCredentials(scpSent))
		}},
		{name: "scp_clock_skew", yaml: acmeSCP, cloud: func(c *sim.Config) { c.Skew = -6 * time.Minute }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				cloud := scpCloud(t, tt.cloud)
				w := newWorld(t, tt.yaml, cloud)
				if tt.before != nil {
					tt.before(w, cloud)
				}
				have := w.scrape("")
				golden(t, tt.name, have)
				if out := have + w.log.String(); strings.ContainsAny(out, "@") || strings.Contains(out, "SECRET") || strings.Contains(out, "made-up") {
					t.Errorf("personal, secret or detailed:\n%s", out)
				}
			})
		})
	}
}

// What is said to whoever has to help.
func TestSCPAdvice(t *testing.T) {
	for name, tt := range map[string]struct {
		yaml      string
		cloud     func(*sim.Config)
		collector string
		err       string
		advice    string
	}{
		"version": {
			yaml: with(`api_version: "9.9"`), collector: "members",
			err:    `page 0: get /v1/organization-accounts: SCP error NoSuchVersion: unknown API version 9.9: change api_version, or set it to "" for the newest (HTTP 406, request req-0011)`,
			advice: `change api_version: the collector api_version shows which versions there are, and "" takes the newest`,
		},
		"member account": {
			yaml: acmeSCP, cloud: func(c *sim.Config) { c.Caller = sim.NotMaster }, collector: "members",
			err:    `page 0: get /v1/organization-accounts: SCP error Forbidden: missing permission organization:ListAccounts (HTTP 403, request req-0001)`,
			advice: "give the key's account the permission organization:ListAccounts; with a member account's key, only these collectors work: [received_invitations, api_version]",
		},
		"wrong secret": {
			yaml: strings.Replace(acmeSCP, "SECRET", "ANOTHER", 1), collector: "received_invitations",
			err:    "get /v1/account-invitations: SCP error HmacValidFail: the signature is wrong: probably the secret key is (HTTP 401)",
			advice: "check access_key and secret_key, environment, and whether a proxy changes the host: the whole URL is signed",
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, tt.yaml, scpCloud(t, tt.cloud))
				w.scrape("")
				last := w.fleet.Last()[0]
				for _, c := range last.Collectors() {
					if c.Name != tt.collector {
						continue
					}
					if c.Err == nil || c.Err.Error() != tt.err || c.Err.Advice != tt.advice || !c.Err.Reason.Permanent() {
						t.Errorf("want %s\nhave %v\nwant %s\nhave %+v", tt.err, c.Err, tt.advice, c.Err)
					}
				}
			})
		})
	}
}

// More than a thousand invitations on short pages, while rows move: the counts
// are exact. When one page fails, the old counts stay and the collector says
// that it failed.
func TestSCPPages(t *testing.T) {
	company := sim.Company{ID: 1}
	for i := range 1234 {
		sent := sim.SampleTime().Add(time.Duration(i-2000) * time.Minute)
		invitation := sim.Invitation{Account: sim.Account{ID: int64(i)}, Sent: sent}
		if i%10 > 0 {
			invitation.Ended, invitation.Outcome = sent, sim.Expired
		}
		company.Invitations = append(company.Invitations, invitation)
	}
	synctest.Test(t, func(t *testing.T) {
		cloud := scpCloud(t, func(c *sim.Config) {
			c.Company = func(time.Time) sim.Company { return company }
		})
		cloud.SetPaging(scpSent, sim.Paging{MaxSize: 20, Moves: 30})
		var left atomic.Int64 // calls until the service is down; 0: never
		w := newWorld(t, acmeSCP, http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
			if r.URL.Path == scpSent && left.Add(-1) == 0 {
				cloud.SetFault(scpSent, sim.SCPError("ContactAdminForAssistance"))
			}
			cloud.ServeHTTP(rw, r)
		}))
		first := w.scrape("?collect[]=invitations")
		expect := func(out string, lines ...string) {
			t.Helper()
			for _, line := range lines {
				if !strings.Contains(out, line+"\n") {
					t.Errorf("no %s", line)
				}
			}
		}
		counts := []string{
			`cloudorg_invitations{cloud="scp",organization="acme-scp",status="EXPIRED"} 1110`,
			`cloudorg_invitations{cloud="scp",organization="acme-scp",status="INVITING"} 124`,
			`cloudorg_pending_invitations{cloud="scp",organization="acme-scp"} 124`,
		}
		expect(first, append(counts, `cloudorg_collector_success{cloud="scp",collector="invitations",organization="acme-scp"} 1`)...)

		left.Store(31) // in the middle of the pages
		time.Sleep(6 * time.Minute)
		expect(w.scrape("?collect[]=invitations"), append(counts,
			`cloudorg_collector_success{cloud="scp",collector="invitations",organization="acme-scp"} 0`,
			`cloudorg_collector_error{cloud="scp",collector="invitations",organization="acme-scp",reason="server"} 1`)...)
	})
}

// One company on both clouds: what there is of it on each is the same people.
func TestBothClouds(t *testing.T) {
	company := sim.Living(7, 6, 40)
	synctest.Test(t, func(t *testing.T) {
		one := sim.NewNCP(sim.Config{AccessKey: "EXAMPLE", SecretKey: "SECRET", Company: company})
		other := scpCloud(t, func(c *sim.Config) { c.Company = company })
		defer one.Close()
		both := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if strings.HasSuffix(r.Host, ".ntruss.com") {
				one.ServeHTTP(w, r)
				return
			}
			other.ServeHTTP(w, r)
		})
		w := newWorld(t, acme+acmeSCP[strings.Index(acmeSCP, "  - name"):], both)
		all := w.scrape("")
		for name, own := range map[string]string{"acme": `cloud="ncp"`, "acme-scp": `cloud="scp"`} {
			rec := httptest.NewRecorder()
			w.handler.Probe(rec, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/probe?target="+name, nil))
			if rec.Code != http.StatusOK {
				t.Fatal(rec.Code, rec.Body)
			}
			if have, want := strings.Count(rec.Body.String(), own), strings.Count(all, own); have != want || have == 0 || have != strings.Count(rec.Body.String(), "cloud=") {
				t.Errorf("%s: %d of %d series alone", name, have, want)
			}
		}
		for _, personal := range company(time.Now()).PersonalData() {
			if strings.Contains(all, personal) {
				t.Errorf("%q is personal", personal)
			}
		}
	})
}

// An organization without an identifier cannot be named, and a version without a
// status has an unknown one.
func TestNamelessSCP(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cloud := scpCloud(t, nil)
		cloud.SetFault("/v1/organizations", sim.Fault{Body: `{"count": 1, "organizations": [{"name": "Acme"}]}`})
		cloud.SetFault("/", sim.Fault{Body: `{"versions": [{"id": "v1.3"}]}`})
		text := newWorld(t, acmeSCP, cloud).scrape("")
		if strings.Contains(text, "cloudorg_organization_info{") {
			t.Error("there is an organization without an identifier")
		}
		if !strings.Contains(text, `cloudorg_api_version_info{cloud="scp",organization="acme-scp",status="unknown",version="1.3"} 1`) {
			t.Errorf("want the version's status unknown, have\n%s", text)
		}
	})
}
