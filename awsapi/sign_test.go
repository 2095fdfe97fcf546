package awsapi

import (
	"bytes"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
)

// The vectors of the API's facts, which three signers agree on.
func TestSignature(t *testing.T) {
	const global, china = "https://organizations.us-east-1.amazonaws.com/", "https://organizations.cn-northwest-1.amazonaws.com.cn/"
	for _, tt := range []struct {
		url, region, operation, body, token, want string
	}{
		{global, "us-east-1", describeOrganization, `{}`, "", "b71691f1411e9397733eb844265cfcecd24913f58c4c34e681ab5ffdecfa9fc6"},
		{global, "us-east-1", listAccounts, `{"MaxResults":20}`, "", "03186de9485ef8505bb949ab0808921fd878a7d098be36d5e8288581f99b8d82"},
		{global, "us-east-1", listAccounts, `{"MaxResults":20,"NextToken":"tok/en+1=="}`, "EXAMPLESESSIONTOKEN//==", "ab02278a7595ea77dbd779153935548a5c0ad5112e6ca656ee7651a3f21a38c2"},
		{china, "cn-northwest-1", listRoots, `{}`, "", "1012cfaf4b79d1dcc4d061ea01b2093f31a0fe8158193e7150d744d4230663cf"},
		{"http://127.0.0.1:18080/", "us-east-1", listHandshakes, `{"MaxResults":20}`, "", "41c19fdd27c30460e5da0b0f3fd15576816bacee12b5c792eab76b0079f920bb"},
	} {
		ctx := withKeys(t.Context(), aws.Credentials{AccessKeyID: "AKIDEXAMPLE0000001", SecretAccessKey: "EXAMPLESECRET/KEY+0001", SessionToken: tt.token})
		req, err := http.NewRequestWithContext(ctx, http.MethodPost, tt.url, bytes.NewReader([]byte(tt.body)))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Content-Type", "application/x-amz-json-1.1")
		req.Header.Set("X-Not-Signed", "a proxy may change it")
		sign(req, tt.operation, tt.region, time.Date(2026, 11, 15, 0, 0, 0, 0, time.UTC))
		have := req.Header.Get("Authorization")
		names := "content-type;host;x-amz-date;x-amz-target"
		if tt.token != "" {
			names = "content-type;host;x-amz-date;x-amz-security-token;x-amz-target"
		}
		want := "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE0000001/20261115/" + tt.region + "/organizations/aws4_request, SignedHeaders=" + names + ", Signature=" + tt.want
		if have != want {
			t.Errorf("%s of %s:\nwant %s\nhave %s", tt.operation, tt.url, want, have)
		}
		if req.Header.Get("X-Amz-Security-Token") != tt.token || req.Header.Get("X-Amz-Target") != "AWSOrganizationsV20161128."+tt.operation ||
			req.Header.Get("X-Amz-Date") != "20261115T000000Z" {
			t.Errorf("headers: %v", req.Header)
		}
	}
}

func TestPartitions(t *testing.T) {
	for region, want := range map[string]Partition{
		"us-east-1":      {"us-east-1", "organizations.us-east-1.amazonaws.com"},
		"ap-northeast-2": {"us-east-1", "organizations.us-east-1.amazonaws.com"},
		"cn-north-1":     {"cn-northwest-1", "organizations.cn-northwest-1.amazonaws.com.cn"},
		"us-gov-east-1":  {"us-gov-west-1", "organizations.us-gov-west-1.amazonaws.com"},
		"eusc-de-east-1": {"eusc-de-east-1", "organizations.eusc-de-east-1.amazonaws.eu"},
	} {
		if have := PartitionOf(region); have != want {
			t.Errorf("%s: want %v, have %v", region, want, have)
		}
	}
}

// Nothing can be changed with this client.
func TestReadOnly(t *testing.T) {
	for _, operation := range operations() {
		if !strings.HasPrefix(operation, "Describe") && !strings.HasPrefix(operation, "List") {
			t.Errorf("%s may change something", operation)
		}
		if pace()[operation] == nil {
			t.Errorf("%s has no rate", operation)
		}
	}
}
