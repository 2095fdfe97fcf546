package collector

import (
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/cloudorg-exporter/cloudorg_exporter/internal/org"
)

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
	// Days were asked for; there is a timestamp for each of them.
	days := []string{"cloudorg_invitation_expiry_days", "cloudorg_invitation_reported_expire_days", "cloudorg_received_invitation_expiry_days"}
	for _, p := range problems {
		if !slices.Contains(days, p.Metric) || !strings.Contains(p.Text, "days") {
			t.Errorf("%s: %s", p.Metric, p.Text)
		}
	}
	self := NewSelf(true)
	self.Added("ncp", "acme")
	self.Called("ncp", "acme", "/org", 200, time.Second)
	self.Offset("ncp", "acme", time.Second)
	problems, err = testutil.GatherAndLint(self.registry)
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range problems {
		if strings.HasPrefix(p.Metric, namespace) {
			t.Errorf("%s: %s", p.Metric, p.Text)
		}
	}
}

// Whatever a cloud reports, no two series are the same, and all text is UTF-8:
// one bad row must not fail the whole scrape.
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
	want := "# HELP cloudorg_withdrawal_requested_timestamp_seconds When a member requested to leave, in seconds since 1970. Cached.\n" +
		"# TYPE cloudorg_withdrawal_requested_timestamp_seconds gauge\n" +
		"cloudorg_withdrawal_requested_timestamp_seconds{cloud=\"any\",member_id=\"1\",organization=\"acme\"} 1.7947008e+09\n"
	if err := testutil.GatherAndCompare(reg, strings.NewReader(want), "cloudorg_withdrawal_requested_timestamp_seconds"); err != nil {
		t.Errorf("of two rows the newest counts: %v", err)
	}
}

// Rows without an ID, and those beyond max_items, have no series and are counted.
func TestItemsDropped(t *testing.T) {
	s := everything()
	at := time.Unix(1794700800, 0)
	s.MaxItems = 2
	s.Invitations.Items = []org.Invitation{
		{ID: "h-3", OrganizationID: "2", Pending: true, Created: at.Add(2)},
		{ID: "h-1", MemberID: "1", OrganizationID: "2", Pending: true, Created: at},
		{ID: "h-2", OrganizationID: "2", Pending: true, Created: at.Add(1)},
		{OrganizationID: "2", Pending: true, Created: at},
		{OrganizationID: "2", Created: at},
		{ID: "h-4", Created: at},
	}
	s.Received.Items = []org.Invitation{{MemberID: "1", Pending: true, Expires: at}, {OrganizationID: "9", Pending: true, Expires: at}, {}}
	s.Withdrawals.Items = []org.Withdrawal{{Requested: at}, {Requested: at}, {MemberID: "1", Requested: at}}
	want := `
# HELP cloudorg_invitation_created_timestamp_seconds When a pending invitation was sent, in seconds since 1970. Cached.
# TYPE cloudorg_invitation_created_timestamp_seconds gauge
cloudorg_invitation_created_timestamp_seconds{cloud="any",inviting_organization_id="2",member_id="1",organization="acme"} 1.7947008e+09
cloudorg_invitation_created_timestamp_seconds{cloud="any",inviting_organization_id="2",member_id="h-2",organization="acme"} 1.7947008e+09
# HELP cloudorg_items_dropped Items of the collector's listing without a series of their own: beyond max_items, or without an ID. Cached.
# TYPE cloudorg_items_dropped gauge
cloudorg_items_dropped{cloud="any",collector="delegations",organization="acme"} 0
cloudorg_items_dropped{cloud="any",collector="invitations",organization="acme"} 2
cloudorg_items_dropped{cloud="any",collector="policies",organization="acme"} 0
cloudorg_items_dropped{cloud="any",collector="received_invitations",organization="acme"} 1
cloudorg_items_dropped{cloud="any",collector="service_access",organization="acme"} 0
cloudorg_items_dropped{cloud="any",collector="withdrawals",organization="acme"} 2
# HELP cloudorg_pending_invitations Pending invitations. Cached.
# TYPE cloudorg_pending_invitations gauge
cloudorg_pending_invitations{cloud="any",organization="acme"} 4
# HELP cloudorg_received_invitation_expiry_timestamp_seconds When a pending received invitation expires, in seconds since 1970: as the cloud reports it, else when it was sent plus invitation_lifetime. Cached.
# TYPE cloudorg_received_invitation_expiry_timestamp_seconds gauge
cloudorg_received_invitation_expiry_timestamp_seconds{cloud="any",inviting_organization_id="9",organization="acme"} 1.7947008e+09
`
	err := testutil.CollectAndCompare(New(at, nil, s), strings.NewReader(want), "cloudorg_invitation_created_timestamp_seconds", "cloudorg_items_dropped",
		"cloudorg_pending_invitations", "cloudorg_received_invitation_expiry_timestamp_seconds")
	if err != nil {
		t.Error(err)
	}
}

// A listing that has expired has no series of its own; what was counted and when
// it was last read stays.
func TestExpired(t *testing.T) {
	s := everything()
	for _, h := range healths(&s.Listings) {
		h.Present, h.Err = false, &org.Error{Reason: org.Throttled, Err: io.ErrUnexpectedEOF}
	}
	var names []string
	reg := prometheus.NewPedanticRegistry()
	reg.MustRegister(New(time.Now(), nil, s))
	gathered, err := reg.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range gathered {
		names = append(names, strings.TrimPrefix(f.GetName(), namespace))
	}
	want := []string{
		"collector_duration_seconds", "collector_error", "collector_failures_total", "collector_last_success_timestamp_seconds",
		"collector_success", "decode_warnings_total", "member_transitions_total",
	}
	if !slices.Equal(names, want) {
		t.Errorf("want %v, have %v", want, names)
	}
}
