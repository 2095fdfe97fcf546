package collector

import "github.com/cloudorg-exporter/cloudorg_exporter/internal/org"

func delegations() []family {
	return of("delegations", []family{{
		name: "delegated_administrators",
		help: "Accounts that administer a service for the organization. Cached.",
		samples: func(v *view) []sample {
			accounts := map[string]bool{}
			for _, d := range v.Delegations.Items {
				accounts[d.MemberID] = true
			}
			return one(float64(len(accounts)))
		},
	}, {
		name:   "delegation_enabled_timestamp_seconds",
		help:   "When an account became the administrator of a service, in seconds since 1970. Cached.",
		labels: []string{"member_id", "service"},
		samples: each(func(v *view) []org.Delegation { return v.delegations }, func(d org.Delegation) sample {
			return sample{unix(d.Enabled), []string{d.MemberID, d.Service}}
		}),
	}})
}

func serviceAccess() []family {
	return of("service_access", []family{{
		name:   "service_access_enabled_timestamp_seconds",
		help:   "When a service was allowed to act in all accounts of the organization, in seconds since 1970. Cached.",
		labels: []string{"service"},
		samples: each(func(v *view) []org.ServiceAccess { return v.services }, func(a org.ServiceAccess) sample {
			return sample{unix(a.Enabled), []string{a.Service}}
		}),
	}})
}
