package cloud

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/go-kit/log"

	"github.com/cloudorg-exporter/cloudorg_exporter/internal/config"
	"github.com/cloudorg-exporter/cloudorg_exporter/internal/httpx"
	"github.com/cloudorg-exporter/cloudorg_exporter/internal/org"
	"github.com/cloudorg-exporter/cloudorg_exporter/ncpapi"
)

// ncpCloud is NAVER Cloud Platform.
func ncpCloud() Cloud {
	return Cloud{
		Cloud: config.Cloud{
			Name:       "ncp",
			Collectors: []string{"organization", "groups", "members", "invitations", receivedInvitations, "withdrawals", "policies"},
			Defaults:   []string{"organization", "groups", "members", "invitations", "withdrawals"},
			Keys:       newNCPKeys,
		},
		Fields: ncpFields(),
		Open:   openNCP,
	}
}

// ncpKeys are the YAML keys of an NCP organization.
type ncpKeys struct {
	config.Common      `yaml:",inline"`
	config.KeyPair     `yaml:",inline"`
	APIVersion         string          `yaml:"api_version"`
	MembersFrom        string          `yaml:"members_from,omitempty"` // version 1 only
	InvitationLifetime config.Duration `yaml:"invitation_lifetime,omitempty"`
}

// The versions of the API.
const (
	ncpVersion1 = "v1"
	ncpVersion2 = "v2"
)

// receivedInvitations is a collector that only version 2 has.
const receivedInvitations = "received_invitations"

// The values of members_from.
const (
	fromGroups = "groups" // one call per group
	fromTree   = "tree"   // the call that also reads the groups
)

func newNCPKeys() config.Organization {
	return &ncpKeys{
		Common: config.Common{
			Settings: config.DefaultSettings(),
			// The gateway of the public environment. We found no such API for the others.
			BaseURL: "https://organization.apigw.ntruss.com",
		},
		APIVersion: ncpVersion1,
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
	add := func(format string, args ...any) { errs = append(errs, fmt.Errorf(format, args...)) }
	switch k.APIVersion {
	case ncpVersion1:
		k.MembersFrom = cmp.Or(k.MembersFrom, fromGroups)
		if k.MembersFrom != fromGroups && k.MembersFrom != fromTree {
			add("members_from must be %s or %s, not %q", fromGroups, fromTree, k.MembersFrom)
		}
		if slices.Contains(k.Collectors, receivedInvitations) {
			add("collectors: %s needs api_version: %s", receivedInvitations, ncpVersion2)
		}
	case ncpVersion2:
		if k.MembersFrom != "" {
			add("members_from is for api_version %s alone: remove it, as %s lists the accounts of all groups at once", ncpVersion1, ncpVersion2)
		}
	default:
		add("api_version must be %s or %s, not %q", ncpVersion1, ncpVersion2, k.APIVersion)
	}
	return errs
}

// Identity includes the version of the API: the versions report different statuses.
func (k *ncpKeys) Identity() string {
	if k.APIVersion == ncpVersion2 {
		return k.Common.Identity() + " " + ncpVersion2
	}
	return k.Common.Identity()
}

// ncp reads an organization of NAVER Cloud Platform by version 1 of the API.
type ncp struct {
	*config.Credential
	client *ncpapi.Client
	keys   *ncpKeys
	logger log.Logger
}

func openNCP(o config.Organization, transport *httpx.Transport, logger log.Logger) (Source, error) {
	keys := o.(*ncpKeys)
	credential, err := config.NewCredential(keys.KeyPair, logger)
	if err != nil {
		return nil, err
	}
	client := ncpapi.Config{BaseURL: keys.BaseURL, Keys: credential.Keys, Transport: transport}
	if keys.APIVersion == ncpVersion2 {
		// As many pages as fit into 95 % of refresh_timeout: the error of an endless list
		// says that it is endless, and is not a timeout.
		client.MaxPages = int(max(1, min(10_000, 0.95*keys.RateLimit*keys.RefreshTimeout.Seconds())))
		return &ncpV2{Credential: credential, client: ncpapi.NewV2(client), keys: keys, logger: logger}, nil
	}
	return &ncp{Credential: credential, client: ncpapi.New(client), keys: keys, logger: logger}, nil
}

// Read makes all calls at once, within the limits of the organization. Groups
// and members share the call for the tree.
func (n *ncp) Read(ctx context.Context) org.Listings {
	r := newRefresh(&n.keys.Common, explainNCP)
	tree := shared(n.tree)
	read(ctx, r, &r.Info, n.client.Organization, ncpInfo)
	read(ctx, r, &r.Groups, tree, groups)
	if n.keys.MembersFrom == fromTree {
		read(ctx, r, &r.Members, tree, treeMembers)
	} else {
		lists := func(ctx context.Context) ([]groupList, int, error) { return n.groupLists(ctx, r, tree) }
		read(ctx, r, &r.Members, lists, listedMembers)
	}
	readEach(ctx, r, &r.Invitations, n.client.Invitations, n.invitation)
	readEach(ctx, r, &r.Withdrawals, n.client.Withdrawals, ncpWithdrawal)
	readEach(ctx, r, &r.Policies, n.client.Policies, ncpPolicy)
	return r.wait()
}

// Known returns what version 1 is known to report.
func (n *ncp) Known() org.Known {
	return org.Known{
		// LEV is LVREQ in the documentation of 2022 to 2024.
		Members: []string{"INVT", "JOIN", "LVREQ", "LEV"},
		Transitions: slices.Concat(
			from(org.None, "INVT", "JOIN"),
			from("INVT", "JOIN", org.None),
			from("JOIN", "LVREQ", org.None),
			from("LVREQ", "JOIN", org.None),
		),
	}
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
		out.ReportedDays = new(i.ExpireDays.Value)
	}
	return out
}

func ncpWithdrawal(w ncpapi.Withdrawal) org.Withdrawal {
	return org.Withdrawal{MemberID: ncpID(w.Member), Requested: w.Modified}
}

func ncpPolicy(p ncpapi.Policy) org.Policy {
	out := org.Policy{ID: ncpID(p.Number), Name: p.Name}
	if p.Applied.Valid {
		out.Applied = new(p.Applied.Value)
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

// explainNCP adds the reason and the advice that only NCP has, in either
// version.
func explainNCP(err error) *org.Error {
	e, _ := explain(err)
	switch {
	case errors.Is(err, ncpapi.ErrSubAccount):
		e.Reason, e.Advice = org.NotMaster, "use a key of the organization's master account itself, not of a Sub Account"
	case errors.Is(err, ncpapi.ErrNotMaster):
		e.Reason, e.Advice = org.NotMaster, ownerAdvice
	case errors.Is(err, ncpapi.ErrForbidden):
		e.Advice = "if the key is a Sub Account's, grant it the Organization View actions; else use a key of the organization's master account"
	case errors.Is(err, ncpapi.ErrEnvironment):
		e.Advice = "use a key of an account of the private-sector environment: NAVER Cloud turns public-sector and financial accounts away"
	}
	return e
}
