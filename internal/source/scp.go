package source

import (
	"cmp"
	"context"
	"strings"
	"sync"
	"time"

	"github.com/cloudorg-exporter/cloudorg_exporter/internal/config"
	"github.com/cloudorg-exporter/cloudorg_exporter/internal/httpx"
	"github.com/cloudorg-exporter/cloudorg_exporter/internal/org"
	"github.com/cloudorg-exporter/cloudorg_exporter/scpapi"
)

// scp reads an organization of Samsung Cloud Platform.
type scp struct {
	client   *scpapi.Client
	first    org.Snapshot
	lifetime time.Duration // of a sent invitation; 0: unknown, for the cloud does not say
}

var _ org.Source = (*scp)(nil)

func newSCP(o config.Organization, keys func() (string, string), limits httpx.Config) *scp {
	return &scp{
		client: scpapi.New(scpapi.Config{
			BaseURL: o.BaseURL, Version: o.APIVersion, OrganizationID: o.OrganizationID, PageSize: o.PageSize,
			Keys: keys, HTTP: limits,
		}),
		first:    first(o, knownSCP()),
		lifetime: o.InvitationLifetime,
	}
}

// inviting is the state of an invitation that waits for an answer.
const inviting = "INVITING"

// knownSCP is what this cloud is documented to report.
func knownSCP() org.Known {
	invitations := []string{inviting, "REFUSED", "INVITED", "CANCELED", "EXPIRED"}
	return org.Known{
		Members:     []string{"ACTIVE", "SUSPENDED", "PENDING_CLOSURE"},
		Invitations: invitations,
		Received:    invitations,
		Transitions: []org.Transition{
			{From: org.None, To: "ACTIVE"},
			{From: "ACTIVE", To: "SUSPENDED"},
			{From: "SUSPENDED", To: "ACTIVE"},
			{From: "ACTIVE", To: "PENDING_CLOSURE"},
			{From: "PENDING_CLOSURE", To: org.None},
			{From: "ACTIVE", To: org.None},
		},
	}
}

// Snapshot reads all listings at once, as far as the limits of the
// organization allow.
func (s *scp) Snapshot(ctx context.Context) org.Snapshot {
	snap := s.first
	var wg sync.WaitGroup
	wg.Go(func() {
		read(&snap.Info, func() ([]org.Info, int, error) {
			rows, unreadable, err := s.client.Organizations(ctx)
			return organizations(rows), unreadable, err
		})
	})
	wg.Go(func() {
		read(&snap.Members, func() ([]org.Member, int, error) {
			rows, unreadable, err := s.client.Accounts(ctx)
			return mapped(rows, unreadable, err, account)
		})
	})
	wg.Go(func() {
		read(&snap.Invitations, func() ([]org.Invitation, int, error) {
			rows, unreadable, err := s.client.Invitations(ctx)
			return mapped(rows, unreadable, err, s.invitation)
		})
	})
	wg.Go(func() {
		read(&snap.Received, func() ([]org.Invitation, int, error) {
			rows, unreadable, err := s.client.ReceivedInvitations(ctx)
			return mapped(rows, unreadable, err, received)
		})
	})
	wg.Go(func() {
		read(&snap.Versions, func() ([]org.Version, int, error) {
			rows, unreadable, err := s.client.Versions(ctx)
			return versions(rows), unreadable, err
		})
	})
	wg.Wait()
	believe(&snap)
	return snap
}

// organizations returns the organizations that have an identifier. None knows
// when the key's account joined: created_at is when the organization was made, by
// whomever.
func organizations(rows []scpapi.Organization) []org.Info {
	var out []org.Info
	for _, o := range rows {
		if o.ID != "" {
			out = append(out, org.Info{ID: o.ID, Name: o.Name, MasterID: o.Master})
		}
	}
	return out
}

func account(a scpapi.Account) org.Member {
	return org.Member{ID: a.ID, GroupID: a.Unit, Status: cmp.Or(a.State, org.Unknown)}
}

func (s *scp) invitation(i scpapi.Invitation) org.Invitation {
	return org.Invitation{
		MemberID:       i.Target,
		OrganizationID: i.Organization,
		Status:         cmp.Or(i.State, org.Unknown),
		Pending:        i.State == inviting,
		Created:        i.Created,
		Expires:        expiry(i.Created, s.lifetime),
	}
}

func received(i scpapi.ReceivedInvitation) org.Invitation {
	return org.Invitation{
		MemberID:       i.Target,
		OrganizationID: i.Organization,
		Status:         cmp.Or(i.State, org.Unknown),
		Pending:        i.State == inviting,
		Created:        i.Requested,
		Expires:        i.Expires,
	}
}

// versions returns the versions that have a number: without one nothing can be
// said of them.
func versions(rows []scpapi.Version) []org.Version {
	var out []org.Version
	for _, v := range rows {
		if v.ID != "" {
			out = append(out, org.Version{ID: strings.TrimPrefix(v.ID, "v"), Status: cmp.Or(v.Status, org.Unknown), SupportEnd: v.SupportEnd})
		}
	}
	return out
}
