package source

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

// groups returns the groups of a tree, each once. The root group has no row of
// its own: the master's stands for it.
func groups(rows []ncpapi.TreeRow) []org.Group {
	var out []org.Group
	seen := map[int64]bool{}
	for _, row := range rows {
		if !row.NamesGroup() || !row.Group.Valid || seen[row.Group.Value] {
			continue
		}
		seen[row.Group.Value] = true
		g := org.Group{
			ID:         id(row.Group),
			Name:       row.GroupName,
			PolicyID:   id(row.PolicyNo),
			PolicyName: row.PolicyName,
		}
		if !row.IsMaster { // nothing is above the root
			g.ParentID = id(row.Parent)
		}
		out = append(out, g)
	}
	return out
}

// treeMembers returns the accounts of a tree.
func treeMembers(rows []ncpapi.TreeRow) []org.Member {
	m := newRoll(len(rows))
	for _, row := range rows {
		if row.NamesAccount() {
			m.add(row.Member, row.Group, row.Status)
		}
	}
	return m.members
}

// lists are the account lists of an organization's groups, in tree order.
type lists struct {
	groups     []ncpapi.Number
	accounts   [][][]ncpapi.Account // in blocks
	unreadable int
	vanished   bool // a group was in the tree and gone when its list was asked for
}

// rootOf returns the number of the root group: the master's row has it. Without
// that row, it is the parent that is no group of rows, or the accounts of the
// root would be lost without a word.
func rootOf(rows []ncpapi.TreeRow) (root ncpapi.Number) {
	groups := map[ncpapi.Number]bool{}
	for _, row := range rows {
		switch {
		case row.IsMaster && row.Group.Valid:
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

// groupLists asks for the list of every group in rows, the root's included.
// One that cannot be read fails them all: a partial count would be a lie.
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
		return lists{}, incredible("ncp", maxSeries, "groups") // and not asked for, one by one
	}
	l.accounts = make([][][]ncpapi.Account, len(l.groups))
	unreadable := make([]int, len(l.groups))
	vanished := make([]bool, len(l.groups))
	work, ctx := errgroup.WithContext(ctx)
	work.SetLimit(n.concurrency)
	for i, group := range l.groups {
		work.Go(func() (err error) {
			l.accounts[i], unreadable[i], err = n.client.GroupAccounts(ctx, group.Value)
			if gone(err) && group != root {
				level.Warn(n.logger).Log("msg", "group vanished between the tree and its list", "group_id", id(group),
					"serving", "the other groups' members; no transitions are counted")
				vanished[i] = true
				return nil
			}
			if err != nil {
				return fmt.Errorf("group %s: %w", id(group), err)
			}
			return nil
		})
	}
	if err := work.Wait(); err != nil {
		return lists{}, err
	}
	for i := range l.groups {
		l.unreadable += unreadable[i]
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
	l.each(func(block []ncpapi.Account, _ ncpapi.Number) { rows += len(block) })
	m := newRoll(rows)
	l.each(func(block []ncpapi.Account, asked ncpapi.Number) {
		for _, a := range block {
			group := a.Group
			if !group.Valid {
				group = asked
			}
			m.add(a.Member, group, a.Status)
		}
	})
	return m.members
}

// each calls f with all accounts, block by block, and the group that they were
// asked of.
func (l lists) each(f func(block []ncpapi.Account, asked ncpapi.Number)) {
	for i, blocks := range l.accounts {
		for _, block := range blocks {
			f(block, l.groups[i])
		}
	}
}

// A roll is a list of members under construction.
type roll struct {
	members []org.Member
	first   map[int64]int32          // the first row of a member
	also    map[place]bool           // the places of his other rows
	groups  map[ncpapi.Number]string // the groups' identifiers
}

// A place is a member in a group other than his first.
type place struct {
	member int64
	group  string
}

// newRoll returns a roll for so many rows: it may be a hundred thousand.
func newRoll(rows int) *roll {
	return &roll{
		members: make([]org.Member, 0, rows),
		first:   make(map[int64]int32, rows),
		also:    map[place]bool{},
		groups:  map[ncpapi.Number]string{},
	}
}

// add adds a row. A member that stands in several groups' lists is marked from
// the second on; in one group he stands once. A row without a number cannot be
// told from another, and counts.
func (m *roll) add(member, group ncpapi.Number, status string) {
	if _, known := m.groups[group]; !known {
		m.groups[group] = id(group)
	}
	row := org.Member{ID: id(member), GroupID: m.groups[group], Status: cmp.Or(status, org.Unknown)}
	if member.Valid {
		here := place{member.Value, row.GroupID}
		first, listed := m.first[member.Value]
		switch {
		case !listed:
			m.first[member.Value] = int32(len(m.members))
		case m.members[first].GroupID == row.GroupID || m.also[here]:
			return
		default:
			m.also[here] = true
			row.Repeat = true
		}
	}
	m.members = append(m.members, row)
}
