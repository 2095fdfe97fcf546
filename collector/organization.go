package collector

import "github.com/cloudorg-exporter/cloudorg_exporter/internal/org"

func organization() []family {
	return of("organization", []family{{
		name:   "organization_info",
		help:   "Identifiers and name of the organization. Always 1. Cached.",
		labels: []string{"organization_id", "organization_name", "master_id"},
		samples: func(v *view) []sample {
			return each(v.Info.Items, func(i org.Info) (float64, bool, []string) {
				return 1, true, []string{i.ID, i.Name, i.MasterID}
			})
		},
	}, {
		name: "organization_joined_timestamp_seconds",
		help: "When the account that owns the key joined the organization, in seconds since 1970. Cached.",
		samples: func(v *view) []sample {
			return each(v.Info.Items, func(i org.Info) (float64, bool, []string) {
				joined, ok := unix(i.Joined)
				return joined, ok, nil
			})
		},
	}})
}

func policies() []family {
	return of("policies", []family{{
		name:    "policies",
		help:    "Policies of the organization. Cached.",
		samples: func(v *view) []sample { return one(float64(len(v.Policies.Items))) },
	}, {
		name:   "policy_applied_groups",
		help:   "Groups that a policy applies to. Cached.",
		labels: []string{"policy_id", "policy_name"},
		samples: func(v *view) []sample {
			return each(v.Policies.Items, func(p org.Policy) (float64, bool, []string) {
				if p.Applied == nil {
					return 0, false, nil
				}
				return float64(*p.Applied), true, []string{p.ID, p.Name}
			})
		},
	}})
}

func versions() []family {
	return of("api_version", []family{{
		name:   "api_version_info",
		help:   "A version of the cloud's Organization API and its status. Always 1. Cached.",
		labels: []string{"version", "status"},
		samples: func(v *view) []sample {
			return each(v.Versions.Items, func(a org.Version) (float64, bool, []string) {
				return 1, true, []string{a.ID, a.Status}
			})
		},
	}, {
		name:   "api_version_support_end_timestamp_seconds",
		help:   "When the cloud ends support for a version of its Organization API, in seconds since 1970; absent if no end is announced. Cached.",
		labels: []string{"version"},
		samples: func(v *view) []sample {
			return each(v.Versions.Items, func(a org.Version) (float64, bool, []string) {
				end, ok := unix(a.SupportEnd)
				return end, ok, []string{a.ID}
			})
		},
	}})
}
