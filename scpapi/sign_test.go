package scpapi

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cloudorg-exporter/cloudorg_exporter/internal/httpx"
	"github.com/cloudorg-exporter/cloudorg_exporter/internal/sim"
)

const vectorTime = 1605290625682 // ms

func TestSign(t *testing.T) {
	const invitations = testBase + "/v1/organization-invitations"
	for url, want := range map[string]string{
		invitations:                     "d6muQ03CngheIEMwHXdPYWPFmGr9072SwGdpt9sjUJo=",
		invitations + "?page=0&size=20": "vKw9RIrD7EpfnA9P8LxnJtAQrXHLBIcO9mL/59aPM5g=",
		invitations + "?page=0&size=100&state=INVITING":           "+jG9C68QoaleSCMcAAHc90TvaofUm+Jwevrcsw1uRMc=",
		invitations + "?organization_id=o-acme01&page=0&size=100": "mF9jrxN6nedppnmhETXgviMt4gPByV6Fr9WjTXNEkwo=",
		invitations + "?page=0&size=20&sort=created_at:asc":       "lRVAJFSvTnfNzGuTPlOBfPd1Z8Hpp7i4LVtVa40oqgo=",
		invitations + "?page=0&size=20&sort=created_at%3Aasc":     "Mt42KZBpKA/oXuqfvSdDAZ+2FnMCIOwI4Jxor1fO3Sk=",
		testBase + "/v1/account-invitations":                      "n49miTGoRRY75dcWbUnkzq1J5+ufIvhUiTe47ILBu6Y=",
		testBase + "/v1/organization-accounts?page=0&size=100":    "FmiQWp3RRb+ioOG5cv+R312My6Jz+qN19+U2gpfeLHY=",
		testBase + "/v1/organizations?page=0&size=100":            "pchUDHIV0ZmEijbSBvHSApAXRjFcb7UQO+SmEOIHqEc=",
		"http://127.0.0.1:18080/v1/account-invitations":           "f5Zy3g5beb1c14/fNOY0doex1Te5XUMFAr8trhNnIe4=",
	} {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
		if err != nil {
			t.Fatal(err)
		}
		sign(req, time.UnixMilli(vectorTime), testAccess, testSecret)
		if have := req.Header.Get("Scp-Signature"); have != want {
			t.Errorf("%s: want %s, have %s", url, want, have)
		}
		if have := req.Header.Get("Scp-Timestamp"); have != "1605290625682" {
			t.Errorf("timestamp: have %s", have)
		}
		// With the account id, the vendor's own client would send this for the second.
		if req.Header.Get("Scp-Signature") == "ocd7D4qJ2nJ7B51b/2sqcVP0LKjhzku916aDGRROdhQ=" || req.Header.Get("Scp-AccountId") != "" {
			t.Error("signed with an account id")
		}
	}
}

// The vectors of what the client itself sends.
func TestClientSigns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		time.Sleep(time.Until(time.UnixMilli(vectorTime)))
		have := map[string]string{}
		c := newClient(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			have[r.RequestURI] = r.Header.Get("Scp-Signature")
			_, _ = w.Write([]byte(`{"organization_invitations": [], "account_invitations": [], "accounts": [], "organizations": []}`))
		}), func(c *Config) { c.OrganizationID = "o-acme01" })
		if _, _, err := c.Invitations(t.Context()); err != nil {
			t.Fatal(err)
		}
		if _, _, err := c.ReceivedInvitations(t.Context()); err != nil {
			t.Fatal(err)
		}
		for uri, want := range map[string]string{
			"/v1/organization-invitations?organization_id=o-acme01&page=0&size=100": "mF9jrxN6nedppnmhETXgviMt4gPByV6Fr9WjTXNEkwo=",
			"/v1/account-invitations": "n49miTGoRRY75dcWbUnkzq1J5+ufIvhUiTe47ILBu6Y=",
		} {
			if have[uri] != want {
				t.Errorf("%s: want %s, have %s of %v", uri, want, have[uri], have)
			}
		}
	})
}

// Whatever the base URL looks like, what is signed is what arrives.
func TestSignedAsSent(t *testing.T) {
	cloud := newSim(t, sim.Config{})
	server := httptest.NewServer(cloud)
	defer server.Close()
	secure := httptest.NewTLSServer(cloud)
	defer secure.Close()
	port := server.URL[strings.LastIndex(server.URL, ":"):]
	for base, client := range map[string]*http.Client{
		server.URL:                   server.Client(),
		server.URL + "/":             server.Client(),
		server.URL + "/prefix":       server.Client(),
		server.URL + "/a%20b/c%2Fd/": server.Client(),
		server.URL + "/한국":           server.Client(),
		"http://localhost" + port:    server.Client(),
		"http://LocalHost" + port:    server.Client(),
		"HTTP://localhost" + port:    server.Client(),
		secure.URL:                   secure.Client(),
	} {
		c := newClient(nil, func(cfg *Config) {
			cfg.BaseURL, cfg.Transport = base, httpx.NewTransport(httpx.Config{Next: client.Transport, Concurrency: 1, RateLimit: 1e6})
		})
		if _, _, err := c.Accounts(t.Context()); err != nil {
			t.Errorf("%s: %v", base, err)
		}
		if _, _, err := c.Versions(t.Context()); err != nil {
			t.Errorf("%s: versions: %v", base, err)
		}
		c.CloseIdleConnections()
	}
}
