package cloud

import (
	"io"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/cloudorg-exporter/cloudorg_exporter/internal/capture"
	"github.com/cloudorg-exporter/cloudorg_exporter/internal/httpx"
)

type answering string

func (a answering) RoundTrip(*http.Request) (*http.Response, error) {
	return &http.Response{StatusCode: 200, Body: io.NopCloser(strings.NewReader(string(a)))}, nil
}

// What a capture keeps of the answers of AWS: codes, the form of identifiers,
// and which of them are the same.
func TestAWSFields(t *testing.T) {
	dir := t.TempDir()
	c, err := capture.New(dir)
	if err != nil {
		t.Fatal(err)
	}
	const body = `{"Accounts": [{"Arn": "arn:aws:organizations::111111111111:account/o-acme012345/022222222222", "Email": "m@example.test", "Id": "022222222222",
		"JoinedTimestamp": 1767573000.123, "Name": "Made Up", "Paths": ["o-acme012345/r-ac01/022222222222/"], "State": "PENDING_CLOSURE"}],
		"Handshakes": [{"Action": "INVITE", "Parties": [{"Id": "someone@example.test", "Type": "EMAIL"}, {"Id": "o-acme012345", "Type": "ORGANIZATION"}], "State": "OPEN",
		"Resources": [{"Type": "MASTER_EMAIL", "Value": "m@example.test"}]}],
		"__type": "com.amazonaws.organizations#TooManyRequestsException", "Message": "someone@example.test may not", "NextToken": "tok/en+1=="}`
	ctx := httpx.WithOperation(t.Context(), "ListAccounts")
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, "https://organizations.us-east-1.amazonaws.com/secret", strings.NewReader(`{"MaxResults":20,"NextToken":"tok/en+1=="}`))
	if err != nil {
		t.Fatal(err)
	}
	resp, err := c.Transport(answering(body), "aws", awsFields()).RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	text, err := os.ReadFile(filepath.Join(dir, "0001.json"))
	if err != nil {
		t.Fatal(err)
	}
	have := regexp.MustCompile(`\s+`).ReplaceAllString(string(text), " ")
	form := regexp.MustCompile(`"operation": "ListAccounts", "method": "POST", "path": "/", "query": "", "request": { "MaxResults": 20, "NextToken": "([a-z]{3}/[a-z]{2}\+\d==)" }.*` +
		`"Arn": "arn:aws:organizations::\d{12}:account/(o-[a-z]{4}0\d{5})/(0\d{11})", "Email": "x{14}", "Id": "(0\d{11})", "JoinedTimestamp": \d{10}.123, "Name": "xxxxxxx", ` +
		`"Paths": \[ "(o-[a-z]{4}0\d{5})/r-[a-z]{2}0\d/(0\d{11})/" \], "State": "PENDING_CLOSURE" .*` +
		`"Action": "INVITE", "Parties": \[ { "Id": "[a-z]{7}@[a-z]{7}\.[a-z]{4}", "Type": "EMAIL" }, { "Id": "(o-[a-z]{4}0\d{5})", "Type": "ORGANIZATION" } \], "State": "OPEN", ` +
		`"Resources": \[ { "Type": "MASTER_EMAIL", "Value": "x{14}" } \] } \], "__type": "TooManyRequestsException", "Message": "x{28}", "NextToken": "([a-z]{3}/[a-z]{2}\+\d==)"`)
	m := form.FindStringSubmatch(have)
	if m == nil {
		t.Fatalf("have %s", have)
	}
	if m[1] != m[8] || m[2] != m[5] || m[2] != m[7] || m[3] != m[4] || m[4] != m[6] {
		t.Errorf("an identifier has become two: %q in %s", m[1:], have)
	}
	for _, secret := range []string{"example", "acme", "22222222", "Made", "someone", "secret", "us-east", "tok/en"} {
		if strings.Contains(have, secret) {
			t.Errorf("%q is in %s", secret, have)
		}
	}
}
