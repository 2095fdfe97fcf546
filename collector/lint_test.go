package collector

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/cloudorg-exporter/cloudorg_exporter/internal/org"
)

// everything is a snapshot that gives every family a sample.
func everything() org.Snapshot {
	now := time.Unix(1794700800, 0)
	n := int64(2)
	s := org.Snapshot{
		Cloud: "any", Organization: "acme", MaxItems: 10,
		Known:       org.Known{Members: []string{"JOIN"}, Invitations: []string{"INVITING"}, Received: []string{"INVITING"}},
		Transitions: map[org.Transition]uint64{{From: "none", To: "JOIN"}: 1},
	}
	s.Configure(org.Collectors())
	for _, l := range s.Listings() {
		l.At, l.Present = now, true
	}
	invitation := org.Invitation{MemberID: "1", OrganizationID: "2", Status: "INVITING", Pending: true, Created: now, Expires: now, ReportedDays: &n}
	s.Info.Items = []org.Info{{ID: "1", Name: "Acme", MasterID: "2", Joined: now}}
	s.Groups.Items = []org.Group{{ID: "1", Name: "Root"}}
	s.Members.Items = []org.Member{{ID: "1", GroupID: "1", Status: "JOIN"}}
	s.Invitations.Items = []org.Invitation{invitation}
	s.Received.Items = []org.Invitation{invitation}
	s.Withdrawals.Items = []org.Withdrawal{{MemberID: "1", Requested: now}}
	s.Policies.Items = []org.Policy{{ID: "1", Name: "Default", Applied: &n}}
	s.Versions.Items = []org.Version{{ID: "1.3", Status: "CURRENT", SupportEnd: now}}
	s.Versions.Err = &org.Error{Reason: "server"}
	return s
}

func TestLint(t *testing.T) {
	c := New(time.Now(), nil, everything())
	for _, f := range families() {
		if testutil.CollectAndCount(c, namespace+f.name) == 0 {
			t.Errorf("%s has no sample to look at", f.name)
		}
	}
	problems, err := testutil.CollectAndLint(c)
	if err != nil {
		t.Fatal(err)
	}
	// Days were asked for; the timestamp stands beside each of them.
	days := []string{"cloudorg_invitation_expiry_days", "cloudorg_invitation_reported_expire_days", "cloudorg_received_invitation_expiry_days"}
	for _, p := range problems {
		if !slices.Contains(days, p.Metric) || !strings.Contains(p.Text, "days") {
			t.Errorf("%s: %s", p.Metric, p.Text)
		}
	}
	self := NewSelf()
	self.Added("ncp", "acme")
	self.Called("ncp", "acme", "/org", 200, time.Second)
	self.Offset("ncp", "acme", time.Second)
	problems, err = testutil.GatherAndLint(self.registry())
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range problems {
		if strings.HasPrefix(p.Metric, namespace) {
			t.Errorf("%s: %s", p.Metric, p.Text)
		}
	}
}

// Whatever a cloud says, no two series are the same, and all text is UTF-8:
// one bad row must not cost the whole scrape.
func TestHostileRows(t *testing.T) {
	s := everything()
	s.Members.Items = []org.Member{{ID: "1", Status: "A\xff"}, {ID: "2", Status: "A\xfe"}, {ID: "3", Status: "A\uFFFD"}}
	s.Policies.Items = append(s.Policies.Items, s.Policies.Items[0])
	s.Versions.Items = append(s.Versions.Items, s.Versions.Items[0])
	s.Groups.Items = append(s.Groups.Items, s.Groups.Items[0])
	s.Withdrawals.Items = append(s.Withdrawals.Items, org.Withdrawal{MemberID: "1", Requested: time.Unix(1, 0)})
	reg := prometheus.NewPedanticRegistry()
	reg.MustRegister(New(time.Now(), nil, s))
	if _, err := reg.Gather(); err != nil {
		t.Error(err)
	}
	want := "# HELP cloudorg_withdrawal_requested_timestamp_seconds When a member asked to leave, in seconds since 1970. Cached.\n" +
		"# TYPE cloudorg_withdrawal_requested_timestamp_seconds gauge\n" +
		"cloudorg_withdrawal_requested_timestamp_seconds{cloud=\"any\",member_id=\"1\",organization=\"acme\"} 1.7947008e+09\n"
	if err := testutil.GatherAndCompare(reg, strings.NewReader(want), "cloudorg_withdrawal_requested_timestamp_seconds"); err != nil {
		t.Errorf("of two rows the newest counts: %v", err)
	}
}

func TestBudget(t *testing.T) {
	for _, tt := range []struct {
		header string
		want   time.Duration
	}{
		{"", 10 * time.Second},
		{"soon", 10 * time.Second},
		{"-1", 10 * time.Second},
		{"NaN", 10 * time.Second},
		{"0", 10 * time.Second},
		{"10", 9500 * time.Millisecond},
		{"0.6", 100 * time.Millisecond},
		{"0.5", 250 * time.Millisecond},
		{"0.2", 100 * time.Millisecond},
		{"1e300", time.Hour - 500*time.Millisecond},
	} {
		header := map[string][]string{"X-Prometheus-Scrape-Timeout-Seconds": {tt.header}}
		if have := budget(header, 500*time.Millisecond); have != tt.want {
			t.Errorf("%q: want %s, have %s", tt.header, tt.want, have)
		}
	}
}
