package cloud

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"

	"github.com/go-kit/log/level"
	"golang.org/x/sync/errgroup"

	"github.com/cloudorg-exporter/cloudorg_exporter/internal/httpx"
	"github.com/cloudorg-exporter/cloudorg_exporter/internal/org"
	"github.com/cloudorg-exporter/cloudorg_exporter/ncpapi"
)

// A groupTree is the answer of the call for the group tree.
type groupTree struct {
	rows     []ncpapi.TreeRow
	unparsed int
	err      error
}

// readTree reads the group tree. Rows of accounts are left out unless the
// members are read from them: there may be 100,000.
func (n *ncp) readTree(ctx context.Context) (t groupTree) {
	get := n.client.Groups
	if n.keys.MembersFrom == fromTree {
		get = n.client.GroupTree
	}
	t.rows, t.unparsed, t.err = get(ctx)
	return t
}

// groups returns the groups of a tree, each once. The root group has no row of
// its own: the master's row names it.
func groups(rows []ncpapi.TreeRow) []org.Group {
	var out []org.Group
	seen := map[int64]bool{}
	for _, row := range rows {
		if !row.NamesGroup() || !row.Group.Valid || seen[row.Group.Value] {
			continue
		}
		seen[row.Group.Value] = true
		g := org.Group{
			ID:         ncpID(row.Group),
			Name:       row.GroupName,
			PolicyID:   ncpID(row.PolicyNo),
			PolicyName: row.PolicyName,
		}
		if !row.IsMaster() { // the root group has no parent
			g.ParentID = ncpID(row.Parent)
		}
		out = append(out, g)
	}
	return out
}

// treeMembers returns the accounts of a tree.
func treeMembers(rows []ncpapi.TreeRow) []org.Member {
	m := newMemberList(len(rows))
	for _, row := range rows {
		if row.NamesAccount() {
			m.add(row.Member, row.Group, row.Status)
		}
	}
	return m.members
}

// lists are the account lists of an organization's groups, in tree order.
type lists struct {
	groups   []ncpapi.Number
	accounts [][]ncpapi.Account
	unparsed int
	vanished bool // a group of the tree had no list
}

// rootOf returns the number of the root group. The master's row has it. Without
// that row, it is the parent that is not itself a group of rows: the accounts of
// the root group must not be lost.
func rootOf(rows []ncpapi.TreeRow) (root ncpapi.Number) {
	groups := map[ncpapi.Number]bool{}
	for _, row := range rows {
		switch {
		case row.IsMaster() && row.Group.Valid:
			return row.Group
		case row.NamesGroup():
			groups[row.Group] = true
		}
	}
	for _, row := range rows {
		if row.NamesGroup() && row.Parent.Valid && !groups[row.Parent] {
			return row.Parent
		}
	}
	return root
}

// groupLists reads the list of every group in rows, and of the root group. A
// list that cannot be read fails all: partial counts are never exported.
func (n *ncp) groupLists(ctx context.Context, rows []ncpapi.TreeRow) (lists, error) {
	var l lists
	root := rootOf(rows)
	seen := map[ncpapi.Number]bool{}
	for _, row := range rows {
		if row.NamesGroup() && row.Group.Valid && !seen[row.Group] {
			seen[row.Group] = true
			l.groups = append(l.groups, row.Group)
		}
	}
	if root.Valid && !seen[root] {
		l.groups = slices.Insert(l.groups, 0, root)
	}
	if len(l.groups) > maxSeries {
		return lists{}, implausible(maxSeries, "groups") // before a call for each
	}
	l.accounts = make([][]ncpapi.Account, len(l.groups))
	unparsed := make([]int, len(l.groups))
	vanished := make([]bool, len(l.groups))
	work, ctx := errgroup.WithContext(ctx)
	work.SetLimit(int(n.keys.Concurrency))
	for i, group := range l.groups {
		work.Go(func() (err error) {
			l.accounts[i], unparsed[i], err = n.client.GroupAccounts(ctx, group.Value)
			if gone(err) && group != root {
				level.Warn(n.logger).Log("msg", "group vanished between the tree and its list", "group_id", ncpID(group),
					"serving", "members of the other groups, without transitions")
				vanished[i] = true
				return nil
			}
			if err != nil {
				return fmt.Errorf("group %s: %w", ncpID(group), err)
			}
			return nil
		})
	}
	if err := work.Wait(); err != nil {
		return lists{}, err
	}
	for i := range l.groups {
		l.unparsed += unparsed[i]
		l.vanished = l.vanished || vanished[i]
	}
	return l, nil
}

func gone(err error) bool {
	var e *httpx.Error
	return errors.As(err, &e) && e.Status == http.StatusNotFound
}

// members returns the accounts of all lists.
func (l lists) members() []org.Member {
	rows := 0
	for _, list := range l.accounts {
		rows += len(list)
	}
	m := newMemberList(rows)
	for i, list := range l.accounts {
		for _, a := range list {
			group := a.Group
			if !group.Valid {
				group = l.groups[i]
			}
			m.add(a.Member, group, a.Status)
		}
	}
	return m.members
}

// A memberList is a list of members under construction.
type memberList struct {
	members     []org.Member
	first       map[int64]int32          // index of a member's first row
	otherGroups map[memberGroup]bool     // groups of a member's other rows
	groupIDs    map[ncpapi.Number]string // each formatted once
}

// A memberGroup is a member in a group other than its first.
type memberGroup struct {
	member int64
	group  string
}

// newMemberList returns a list with room for so many rows: there may be
// 100,000.
func newMemberList(rows int) *memberList {
	return &memberList{
		members:     make([]org.Member, 0, rows),
		first:       make(map[int64]int32, rows),
		otherGroups: map[memberGroup]bool{},
		groupIDs:    map[ncpapi.Number]string{},
	}
}

// add adds a row. A member counts once in each group; its rows in further
// groups are marked as repeated. A row without a number always counts.
func (m *memberList) add(member, group ncpapi.Number, status string) {
	if _, known := m.groupIDs[group]; !known {
		m.groupIDs[group] = ncpID(group)
	}
	row := org.Member{ID: ncpID(member), GroupID: m.groupIDs[group], Status: cmp.Or(status, org.Unknown)}
	if member.Valid {
		here := memberGroup{member.Value, row.GroupID}
		first, listed := m.first[member.Value]
		switch {
		case !listed:
			m.first[member.Value] = int32(len(m.members))
		case m.members[first].GroupID == row.GroupID || m.otherGroups[here]:
			return
		default:
			m.otherGroups[here] = true
			row.Repeat = true
		}
	}
	m.members = append(m.members, row)
}
