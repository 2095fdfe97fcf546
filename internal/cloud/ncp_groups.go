package cloud

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"

	"github.com/go-kit/log/level"

	"github.com/cloudorg-exporter/cloudorg_exporter/internal/httpx"
	"github.com/cloudorg-exporter/cloudorg_exporter/internal/org"
	"github.com/cloudorg-exporter/cloudorg_exporter/ncpapi"
)

// tree reads the group tree. Rows of accounts are left out unless the members
// are read from them: there may be 100,000.
func (n *ncp) tree(ctx context.Context) ([]ncpapi.TreeRow, int, error) {
	if n.keys.MembersFrom == fromTree {
		return n.client.GroupTree(ctx)
	}
	return n.client.Groups(ctx)
}

// groupRows returns the rows of a tree that are a group, each group once. The
// root group has no row of its own: the master's row names it.
func groupRows(rows []ncpapi.TreeRow) []*ncpapi.TreeRow {
	var out []*ncpapi.TreeRow
	seen := map[ncpapi.Number]bool{}
	for i := range rows {
		row := &rows[i]
		if row.NamesGroup() && row.Group.Valid && !seen[row.Group] {
			seen[row.Group] = true
			out = append(out, row)
		}
	}
	return out
}

// groups returns the groups of a tree.
func groups(rows []ncpapi.TreeRow) []org.Group {
	return mapped(groupRows(rows), func(row *ncpapi.TreeRow) org.Group {
		g := org.Group{
			ID:         ncpID(row.Group),
			Name:       row.GroupName,
			PolicyID:   ncpID(row.PolicyNo),
			PolicyName: row.PolicyName,
		}
		if !row.IsMaster() { // the root group has no parent
			g.ParentID = ncpID(row.Parent)
		}
		return g
	})
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

// A groupList is the accounts of a group and of those below it.
type groupList struct {
	group    ncpapi.Number
	accounts [][]ncpapi.Account // in blocks
}

// groupLists reads the list of every group in a tree, and of the root group.
func (n *ncp) groupLists(ctx context.Context, r *refresh, tree call[[]ncpapi.TreeRow]) ([]groupList, int, error) {
	rows, _, err := tree(ctx)
	if err != nil {
		return nil, 0, err
	}
	groups := mapped(groupRows(rows), func(row *ncpapi.TreeRow) ncpapi.Number { return row.Group })
	root := rootOf(rows)
	if root.Valid && !slices.Contains(groups, root) {
		groups = slices.Insert(groups, 0, root)
	}
	if len(groups) > maxSeries {
		return nil, 0, implausible(maxSeries, "groups") // before a call for each
	}
	lists, unparsed, err := forEach(ctx, r, groups, func(ctx context.Context, group ncpapi.Number) (groupList, int, error) {
		accounts, unparsed, err := n.client.GroupAccounts(ctx, group.Value)
		switch {
		case gone(err) && group != root:
			level.Warn(n.logger).Log("msg", "group vanished between the tree and its list", "group_id", ncpID(group),
				"serving", "members of the other groups, without transitions")
			err = errVanished
		case err != nil:
			err = fmt.Errorf("group %s: %w", ncpID(group), err)
		}
		return groupList{group, accounts}, unparsed, err
	})
	r.Members.Incomplete = err == nil && len(lists) < len(groups)
	return lists, unparsed, err
}

func gone(err error) bool {
	e, ok := errors.AsType[*httpx.Error](err)
	return ok && e.Status == http.StatusNotFound
}

// listedMembers returns the accounts of all lists.
func listedMembers(lists []groupList) []org.Member {
	rows := 0
	for _, list := range lists {
		for _, block := range list.accounts {
			rows += len(block)
		}
	}
	m := newMemberList(rows)
	for _, list := range lists {
		for _, block := range list.accounts {
			for _, a := range block {
				group := a.Group
				if !group.Valid {
					group = list.group
				}
				m.add(a.Member, group, a.Status)
			}
		}
	}
	return m.members
}

// A memberList is a list of members under construction.
type memberList struct {
	members     []org.Member
	first       map[int64]int32          // index of a member's first row
	otherGroups map[org.Member]bool      // rows of a member in other groups, by ID and GroupID
	groupIDs    map[ncpapi.Number]string // each formatted once
}

// newMemberList returns a list with room for so many rows: there may be
// 100,000.
func newMemberList(rows int) *memberList {
	return &memberList{
		members:     make([]org.Member, 0, rows),
		first:       make(map[int64]int32, rows),
		otherGroups: map[org.Member]bool{},
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
		here := org.Member{ID: row.ID, GroupID: row.GroupID}
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
