package source

import (
	"context"
	"strconv"
	"sync"
	"time"

	"github.com/go-kit/log"

	"github.com/cloudorg-exporter/cloudorg_exporter/internal/config"
	"github.com/cloudorg-exporter/cloudorg_exporter/internal/httpx"
	"github.com/cloudorg-exporter/cloudorg_exporter/internal/org"
	"github.com/cloudorg-exporter/cloudorg_exporter/ncpapi"
)

// ncp reads an organization of NAVER Cloud Platform.
type ncp struct {
	client      *ncpapi.Client
	first       org.Snapshot
	lifetime    time.Duration // of an invitation
	fromTree    bool          // members are read from the group tree alone
	concurrency int
	logger      log.Logger
}

var _ org.Source = (*ncp)(nil)

func newNCP(o config.Organization, keys func() (string, string), limits httpx.Config, logger log.Logger) *ncp {
	return &ncp{
		client:      ncpapi.New(ncpapi.Config{BaseURL: o.BaseURL, Keys: keys, HTTP: limits}),
		first:       first(o, knownNCP()),
		lifetime:    o.InvitationLifetime,
		fromTree:    o.MembersFrom == config.FromTree,
		concurrency: o.Concurrency,
		logger:      logger,
	}
}

// knownNCP is what this cloud reports. LEV stands in documentation of 2022 to
// 2024 where that of 2025 has LVREQ.
func knownNCP() org.Known {
	return org.Known{
		Members: []string{"INVT", "JOIN", "LVREQ", "LEV"},
		Transitions: []org.Transition{
			{From: org.None, To: "INVT"},
			{From: org.None, To: "JOIN"},
			{From: "INVT", To: "JOIN"},
			{From: "INVT", To: org.None},
			{From: "JOIN", To: "LVREQ"},
			{From: "LVREQ", To: "JOIN"},
			{From: "LVREQ", To: org.None},
			{From: "JOIN", To: org.None},
		},
	}
}

// Snapshot makes all calls at once, as far as the limits of the organization
// allow. Groups and members share the call for the tree.
func (n *ncp) Snapshot(ctx context.Context) org.Snapshot {
	s := n.first
	var wg sync.WaitGroup
	var tree struct {
		rows       []ncpapi.TreeRow
		unreadable int
		err        error
	}
	known := make(chan struct{}) // closed when tree is
	wg.Go(func() {
		defer close(known)
		if s.Groups.Configured || s.Members.Configured {
			rows := n.client.Groups // the accounts may be a hundred thousand
			if n.fromTree {
				rows = n.client.GroupTree
			}
			tree.rows, tree.unreadable, tree.err = rows(ctx)
		}
	})
	wg.Go(func() {
		read(&s.Groups, func() ([]org.Group, int, error) {
			<-known
			return groups(tree.rows), tree.unreadable, tree.err
		})
	})
	wg.Go(func() {
		read(&s.Members, func() ([]org.Member, int, error) {
			<-known
			switch {
			case tree.err != nil:
				return nil, 0, tree.err
			case n.fromTree:
				return treeMembers(tree.rows), tree.unreadable, nil
			}
			lists, err := n.groupLists(ctx, tree.rows)
			s.Members.Incomplete = lists.vanished
			return lists.members(), lists.unreadable, err
		})
	})
	wg.Go(func() {
		read(&s.Info, func() ([]org.Info, int, error) {
			o, unreadable, err := n.client.Organization(ctx)
			return info(o), unreadable, err
		})
	})
	wg.Go(func() {
		read(&s.Invitations, func() ([]org.Invitation, int, error) {
			rows, unreadable, err := n.client.Invitations(ctx)
			return mapped(rows, unreadable, err, n.invitation)
		})
	})
	wg.Go(func() {
		read(&s.Withdrawals, func() ([]org.Withdrawal, int, error) {
			rows, unreadable, err := n.client.Withdrawals(ctx)
			return mapped(rows, unreadable, err, withdrawal)
		})
	})
	wg.Go(func() {
		read(&s.Policies, func() ([]org.Policy, int, error) {
			rows, unreadable, err := n.client.Policies(ctx)
			return mapped(rows, unreadable, err, policy)
		})
	})
	wg.Wait()
	believe(&s)
	return s
}

func info(o ncpapi.Organization) []org.Info {
	if !o.Number.Valid {
		return nil // the account has no organization; that is an answer, too
	}
	return []org.Info{{ID: id(o.Number), Name: o.Name, MasterID: id(o.MasterNo), Joined: o.Joined}}
}

func (n *ncp) invitation(i ncpapi.Invitation) org.Invitation {
	out := org.Invitation{
		MemberID:       id(i.Member),
		OrganizationID: id(i.Inviter()),
		Pending:        true,
		Created:        i.Registered,
		Expires:        expiry(i.Registered, n.lifetime),
	}
	if i.ExpireDays.Valid {
		out.ReportedDays = &i.ExpireDays.Value
	}
	return out
}

func withdrawal(w ncpapi.Withdrawal) org.Withdrawal {
	return org.Withdrawal{MemberID: id(w.Member), Requested: w.Modified}
}

func policy(p ncpapi.Policy) org.Policy {
	out := org.Policy{ID: id(p.Number), Name: p.Name}
	if p.Applied.Valid {
		out.Applied = &p.Applied.Value
	}
	return out
}

// id returns a number as an identifier; none is empty.
func id(n ncpapi.Number) string {
	if !n.Valid {
		return ""
	}
	return strconv.FormatInt(n.Value, 10)
}
