package cloud

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"sync"
	"time"

	"github.com/go-kit/log"

	"github.com/cloudorg-exporter/cloudorg_exporter/internal/config"
	"github.com/cloudorg-exporter/cloudorg_exporter/internal/org"
	"github.com/cloudorg-exporter/cloudorg_exporter/ncpapi"
)

// ncpCloud is NAVER Cloud Platform.
func ncpCloud() Cloud {
	return Cloud{
		Cloud: config.Cloud{
			Name:       "ncp",
			Collectors: []string{"organization", "groups", "members", "invitations", "withdrawals", "policies"},
			Defaults:   []string{"organization", "groups", "members", "invitations", "withdrawals"},
			Keys:       func() config.Organization { return newNCPKeys() },
		},
		Known: org.Known{
			// LEV is LVREQ in the documentation of 2022 to 2024.
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
		},
		Fields: ncpFields(),
		Open:   openNCP,
	}
}

// ncpKeys are the YAML keys of an NCP organization.
type ncpKeys struct {
	config.Common      `yaml:",inline"`
	config.KeyPair     `yaml:",inline"`
	MembersFrom        string          `yaml:"members_from"`
	InvitationLifetime config.Duration `yaml:"invitation_lifetime,omitempty"`
}

// Where the members are read.
const (
	fromGroups = "groups" // one call per group
	fromTree   = "tree"   // the call that also reads the groups
)

func newNCPKeys() *ncpKeys {
	return &ncpKeys{
		Common: config.Common{
			Settings: config.DefaultSettings(),
			// The gateway of the public environment. We found no such API for the others.
			BaseURL: "https://organization.apigw.ntruss.com",
		},
		MembersFrom: fromGroups,
		// Source: guide organization-spec.
		InvitationLifetime: config.Duration{Duration: 30 * 24 * time.Hour},
	}
}

// Validate checks the keys that only NCP has.
func (k *ncpKeys) Validate(dir string) []error {
	errs := k.KeyPair.Validate(dir)
	if err := k.InvitationLifetime.Check("invitation_lifetime"); err != nil {
		errs = append(errs, err)
	}
	if k.MembersFrom != fromGroups && k.MembersFrom != fromTree {
		errs = append(errs, fmt.Errorf("members_from must be %s or %s, not %q", fromGroups, fromTree, k.MembersFrom))
	}
	return errs
}

// ncp reads an organization of NAVER Cloud Platform.
type ncp struct {
	*config.Credential
	client *ncpapi.Client
	keys   *ncpKeys
	logger log.Logger
}

func openNCP(o config.Organization, env Env) (Source, error) {
	keys := o.(*ncpKeys)
	credential, err := config.NewCredential(keys.KeyPair, env.Logger)
	if err != nil {
		return nil, err
	}
	return &ncp{
		Credential: credential,
		client:     ncpapi.New(ncpapi.Config{BaseURL: keys.BaseURL, Keys: credential.Keys, Transport: env.Transport}),
		keys:       keys,
		logger:     env.Logger,
	}, nil
}

// Close closes idle connections.
func (n *ncp) Close() error {
	n.client.CloseIdleConnections()
	return nil
}

// Read makes all calls at once, within the limits of the organization. Groups
// and members share the call for the tree.
func (n *ncp) Read(ctx context.Context) org.Listings {
	l := org.Configure(n.keys.Collectors)
	var wg sync.WaitGroup
	var tree groupTree
	treeRead := make(chan struct{})
	wg.Go(func() {
		defer close(treeRead)
		if l.Groups.Configured || l.Members.Configured {
			tree = n.readTree(ctx)
		}
	})
	wg.Go(func() {
		read(&l.Groups, explainNCP, func() ([]org.Group, int, error) {
			<-treeRead
			return groups(tree.rows), tree.unparsed, tree.err
		})
	})
	wg.Go(func() {
		read(&l.Members, explainNCP, func() ([]org.Member, int, error) {
			<-treeRead
			switch {
			case tree.err != nil:
				return nil, 0, tree.err
			case n.keys.MembersFrom == fromTree:
				return treeMembers(tree.rows), tree.unparsed, nil
			}
			lists, err := n.groupLists(ctx, tree.rows)
			l.Members.Incomplete = lists.vanished
			return lists.members(), lists.unparsed, err
		})
	})
	wg.Go(func() {
		read(&l.Info, explainNCP, func() ([]org.Info, int, error) {
			o, unparsed, err := n.client.Organization(ctx)
			return ncpInfo(o), unparsed, err
		})
	})
	wg.Go(func() {
		read(&l.Invitations, explainNCP, func() ([]org.Invitation, int, error) {
			rows, unparsed, err := n.client.Invitations(ctx)
			return mapped(rows, unparsed, err, n.invitation)
		})
	})
	wg.Go(func() {
		read(&l.Withdrawals, explainNCP, func() ([]org.Withdrawal, int, error) {
			rows, unparsed, err := n.client.Withdrawals(ctx)
			return mapped(rows, unparsed, err, ncpWithdrawal)
		})
	})
	wg.Go(func() {
		read(&l.Policies, explainNCP, func() ([]org.Policy, int, error) {
			rows, unparsed, err := n.client.Policies(ctx)
			return mapped(rows, unparsed, err, ncpPolicy)
		})
	})
	wg.Wait()
	checkSizes(&l)
	return l
}

func ncpInfo(o ncpapi.Organization) []org.Info {
	if !o.Number.Valid {
		return nil // the account has no organization
	}
	return []org.Info{{ID: ncpID(o.Number), Name: o.Name, MasterID: ncpID(o.MasterNo), Joined: o.Joined}}
}

func (n *ncp) invitation(i ncpapi.Invitation) org.Invitation {
	out := org.Invitation{
		MemberID:       ncpID(i.Member),
		OrganizationID: ncpID(i.Inviter()),
		Pending:        true,
		Created:        i.Registered,
		Expires:        expiry(i.Registered, n.keys.InvitationLifetime.Duration),
	}
	if i.ExpireDays.Valid {
		out.ReportedDays = &i.ExpireDays.Value
	}
	return out
}

func ncpWithdrawal(w ncpapi.Withdrawal) org.Withdrawal {
	return org.Withdrawal{MemberID: ncpID(w.Member), Requested: w.Modified}
}

func ncpPolicy(p ncpapi.Policy) org.Policy {
	out := org.Policy{ID: ncpID(p.Number), Name: p.Name}
	if p.Applied.Valid {
		out.Applied = &p.Applied.Value
	}
	return out
}

// ncpID returns a number as an identifier, or "".
func ncpID(n ncpapi.Number) string {
	if !n.Valid {
		return ""
	}
	return strconv.FormatInt(n.Value, 10)
}

// explainNCP adds the reason and the advice that only NCP has.
func explainNCP(err error) *org.Error {
	e := explain(err)
	switch {
	case errors.Is(err, ncpapi.ErrSubAccount):
		e.Reason, e.Advice = org.NotMaster, "use a key of the organization's master account itself, not of a Sub Account"
	case errors.Is(err, ncpapi.ErrNotMaster):
		e.Reason, e.Advice = org.NotMaster, "use a key of the account that owns the organization"
	}
	return e
}
