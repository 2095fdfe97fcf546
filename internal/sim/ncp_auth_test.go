package sim

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"
)

const vectorTimestamp = "1738539893024"

func vectorKeys() keys {
	return keys{access: "EXAMPLEACCESSKEY0001", secret: "exampleSecretKey0123456789ABCDEFabcdef00"}
}

type vector struct{ uri, signature string }

// vectors returns the signatures of the API facts, which were not made with our code.
func vectors() []vector {
	return []vector{
		{"/open-api/v1/org", "sSsPH7p0kis1CS9OAUjAo2v2t9wjTVUhLvPTzhLjdsE="},
		{"/open-api/v1/group/tree", "weBpHNozDzDKB92KFBUhuFVtJlXL+p+HbwajCqtRMyI="},
		{"/open-api/v1/account/group/1449", "61e14vXMBmZtgN8igqP8EgPSCkhfkDMLqNe7fnfy+R0="},
		{"/open-api/v1/account/invite/invitation", "xTCE258iz6QcGIdyNHnpdWDmRfP4eJzURspvX8TObTo="},
		{"/open-api/v1/account/leave", "/3LTsO2rp//bHvHhN9pMQO8HJNsFgCcS4Kn4dUsRBeI="},
		{"/open-api/v1/policy/list", "lseEDy1KS+Tgwh4lEOIHe4CiTebOhh0ghk8JGYBIuEY="},
		{"/open-api/v1/policy/applied?policyNo=4925", "H56BgZfI3Q96B//kSCiNBAhjW7yks1F5+tU9oF+hhnA="},
		{"/open-api/v1/policy/applied?organizationMemberName=%ED%99%8D%EA%B8%B8%EB%8F%99", "38dQkUE97Dn3Kq+bMOsvJkJJMPcziCt9Xm9i5LmMqXo="},
		{"/prefix/open-api/v1/org", "TnlWzLJAsIlNwPd4YWMLrxmdQ+7FsOHC8x0uGaY3zEU="},
	}
}

func TestSignNCP(t *testing.T) {
	for _, v := range vectors() {
		if have := vectorKeys().signNCP(http.MethodGet, v.uri, vectorTimestamp); have != v.signature {
			t.Errorf("%s: want %s, have %s", v.uri, v.signature, have)
		}
	}
	elsewhere := keys{access: "AK_TEST", secret: "SK_TEST"} // another project's vector
	want, have := "xBcE26XFU55BMjppdPT7ZY3oDrqoOedfPyAn3Cq4lUw=", elsewhere.signNCP(http.MethodPost, "/vserver/v2/createServerInstances?regionCode=KR", "1700000000000")
	if have != want {
		t.Errorf("want %s, have %s", want, have)
	}
}

func TestVerifyNCP(t *testing.T) {
	var (
		right  = vectorKeys()
		first  = vectors()[0]
		second = vectors()[1]
		query  = vectors()[6]
	)
	signed := time.UnixMilli(1738539893024)
	request := func(uri, signature string) *http.Request {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, uri, nil)
		r.Header.Set("x-ncp-apigw-timestamp", vectorTimestamp)
		r.Header.Set("x-ncp-iam-access-key", right.access)
		r.Header.Set("x-ncp-apigw-signature-v2", signature)
		return r
	}
	for _, v := range vectors() {
		if wrong := right.verifyNCP(request(v.uri, v.signature), signed); wrong != "" {
			t.Errorf("%s: %s", v.uri, wrong)
		}
	}

	without := func(header string) *http.Request {
		r := request(first.uri, first.signature)
		r.Header.Del(header)
		return r
	}
	with := func(header, value string) *http.Request {
		r := request(first.uri, first.signature)
		r.Header.Set(header, value)
		return r
	}
	fine := request(first.uri, first.signature)
	for name, c := range map[string]struct {
		keys    keys
		request *http.Request
		now     time.Time
		want    string
	}{
		"5 minutes late":        {right, fine, signed.Add(5 * time.Minute), ""},
		"5 minutes early":       {right, fine, signed.Add(-5 * time.Minute), ""},
		"more than 5 late":      {right, fine, signed.Add(5*time.Minute + time.Millisecond), "timestamp is 5m0.001s off"},
		"more than 5 early":     {right, fine, signed.Add(-5*time.Minute - time.Millisecond), "timestamp is 5m0.001s off"},
		"no timestamp":          {right, without("x-ncp-apigw-timestamp"), signed, "a header is missing"},
		"no access key":         {right, without("x-ncp-iam-access-key"), signed, "a header is missing"},
		"no signature":          {right, without("x-ncp-apigw-signature-v2"), signed, "a header is missing"},
		"seconds":               {right, with("x-ncp-apigw-timestamp", "1738539893"), signed, "timestamp is 482444h49m13.131s off"},
		"not a number":          {right, with("x-ncp-apigw-timestamp", "+1738539893024"), signed, "timestamp is not in milliseconds"},
		"another timestamp":     {right, with("x-ncp-apigw-timestamp", "1738539893025"), signed, "signature does not match"},
		"another access key":    {right, with("x-ncp-iam-access-key", "EXAMPLEACCESSKEY0002"), signed, "no such access key"},
		"another path":          {right, request(second.uri, first.signature), signed, "signature does not match"},
		"a query added":         {right, request(first.uri+"?a=b", first.signature), signed, "signature does not match"},
		"the query not signed":  {right, request(query.uri, right.signNCP("GET", "/open-api/v1/policy/applied", vectorTimestamp)), signed, "signature does not match"},
		"the method lower case": {right, request(first.uri, right.signNCP("get", first.uri, vectorTimestamp)), signed, "signature does not match"},
		"another secret":        {keys{right.access, "x"}, fine, signed, "signature does not match"},
		"no keys":               {keys{}, fine, signed, "no such access key"},
	} {
		t.Run(name, func(t *testing.T) {
			if have := c.keys.verifyNCP(c.request, c.now); have != c.want {
				t.Errorf("want %q, have %q", c.want, have)
			}
		})
	}
}

// The vectors as a client would send them, to a gateway with a clock of their
// time.
func TestVectorsOverHTTP(t *testing.T) {
	sim := NewNCP(Config{
		AccessKey: vectorKeys().access,
		SecretKey: vectorKeys().secret,
		Skew:      time.Until(time.UnixMilli(1738539893024)),
	})
	server := httptest.NewServer(sim)
	defer server.Close()
	defer sim.Close()
	for i, v := range vectors() {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, server.URL+v.uri, nil)
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("x-ncp-apigw-timestamp", vectorTimestamp)
		req.Header.Set("x-ncp-iam-access-key", vectorKeys().access)
		req.Header.Set("x-ncp-apigw-signature-v2", v.signature)
		resp, err := server.Client().Do(req)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		want := http.StatusOK
		if i == 2 || i == 6 || i == 7 { // no group 1449, no /policy/applied
			want = http.StatusNotFound
		}
		if resp.StatusCode != want {
			t.Errorf("%s: want %d, have %d", v.uri, want, resp.StatusCode)
		}
		if want, have := fmt.Sprintf("sim-%d", i+1), resp.Header.Get("x-ncp-trace-id"); have != want {
			t.Errorf("trace id: want %s, have %s", want, have)
		}
	}
}
