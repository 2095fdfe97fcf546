package scpapi

import (
	"context"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"github.com/cloudorg-exporter/cloudorg_exporter/internal/httpx"
	"github.com/cloudorg-exporter/cloudorg_exporter/internal/sim"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	testAccess = "TESTACCESSKEY0000001"
	testSecret = "TESTSECRETKEY0000000000000000001"
	testBase   = "https://organization.e.samsungsdscloud.com"
)

// inProcess carries calls to a handler without a network.
type inProcess struct{ http.Handler }

func (p inProcess) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	r.RequestURI, r.Host = r.URL.RequestURI(), r.URL.Host
	w := httptest.NewRecorder()
	p.ServeHTTP(w, r)
	return w.Result(), nil
}

// newClient returns a client of a handler. change may be nil.
func newClient(cloud http.Handler, change func(*Config)) *Client {
	cfg := Config{
		BaseURL: testBase, Version: "1.3", PageSize: 100,
		Keys:      func() (string, string) { return testAccess, testSecret },
		Transport: httpx.NewTransport(httpx.Config{Next: inProcess{cloud}, Concurrency: 4, RateLimit: 1e6}),
	}
	if change != nil {
		change(&cfg)
	}
	return New(cfg)
}

// says answers every call with a status and a body.
func says(status int, body string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(status)
		_, _ = w.Write([]byte(body))
	})
}

// newSim returns a simulator that knows the client's keys.
func newSim(t testing.TB, cfg sim.Config) *sim.SCP {
	cfg.AccessKey, cfg.SecretKey, cfg.Unexpected = testAccess, testSecret, t.Errorf
	cloud := sim.NewSCP(cfg)
	t.Cleanup(cloud.Close)
	return cloud
}

func sample(t testing.TB, name string) string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// testAPI is what decoding an answer needs of the API.
func testAPI() httpx.API { return httpx.API{Time: parseTime, ErrorFields: []string{"error", "errors"}} }

func at(seconds int64) time.Time { return time.Unix(seconds, 0).UTC() }

// read is a listing of the client, without the number of unparsed fields.
func read[T any](t *testing.T, body string, call func(*Client, context.Context) ([]T, int, error), wantUnreadable int) []T {
	t.Helper()
	rows, unparsed, err := call(newClient(says(200, body), nil), t.Context())
	if err != nil || unparsed != wantUnreadable {
		t.Fatalf("want %d unparsed, have %d, error %v", wantUnreadable, unparsed, err)
	}
	return rows
}

func TestInvitations(t *testing.T) {
	sent := func(id, target, state string, created time.Time) Invitation {
		return Invitation{ID: id, Organization: "o-acme01", Target: target, State: state, Created: created}
	}
	for _, c := range []struct {
		file     string
		want     []Invitation
		unparsed int
	}{
		{file: "organization_invitations.v1_0.json", want: []Invitation{
			sent("inv-02", "acc-0012", "INVITING", at(1792476000)),
			sent("inv-01", "acc-0011", "INVITING", at(1793498584)),
		}},
		{file: "organization_invitations.drift.json", unparsed: 1, want: []Invitation{
			sent("inv-21", "acc-0021", "ON_HOLD", at(1793498584)),
			sent("inv-22", "acc-0022", "INVITING", time.Time{}),
			sent("inv-23", "acc-0023", "INVITING", time.Time{}),
		}},
		{file: "organization_invitations.null.json"},
		{file: "organization_invitations.past_end.json"},
	} {
		t.Run(c.file, func(t *testing.T) {
			have := read(t, sample(t, c.file), (*Client).Invitations, c.unparsed)
			if diff := cmp.Diff(c.want, have); diff != "" {
				t.Errorf("(-want +have):\n%s", diff)
			}
		})
	}
}

func TestReceivedInvitations(t *testing.T) {
	first := ReceivedInvitation{ID: "rcv-01", Organization: "o-other9", Target: "acc-0001", State: "INVITING", Requested: at(1793966400), Expires: at(1795176000)}
	if diff := cmp.Diff([]ReceivedInvitation{first}, read(t, sample(t, "account_invitations.v1_0.json"), (*Client).ReceivedInvitations, 0)); diff != "" {
		t.Errorf("1.0 (-want +have):\n%s", diff)
	}
	second := ReceivedInvitation{ID: "rcv-02", Organization: "o-other8", Target: "acc-0001", State: "EXPIRED", Requested: at(1772323200), Expires: at(1773532800)}
	if diff := cmp.Diff([]ReceivedInvitation{first, second}, read(t, sample(t, "account_invitations.v1_3.json"), (*Client).ReceivedInvitations, 0)); diff != "" {
		t.Errorf("1.3 (-want +have):\n%s", diff)
	}
}

func TestAccountsAndOrganizations(t *testing.T) {
	accounts := []Account{
		{ID: "acc-0001", State: "ACTIVE", Unit: "r-acme01"},
		{ID: "acc-0002", State: "ACTIVE", Unit: "ou-res"},
		{ID: "acc-0003", State: "ACTIVE", Unit: "ou-sec"},
		{ID: "acc-0004", State: "SUSPENDED", Unit: "ou-res"},
		{ID: "acc-0005", State: "PENDING_CLOSURE", Unit: "ou-res"},
	}
	if diff := cmp.Diff(accounts, read(t, sample(t, "organization_accounts.v1_3.json"), (*Client).Accounts, 0)); diff != "" {
		t.Errorf("(-want +have):\n%s", diff)
	}
	if diff := cmp.Diff(accounts[:1], read(t, sample(t, "organization_accounts.v1_1.json"), (*Client).Accounts, 0)); diff != "" {
		t.Errorf("1.1 (-want +have):\n%s", diff)
	}
	for file, want := range map[string][]Organization{
		"organizations.v1_2.json":   {{ID: "o-acme01", Name: "Acme 한국", Master: "acc-0001"}},
		"organizations.v1_3.json":   {{ID: "o-acme01", Name: "Acme 한국", Master: "acc-0001"}},
		"organizations.member.json": nil,
	} {
		if diff := cmp.Diff(want, read(t, sample(t, file), (*Client).Organizations, 0)); diff != "" {
			t.Errorf("%s (-want +have):\n%s", file, diff)
		}
	}
}

func TestVersions(t *testing.T) {
	want := []Version{
		{ID: "v1.0", Status: "DEPRECATED", SupportEnd: Date{at(1767139200)}},
		{ID: "v1.1", Status: "DEPRECATED", SupportEnd: Date{at(1780185600)}},
		{ID: "v1.3", Status: "CURRENT"},
	}
	if diff := cmp.Diff(want, read(t, sample(t, "versions.json"), (*Client).Versions, 0)); diff != "" {
		t.Errorf("(-want +have):\n%s", diff)
	}
	want = []Version{{ID: "v1.3", Status: "SUPPORTED"}, {ID: "v1.4", Status: "CURRENT"}, {Status: "PLANNED"}}
	if diff := cmp.Diff(want, read(t, sample(t, "versions.drift.json"), (*Client).Versions, 1)); diff != "" {
		t.Errorf("drift (-want +have):\n%s", diff)
	}
}

// The simulator knows the headers without us. The versions are asked for
// without any of them, so that nothing can be wrong with them there.
func TestHeaders(t *testing.T) {
	for version, want := range map[string]http.Header{
		"1.3": {"Scp-Api-Version": {"organization 1.3"}, "Accept-Language": {"en-US"}, "Accept": {"application/json"}, "Scp-Clienttype": {"Openapi"}, "Scp-Accesskey": {testAccess}},
		"":    {"Accept-Language": {"en-US"}, "Accept": {"application/json"}, "Scp-Clienttype": {"Openapi"}, "Scp-Accesskey": {testAccess}},
	} {
		var have []http.Header
		c := newClient(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			have = append(have, r.Header.Clone())
			_, _ = w.Write([]byte(`{"account_invitations": [], "versions": []}`))
		}), func(c *Config) { c.Version = version })
		if _, _, err := c.ReceivedInvitations(t.Context()); err != nil {
			t.Fatal(err)
		}
		if _, _, err := c.Versions(t.Context()); err != nil {
			t.Fatal(err)
		}
		have[0].Del("Scp-Timestamp")
		have[0].Del("Scp-Signature")
		if diff := cmp.Diff([]http.Header{want, {"Accept": {"application/json"}}}, have); diff != "" {
			t.Errorf("version %q (-want +have):\n%s", version, diff)
		}
	}
}

// Each attempt has a signature of its own.
func TestEveryAttemptIsSignedAnew(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cloud := newSim(t, sim.Config{TLS: true})
		broken := sim.SCPError("ContactAdminForAssistance")
		broken.Times, broken.Delay = 3, 4*time.Minute // so that the first signature is too old in the end
		cloud.SetFault(pathAccounts, broken)
		rows, _, err := newClient(cloud, nil).Accounts(t.Context())
		if err != nil || len(rows) != 5 || cloud.Calls()[pathAccounts] != 4 {
			t.Errorf("want 5 rows after 4 calls, have %d after %v, error %v", len(rows), cloud.Calls(), err)
		}
	})
}
