package dashboards_test

import (
	"errors"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/cloudorg-exporter/cloudorg_exporter/collector"
	"github.com/cloudorg-exporter/cloudorg_exporter/internal/org"
)

// docs/metrics.md is made of the code: the metrics of its reference, and the
// samples that small organizations of all clouds render.
func TestMetricReference(t *testing.T) {
	examples := samples(t)
	var b strings.Builder
	b.WriteString("# Metrics\n\n<!-- Made of the code by go test ./dashboards -update. -->\n\n" +
		"What is unknown is absent, never 0. Metrics whose help ends in *Cached.* are as old as\n" +
		"`cloudorg_collector_last_success_timestamp_seconds` says. No label has a name, login or e-mail address of a person.\n")
	all, err := collector.Reference()
	if err != nil {
		t.Fatal(err)
	}
	for _, part := range []struct {
		title string
		want  func(collector.Metric) bool
	}{
		{"Organizations", func(m collector.Metric) bool { return !m.Own && m.Collector != "" }},
		{"Collectors", func(m collector.Metric) bool { return !m.Own && m.Collector == "" }},
		{"The exporter itself", func(m collector.Metric) bool { return m.Own && strings.HasPrefix(m.Name, "cloudorg_") }},
	} {
		fmt.Fprintf(&b, "\n## %s\n", part.title)
		switch part.title {
		case "Collectors":
			b.WriteString("\nExported for every configured collector from the first scrape on.\n")
		case "The exporter itself":
			b.WriteString("\nOn `/metrics` only, beside those of the Go runtime (`go_…`) and the process (`process_…`).\n")
		}
		for _, m := range all {
			if !part.want(m) {
				continue
			}
			fmt.Fprintf(&b, "\n### `%s`\n\n%s\n\n| | |\n| --- | --- |\n| type | %s |\n", m.Name, m.Help, m.Type)
			if m.Unit != "" {
				fmt.Fprintf(&b, "| unit | %s |\n", m.Unit)
			}
			if len(m.Labels) > 0 {
				fmt.Fprintf(&b, "| labels | `%s` |\n", strings.Join(m.Labels, "`, `"))
			}
			if m.Collector != "" {
				fmt.Fprintf(&b, "| collector | `%s` |\n", m.Collector)
			}
			if m.Own {
				continue
			}
			clouds := slices.Sorted(maps.Keys(examples[m.Name]))
			if len(clouds) == 0 {
				t.Errorf("%s: no organization has an example", m.Name)
				continue
			}
			fmt.Fprintf(&b, "| cloud | %s |\n| example | `%s` |\n", strings.Join(clouds, ", "), examples[m.Name][clouds[0]])
		}
	}
	golden(t, filepath.Join("..", "docs", "metrics.md"), []byte(b.String()))
}

// samples returns one sample of each metric, by name and cloud, as small
// organizations render it.
func samples(t *testing.T) map[string]map[string]string {
	t.Helper()
	reg := prometheus.NewPedanticRegistry()
	now := time.Date(2026, 11, 15, 0, 0, 0, 0, time.UTC)
	reg.MustRegister(collector.New(now, nil, ncp(now), scp(now), aws(now)))
	families, err := reg.Gather()
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]map[string]string{}
	for _, f := range families {
		for _, m := range f.GetMetric() {
			var labels []string
			cloud := ""
			for _, l := range m.GetLabel() {
				labels = append(labels, fmt.Sprintf("%s=%q", l.GetName(), l.GetValue()))
				if l.GetName() == "cloud" {
					cloud = l.GetValue()
				}
			}
			value := m.GetGauge().GetValue() + m.GetCounter().GetValue()
			if all[f.GetName()] == nil {
				all[f.GetName()] = map[string]string{}
			}
			if _, ok := all[f.GetName()][cloud]; !ok {
				all[f.GetName()][cloud] = f.GetName() + "{" + strings.Join(labels, ",") + "} " + strconv.FormatFloat(value, 'f', -1, 64)
			}
		}
	}
	return all
}

func ncp(now time.Time) org.Snapshot {
	day := 24 * time.Hour
	thirty, three := int64(30), int64(3)
	return org.Snapshot{
		Cloud: "ncp", Organization: "acme", MaxItems: 1000,
		Known: org.Known{Members: []string{"INVT", "JOIN", "LVREQ", "LEV"}},
		Listings: org.Listings{
			Info:        org.Listing[org.Info]{Health: good(now), Items: []org.Info{{ID: "4100", Name: "Acme", MasterID: "9000001", Joined: now.Add(-300 * day)}}},
			Groups:      org.Listing[org.Group]{Health: good(now), Items: []org.Group{{ID: "610", Name: "Root", PolicyID: "81", PolicyName: "Default limits"}}},
			Members:     org.Listing[org.Member]{Health: good(now), Items: []org.Member{{ID: "9000001", GroupID: "610", Status: "JOIN"}}},
			Invitations: org.Listing[org.Invitation]{Health: good(now), Items: []org.Invitation{{MemberID: "9000003", OrganizationID: "4100", Pending: true, Created: now.Add(-26 * day), Expires: now.Add(4 * day), ReportedDays: &thirty}}},
			Withdrawals: org.Listing[org.Withdrawal]{Health: good(now), Items: []org.Withdrawal{{MemberID: "9000004", Requested: now.Add(-2 * day)}}},
			Policies:    org.Listing[org.Policy]{Health: failing(now), Items: []org.Policy{{ID: "81", Name: "Default limits", Applied: &three}}},
		},
		Transitions: map[org.Transition]uint64{{From: "INVT", To: "JOIN"}: 5},
	}
}

func scp(now time.Time) org.Snapshot {
	day := 24 * time.Hour
	return org.Snapshot{
		Cloud: "scp", Organization: "beta", MaxItems: 1000,
		Known: org.Known{Members: []string{"ACTIVE", "SUSPENDED", "PENDING_CLOSURE"}, Invitations: []string{"INVITING"}},
		Listings: org.Listings{
			Info:        org.Listing[org.Info]{Health: good(now), Items: []org.Info{{ID: "o-acme01", Name: "Acme", MasterID: "acc-0001"}}},
			Members:     org.Listing[org.Member]{Health: good(now), Items: []org.Member{{ID: "acc-0001", GroupID: "ou-res", Status: "ACTIVE"}}},
			Invitations: org.Listing[org.Invitation]{Health: good(now), Items: []org.Invitation{{MemberID: "acc-0012", OrganizationID: "o-acme01", Status: "INVITING", Pending: true, Created: now.Add(-26 * day), Expires: now.Add(4 * day)}}},
			Received:    org.Listing[org.Invitation]{Health: good(now), Items: []org.Invitation{{MemberID: "acc-0001", OrganizationID: "o-other9", Status: "INVITING", Pending: true, Created: now.Add(-9 * day), Expires: now.Add(5 * day)}}},
			Versions:    org.Listing[org.Version]{Health: failing(now), Items: []org.Version{{ID: "1.3", Status: "CURRENT", SupportEnd: now.Add(400 * day)}}},
		},
		Transitions: map[org.Transition]uint64{{From: org.None, To: "ACTIVE"}: 2},
	}
}

func aws(now time.Time) org.Snapshot {
	day := 24 * time.Hour
	return org.Snapshot{
		Cloud: "aws", Organization: "gamma", MaxItems: 1000,
		Known: org.Known{Members: []string{"ACTIVE", "CLOSED"}, FeatureSets: []string{"ALL"}},
		Listings: org.Listings{
			Info:   org.Listing[org.Info]{Health: good(now), Items: []org.Info{{ID: "o-acme012345", MasterID: "111111111111", FeatureSet: "ALL"}}},
			Groups: org.Listing[org.Group]{Health: good(now), Items: []org.Group{{ID: "r-ac01", Name: "Root", PolicyTypes: []org.PolicyType{{Type: "SERVICE_CONTROL_POLICY", Enabled: true}}}}},
			Invitations: org.Listing[org.Invitation]{Health: good(now), Items: []org.Invitation{
				{ID: "h-mail00002", Action: org.Invite, OrganizationID: "o-acme012345", Status: "OPEN", Pending: true, Created: now.Add(-11 * day), Expires: now.Add(4 * day)},
			}},
			Members:  org.Listing[org.Member]{Health: good(now), Items: []org.Member{{ID: "111111111111", GroupID: "r-ac01", Status: "ACTIVE"}}},
			Received: org.Listing[org.Invitation]{Health: good(now), Items: []org.Invitation{{MemberID: "111111111111", OrganizationID: "o-other09999", Status: "OPEN", Pending: true, Created: now.Add(-9 * day), Expires: now.Add(5 * day)}}},
			Policies: org.Listing[org.Policy]{Health: good(now), Items: []org.Policy{
				{ID: "p-denyleave1", Name: "DenyLeave", Type: "SERVICE_CONTROL_POLICY", Targets: map[string]int64{"ROOT": 1}},
			}},
			Creations:   org.Listing[org.Creation]{Health: good(now), Items: []org.Creation{{ID: "car-fail0001", Status: "FAILED", Reason: "EMAIL_ALREADY_EXISTS", Completed: now.Add(-3 * day)}}},
			Delegations: org.Listing[org.Delegation]{Health: good(now), Items: []org.Delegation{{MemberID: "333333333333", Service: "guardduty.amazonaws.com", Enabled: now.Add(-90 * day)}}},
			Services:    org.Listing[org.ServiceAccess]{Health: good(now), Items: []org.ServiceAccess{{Service: "ram.amazonaws.com", Enabled: now.Add(-90 * day)}}},
		},
		Transitions: map[org.Transition]uint64{{From: "ACTIVE", To: "SUSPENDED"}: 1},
	}
}

// good is the health of a listing that was read at now.
func good(now time.Time) org.Health {
	return org.Health{
		Reading: org.Reading{At: now, Took: 120 * time.Millisecond},
		State:   org.State{Configured: true, Present: true, Expires: now.Add(time.Hour), LastSuccess: now},
	}
}

// failing is the health of a listing that has just failed.
func failing(now time.Time) org.Health {
	h := good(now)
	h.At, h.LastSuccess, h.Failures = time.Time{}, now.Add(-5*time.Minute), 1
	h.Err = &org.Error{Reason: org.Throttled, Err: errors.New("too many")}
	return h
}
