package sim

import (
	"net/http"
	"net/http/httptest"
	"testing"
	"time"
)

func scpVectorKeys() keys {
	return keys{access: "TESTACCESSKEY0000001", secret: "TESTSECRETKEY0000000000000000001"}
}

// scpVectors returns the signatures of the API facts, which were not made with our code.
func scpVectors() []struct{ base, uri, signature string } {
	const base = "https://organization.e.samsungsdscloud.com"
	return []struct{ base, uri, signature string }{
		{base, "/v1/organization-invitations", "d6muQ03CngheIEMwHXdPYWPFmGr9072SwGdpt9sjUJo="},
		{base, "/v1/organization-invitations?page=0&size=20", "vKw9RIrD7EpfnA9P8LxnJtAQrXHLBIcO9mL/59aPM5g="},
		{base, "/v1/organization-invitations?page=0&size=100&state=INVITING", "+jG9C68QoaleSCMcAAHc90TvaofUm+Jwevrcsw1uRMc="},
		{base, "/v1/organization-invitations?organization_id=o-acme01&page=0&size=100", "mF9jrxN6nedppnmhETXgviMt4gPByV6Fr9WjTXNEkwo="},
		{base, "/v1/organization-invitations?page=0&size=20&sort=created_at:asc", "lRVAJFSvTnfNzGuTPlOBfPd1Z8Hpp7i4LVtVa40oqgo="},
		{base, "/v1/organization-invitations?page=0&size=20&sort=created_at%3Aasc", "Mt42KZBpKA/oXuqfvSdDAZ+2FnMCIOwI4Jxor1fO3Sk="},
		{base, "/v1/account-invitations", "n49miTGoRRY75dcWbUnkzq1J5+ufIvhUiTe47ILBu6Y="},
		{base, "/v1/organization-accounts?page=0&size=100", "FmiQWp3RRb+ioOG5cv+R312My6Jz+qN19+U2gpfeLHY="},
		{base, "/v1/organizations?page=0&size=100", "pchUDHIV0ZmEijbSBvHSApAXRjFcb7UQO+SmEOIHqEc="},
		{"http://127.0.0.1:18080", "/v1/account-invitations", "f5Zy3g5beb1c14/fNOY0doex1Te5XUMFAr8trhNnIe4="},
	}
}

func TestSignSCP(t *testing.T) {
	for _, v := range scpVectors() {
		if have := scpVectorKeys().signSCP(http.MethodGet, v.base+v.uri, "1605290625682"); have != v.signature {
			t.Errorf("%s: want %s, have %s", v.uri, v.signature, have)
		}
	}
}

func TestVerifySCP(t *testing.T) {
	right, first, signed := scpVectorKeys(), scpVectors()[0], time.UnixMilli(1605290625682)
	request := func(change func(h http.Header)) *http.Request {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, first.uri, nil)
		r.Header.Set("Scp-Timestamp", "1605290625682")
		r.Header.Set("Scp-Accesskey", right.access)
		r.Header.Set("Scp-Signature", first.signature)
		r.Header.Set("Scp-ClientType", "Openapi")
		if change != nil {
			change(r.Header)
		}
		return r
	}
	set := func(name, value string) *http.Request {
		return request(func(h http.Header) { h.Set(name, value) })
	}
	for name, c := range map[string]struct {
		keys    keys
		request *http.Request
		base    string
		now     time.Time
		want    string
	}{
		"right":              {right, request(nil), first.base, signed, ""},
		"5 minutes late":     {right, request(nil), first.base, signed.Add(5 * time.Minute), ""},
		"more than 5":        {right, request(nil), first.base, signed.Add(5*time.Minute + time.Millisecond), "timestamp is 5m0.001s off"},
		"no timestamp":       {right, set("Scp-Timestamp", ""), first.base, signed, "timestamp is not in milliseconds"},
		"another key":        {right, set("Scp-Accesskey", "X"), first.base, signed, "key is not entitled"},
		"no keys":            {keys{}, request(nil), first.base, signed, "key is not entitled"},
		"another client":     {right, set("Scp-ClientType", "Console"), first.base, signed, `client type "Console"`},
		"another secret":     {keys{right.access, "x"}, request(nil), first.base, signed, "HmacValidFail"},
		"another scheme":     {right, request(nil), "http://organization.e.samsungsdscloud.com", signed, "HmacValidFail"},
		"another host":       {right, request(nil), "https://organization.s.samsungsdscloud.com", signed, "HmacValidFail"},
		"with an account id": {right, set("Scp-Signature", "ocd7D4qJ2nJ7B51b/2sqcVP0LKjhzku916aDGRROdhQ="), first.base, signed, "HmacValidFail"},
	} {
		t.Run(name, func(t *testing.T) {
			if have := c.keys.verifySCP(c.request, c.base, c.now); have != c.want {
				t.Errorf("want %q, have %q", c.want, have)
			}
		})
	}
}
