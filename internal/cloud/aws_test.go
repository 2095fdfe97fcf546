package cloud_test

import (
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cloudorg-exporter/cloudorg_exporter/internal/sim"
)

// acmeAWS is the organization of the samples on AWS.
const acmeAWS = `
defaults: {rate_limit: 1000000000000}
organizations:
  - name: acme-aws
    cloud: aws
    access_key: EXAMPLE
    secret_key: SECRET
    collectors: [organization, groups, members, invitations, received_invitations, policies, account_creations, delegations, service_access]
`

// withAWS returns acmeAWS with a key more.
func withAWS(key string) string { return acmeAWS + "    " + key + "\n" }

func newAWS(t *testing.T, change func(*sim.Config)) *sim.AWS {
	cfg := sim.Config{AccessKey: "EXAMPLE", SecretKey: "SECRET", Unexpected: t.Errorf}
	if change != nil {
		change(&cfg)
	}
	aws := sim.NewAWS(cfg)
	t.Cleanup(aws.Close)
	return aws
}

func awsSample(t *testing.T, name string) string {
	t.Helper()
	b, err := os.ReadFile("../../awsapi/testdata/" + name)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestGoldenAWS(t *testing.T) {
	for _, tt := range []struct {
		name   string
		yaml   string
		cloud  func(*sim.Config)
		before func(w *world, cloud *sim.AWS) // until the scrape that is compared
	}{
		{name: "aws_full", yaml: acmeAWS},
		{name: "aws_full", yaml: acmeAWS, cloud: func(c *sim.Config) { c.Drift = true }},
		{name: "aws_full", yaml: withAWS("region: eu-central-1")},
		{name: "aws_full", yaml: withAWS("region: cn-north-1")},
		{name: "aws_full", yaml: withAWS("region: us-gov-east-1")},
		{name: "aws_full", yaml: acmeAWS, before: func(_ *world, cloud *sim.AWS) {
			cloud.Set(sim.AWSOptions{WithoutStatus: true, OwnHandshakes: true})
			cloud.SetPaging("ListAccounts", sim.AWSPaging{Empty: 2, Long: true})
			cloud.SetPaging("ListHandshakesForOrganization", sim.AWSPaging{Empty: 1, Expires: 1})
		}},
		{name: "aws_parents", yaml: withAWS("members_from: parents")},
		{name: "aws_old", yaml: acmeAWS, cloud: func(c *sim.Config) { c.Old = true }},
		{name: "aws_max_items", yaml: withAWS("max_items: 1")},
		{name: "aws_default_collectors", yaml: acmeAWS[:strings.Index(acmeAWS, "    collectors")]},
		{name: "aws_member_account", yaml: acmeAWS, cloud: func(c *sim.Config) { c.Caller = sim.NotMaster }},
		{name: "aws_no_rights", yaml: acmeAWS, cloud: func(c *sim.Config) { c.Caller = sim.SubAccount }},
		{name: "aws_no_organization", yaml: acmeAWS, cloud: func(c *sim.Config) {
			c.Company = func(time.Time) sim.Company { return sim.Company{Master: 9} }
		}},
		{name: "aws_wrong_key", yaml: strings.Replace(acmeAWS, "SECRET", "ANOTHER", 1)},
		{name: "aws_one_right_missing", yaml: acmeAWS, before: func(_ *world, cloud *sim.AWS) {
			cloud.Set(sim.AWSOptions{Denied: []string{"ListAccounts"}})
		}},
		{name: "aws_clock_skew", yaml: acmeAWS, cloud: func(c *sim.Config) { c.Skew = 20 * time.Minute }},
		{name: "aws_clock_skew", yaml: acmeAWS, cloud: func(c *sim.Config) { c.Skew = 20 * time.Minute }, before: func(_ *world, cloud *sim.AWS) {
			cloud.Set(sim.AWSOptions{Status400: true})
		}},
		{name: "aws_drift", yaml: acmeAWS, before: func(_ *world, cloud *sim.AWS) {
			cloud.SetFault("ListAccounts", sim.Fault{Body: awsSample(t, "ListAccounts.drift.json")})
			cloud.SetFault("ListHandshakesForOrganization", sim.Fault{Body: awsSample(t, "ListHandshakesForOrganization.drift.json")})
			cloud.SetFault("ListHandshakesForAccount", sim.Fault{Body: `{"Handshakes": [null, {"Action": "INVITE", "Parties": [7, null, {"Id": [], "Type": "ORGANIZATION"}], "ExpirationTimestamp": "20261215T193015Z"}]}`})
			cloud.SetFault("ListRoots", sim.Fault{Body: `{"Roots": [{"Id": "r-ac01", "PolicyTypes": "none"}], "NextToken": ""}`})
			cloud.SetFault("ListOrganizationalUnitsForParent", sim.Fault{Body: `{"OrganizationalUnits": null}`})
			cloud.SetFault("ListCreateAccountStatus", sim.Fault{Body: `{"CreateAccountStatuses": [{"State": "FAILED", "RequestedTimestamp": 1794452400}, {}]}`})
			cloud.SetFault("DescribeOrganization", sim.Fault{Body: `{"Organization": {"Id": "o-acme012345", "MasterAccountArn": "arn:aws:organizations::111111111111:account/o-acme012345/111111111111"}}`})
		}},
		{name: "aws_past_max_stale", yaml: acmeAWS, before: func(w *world, cloud *sim.AWS) {
			w.scrape("")
			cloud.SetFault("*", sim.AWSError("ServiceException"))
			time.Sleep(2 * time.Hour)
			w.scrape("")
			time.Sleep(time.Minute)
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				cloud := newAWS(t, tt.cloud)
				w := newWorld(t, tt.yaml, cloud)
				if tt.before != nil {
					tt.before(w, cloud)
				}
				have := w.scrape("")
				golden(t, tt.name, untimed(have))
				if out := have + w.log.String(); strings.ContainsAny(out, "@") || strings.Contains(out, "SECRET") {
					t.Errorf("personal, secret or detailed:\n%s", out)
				}
			})
		})
	}
}

// untimed returns a text without what depends on the order in which listings
// wait for the rates of the API, and rounds days: a refresh takes seconds.
func untimed(text string) string {
	text = waits.ReplaceAllString(text, "${1} (waits)")
	return fraction.ReplaceAllStringFunc(text, func(line string) string {
		i := strings.LastIndexByte(line, ' ') + 1
		days, err := strconv.ParseFloat(line[i:], 64)
		if err != nil {
			return line
		}
		return line[:i] + strconv.FormatFloat(days, 'f', 2, 64)
	})
}

var (
	waits    = regexp.MustCompile(`(?m)^(cloudorg_collector_(?:duration|last_success_timestamp)_seconds\{.*\}) .*$`)
	fraction = regexp.MustCompile(`(?m)^cloudorg_\w+_days\{.*\} .*$`)
)
