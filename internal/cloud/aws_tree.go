package cloud

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/go-kit/log/level"

	"github.com/cloudorg-exporter/cloudorg_exporter/awsapi"
	"github.com/cloudorg-exporter/cloudorg_exporter/internal/httpx"
	"github.com/cloudorg-exporter/cloudorg_exporter/internal/org"
)

// maxUnitDepth is the level of the deepest units.
const maxUnitDepth = 5

// An awsTree is the root and the units below it.
type awsTree struct {
	groups   []org.Group
	vanished bool // a unit was listed, and did not exist any more when its own units were read
}

// readTree reads the root and, level by level, the units below it.
func (r *awsReading) readTree(ctx context.Context) (t awsTree, unparsed int, err error) {
	roots, unparsed, err := r.roots(ctx)
	if err != nil {
		return t, 0, err
	}
	var parents []org.Group
	for _, root := range roots {
		parents = append(parents, org.Group{ID: root.ID, Name: root.Name, PolicyTypes: policyTypes(root.Types)})
	}
	for range maxUnitDepth {
		branches, bad, err := forEach(ctx, r.refresh, parents, r.unitsBelow)
		if err != nil {
			return awsTree{}, 0, err
		}
		unparsed += bad
		t.vanished = t.vanished || len(branches) < len(parents)
		parents = nil
		for _, b := range branches {
			t.groups = append(t.groups, b.group)
			parents = append(parents, b.below...)
		}
		if len(t.groups)+len(parents) > maxSeries {
			return awsTree{}, 0, implausible(maxSeries, "groups") // before a call for each
		}
	}
	t.groups = append(t.groups, parents...)
	return t, unparsed, nil
}

// An awsBranch is the root or a unit, and the units right below it.
type awsBranch struct {
	group org.Group
	below []org.Group
}

// unitsBelow reads the units right below the root or a unit.
func (r *awsReading) unitsBelow(ctx context.Context, g org.Group) (awsBranch, int, error) {
	if g.ID == "" && g.ParentID != "" { // nothing below it can be asked for
		return awsBranch{group: g}, 0, nil
	}
	units, unparsed, err := r.client.Units(ctx, g.ID)
	below := mapped(units, func(u awsapi.Unit) org.Group {
		return org.Group{ID: u.ID, Name: u.Name, ParentID: g.ID}
	})
	return awsBranch{g, below}, unparsed, r.checkGone(g, err)
}

// checkGone returns errVanished, and logs a warning, if err says that the unit g
// does not exist any more. It returns any other error, and one about the root, as
// it is.
func (r *awsReading) checkGone(g org.Group, err error) error {
	if !errors.Is(err, awsapi.ErrNotFound) || g.ParentID == "" {
		return err
	}
	level.Warn(r.logger).Log("msg", "unit vanished between two calls", "group_id", g.ID, "serving", "the other units, and members without transitions if members_from is parents")
	return errVanished
}

// policyTypes returns the listed types, and service control policies as not enabled
// if they are not listed.
func policyTypes(rows []awsapi.PolicyType) []org.PolicyType {
	const known = "SERVICE_CONTROL_POLICY"
	all := mapped(rows, func(t awsapi.PolicyType) org.PolicyType {
		return org.PolicyType{Type: cmp.Or(t.Type, org.Unknown), Enabled: t.Status == "ENABLED" || t.Status == "PENDING_DISABLE"}
	})
	if !slices.ContainsFunc(all, func(t org.PolicyType) bool { return t.Type == known }) {
		all = append(all, org.PolicyType{Type: known})
	}
	return all
}

// members returns the members of the one listing of all accounts. It warns, once,
// if no account names the unit that it is in.
func (s *awsSource) members(rows []awsapi.Account) []org.Member {
	members := mapped(rows, func(a awsapi.Account) org.Member { return awsMember(a, a.Parent()) })
	placed := len(rows) == 0 || slices.ContainsFunc(members, func(m org.Member) bool { return m.GroupID != "" })
	if warned := s.warned.Swap(!placed); !placed && !warned {
		level.Warn(s.logger).Log("msg", "no account has Paths: the units of members are unknown", "serving", "members without units; members_from: parents reads them")
	}
	return members
}

// accountsOfTree returns the members of the listings of the root and of each
// unit. They are incomplete if a unit vanished meanwhile.
func (r *awsReading) accountsOfTree(ctx context.Context) ([]org.Member, int, error) {
	t, _, err := r.tree(ctx)
	if err != nil {
		return nil, 0, err
	}
	lists, unparsed, err := forEach(ctx, r.refresh, t.groups, func(ctx context.Context, g org.Group) ([]org.Member, int, error) {
		accounts, unparsed, err := r.client.AccountsOf(ctx, g.ID)
		if err = r.checkGone(g, err); err != nil {
			return nil, 0, fmt.Errorf("unit %s: %w", g.ID, err)
		}
		return mapped(accounts, func(a awsapi.Account) org.Member { return awsMember(a, g.ID) }), unparsed, nil
	})
	if err != nil {
		return nil, 0, err
	}
	r.Members.Incomplete = t.vanished || len(lists) < len(t.groups)
	// An account that moved while the lists were read is where the later one has it.
	members := httpx.Distinct[org.Member, string]{Key: func(m *org.Member) string { return m.ID }}
	for _, list := range lists {
		members.Add(list)
	}
	return members.Rows, unparsed, nil
}

func awsMember(a awsapi.Account, parent string) org.Member {
	return org.Member{ID: a.ID, GroupID: parent, Status: cmp.Or(a.State, a.Status, org.Unknown)}
}
