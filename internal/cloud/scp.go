package cloud

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"

	"github.com/go-kit/log"

	"github.com/cloudorg-exporter/cloudorg_exporter/internal/config"
	"github.com/cloudorg-exporter/cloudorg_exporter/internal/httpx"
	"github.com/cloudorg-exporter/cloudorg_exporter/internal/org"
	"github.com/cloudorg-exporter/cloudorg_exporter/scpapi"
)

// inviting is the state of a pending invitation.
const inviting = "INVITING"

// scpCloud is Samsung Cloud Platform.
func scpCloud() Cloud {
	return Cloud{
		Cloud: config.Cloud{
			Name:       "scp",
			Collectors: []string{"organization", "members", "invitations", "received_invitations", "api_version"},
			Defaults:   []string{"members", "invitations", "received_invitations", "api_version"},
			Keys:       newSCPKeys,
		},
		Fields: scpFields(),
		Open:   openSCP,
	}
}

// scpKeys are the YAML keys of an SCP organization.
type scpKeys struct {
	config.Common      `yaml:",inline"`
	config.KeyPair     `yaml:",inline"`
	Environment        string          `yaml:"environment"` // s, g or e
	APIVersion         string          `yaml:"api_version"` // empty: the newest
	OrganizationID     string          `yaml:"organization_id"`
	PageSize           config.Integer  `yaml:"page_size"`
	InvitationLifetime config.Duration `yaml:"invitation_lifetime,omitempty"` // 0: unknown
}

func newSCPKeys() config.Organization {
	return &scpKeys{
		Common:      config.Common{Settings: config.DefaultSettings()},
		Environment: "e",
		APIVersion:  "1.3",
		PageSize:    100,
	}
}

var (
	versionNumber = regexp.MustCompile(`^([0-9]+(\.[0-9]+)*)?$`)
	// How an escaped URL is signed is not documented.
	unescapedID = regexp.MustCompile(`^[A-Za-z0-9_.-]*$`)
)

// Validate checks the keys that only SCP has, and fills in base_url.
func (k *scpKeys) Validate(dir string) []error {
	errs := k.KeyPair.Validate(dir)
	add := func(format string, args ...any) { errs = append(errs, fmt.Errorf(format, args...)) }
	if err := k.InvitationLifetime.Check("invitation_lifetime"); err != nil {
		errs = append(errs, err)
	}
	if !slices.Contains([]string{"s", "g", "e"}, k.Environment) {
		add("environment must be s, g or e, not %q", k.Environment)
	}
	k.BaseURL = cmp.Or(k.BaseURL, "https://organization."+k.Environment+".samsungsdscloud.com")
	if !versionNumber.MatchString(k.APIVersion) {
		add(`api_version must be a number like "1.3", or "" for the newest, not %q`, k.APIVersion)
	}
	if !unescapedID.MatchString(k.OrganizationID) {
		add("organization_id may have letters, digits, _, . and -, not %q", k.OrganizationID)
	}
	if k.PageSize < 1 || k.PageSize > 1000 {
		add("page_size must be 1 to 1000, not %d", k.PageSize)
	}
	return errs
}

// scp reads an organization of Samsung Cloud Platform.
type scp struct {
	*config.Credential
	client *scpapi.Client
	keys   *scpKeys
}

func openSCP(o config.Organization, transport *httpx.Transport, logger log.Logger) (Source, error) {
	keys := o.(*scpKeys)
	credential, err := config.NewCredential(keys.KeyPair, logger)
	if err != nil {
		return nil, err
	}
	return &scp{
		Credential: credential,
		client: scpapi.New(scpapi.Config{
			BaseURL: keys.BaseURL, Version: keys.APIVersion, OrganizationID: keys.OrganizationID, PageSize: int(keys.PageSize),
			Keys: credential.Keys, Transport: transport,
		}),
		keys: keys,
	}, nil
}

// Known returns what the cloud is known to report.
func (s *scp) Known() org.Known {
	invitations := []string{inviting, "REFUSED", "INVITED", "CANCELED", "EXPIRED"}
	return org.Known{
		Members:     []string{"ACTIVE", "SUSPENDED", "PENDING_CLOSURE"},
		Invitations: invitations,
		Received:    invitations,
		Transitions: slices.Concat(
			from(org.None, "ACTIVE"),
			from("ACTIVE", "SUSPENDED", "PENDING_CLOSURE", org.None),
			from("SUSPENDED", "ACTIVE"),
			from("PENDING_CLOSURE", org.None),
		),
	}
}

// Read reads all listings at once, within the limits of the organization.
func (s *scp) Read(ctx context.Context) org.Listings {
	r := newRefresh(&s.keys.Common, explainSCP)
	read(ctx, r, &r.Info, s.client.Organizations, scpInfo)
	readEach(ctx, r, &r.Members, s.client.Accounts, scpMember)
	readEach(ctx, r, &r.Invitations, s.client.Invitations, s.invitation)
	readEach(ctx, r, &r.Received, s.client.ReceivedInvitations, scpReceived)
	read(ctx, r, &r.Versions, s.client.Versions, scpVersions)
	return r.wait()
}

// scpInfo returns the organizations that have an identifier. When the key's
// account joined is unknown: created_at is when the organization was made.
func scpInfo(rows []scpapi.Organization) []org.Info {
	rows = slices.DeleteFunc(rows, func(o scpapi.Organization) bool { return o.ID == "" })
	return mapped(rows, func(o scpapi.Organization) org.Info {
		return org.Info{ID: o.ID, Name: o.Name, MasterID: o.Master}
	})
}

func scpMember(a scpapi.Account) org.Member {
	return org.Member{ID: a.ID, GroupID: a.Unit, Status: cmp.Or(a.State, org.Unknown)}
}

func (s *scp) invitation(i scpapi.Invitation) org.Invitation {
	return org.Invitation{
		ID:             i.ID,
		MemberID:       i.Target,
		OrganizationID: i.Organization,
		Status:         cmp.Or(i.State, org.Unknown),
		Pending:        i.State == inviting,
		Created:        i.Created,
		Expires:        expiry(i.Created, s.keys.InvitationLifetime.Duration),
	}
}

func scpReceived(i scpapi.ReceivedInvitation) org.Invitation {
	return org.Invitation{
		ID:             i.ID,
		MemberID:       i.Target,
		OrganizationID: i.Organization,
		Status:         cmp.Or(i.State, org.Unknown),
		Pending:        i.State == inviting,
		Created:        i.Requested,
		Expires:        i.Expires,
	}
}

// scpVersions returns the versions that have a number.
func scpVersions(rows []scpapi.Version) []org.Version {
	rows = slices.DeleteFunc(rows, func(v scpapi.Version) bool { return v.ID == "" })
	return mapped(rows, func(v scpapi.Version) org.Version {
		return org.Version{ID: strings.TrimPrefix(v.ID, "v"), Status: cmp.Or(v.Status, org.Unknown), SupportEnd: v.SupportEnd.Time}
	})
}

// explainSCP adds the reason and the advice that only SCP has.
func explainSCP(err error) *org.Error {
	out, e := explain(err)
	const memberKey = "with a member account's key, only these collectors work: [received_invitations, api_version]"
	switch {
	case errors.Is(err, scpapi.ErrVersion):
		out.Reason, out.Advice = org.APIVersion, `change api_version: the collector api_version shows which versions there are, and "" takes the newest`
	case e.Kind == httpx.Auth && e.Status == http.StatusNotFound:
		out.Advice = "check base_url and environment, and whether a proxy removes the headers that begin with Scp-"
	case e.Kind == httpx.Auth:
		out.Advice = "check access_key and secret_key, environment, and whether a proxy changes the host: the whole URL is signed"
	case e.Kind == httpx.Forbidden && e.Permission != "":
		out.Advice = "give the key's account the permission " + e.Permission + "; " + memberKey
	case e.Kind == httpx.Forbidden:
		out.Advice = "give the key's account the permission; " + memberKey
	}
	return out
}
