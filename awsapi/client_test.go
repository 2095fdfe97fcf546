package awsapi

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cloudorg-exporter/cloudorg_exporter/internal/httpx"
)

// canned answers calls with a function of the request's operation, its body and
// the number of the call, from 1.
type canned struct {
	answer func(operation string, body map[string]any, n int) answer
	calls  int
}

// An answer is an HTTP answer; status 0 is 200.
type answer struct {
	status int
	header http.Header
	body   string
}

func (c *canned) RoundTrip(r *http.Request) (*http.Response, error) {
	c.calls++
	var body map[string]any
	if err := json.NewDecoder(r.Body).Decode(&body); err != nil {
		return nil, err
	}
	_ = r.Body.Close()
	a := c.answer(strings.TrimPrefix(r.Header.Get("X-Amz-Target"), targetPrefix), body, c.calls)
	if a.header == nil {
		a.header = http.Header{}
	}
	if a.header.Get("Date") == "" {
		a.header.Set("Date", time.Now().UTC().Format(http.TimeFormat))
	}
	if a.status == 0 {
		a.status = http.StatusOK
	}
	return &http.Response{StatusCode: a.status, Header: a.header, Body: io.NopCloser(bytes.NewBufferString(a.body)), Request: r}, nil
}

// testAPI is what decoding an answer needs of the API.
func testAPI() httpx.API {
	return httpx.API{Time: parseTime, NullRows: true, ErrorFields: []string{"__type"}}
}

func newClient(rt http.RoundTripper) *Client {
	transport := httpx.NewTransport(httpx.Config{Next: rt, Concurrency: 2, RateLimit: 1e6})
	keys := func() (string, string, string) { return "AKIDEXAMPLE", "SECRETEXAMPLE", "" }
	return New(Config{
		BaseURL: "https://organizations.us-east-1.amazonaws.com", Region: "us-east-1", Transport: transport,
		Credentials: NewCredentials(CredentialsConfig{Static: keys}),
	})
}

func sample(t testing.TB, name string) string {
	t.Helper()
	b, err := os.ReadFile("testdata/" + name)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// Every code has its kind, whatever the HTTP status; only what can pass is
// tried again.
func TestErrors(t *testing.T) {
	typed := func(code string) string { return fmt.Sprintf(`{"__type": %q, "Message": "made-up"}`, code) }
	skewed := http.Header{"Date": {time.Now().Add(20 * time.Minute).UTC().Format(http.TimeFormat)}}
	for name, tt := range map[string]struct {
		answer answer
		kind   httpx.Kind
		calls  int
		is     error
		text   string // in the error's
	}{
		"unknown key":            {answer{400, nil, typed("UnrecognizedClientException")}, httpx.Auth, 1, nil, ""},
		"unknown key, 403":       {answer{403, nil, `{"__type": "UnrecognizedClientException", "message": "made-up"}`}, httpx.Auth, 1, nil, ""},
		"header only":            {answer{400, http.Header{"X-Amzn-Errortype": {"UnrecognizedClientException:http://made-up/"}}, "{}"}, httpx.Auth, 1, nil, "UnrecognizedClientException"},
		"opt in":                 {answer{403, nil, typed("OptInRequired")}, httpx.Auth, 1, nil, ""},
		"incomplete":             {answer{400, nil, typed("IncompleteSignatureException")}, httpx.Auth, 1, nil, ""},
		"signature":              {answer{400, nil, typed("InvalidSignatureException")}, httpx.Auth, 1, nil, ""},
		"signature, 403, skewed": {answer{403, skewed, sample(t, "skew.json")}, httpx.ClockSkew, 1, nil, "20m"},
		"signature, 400, skewed": {answer{400, skewed, sample(t, "skew.json")}, httpx.ClockSkew, 1, nil, "20m"},
		"key, skewed":            {answer{403, skewed, typed("UnrecognizedClientException")}, httpx.Auth, 1, nil, ""},
		"expired, static":        {answer{403, nil, typed("ExpiredTokenException")}, httpx.Auth, 1, errExpired, "expired"},
		"not in use":             {answer{400, nil, sample(t, "notinuse.json")}, httpx.Other, 1, ErrNoOrganization, "AWSOrganizationsNotInUseException"},
		"denied":                 {answer{400, nil, sample(t, "denied.json")}, httpx.Forbidden, 1, nil, "missing permission organizations:ListAccounts"},
		"member":                 {answer{400, nil, sample(t, "member.json")}, httpx.Forbidden, 1, ErrMember, ""},
		"throttled":              {answer{400, nil, sample(t, "throttled.json")}, httpx.Throttled, 4, nil, ""},
		"throttling":             {answer{400, nil, typed("Throttling")}, httpx.Throttled, 4, nil, ""},
		"429":                    {answer{429, http.Header{"Retry-After": {"7"}}, ""}, httpx.Throttled, 4, nil, ""},
		"service":                {answer{500, nil, sample(t, "service.500.json")}, httpx.Server, 4, nil, ""},
		"concurrent":             {answer{400, nil, typed("ConcurrentModificationException")}, httpx.Server, 4, nil, ""},
		"gone":                   {answer{400, nil, typed("com.amazonaws.organizations#ParentNotFoundException")}, httpx.Other, 1, ErrNotFound, ""},
		"input":                  {answer{400, nil, `{"__type": "InvalidInputException", "Reason": "MAX_VALUE_EXCEEDED"}`}, httpx.Other, 1, nil, "MAX_VALUE_EXCEEDED"},
		"unknown code, 403":      {answer{403, nil, typed("SomethingNew")}, httpx.Other, 1, nil, "SomethingNew"},
		"400 and {}":             {answer{400, nil, "{}"}, httpx.Other, 1, nil, ""},
		"400 and nothing":        {answer{400, nil, ""}, httpx.Other, 1, nil, ""},
		"401":                    {answer{401, nil, ""}, httpx.Auth, 1, nil, ""},
		"403 with XML":           {answer{403, nil, "<Response><Errors><Error><Code>InvalidClientTokenId</Code></Error></Errors></Response>"}, httpx.Auth, 1, nil, "InvalidClientTokenId"},
		"403 with XML, denied":   {answer{403, nil, "<Error><Code>AccessDenied</Code><Message>User: a@b is not authorized to perform: organizations:ListAccounts on resource: *</Message></Error>"}, httpx.Forbidden, 1, nil, "missing permission organizations:ListAccounts"},
		"502 with HTML":          {answer{502, nil, "<html>bad gateway</html>"}, httpx.Server, 4, nil, "not an answer of the API"},
		"error inside a 200":     {answer{200, nil, sample(t, "throttled.json")}, httpx.Throttled, 4, nil, ""},
		"redirect":               {answer{307, http.Header{"Location": {"https://other.example.test/"}}, ""}, httpx.Other, 1, nil, "redirected"},
		"empty":                  {answer{200, nil, ""}, httpx.Decode, 1, nil, "empty body"},
		"HTML":                   {answer{200, nil, "<html>"}, httpx.Decode, 1, nil, "HTML"},
		"cut":                    {answer{200, nil, `{"Accounts": [{"Id": "1`}, httpx.Decode, 1, nil, "cut off"},
		"no list":                {answer{200, nil, "{}"}, httpx.Decode, 1, nil, "no Accounts"},
		"array":                  {answer{200, nil, "[]"}, httpx.Decode, 1, nil, "an array instead of an object"},
		"trailing":               {answer{200, nil, `{"Accounts": []} x`}, httpx.Decode, 1, nil, "trailing data"},
		"two documents":          {answer{200, nil, `{"Accounts": []}{"Accounts": []}`}, httpx.Decode, 1, nil, "trailing data"},
		"token of another type":  {answer{200, nil, `{"Accounts": [], "NextToken": 7}`}, httpx.Decode, 1, nil, "page token"},
		"token too long":         {answer{200, nil, `{"Accounts": [], "NextToken": "` + strings.Repeat("x", 2<<20) + `"}`}, httpx.Decode, 1, nil, "a single value of more than"},
		"the same token":         {answer{200, nil, `{"Accounts": [], "NextToken": "t"}`}, httpx.Decode, 2, nil, "does not end"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				if date := tt.answer.header.Get("Date"); date != "" {
					tt.answer.header = http.Header{"Date": {time.Now().Add(20 * time.Minute).UTC().Format(http.TimeFormat)}}
				}
				rt := &canned{answer: func(string, map[string]any, int) answer {
					a := tt.answer
					a.header = a.header.Clone()
					return a
				}}
				_, _, err := newClient(rt).Accounts(t.Context())
				var e *Error
				if !errors.As(err, &e) {
					t.Fatalf("have %v", err)
				}
				if e.Kind != tt.kind || rt.calls != tt.calls || tt.is != nil && !errors.Is(err, tt.is) || !strings.Contains(err.Error(), tt.text) {
					t.Errorf("want %s after %d calls, %v and %q; have %s after %d, %v", tt.kind, tt.calls, tt.is, tt.text, e.Kind, rt.calls, err)
				}
				if strings.ContainsAny(err.Error(), "@\n") || strings.Contains(err.Error(), "assumed-role") {
					t.Errorf("personal: %v", err)
				}
			})
		})
	}
}

// The pages of the samples: an empty one is not the end, and of two rows with
// one ID the later counts. null is no rows.
func TestPages(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		rt := &canned{answer: func(_ string, body map[string]any, _ int) answer {
			file := map[any]string{nil: "ListAccounts.1.json", "t1": "ListAccounts.2.json", "t2": "ListAccounts.3.json"}[body["NextToken"]]
			if body["MaxResults"] != 20.0 {
				t.Errorf("asked for %v", body)
			}
			return answer{body: sample(t, file)}
		}}
		rows, unparsed, err := newClient(rt).Accounts(t.Context())
		if err != nil || unparsed != 0 || rt.calls != 3 || len(rows) != 7 {
			t.Fatalf("have %d rows, %d, %d calls, %v", len(rows), unparsed, rt.calls, err)
		}
		if a := rows[2]; a.ID != "333333333333" || a.Parent() != "ou-ac01-deep0001" || a.Joined.UnixMilli() != 1769990400500 {
			t.Errorf("have %+v", a)
		}
		if rows[0].Parent() != "r-ac01" {
			t.Errorf("parent of an account in no unit: %q", rows[0].Parent())
		}
		rows, _, err = newClient(&canned{answer: func(string, map[string]any, int) answer { return answer{body: `{"Accounts": null}`} }}).Accounts(t.Context())
		if err != nil || len(rows) != 0 {
			t.Errorf("null: %v, %v", rows, err)
		}
	})
}

// A refused token starts the listing over, once.
func TestRefusedToken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		refused := 0
		rt := &canned{answer: func(_ string, body map[string]any, _ int) answer {
			switch {
			case body["NextToken"] == nil:
				return answer{body: `{"Accounts": [{"Id": "1"}], "NextToken": "t"}`}
			case refused > 0:
				refused--
				return answer{status: 400, body: `{"__type": "InvalidInputException", "Reason": "INVALID_PAGINATION_TOKEN"}`}
			}
			return answer{body: `{"Accounts": [{"Id": "2"}]}`}
		}}
		c := newClient(rt)
		refused = 1
		if rows, _, err := c.Accounts(t.Context()); err != nil || len(rows) != 2 || rt.calls != 4 {
			t.Errorf("once: %v, %v after %d calls", rows, err, rt.calls)
		}
		refused = 2
		if _, _, err := c.Accounts(t.Context()); !errors.Is(err, errToken) {
			t.Errorf("twice: %v", err)
		}
	})
}

// A token comes back as it was, whatever its length.
func TestLongToken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		long := strings.Repeat("a+/<&>\u00e9 ", 12_500)
		quoted, err := json.Marshal(long)
		if err != nil {
			t.Fatal(err)
		}
		rt := &canned{answer: func(_ string, body map[string]any, n int) answer {
			if n == 1 {
				return answer{body: `{"Accounts": [], "NextToken": ` + string(quoted) + `}`}
			}
			if body["NextToken"] != long {
				t.Errorf("another token of %d bytes", len(fmt.Sprint(body["NextToken"])))
			}
			return answer{body: `{"Accounts": [{"Id": "1"}]}`}
		}}
		if rows, _, err := newClient(rt).Accounts(t.Context()); err != nil || len(rows) != 1 {
			t.Errorf("%v, %v", rows, err)
		}
	})
}

// Fields that cannot be read leave their rows.
func TestDrift(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		rt := &canned{answer: func(operation string, _ map[string]any, _ int) answer {
			return answer{body: sample(t, operation+".drift.json")}
		}}
		accounts, unparsed, err := newClient(rt).Accounts(t.Context())
		if err != nil || len(accounts) != 5 || unparsed != 4 {
			t.Errorf("accounts: %d, %d, %v", len(accounts), unparsed, err)
		}
		handshakes, unparsed, err := newClient(rt).Handshakes(t.Context())
		if err != nil || len(handshakes) != 3 || unparsed != 1 {
			t.Errorf("handshakes: %d, %d, %v", len(handshakes), unparsed, err)
		}
	})
}

func TestTimes(t *testing.T) {
	want := time.Date(2016, 12, 15, 19, 30, 15, 0, time.UTC)
	for text, tt := range map[string]struct {
		want     time.Time
		unparsed int
	}{
		`1481830215`: {want, 0}, `1.481830215E9`: {want, 0}, `"1481830215.0"`: {want, 0}, `"2016-12-15T19:30:15Z"`: {want, 0},
		`"20161215T193015Z"`: {want, 0}, `1481830215.25`: {want.Add(250 * time.Millisecond), 0},
		`null`: {time.Time{}, 0}, `""`: {time.Time{}, 0}, `-5`: {time.Time{}, 1}, `1e300`: {time.Time{}, 1}, `"NaN"`: {time.Time{}, 1},
		`true`: {time.Time{}, 1}, `{}`: {time.Time{}, 1}, `"soon"`: {time.Time{}, 1}, `0`: {time.Time{}, 1},
	} {
		have, unparsed, err := httpx.DecodeBody(strings.NewReader(text), testAPI(), func(r *httpx.Reader) (at time.Time) {
			r.Decode(&at)
			return at
		})
		if err != nil || !have.Equal(tt.want) || unparsed != tt.unparsed {
			t.Errorf("%s: want %v, %d; have %v, %d, %v", text, tt.want, tt.unparsed, have, unparsed, err)
		}
	}
}

// No address is kept of a handshake's parties, even by a client that is asked
// for them.
func TestParties(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		rt := &canned{answer: func(operation string, _ map[string]any, _ int) answer {
			return answer{body: sample(t, operation+".json")}
		}}
		handshakes, _, err := newClient(rt).Handshakes(t.Context())
		if err != nil || len(handshakes) != 5 {
			t.Fatal(handshakes, err)
		}
		if text := fmt.Sprintf("%+v", handshakes); strings.Contains(text, "@") || !strings.Contains(text, "EMAIL") {
			t.Error(text)
		}
		if !slices.Contains(handshakes[0].Parties, Party{"888888888888", "ACCOUNT"}) {
			t.Errorf("%+v", handshakes[0])
		}
	})
}
