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
		samples: func(v *view) []sample {
			return each(v.Policies.Items, func(p org.Policy) sample {
				return sample{number(p.Applied), []string{p.ID, p.Name}}
			})
		},
	}})
}

func policyTypes() []family {
	return of("groups", []family{{
		name:   "policy_type_enabled",
		help:   "Whether policies of this type are in force. Cached.",
		labels: []string{"type"},
		samples: func(v *view) []sample {
			var all []sample
			for _, g := range v.Groups.Items {
				all = append(all, each(g.PolicyTypes, func(t org.PolicyType) sample {
					return sample{boolean(t.Enabled), []string{t.Type}}
				})...)
			}
			return all
		},
	}})
}

func policyTargets() []family {
	return of("policies", []family{{
		name:   "policy_attached_targets",
		help:   "What a policy is attached to, by the cloud's name for the kind of target. Cached.",
		labels: []string{"policy_id", "policy_name", "type", "target_type"},
		samples: func(v *view) []sample {
			return each(v.targets, func(t target) sample {
				return sample{float64(t.n), []string{t.policy.ID, t.policy.Name, t.policy.Type, t.kind}}
			})
		},
	}})
}

// A target is the number of targets of one kind that a policy is attached to.
type target struct {
	policy org.Policy
	kind   string
	n      int64
}

// targets returns the targets of all policies.
func targets(policies []org.Policy) []target {
	var all []target
	for _, p := range policies {
		for _, kind := range slices.Sorted(maps.Keys(p.Targets)) {
			all = append(all, target{p, kind, p.Targets[kind]})
		}
	}
	return all
}
