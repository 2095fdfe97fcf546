package collector

import "github.com/cloudorg-exporter/cloudorg_exporter/internal/org"

func members() []family {
	return of("members", []family{{
		name:   "members",
		help:   "Accounts in the organization, by the status code the cloud reports. Cached.",
		labels: []string{"status"},
		samples: func(v *view) []sample {
			return counted(v.MembersByStatus(), oneLabel)
		},
	}, {
		name:   "group_members",
		help:   "Accounts in a group, by the status code the cloud reports. Cached.",
		labels: []string{"group_id", "status"},
		samples: func(v *view) []sample {
			counts := org.Tally(v.Members.Items, nil, func(m org.Member) [2]string { return [2]string{m.GroupID, m.Status} })
			return counted(counts, func(labels [2]string) []string { return labels[:] })
		},
	}, {
		keepWhenStale: true,
		name:          "member_transitions_total",
		help:          `Account status changes between two successive good readings of the members; status "none" means not in the organization.`,
		labels:        []string{"from", "to"},
		samples: func(v *view) []sample {
			return counted(v.Transitions, func(t org.Transition) []string { return []string{t.From, t.To} })
		},
	}})
}

func groups() []family {
	return of("groups", []family{{
		name:    "groups",
		help:    "Groups in the organization, including the root group. Cached.",
		samples: func(v *view) []sample { return one(float64(len(v.Groups.Items))) },
	}, {
		name:   "group_info",
		help:   "A group, its parent group (empty for the root group) and its policy (empty if it has none). Always 1. Cached.",
		labels: []string{"group_id", "group_name", "parent_group_id", "policy_id", "policy_name"},
		samples: each(func(v *view) []org.Group { return v.Groups.Items }, func(g org.Group) sample {
			return sample{1, []string{g.ID, g.Name, g.ParentID, g.PolicyID, g.PolicyName}}
		}),
	}})
}
