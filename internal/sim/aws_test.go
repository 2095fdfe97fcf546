package sim_test

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"reflect"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cloudorg-exporter/cloudorg_exporter/internal/sim"
)

// awsCall signs and makes a call as the documentation says.
func awsCall(t testing.TB, aws *sim.AWS, secret, operation, body string, at time.Time, change func(*http.Request)) *httptest.ResponseRecorder {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "http://organizations.us-east-1.amazonaws.com/", bytes.NewBufferString(body))
	date := at.UTC().Format("20060102T150405Z")
	r.Header.Set("Content-Type", "application/x-amz-json-1.1")
	r.Header.Set("X-Amz-Date", date)
	r.Header.Set("X-Amz-Target", "AWSOrganizationsV20161128."+operation)
	hash := func(s string) string {
		sum := sha256.Sum256([]byte(s))
		return hex.EncodeToString(sum[:])
	}
	mac := func(key []byte, s string) []byte {
		h := hmac.New(sha256.New, key)
		h.Write([]byte(s))
		return h.Sum(nil)
	}
	const signed = "content-type;host;x-amz-date;x-amz-target"
	canonical := "POST\n/\n\ncontent-type:application/x-amz-json-1.1\nhost:organizations.us-east-1.amazonaws.com\nx-amz-date:" + date +
		"\nx-amz-target:AWSOrganizationsV20161128." + operation + "\n\n" + signed + "\n" + hash(body)
	scope := date[:8] + "/us-east-1/organizations/aws4_request"
	key := mac(mac(mac(mac([]byte("AWS4"+secret), date[:8]), "us-east-1"), "organizations"), "aws4_request")
	signature := hex.EncodeToString(mac(key, "AWS4-HMAC-SHA256\n"+date+"\n"+scope+"\n"+hash(canonical)))
	r.Header.Set("Authorization", "AWS4-HMAC-SHA256 Credential="+access+"/"+scope+", SignedHeaders="+signed+", Signature="+signature)
	if change != nil {
		change(r)
	}
	w := httptest.NewRecorder()
	aws.ServeHTTP(w, r)
	return w
}

func newAWS(t testing.TB, cfg sim.Config) *sim.AWS {
	cfg.AccessKey, cfg.SecretKey = access, secret
	aws := sim.NewAWS(cfg)
	t.Cleanup(aws.Close)
	return aws
}

// The simulator serves the samples' facts.
func TestAWSSamples(t *testing.T) {
	aws := newAWS(t, sim.Config{Unexpected: t.Errorf})
	for _, tt := range []struct{ operation, body, sample string }{
		{"DescribeOrganization", "{}", "DescribeOrganization.json"},
		{"ListRoots", "{}", "ListRoots.json"},
		{"ListOrganizationalUnitsForParent", `{"ParentId":"r-ac01"}`, "ListOrganizationalUnitsForParent.r-ac01.json"},
		{"ListOrganizationalUnitsForParent", `{"ParentId":"ou-ac01-resear01"}`, "ListOrganizationalUnitsForParent.ou-ac01-resear01.json"},
		{"ListHandshakesForOrganization", "{}", "ListHandshakesForOrganization.json"},
		{"ListHandshakesForAccount", "{}", "ListHandshakesForAccount.json"},
		{"ListCreateAccountStatus", `{"States":["IN_PROGRESS","FAILED"]}`, "ListCreateAccountStatus.json"},
		{"ListPolicies", `{"Filter":"SERVICE_CONTROL_POLICY"}`, "ListPolicies.SERVICE_CONTROL_POLICY.json"},
		{"ListTargetsForPolicy", `{"PolicyId":"p-denyleave1"}`, "ListTargetsForPolicy.p-denyleave1.json"},
		{"ListDelegatedAdministrators", "{}", "ListDelegatedAdministrators.json"},
		{"ListDelegatedServicesForAccount", `{"AccountId":"333333333333"}`, "ListDelegatedServicesForAccount.333333333333.json"},
		{"ListAWSServiceAccessForOrganization", "{}", "ListAWSServiceAccessForOrganization.json"},
	} {
		w := awsCall(t, aws, secret, tt.operation, tt.body, time.Now(), nil)
		if w.Code != http.StatusOK {
			t.Errorf("%s: %d %s", tt.operation, w.Code, w.Body)
			continue
		}
		want, err := os.ReadFile("../../awsapi/testdata/" + tt.sample)
		if err != nil {
			t.Fatal(err)
		}
		if diff := lacks(decode(t, want), decode(t, w.Body.Bytes())); diff != "" {
			t.Errorf("%s lacks %s:\n%s", tt.operation, diff, w.Body)
		}
	}
}

// lacks returns a path at which have lacks a value of want. Optional fields of
// the samples, resources and ARNs, are not compared.
func lacks(want, have any) string {
	switch want := want.(type) {
	case map[string]any:
		have, ok := have.(map[string]any)
		if !ok {
			return "an object"
		}
		for k, v := range want {
			if k == "Arn" || k == "Path" || k == "Resources" || v == nil {
				continue
			}
			if diff := lacks(v, have[k]); diff != "" {
				return k + "." + diff
			}
		}
		return ""
	case []any:
		have, ok := have.([]any)
		if !ok || len(have) != len(want) {
			return fmt.Sprintf("%d elements", len(want))
		}
		for i := range want {
			if diff := lacks(want[i], have[i]); diff != "" {
				return fmt.Sprintf("%d.%s", i, diff)
			}
		}
		return ""
	}
	if !reflect.DeepEqual(want, have) {
		return fmt.Sprintf("%v, not %v", want, have)
	}
	return ""
}

// Each wrong request is refused with its code.
func TestAWSRefusals(t *testing.T) {
	now := time.Now()
	for name, tt := range map[string]struct {
		secret    string
		operation string
		body      string
		at        time.Time
		change    func(*http.Request)
		cfg       sim.Config
		options   sim.AWSOptions
		status    int
		code      string
	}{
		"wrong secret":      {secret: "another", status: 403, code: "InvalidSignatureException"},
		"wrong secret, 400": {secret: "another", options: sim.AWSOptions{Status400: true}, status: 400, code: "InvalidSignatureException"},
		"old":               {at: now.Add(-6 * time.Minute), status: 403, code: "InvalidSignatureException"},
		"another host":      {change: func(r *http.Request) { r.Host = "127.0.0.1:1" }, status: 403, code: "InvalidSignatureException"},
		"another body":      {change: func(r *http.Request) { r.Body = http.NoBody }, status: 403, code: "InvalidSignatureException"},
		"another target":    {change: func(r *http.Request) { r.Header.Set("X-Amz-Target", "AWSOrganizationsV20161128.ListRoots") }, status: 403, code: "InvalidSignatureException"},
		"no signature":      {change: func(r *http.Request) { r.Header.Del("Authorization") }, status: 403, code: "MissingAuthenticationTokenException"},
		"another key": {change: func(r *http.Request) {
			r.Header.Set("Authorization", strings.Replace(r.Header.Get("Authorization"), access, "OTHER", 1))
		}, status: 403, code: "UnrecognizedClientException"},
		"a token too many":    {change: func(r *http.Request) { r.Header.Set("X-Amz-Security-Token", "x") }, status: 403, code: "UnrecognizedClientException"},
		"operation":           {operation: "CreateAccount", status: 400, code: "UnknownOperationException"},
		"GET":                 {change: func(r *http.Request) { r.Method = http.MethodGet }, status: 400, code: "UnknownOperationException"},
		"member":              {cfg: sim.Config{Caller: sim.NotMaster}, status: 400, code: "AccessDeniedException"},
		"one right":           {options: sim.AWSOptions{Denied: []string{"ListAccounts"}}, status: 400, code: "AccessDeniedException"},
		"too many rows":       {body: `{"MaxResults":21}`, status: 400, code: "InvalidInputException"},
		"token of nobody":     {body: `{"NextToken":"x"}`, status: 400, code: "InvalidInputException"},
		"unknown parent":      {operation: "ListAccountsForParent", body: `{"ParentId":"ou-none"}`, status: 400, code: "ParentNotFoundException"},
		"unknown policy":      {operation: "ListTargetsForPolicy", body: `{"PolicyId":"p-none"}`, status: 400, code: "PolicyNotFoundException"},
		"no policy type":      {operation: "ListPolicies", status: 400, code: "InvalidInputException"},
		"in no organization":  {cfg: sim.Config{Company: func(time.Time) sim.Company { return sim.Company{Master: 1} }}, status: 400, code: "AWSOrganizationsNotInUseException"},
		"not even JSON":       {body: `{`, status: 400, code: "SerializationException"},
		"skewed clock":        {cfg: sim.Config{Skew: 20 * time.Minute}, status: 403, code: "InvalidSignatureException"},
		"member, own account": {operation: "ListHandshakesForAccount", cfg: sim.Config{Caller: sim.NotMaster}, status: 200},
	} {
		t.Run(name, func(t *testing.T) {
			aws := newAWS(t, tt.cfg)
			aws.Set(tt.options)
			if tt.secret == "" {
				tt.secret = secret
			}
			if tt.operation == "" {
				tt.operation = "ListAccounts"
			}
			if tt.body == "" {
				tt.body = "{}"
			}
			if tt.at.IsZero() {
				tt.at = now
			}
			w := awsCall(t, aws, tt.secret, tt.operation, tt.body, tt.at, tt.change)
			if w.Code != tt.status || !strings.Contains(w.Body.String(), tt.code) {
				t.Errorf("want %d %s, have %d %s", tt.status, tt.code, w.Code, w.Body)
			}
		})
	}
}

// Pages end, and have every row once; a token is of its operation alone.
func TestAWSPages(t *testing.T) {
	for name, paging := range map[string]sim.AWSPaging{"usual": {}, "empty": {Empty: 2}, "long": {Long: true}, "moves": {Moves: 1}} {
		aws := newAWS(t, sim.Config{Company: sim.Living(3, 5, 70)})
		aws.SetPaging("ListAccounts", paging)
		seen, pages, token := map[string]bool{}, 0, ""
		for {
			body, err := json.Marshal(map[string]any{"MaxResults": 20, "NextToken": token})
			if err != nil {
				t.Fatal(err)
			}
			w := awsCall(t, aws, secret, "ListAccounts", string(body), time.Now(), nil)
			var page struct {
				Accounts []struct {
					ID string `json:"Id"`
				}
				NextToken string
			}
			if err := json.Unmarshal(w.Body.Bytes(), &page); err != nil || w.Code != http.StatusOK {
				t.Fatalf("%s: %v %s", name, err, w.Body)
			}
			for _, a := range page.Accounts {
				seen[a.ID] = true
			}
			if pages++; page.NextToken == "" || pages > 50 {
				break
			}
			if token = page.NextToken; paging.Long && len(token) != 100_000 {
				t.Errorf("token of %d characters", len(token))
			}
		}
		if len(seen) < 40 || pages < 3 || pages > 20 {
			t.Errorf("%s: %d accounts on %d pages", name, len(seen), pages)
		}
		w := awsCall(t, aws, secret, "ListRoots", `{"NextToken":"`+token+`"}`, time.Now(), nil)
		if !strings.Contains(w.Body.String(), "INVALID_PAGINATION_TOKEN") {
			t.Errorf("%s: a token of another operation: %s", name, w.Body)
		}
	}
}

// The published rates: ListRoots twice at once and then once a second.
func TestAWSThrottling(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		aws := newAWS(t, sim.Config{})
		aws.Set(sim.AWSOptions{Throttle: true})
		allowed := func(calls int) (n int) {
			for range calls {
				if w := awsCall(t, aws, secret, "ListRoots", "{}", time.Now(), nil); w.Code == http.StatusOK {
					n++
				} else if !strings.Contains(w.Body.String(), "TooManyRequestsException") {
					t.Fatal(w.Body)
				}
			}
			return n
		}
		if n := allowed(5); n != 2 {
			t.Errorf("%d of a burst", n)
		}
		time.Sleep(time.Second)
		if n := allowed(5); n != 1 {
			t.Errorf("%d a second later", n)
		}
		time.Sleep(time.Hour)
		if n := allowed(5); n != 2 {
			t.Errorf("%d an hour later", n)
		}
	})
}

// Within a year every state of an account, of a handshake and of a request to
// create an account occurs.
func TestAWSLives(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		aws := newAWS(t, sim.Config{Company: sim.Living(13, 3, 40)})
		states := map[string]bool{}
		for range 2 * 200 {
			time.Sleep(12 * time.Hour)
			for _, operation := range []string{"ListAccounts", "ListHandshakesForOrganization", "ListCreateAccountStatus"} {
				w := awsCall(t, aws, secret, operation, "{}", time.Now(), nil)
				var page map[string]any
				if err := json.Unmarshal(w.Body.Bytes(), &page); err != nil {
					t.Fatal(err)
				}
				for key, list := range page {
					rows, _ := list.([]any)
					for _, row := range rows {
						states[key+" "+fmt.Sprint(row.(map[string]any)["State"])] = true
					}
				}
			}
		}
		for _, want := range []string{
			"Accounts ACTIVE", "Accounts SUSPENDED", "Accounts PENDING_CLOSURE", "Accounts CLOSED", "Accounts PENDING_ACTIVATION",
			"Handshakes OPEN", "Handshakes ACCEPTED", "Handshakes DECLINED", "Handshakes EXPIRED", "Handshakes CANCELED",
			"CreateAccountStatuses FAILED", "CreateAccountStatuses IN_PROGRESS", "CreateAccountStatuses SUCCEEDED",
		} {
			if !states[want] {
				t.Errorf("%s never occurs", want)
			}
		}
	})
}

// A fault of an operation is of all its instances, one of an instance of that
// one.
func TestAWSFaultOfAnInstance(t *testing.T) {
	aws := newAWS(t, sim.Config{Unexpected: t.Errorf})
	status := func(parent string) int {
		return awsCall(t, aws, secret, "ListAccountsForParent", `{"ParentId":"`+parent+`"}`, time.Now(), nil).Code
	}
	for _, tt := range []struct {
		fault      string
		root, unit int
	}{
		{"ListAccountsForParent/ou-ac01-deep0001", http.StatusOK, http.StatusTeapot},
		{"ListAccountsForParent", http.StatusTeapot, http.StatusTeapot},
		{"ListAccounts", http.StatusOK, http.StatusOK},
	} {
		aws.SetFault(tt.fault, sim.Fault{Status: http.StatusTeapot})
		if root, unit := status("r-ac01"), status("ou-ac01-deep0001"); root != tt.root || unit != tt.unit {
			t.Errorf("%s: want %d and %d, have %d and %d", tt.fault, tt.root, tt.unit, root, unit)
		}
		aws.SetFault("*", sim.Fault{})
	}
}
