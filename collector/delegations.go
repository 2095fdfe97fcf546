package collector

import (
	"github.com/cloudorg-exporter/cloudorg_exporter/internal/org"
)

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
		samples: func(v *view) []sample {
			return each(v.delegations.kept, func(d org.Delegation) (float64, bool, []string) {
				enabled, ok := unix(d.Enabled)
				return enabled, ok, []string{d.MemberID, d.Service}
			})
		},
	}})
}

// delegated returns the delegations of a service.
func delegated(all []org.Delegation) []org.Delegation {
	var some []org.Delegation
	for _, d := range all {
		if d.Service != "" {
			some = append(some, d)
		}
	}
	return some
}

func serviceAccess() []family {
	return of("service_access", []family{{
		name:   "service_access_enabled_timestamp_seconds",
		help:   "When a service was allowed to act in all accounts of the organization, in seconds since 1970. Cached.",
		labels: []string{"service"},
		samples: func(v *view) []sample {
			return each(v.services.kept, func(a org.ServiceAccess) (float64, bool, []string) {
				enabled, ok := unix(a.Enabled)
				return enabled, ok, []string{a.Service}
			})
		},
	}})
}
