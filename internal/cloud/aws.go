package cloud

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"sync/atomic"
	"time"

	"github.com/go-kit/log"

	"github.com/cloudorg-exporter/cloudorg_exporter/awsapi"
	"github.com/cloudorg-exporter/cloudorg_exporter/internal/config"
	"github.com/cloudorg-exporter/cloudorg_exporter/internal/httpx"
	"github.com/cloudorg-exporter/cloudorg_exporter/internal/org"
)

// awsCloud is AWS Organizations.
func awsCloud() Cloud {
	return Cloud{
		Cloud: config.Cloud{
			Name: "aws",
			Collectors: []string{
				"organization", "groups", "members", "invitations", "received_invitations", "policies",
				"account_creations", "delegations", "service_access",
			},
			Defaults: []string{"organization", "groups", "members", "invitations", "received_invitations"},
			Keys:     newAWSKeys,
		},
		Fields: awsFields(),
		Open:   openAWS,
	}
}

// awsKeys are the YAML keys of an AWS organization. Without keys and profile,
// the default chain of AWS's library finds credentials.
type awsKeys struct {
	config.Common      `yaml:",inline"`
	config.SessionKeys `yaml:",inline"`
	Region             string `yaml:"region"` // chooses the partition
	Profile            string `yaml:"profile"`
	RoleARN            string `yaml:"role_arn"`
	ExternalID         string `yaml:"external_id,omitempty"`
	MembersFrom        string `yaml:"members_from"`
}

// Where the members are read.
const (
	fromPaths   = "paths"   // one listing, in which each account names its parent
	fromParents = "parents" // one listing per root and unit
)

func newAWSKeys() config.Organization {
	settings := config.DefaultSettings()
	// The published rates are low, and shared by all callers in the account.
	settings.CacheTTL.Duration, settings.RefreshTimeout.Duration = 15*time.Minute, 5*time.Minute
	settings.RateLimit, settings.Concurrency = 3, 2
	return &awsKeys{
		Common:      config.Common{Settings: settings},
		Region:      "us-east-1",
		MembersFrom: fromPaths,
	}
}

var (
	awsRegion = regexp.MustCompile(`^[a-z]{2,4}(-[a-z]+)+-[0-9]+$`)
	awsRole   = regexp.MustCompile(`^arn:[a-z-]+:iam::[0-9]{12}:role/[A-Za-z0-9_+=,.@/-]+$`)
)

// Validate checks the keys that only AWS has, and fills in base_url.
func (k *awsKeys) Validate(dir string) []error {
	errs := k.SessionKeys.Validate(dir)
	add := func(format string, args ...any) { errs = append(errs, fmt.Errorf(format, args...)) }
	if !awsRegion.MatchString(k.Region) {
		add(`region must be a name like "us-east-1", not %q`, k.Region)
	}
	k.BaseURL = cmp.Or(k.BaseURL, "https://"+awsapi.PartitionOf(k.Region).Host)
	if k.MembersFrom != fromPaths && k.MembersFrom != fromParents {
		add("members_from must be %s or %s, not %q", fromPaths, fromParents, k.MembersFrom)
	}
	if k.Profile != "" && k.Given() {
		add("both profile and access_key are given: remove one")
	}
	if k.Profile != "" {
		if err := awsapi.CheckProfile(context.Background(), k.Profile); err != nil {
			add("profile: %w", err)
		}
	}
	switch {
	case k.RoleARN == "" && k.ExternalID != "":
		add("external_id needs role_arn")
	case k.RoleARN != "" && !awsRole.MatchString(k.RoleARN):
		add("role_arn must be like arn:aws:iam::111111111111:role/name, not %q", k.RoleARN)
	}
	return errs
}

// awsSource reads an organization of AWS.
type awsSource struct {
	*awsapi.Credentials
	files  *config.Credential // nil without keys of our own
	client *awsapi.Client
	keys   *awsKeys
	logger log.Logger
	warned atomic.Bool // that the latest listing of accounts did not name their units
}

func openAWS(o config.Organization, transport *httpx.Transport, logger log.Logger) (Source, error) {
	keys := o.(*awsKeys)
	s := &awsSource{keys: keys, logger: logger}
	cfg := awsapi.CredentialsConfig{
		Region: keys.Region, Profile: keys.Profile, RoleARN: keys.RoleARN, ExternalID: keys.ExternalID, Transport: transport,
	}
	if keys.Given() {
		var err error
		if s.files, err = config.NewCredential(keys.SessionKeys, logger); err != nil {
			return nil, err
		}
		cfg.Static = s.files.Session
	}
	s.Credentials = awsapi.NewCredentials(cfg)
	s.client = awsapi.New(awsapi.Config{
		BaseURL: keys.BaseURL, Region: awsapi.PartitionOf(keys.Region).Region, Credentials: s.Credentials, Transport: transport,
	})
	return s, nil
}

// Revision counts the changes of the configured keys. Others renew themselves.
func (s *awsSource) Revision() uint64 {
	if s.files == nil {
		return 0
	}
	return s.files.Revision()
}

// Known returns what the cloud is known to report.
func (s *awsSource) Known() org.Known {
	handshakes := []string{"REQUESTED", "OPEN", "CANCELED", "ACCEPTED", "DECLINED", "EXPIRED"}
	return org.Known{
		Members:     []string{"PENDING_ACTIVATION", "ACTIVE", "SUSPENDED", "PENDING_CLOSURE", "CLOSED"},
		Invitations: handshakes,
		Received:    handshakes,
		Creations:   []string{"IN_PROGRESS", "FAILED"},
		FeatureSets: []string{"ALL", "CONSOLIDATED_BILLING"},
		Transitions: slices.Concat(
			from(org.None, "ACTIVE", "PENDING_ACTIVATION"),
			from("PENDING_ACTIVATION", "ACTIVE"),
			from("ACTIVE", "SUSPENDED", "PENDING_CLOSURE", "CLOSED", org.None),
			from("SUSPENDED", "ACTIVE"),
			from("PENDING_CLOSURE", "CLOSED"),
			from("CLOSED", "ACTIVE", org.None),
		),
	}
}

// Read reads all listings at once, within the limits of the organization. What
// several of them need is read once.
func (s *awsSource) Read(ctx context.Context) org.Listings {
	r := s.newReading()
	read(ctx, r.refresh, &r.Info, r.organization, awsInfo)
	read(ctx, r.refresh, &r.Groups, r.tree, func(t awsTree) []org.Group { return t.groups })
	if s.keys.MembersFrom == fromParents {
		read(ctx, r.refresh, &r.Members, r.accountsOfTree, asRead)
	} else {
		read(ctx, r.refresh, &r.Members, s.client.Accounts, s.members)
	}
	readEach(ctx, r.refresh, &r.Invitations, s.client.Handshakes, func(h awsapi.Handshake) org.Invitation { return r.sent(ctx, h) })
	read(ctx, r.refresh, &r.Received, r.received, asRead)
	read(ctx, r.refresh, &r.Policies, r.policies, asRead)
	readEach(ctx, r.refresh, &r.Creations, s.client.Creations, awsCreation)
	read(ctx, r.refresh, &r.Delegations, r.delegations, asRead)
	readEach(ctx, r.refresh, &r.Services, s.client.ServiceAccess, awsServiceAccess)
	l := r.wait()
	if l.Info.Configured {
		l.Subject = r.subject(ctx)
	}
	return l
}

func awsInfo(o awsapi.Organization) []org.Info {
	return []org.Info{{ID: o.ID, MasterID: o.Master(), FeatureSet: o.FeatureSet}}
}

func awsServiceAccess(s awsapi.Service) org.ServiceAccess {
	return org.ServiceAccess{Service: s.Principal, Enabled: s.Enabled()}
}

// awsCreation returns a request to create an account. A failure without a reason
// has an unknown one.
func awsCreation(c awsapi.Creation) org.Creation {
	out := org.Creation{ID: c.ID, Status: cmp.Or(c.State, org.Unknown), Reason: c.Reason, Requested: c.Requested, Completed: c.Completed}
	if c.State == "FAILED" {
		out.Reason = cmp.Or(out.Reason, org.Unknown)
		if out.Completed.IsZero() {
			out.Completed = out.Requested
		}
	}
	return out
}

// explainAWS adds the reason and the advice that only AWS has.
func explainAWS(err error) *org.Error {
	out, e := explain(err)
	switch {
	case errors.Is(err, awsapi.ErrNoOrganization):
		out.Reason, out.Advice = org.NotMaster, "use a key of an account that belongs to the organization: its management account, or a delegated administrator"
	case errors.Is(err, awsapi.ErrMember):
		out.Advice = "use a key of the management account or of a delegated administrator; with a member account's key, only these collectors work: [organization, received_invitations]"
	case errors.Is(err, awsapi.ErrNoCredentials):
		out.Advice = "set access_key_file and secret_key_file, or profile, or run where the default chain of AWS's SDK finds credentials: environment, web identity, container or instance role"
	case errors.Is(err, awsapi.ErrCredentials) && e.Kind == httpx.Forbidden:
		out.Advice = "check role_arn and external_id: the role's trust policy must allow the caller sts:AssumeRole"
	case errors.Is(err, awsapi.ErrCredentials) && e.Kind == httpx.Auth:
		out.Advice = "check the keys, the profile or the token file that the role is assumed with"
	case errors.Is(err, awsapi.ErrCredentials) && e.Kind == httpx.Other:
		out.Advice = "check the profile, or the files and variables that AWS's SDK reads"
	case errors.Is(err, awsapi.ErrCredentials) && (e.Kind == httpx.Timeout || e.Kind == httpx.Network):
		out.Advice = "check the network to STS in the configured region, and proxy_url"
	case e.Kind == httpx.Forbidden && e.Permission != "":
		out.Advice = "allow " + e.Permission + ` on resource "*" in the policy of the key's user or role, or remove the collector from the configuration`
	case e.Kind == httpx.Auth:
		out.Advice = "check access_key and secret_key: the key may be mistyped, inactive, expired or of another partition (see region)"
	case e.Kind == httpx.Timeout:
		out.Advice = "raise refresh_timeout: a refresh needs one call per unit and per 20 accounts, at rate_limit calls per second; check the network"
	}
	return out
}
