package cloud

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/go-kit/log/level"

	"github.com/cloudorg-exporter/cloudorg_exporter/awsapi"
	"github.com/cloudorg-exporter/cloudorg_exporter/internal/org"
)

// maxUnitDepth is the level of units that can have no children.
const maxUnitDepth = 5

// An awsTree is the root and the units below it.
type awsTree struct {
	groups   []org.Group
	unparsed int
	vanished bool // a unit was listed, and gone when its own units were read
	err      error
}

// readTree reads the root and, level by level, the units below it.
func (r *awsReading) readTree(ctx context.Context) (t awsTree) {
	roots := r.roots()
	if t.unparsed, t.err = roots.unparsed, roots.err; t.err != nil {
		return t
	}
	var parents []string
	for _, root := range roots.value {
		t.groups = append(t.groups, org.Group{ID: root.ID, Name: root.Name, PolicyTypes: policyTypes(root.Types)})
		parents = append(parents, root.ID)
	}
	for depth := 1; depth <= maxUnitDepth && len(parents) > 0; depth++ {
		children := make([][]awsapi.Unit, len(parents))
		unparsed, gone := make([]int, len(parents)), make([]bool, len(parents))
		t.err = r.each(ctx, len(parents), func(ctx context.Context, i int) (err error) {
			children[i], unparsed[i], err = r.client.Units(ctx, parents[i])
			if errors.Is(err, awsapi.ErrNotFound) && depth > 1 {
				gone[i], err = true, nil
				r.warnGone(parents[i])
			}
			return err
		})
		if t.err != nil {
			return awsTree{err: t.err}
		}
		var next []string
		for i, parent := range parents {
			t.unparsed += unparsed[i]
			if gone[i] {
				t.vanished = true
				t.groups = slices.DeleteFunc(t.groups, func(g org.Group) bool { return g.ID == parent })
			}
			for _, unit := range children[i] {
				t.groups = append(t.groups, org.Group{ID: unit.ID, Name: unit.Name, ParentID: parent})
				if unit.ID != "" {
					next = append(next, unit.ID)
				}
			}
		}
		if len(t.groups) > maxSeries {
			return awsTree{err: implausible(maxSeries, "groups")} // before a call for each
		}
		parents = next
	}
	return t
}

func (r *awsReading) warnGone(unit string) {
	level.Warn(r.logger).Log("msg", "unit vanished between two calls", "group_id", unit, "serving", "the other units, and members without transitions if members_from is parents")
}

// policyTypes returns the types that are on, and the one that is known to exist.
func policyTypes(rows []awsapi.PolicyType) []org.PolicyType {
	const known = "SERVICE_CONTROL_POLICY"
	var all []org.PolicyType
	for _, t := range rows {
		all = append(all, org.PolicyType{Type: cmp.Or(t.Type, org.Unknown), Enabled: t.Status == "ENABLED" || t.Status == "PENDING_DISABLE"})
	}
	if !slices.ContainsFunc(all, func(t org.PolicyType) bool { return t.Type == known }) {
		all = append(all, org.PolicyType{Type: known})
	}
	return all
}

// accounts returns the members of the one listing of all accounts.
func (r *awsReading) accounts(ctx context.Context) ([]org.Member, int, error) {
	rows, unparsed, err := r.client.Accounts(ctx)
	if err != nil {
		return nil, 0, err
	}
	members := make([]org.Member, len(rows))
	placed := len(rows) == 0
	for i, a := range rows {
		members[i] = awsMember(a, a.Parent())
		placed = placed || members[i].GroupID != ""
	}
	r.reportPaths(placed)
	return members, unparsed, nil
}

// reportPaths warns, once, if no account names the unit that it is in.
func (s *awsSource) reportPaths(placed bool) {
	s.mu.Lock()
	warn := !placed && !s.warned
	s.warned = !placed
	s.mu.Unlock()
	if warn {
		level.Warn(s.logger).Log("msg", "no account has Paths: the units of members are unknown", "serving", "members without units; members_from: parents reads them")
	}
}

// accountsOfTree returns the members of the listings of the root and of each
// unit, and whether a unit vanished meanwhile.
func (r *awsReading) accountsOfTree(ctx context.Context) (members []org.Member, vanished bool, unparsed int, err error) {
	t := r.tree()
	if t.err != nil {
		return nil, false, 0, t.err
	}
	lists := make([][]awsapi.Account, len(t.groups))
	bad, gone := make([]int, len(t.groups)), make([]bool, len(t.groups))
	err = r.each(ctx, len(t.groups), func(ctx context.Context, i int) (err error) {
		lists[i], bad[i], err = r.client.AccountsOf(ctx, t.groups[i].ID)
		if errors.Is(err, awsapi.ErrNotFound) && t.groups[i].ParentID != "" {
			gone[i], err = true, nil
			r.warnGone(t.groups[i].ID)
		}
		if err != nil {
			return fmt.Errorf("unit %s: %w", t.groups[i].ID, err)
		}
		return nil
	})
	if err != nil {
		return nil, false, 0, err
	}
	vanished = t.vanished
	at := map[string]int{}
	for i, list := range lists {
		unparsed += bad[i]
		vanished = vanished || gone[i]
		for _, a := range list {
			m := awsMember(a, t.groups[i].ID)
			if n, moved := at[a.ID]; moved && a.ID != "" { // while the lists were read
				members[n] = m
				continue
			}
			at[a.ID] = len(members)
			members = append(members, m)
		}
	}
	return members, vanished, unparsed, nil
}

func awsMember(a awsapi.Account, parent string) org.Member {
	return org.Member{ID: a.ID, GroupID: parent, Status: cmp.Or(a.State, a.Status, org.Unknown)}
}
