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

// An awsReading is one refresh. What several listings need is shared.
type awsReading struct {
	*awsSource
	*refresh
	organization call[awsapi.Organization]
	roots        call[[]awsapi.Root]
	tree         call[awsTree]
}

func (s *awsSource) newReading() *awsReading {
	r := &awsReading{
		awsSource:    s,
		refresh:      newRefresh(&s.keys.Common, explainAWS),
		organization: shared(s.client.Organization),
		roots:        shared(s.client.Roots),
	}
	r.tree = shared(r.readTree)
	return r
}

// subject returns the identifier of the organization, "" if the account is in
// none, or nil if that is not known.
func (r *awsReading) subject(ctx context.Context) *string {
	o, _, err := r.organization(ctx)
	if err == nil && o.ID != "" || errors.Is(err, awsapi.ErrNoOrganization) {
		return new(o.ID)
	}
	return nil
}

// received returns the invitations of other organizations. The management
// account's listing has those that its own organization has sent, too.
func (r *awsReading) received(ctx context.Context) ([]org.Invitation, int, error) {
	rows, unparsed, err := r.client.ReceivedHandshakes(ctx)
	if err != nil {
		return nil, 0, err
	}
	invitations := slices.DeleteFunc(mapped(rows, awsInvitation), func(i org.Invitation) bool { return !i.IsInvitation() })
	if len(invitations) == 0 {
		return nil, unparsed, nil
	}
	own, _, err := r.organization(ctx)
	if err != nil && !errors.Is(err, awsapi.ErrNoOrganization) {
		return nil, 0, fmt.Errorf("whose invitations these are: %w", err)
	}
	return slices.DeleteFunc(invitations, func(i org.Invitation) bool {
		return i.OrganizationID != "" && i.OrganizationID == own.ID
	}), unparsed, nil
}

// sent returns a handshake of the organization.
func (r *awsReading) sent(ctx context.Context, h awsapi.Handshake) org.Invitation {
	i := awsInvitation(h)
	i.MemberID = r.invited(ctx, h)
	return i
}

// awsInvitation returns a handshake without the invited account.
func awsInvitation(h awsapi.Handshake) org.Invitation {
	i := org.Invitation{
		ID: h.ID, Action: cmp.Or(h.Action, org.Unknown), Status: cmp.Or(h.State, org.Unknown), Created: h.Requested, Expires: h.Expires,
	}
	// Which of the two a new invitation has is documented in both ways.
	i.Pending = i.Action == org.Invite && (h.State == "REQUESTED" || h.State == "OPEN")
	for _, p := range h.Parties {
		if p.Type == "ORGANIZATION" {
			i.OrganizationID = p.ID
		}
	}
	return i
}

// invited returns the account that an invitation invites, or "" if it has none
// yet or none that is certain. The management account of the inviter may be a
// party, too.
func (r *awsReading) invited(ctx context.Context, h awsapi.Handshake) string {
	var accounts []string
	certain := true
	for _, p := range h.Parties {
		switch p.Type {
		case "ACCOUNT":
			accounts = append(accounts, p.ID)
		case "EMAIL":
			certain = false
		}
	}
	if len(accounts) > 1 || len(accounts) == 1 && !certain {
		own, _, err := r.organization(ctx)
		if err != nil || own.Master() == "" {
			return ""
		}
		accounts = slices.DeleteFunc(accounts, func(id string) bool { return id == own.Master() })
	}
	if len(accounts) != 1 {
		return ""
	}
	return accounts[0]
}

// policies returns the policies of every type that is on, without AWS's own,
// which are attached to everything.
func (r *awsReading) policies(ctx context.Context) ([]org.Policy, int, error) {
	roots, unparsed, err := r.roots(ctx)
	if err != nil {
		return nil, 0, err
	}
	var kinds []string
	for _, root := range roots {
		for _, t := range root.Types {
			if t.Type != "" && !slices.Contains(kinds, t.Type) {
				kinds = append(kinds, t.Type)
			}
		}
	}
	if len(kinds) > maxStatuses {
		return nil, 0, implausible(maxStatuses, "policy types")
	}
	var rows []awsapi.Policy
	for _, kind := range kinds {
		list, bad, err := r.client.Policies(ctx, kind)
		if err != nil {
			return nil, 0, fmt.Errorf("%s: %w", kind, err)
		}
		unparsed += bad
		rows = append(rows, slices.DeleteFunc(list, func(p awsapi.Policy) bool { return p.AWSManaged || p.ID == "" })...)
	}
	if len(rows) > maxSeries {
		return nil, 0, implausible(maxSeries, "policies") // before a call for each
	}
	policies, bad, err := forEach(ctx, r.refresh, rows, func(ctx context.Context, p awsapi.Policy) (org.Policy, int, error) {
		targets, bad, err := r.client.Targets(ctx, p.ID)
		switch {
		case errors.Is(err, awsapi.ErrNotFound):
			level.Warn(r.logger).Log("msg", "policy vanished between two calls", "policy_id", p.ID, "serving", "the other policies")
			err = errVanished
		case err != nil:
			err = fmt.Errorf("policy %s: %w", p.ID, err)
		}
		return awsPolicy(p, targets), bad, err
	})
	return policies, unparsed + bad, err
}

func awsPolicy(p awsapi.Policy, targets []awsapi.Target) org.Policy {
	counts := map[string]int64{"ROOT": 0, "ORGANIZATIONAL_UNIT": 0, "ACCOUNT": 0}
	for _, t := range targets {
		counts[cmp.Or(t.Type, org.Unknown)]++
	}
	return org.Policy{ID: p.ID, Name: p.Name, Type: p.Type, Applied: new(counts["ROOT"] + counts["ORGANIZATIONAL_UNIT"]), Targets: counts}
}

// delegations returns the services that accounts administer. An account that
// administers none is one without a service.
func (r *awsReading) delegations(ctx context.Context) ([]org.Delegation, int, error) {
	accounts, unparsed, err := r.client.Administrators(ctx)
	if err != nil {
		return nil, 0, err
	}
	lists, bad, err := forEach(ctx, r.refresh, accounts, func(ctx context.Context, account awsapi.Administrator) ([]org.Delegation, int, error) {
		none := []org.Delegation{{MemberID: account.ID, Enabled: account.Enabled}}
		if account.ID == "" {
			return none, 0, nil
		}
		services, bad, err := r.client.DelegatedServices(ctx, account.ID)
		if err != nil {
			return nil, 0, fmt.Errorf("account %s: %w", account.ID, err)
		}
		if len(services) == 0 {
			return none, bad, nil
		}
		return mapped(services, func(s awsapi.Service) org.Delegation {
			return org.Delegation{MemberID: account.ID, Service: s.Principal, Enabled: s.Enabled()}
		}), bad, nil
	})
	return slices.Concat(lists...), unparsed + bad, err
}
