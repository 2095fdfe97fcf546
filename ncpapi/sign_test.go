package ncpapi

import (
	"net/http"
	"testing"
	"time"
)

// The vectors are of invented keys; the last is of another project's
// (GreedyLabs/ncloud-community-sdk, sdk/auth/hmacv2_test.go).
func TestSign(t *testing.T) {
	const access, secret, host = "EXAMPLEACCESSKEY0001", "exampleSecretKey0123456789ABCDEFabcdef00", "https://organization.apigw.ntruss.com"
	for _, tt := range []struct {
		method, url, access, secret string
		ms                          int64
		want                        string
	}{
		{"GET", host + "/open-api/v1/org", access, secret, 1738539893024, "sSsPH7p0kis1CS9OAUjAo2v2t9wjTVUhLvPTzhLjdsE="},
		{"GET", host + "/open-api/v1/group/tree", access, secret, 1738539893024, "weBpHNozDzDKB92KFBUhuFVtJlXL+p+HbwajCqtRMyI="},
		{"GET", host + "/open-api/v1/account/group/1449", access, secret, 1738539893024, "61e14vXMBmZtgN8igqP8EgPSCkhfkDMLqNe7fnfy+R0="},
		{"GET", host + "/open-api/v1/account/invite/invitation", access, secret, 1738539893024, "xTCE258iz6QcGIdyNHnpdWDmRfP4eJzURspvX8TObTo="},
		{"GET", host + "/open-api/v1/account/leave", access, secret, 1738539893024, "/3LTsO2rp//bHvHhN9pMQO8HJNsFgCcS4Kn4dUsRBeI="},
		{"GET", host + "/open-api/v1/policy/list", access, secret, 1738539893024, "lseEDy1KS+Tgwh4lEOIHe4CiTebOhh0ghk8JGYBIuEY="},
		{"GET", host + "/open-api/v1/policy/applied?policyNo=4925", access, secret, 1738539893024, "H56BgZfI3Q96B//kSCiNBAhjW7yks1F5+tU9oF+hhnA="},
		{"GET", host + "/open-api/v1/policy/applied?organizationMemberName=%ED%99%8D%EA%B8%B8%EB%8F%99", access, secret, 1738539893024, "38dQkUE97Dn3Kq+bMOsvJkJJMPcziCt9Xm9i5LmMqXo="},
		{"GET", "http://127.0.0.1/prefix/open-api/v1/org", access, secret, 1738539893024, "TnlWzLJAsIlNwPd4YWMLrxmdQ+7FsOHC8x0uGaY3zEU="},
		{"GET", host + "/open-api/v2/organizations", access, secret, 1738539893024, "zV/lUnnNKJcNLmsGlLyloFtmzurPj4fLOhaAzfdcNiU="},
		{"GET", host + "/open-api/v2/organizations/4100/account-groups?pageNo=0&pageSize=100", access, secret, 1738539893024, "jsMfCnU9oeFR+im2HT1i3zaoqzA01/SGLQOuSLUOsoU="},
		{"GET", host + "/open-api/v2/organizations/4100/account-groups/-/accounts?pageNo=0&pageSize=100", access, secret, 1738539893024, "OEXqOTFtMQ6AW6I2uGp7j6+BsjrNyDR0lWL7kkjNzjQ="},
		{"GET", host + "/open-api/v2/organizations/4100/account-groups/-/accounts?pageNo=1&pageSize=100", access, secret, 1738539893024, "o/HSr7YchUfzhcqs9ACMEtEwbfPt0tV/srYDrcra6ko="},
		{"GET", host + "/open-api/v2/organizations/4100/invitations?pageNo=0&pageSize=100", access, secret, 1738539893024, "XaOP0mwGKs2X+3pfWM1Fd0gvgVbrOVmLO4YpK4gfkWo="},
		{"GET", host + "/open-api/v2/organizations/4100/leave-requests?pageNo=0&pageSize=100", access, secret, 1738539893024, "3cJ0gruimzqfpyxDCOKUy5Zk4WYqADVxjwaqHfOa9H8="},
		{"GET", host + "/open-api/v2/organizations/4100/quota-policies?pageNo=0&pageSize=100", access, secret, 1738539893024, "31jjy628oodNIwW1wYyu6uPzR2nTXrEsDXbD/J1kL2g="},
		{"GET", host + "/open-api/v2/received-invitations?pageNo=0&pageSize=100", access, secret, 1738539893024, "HNcDXhbsT2oUQtVfqrsc95MnrfFhSrgGwEDmjeO1hto="},
		{"POST", "https://example.test/vserver/v2/createServerInstances?regionCode=KR", "AK_TEST", "SK_TEST", 1700000000000, "xBcE26XFU55BMjppdPT7ZY3oDrqoOedfPyAn3Cq4lUw="},
	} {
		req, err := http.NewRequestWithContext(t.Context(), tt.method, tt.url, nil)
		if err != nil {
			t.Fatal(err)
		}
		sign(req, time.UnixMilli(tt.ms), tt.access, tt.secret)
		if have := req.Header.Get("x-ncp-apigw-signature-v2"); have != tt.want {
			t.Errorf("%s: want %s, have %s", tt.url, tt.want, have)
		}
		if have := req.Header.Get("x-ncp-iam-access-key"); have != tt.access {
			t.Errorf("%s: access key: have %q", tt.url, have)
		}
	}
}
