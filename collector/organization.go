package collector

import "github.com/cloudorg-exporter/cloudorg_exporter/internal/org"

func organization() []family {
	return of("organization", []family{{
		name:   "organization_info",
		help:   "Identifiers and name of the organization. Always 1. Cached.",
		labels: []string{"organization_id", "organization_name", "master_id"},
		samples: each(func(v *view) []org.Info { return v.Info.Items }, func(i org.Info) sample {
			return sample{1, []string{i.ID, i.Name, i.MasterID}}
		}),
	}, {
		name: "organization_joined_timestamp_seconds",
		help: "When the account that owns the key joined the organization, in seconds since 1970. Cached.",
		samples: each(func(v *view) []org.Info { return v.Info.Items }, func(i org.Info) sample {
			return sample{value: unix(i.Joined)}
		}),
	}})
}

// features are what an organization can do.
func features() []family {
	return of("organization", []family{{
		name:   "organization_feature_set",
		help:   "Whether the organization has this set of features. Cached.",
		labels: []string{"feature_set"},
		samples: func(v *view) []sample {
			has := map[string]float64{}
			for _, i := range v.Info.Items {
				if i.FeatureSet == "" {
					continue
				}
				for _, known := range v.Known.FeatureSets {
					has[known] += 0
				}
				has[i.FeatureSet] = 1
			}
			return counted(has, oneLabel)
		},
	}})
}

func versions() []family {
	return of("api_version", []family{{
		name:   "api_version_info",
		help:   "A version of the cloud's Organization API and its status. Always 1. Cached.",
		labels: []string{"version", "status"},
		samples: each(func(v *view) []org.Version { return v.Versions.Items }, func(a org.Version) sample {
			return sample{1, []string{a.ID, a.Status}}
		}),
	}, {
		name:   "api_version_support_end_timestamp_seconds",
		help:   "When the cloud ends support for a version of its Organization API, in seconds since 1970; absent if no end is announced. Cached.",
		labels: []string{"version"},
		samples: each(func(v *view) []org.Version { return v.Versions.Items }, func(a org.Version) sample {
			return sample{unix(a.SupportEnd), []string{a.ID}}
		}),
	}})
}
