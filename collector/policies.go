package collector

import (
	"maps"
	"slices"

	"github.com/cloudorg-exporter/cloudorg_exporter/internal/org"
)

func policies() []family {
	return of("policies", []family{{
		name:    "policies",
		help:    "Policies of the organization. Cached.",
		samples: func(v *view) []sample { return one(float64(len(v.Policies.Items))) },
	}, {
		name:   "policy_applied_groups",
		help:   "Groups that a policy applies to. Cached.",
		labels: []string{"policy_id", "policy_name"},
		samples: each(func(v *view) []org.Policy { return v.Policies.Items }, func(p org.Policy) sample {
			return sample{number(p.Applied), []string{p.ID, p.Name}}
		}),
	}})
}

func policyTypes() []family {
	return of("groups", []family{{
		name:   "policy_type_enabled",
		help:   "Whether policies of this type are in force. Cached.",
		labels: []string{"type"},
		samples: func(v *view) (all []sample) {
			for _, g := range v.Groups.Items {
				for _, t := range g.PolicyTypes {
					all = append(all, sample{boolean(t.Enabled), []string{t.Type}})
				}
			}
			return all
		},
	}})
}

func policyTargets() []family {
	return of("policies", []family{{
		name:    "policy_attached_targets",
		help:    "What a policy is attached to, by the cloud's name for the kind of target. Cached.",
		labels:  []string{"policy_id", "policy_name", "type", "target_type"},
		samples: func(v *view) []sample { return slices.Clone(v.targets) }, // the caller changes them
	}})
}

// targets returns a sample for each kind of target of each policy.
func targets(policies []org.Policy) (all []sample) {
	for _, p := range policies {
		for _, kind := range slices.Sorted(maps.Keys(p.Targets)) {
			all = append(all, sample{float64(p.Targets[kind]), []string{p.ID, p.Name, p.Type, kind}})
		}
	}
	return all
}
