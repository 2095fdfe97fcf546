package collector

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/cloudorg-exporter/cloudorg_exporter/internal/org"
)

// healths returns the health of every listing.
func healths(l *org.Listings) []*org.Health {
	return []*org.Health{
		&l.Info.Health, &l.Groups.Health, &l.Members.Health, &l.Invitations.Health,
		&l.Received.Health, &l.Withdrawals.Health, &l.Policies.Health, &l.Versions.Health,
		&l.Creations.Health, &l.Delegations.Health, &l.Services.Health,
	}
}

// everything is a snapshot that gives every family a sample.
func everything() org.Snapshot {
	now := time.Unix(1794700800, 0)
	n := int64(2)
	s := org.Snapshot{
		Cloud: "any", Organization: "acme", MaxItems: 10,
		Known: org.Known{
			Members: []string{"JOIN"}, Invitations: []string{"INVITING"}, Received: []string{"INVITING"},
			Transitions: []org.Transition{{From: "none", To: "JOIN"}}, FeatureSets: []string{"ALL"},
		},
		Listings:    org.Configure(org.CollectorNames()),
		Transitions: map[org.Transition]uint64{{From: "none", To: "JOIN"}: 1},
	}
	for _, h := range healths(&s.Listings) {
		h.At, h.LastSuccess, h.Present = now, now, true
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
	s.Info.Items[0].FeatureSet = "ALL"
	s.Groups.Items[0].PolicyTypes = []org.PolicyType{{Type: "TAG_POLICY", Enabled: true}}
	s.Invitations.Items = append(s.Invitations.Items, org.Invitation{ID: "h-1", Action: "ENABLE_ALL_FEATURES", Status: "REQUESTED"})
	s.Policies.Items[0].Type, s.Policies.Items[0].Targets = "TAG_POLICY", map[string]int64{"ROOT": 1}
	s.Creations.Items = []org.Creation{{ID: "1", Status: "FAILED", Reason: "INTERNAL_FAILURE", Completed: now}}
	s.Delegations.Items = []org.Delegation{{MemberID: "1", Service: "guardduty.amazonaws.com", Enabled: now}}
	s.Services.Items = []org.ServiceAccess{{Service: "ram.amazonaws.com", Enabled: now}}
	s.Versions.Err = &org.Error{Reason: org.Server, Err: context.DeadlineExceeded}
	return s
}

// fixed is a Source that reads the same each time.
type fixed org.Listings

func (f fixed) Read(context.Context) org.Listings {
	l := org.Listings(f)
	l.Members.Items = slices.Clone(l.Members.Items) // the cache sorts them
	for _, h := range healths(&l) {
		h.At = time.Now()
	}
	return l
}

// config is that of a cache of s, which is read anew after ttl.
func config(s org.Snapshot, ttl time.Duration) org.Config {
	cfg := org.Config{
		Cloud: s.Cloud, Organization: s.Organization, Known: s.Known, MaxItems: s.MaxItems,
		TTL: ttl, ErrorTTL: ttl, MaxStale: time.Hour, Timeout: time.Minute,
	}
	for _, c := range s.Collectors() {
		cfg.Collectors = append(cfg.Collectors, c.Name)
	}
	return cfg
}

func cached(s org.Snapshot, ttl time.Duration) *org.Cache {
	return org.NewCache(fixed(s.Listings), config(s, ttl))
}

// company returns an organization with the given numbers of members and of
// pending invitations.
func company(name string, members, invitations int) org.Snapshot {
	now := time.Now()
	s := org.Snapshot{
		Cloud: "ncp", Organization: name, MaxItems: 100_000,
		Known:    org.Known{Members: []string{"INVT", "JOIN", "LVREQ", "LEV"}},
		Listings: org.Configure([]string{"organization", "groups", "members", "invitations", "withdrawals"}),
	}
	s.Info.Items = []org.Info{{ID: "4100", Name: name, MasterID: "1", Joined: now}}
	s.Groups.Items = []org.Group{{ID: "1", Name: "Root"}, {ID: "2", Name: "Research", ParentID: "1"}}
	for m := range members {
		s.Members.Items = append(s.Members.Items, org.Member{ID: fmt.Sprint(m), GroupID: fmt.Sprint(m%2 + 1), Status: "JOIN"})
	}
	for m := range invitations {
		s.Invitations.Items = append(s.Invitations.Items, org.Invitation{
			MemberID: fmt.Sprint(m), OrganizationID: "4100", Pending: true,
			Created: now.Add(-time.Duration(m) * time.Hour), Expires: now.Add(time.Duration(m) * time.Hour),
		})
	}
	return s
}

func companies(n, members, invitations int) []*org.Cache {
	caches := make([]*org.Cache, n)
	for i := range caches {
		caches[i] = cached(company(fmt.Sprintf("organization-%d", i), members, invitations), time.Hour)
	}
	return caches
}
