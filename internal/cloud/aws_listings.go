package cloud

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/go-kit/log/level"
	"golang.org/x/sync/errgroup"

	"github.com/cloudorg-exporter/cloudorg_exporter/awsapi"
	"github.com/cloudorg-exporter/cloudorg_exporter/internal/org"
)

// An awsReading is one refresh. What several listings need is a function that
// makes its calls once.
type awsReading struct {
	*awsSource
	organization func() result[awsapi.Organization]
	roots        func() result[[]awsapi.Root]
	tree         func() awsTree
}

// A result is what a call returned.
type result[T any] struct {
	value    T
	unparsed int
	err      error
}

func (s *awsSource) newReading(ctx context.Context) *awsReading {
	r := &awsReading{awsSource: s}
	r.organization = once(result[awsapi.Organization]{err: errUnread}, func() (o result[awsapi.Organization]) {
		o.value, o.unparsed, o.err = s.client.Organization(ctx)
		return o
	})
	r.roots = once(result[[]awsapi.Root]{err: errUnread}, func() (o result[[]awsapi.Root]) {
		o.value, o.unparsed, o.err = s.client.Roots(ctx)
		return o
	})
	r.tree = once(awsTree{err: errUnread}, func() awsTree { return r.readTree(ctx) })
	return r
}

// errUnread is the error of a shared call that panicked.
var errUnread = errors.New("not read")

// once returns a function that calls get the first time, and returns what get
// returned, or unread if it panicked. Unlike sync.OnceValue it waits on a
// channel, so that time passes in a bubble of synctest.
func once[T any](unread T, get func() T) func() T {
	first, done := make(chan struct{}, 1), make(chan struct{})
	value := unread
	return func() T {
		select {
		case first <- struct{}{}:
			defer close(done)
			value = get()
			return value
		default:
			<-done
			return value
		}
	}
}

// each calls f for every index at once, within the organization's concurrency.
func (r *awsReading) each(ctx context.Context, n int, f func(ctx context.Context, i int) error) error {
	work, ctx := errgroup.WithContext(ctx)
	work.SetLimit(int(r.keys.Concurrency))
	for i := range n {
		work.Go(func() error { return f(ctx, i) })
	}
	return work.Wait()
}

func (r *awsReading) info() ([]org.Info, int, error) {
	o := r.organization()
	if o.err != nil {
		return nil, 0, o.err
	}
	return []org.Info{{ID: o.value.ID, MasterID: o.value.Master(), FeatureSet: o.value.FeatureSet}}, o.unparsed, nil
}

// subject returns the identifier of the organization, "" if the account is in
// none, or nil if that is not known.
func (r *awsReading) subject() *string {
	o := r.organization()
	if errors.Is(o.err, awsapi.ErrNoOrganization) {
		return new(string)
	}
	if o.err != nil || o.value.ID == "" {
		return nil
	}
	return &o.value.ID
}

// invitations returns all handshakes of the organization.
func (r *awsReading) invitations(ctx context.Context) ([]org.Invitation, int, error) {
	rows, unparsed, err := r.client.Handshakes(ctx)
	return mapped(rows, unparsed, err, func(h awsapi.Handshake) org.Invitation {
		i := awsInvitation(h)
		i.MemberID = r.invited(h)
		return i
	})
}

// received returns the invitations of other organizations. The management
// account's listing has those that its own organization has sent, too.
func (r *awsReading) received(ctx context.Context) ([]org.Invitation, int, error) {
	rows, unparsed, err := r.client.ReceivedHandshakes(ctx)
	if err != nil {
		return nil, 0, err
	}
	var out []org.Invitation
	for _, h := range rows {
		i := awsInvitation(h)
		if !i.IsInvitation() {
			continue
		}
		own := r.organization()
		if own.err != nil && !errors.Is(own.err, awsapi.ErrNoOrganization) {
			return nil, 0, fmt.Errorf("whose invitations these are: %w", own.err)
		}
		if i.OrganizationID != "" && i.OrganizationID == own.value.ID {
			continue
		}
		out = append(out, i)
	}
	return out, unparsed, nil
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
func (r *awsReading) invited(h awsapi.Handshake) string {
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
	if len(accounts) == 0 || len(accounts) == 1 && certain {
		return cmp.Or(append(accounts, "")...)
	}
	own := r.organization()
	if own.err != nil || own.value.Master() == "" {
		return ""
	}
	accounts = slices.DeleteFunc(accounts, func(id string) bool { return id == own.value.Master() })
	if len(accounts) != 1 {
		return ""
	}
	return accounts[0]
}

// policies returns the policies of every type that is on, without AWS's own,
// which are attached to everything.
func (r *awsReading) policies(ctx context.Context) ([]org.Policy, int, error) {
	roots := r.roots()
	if roots.err != nil {
		return nil, 0, roots.err
	}
	var kinds []string
	for _, root := range roots.value {
		for _, t := range root.Types {
			if t.Type != "" && !slices.Contains(kinds, t.Type) {
				kinds = append(kinds, t.Type)
			}
		}
	}
	if len(kinds) > maxStatuses {
		return nil, 0, implausible(maxStatuses, "policy types")
	}
	unparsed := roots.unparsed
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
	policies := make([]*org.Policy, len(rows))
	bad := make([]int, len(rows))
	err := r.each(ctx, len(rows), func(ctx context.Context, i int) error {
		targets, n, err := r.client.Targets(ctx, rows[i].ID)
		if errors.Is(err, awsapi.ErrNotFound) {
			level.Warn(r.logger).Log("msg", "policy vanished between two calls", "policy_id", rows[i].ID, "serving", "the other policies")
			return nil
		}
		if err != nil {
			return fmt.Errorf("policy %s: %w", rows[i].ID, err)
		}
		policies[i], bad[i] = awsPolicy(rows[i], targets), n
		return nil
	})
	if err != nil {
		return nil, 0, err
	}
	var out []org.Policy
	for i, p := range policies {
		unparsed += bad[i]
		if p != nil {
			out = append(out, *p)
		}
	}
	return out, unparsed, nil
}

func awsPolicy(p awsapi.Policy, targets []awsapi.Target) *org.Policy {
	counts := map[string]int64{"ROOT": 0, "ORGANIZATIONAL_UNIT": 0, "ACCOUNT": 0}
	for _, t := range targets {
		counts[cmp.Or(t.Type, org.Unknown)]++
	}
	groups := counts["ROOT"] + counts["ORGANIZATIONAL_UNIT"]
	return &org.Policy{ID: p.ID, Name: p.Name, Type: p.Type, Applied: &groups, Targets: counts}
}

// delegations returns the services that accounts administer. An account that
// administers none is one without a service.
func (r *awsReading) delegations(ctx context.Context) ([]org.Delegation, int, error) {
	accounts, unparsed, err := r.client.Administrators(ctx)
	if err != nil {
		return nil, 0, err
	}
	services := make([][]awsapi.Service, len(accounts))
	bad := make([]int, len(accounts))
	err = r.each(ctx, len(accounts), func(ctx context.Context, i int) (err error) {
		if accounts[i].ID == "" {
			return nil
		}
		services[i], bad[i], err = r.client.DelegatedServices(ctx, accounts[i].ID)
		if err != nil {
			return fmt.Errorf("account %s: %w", accounts[i].ID, err)
		}
		return nil
	})
	if err != nil {
		return nil, 0, err
	}
	var out []org.Delegation
	for i, account := range accounts {
		unparsed += bad[i]
		if len(services[i]) == 0 {
			out = append(out, org.Delegation{MemberID: account.ID, Enabled: account.Enabled})
		}
		for _, s := range services[i] {
			out = append(out, org.Delegation{MemberID: account.ID, Service: s.Principal, Enabled: s.Enabled()})
		}
	}
	return out, unparsed, nil
}
