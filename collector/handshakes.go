package collector

// handshakes are all agreements between the organization and accounts, of which
// invitations are one kind.
func handshakes() []family {
	return of("invitations", []family{{
		name:   "handshakes",
		help:   "Handshakes of the organization, invitations among them, by the action and status the cloud reports. Cached.",
		labels: []string{"action", "status"},
		samples: func(v *view) []sample {
			counts := map[[2]string]uint64{}
			for _, i := range v.Invitations.Items {
				if i.Action != "" {
					counts[[2]string{i.Action, i.Status}]++
				}
			}
			return counted(counts, func(labels [2]string) []string { return labels[:] })
		},
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
			var all []sample
			for set, value := range has {
				all = append(all, sample{value, []string{set}})
			}
			return all
		},
	}})
}
