package cloud

import (
	"cmp"
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"

	"github.com/go-kit/log"
	"github.com/go-kit/log/level"

	"github.com/cloudorg-exporter/cloudorg_exporter/internal/config"
	"github.com/cloudorg-exporter/cloudorg_exporter/internal/httpx"
	"github.com/cloudorg-exporter/cloudorg_exporter/internal/org"
	"github.com/cloudorg-exporter/cloudorg_exporter/ncpapi"
)

// ncpV2 reads an organization of NAVER Cloud Platform by version 2 of the API.
type ncpV2 struct {
	*config.Credential
	client  *ncpapi.ClientV2
	keys    *ncpKeys
	logger  log.Logger
	several atomic.Bool // it has been said that there are several organizations
}

// Known returns what version 2 is known to report. An account that is invited is
// no member.
func (n *ncpV2) Known() org.Known {
	const joined, leaving = "JOINED", "LEAVE_REQUESTED"
	return org.Known{
		Members: []string{joined, leaving},
		Transitions: slices.Concat(
			from(org.None, joined),
			from(joined, leaving, org.None),
			from(leaving, joined, org.None),
		),
	}
}

// Read first asks which organization the account is in, and then makes all
// other calls at once. Received invitations are those of the account.
func (n *ncpV2) Read(ctx context.Context) org.Listings {
	r := newRefresh(&n.keys.Common, explainNCP)
	organization := shared(func(ctx context.Context) (ncpapi.OrganizationV2, int, error) {
		o, unparsed, err := n.organization(ctx)
		if err == nil {
			r.Subject = new(ncpID(o.Number))
		}
		return o, unparsed, err
	})
	read(ctx, r, &r.Info, organization, ncpInfoV2)
	readList(ctx, r, &r.Groups, in(organization, n.groups), ncpGroup)
	readList(ctx, r, &r.Members, in(organization, n.client.Accounts), ncpMember)
	readList(ctx, r, &r.Invitations, in(organization, n.client.Invitations), n.invitation)
	readList(ctx, r, &r.Withdrawals, in(organization, n.client.LeaveRequests), ncpLeaveRequest)
	readList(ctx, r, &r.Policies, in(organization, n.client.QuotaPolicies), ncpQuotaPolicy)
	readList(ctx, r, &r.Received, n.client.ReceivedInvitations, n.received)
	l := r.wait()
	countApplied(&l)
	return l
}

// organization returns the organization that the account is in, or one without
// a number if it is in none.
func (n *ncpV2) organization(ctx context.Context) (o ncpapi.OrganizationV2, unparsed int, err error) {
	rows, unparsed, err := n.client.Organizations(ctx)
	if err != nil || len(rows) == 0 {
		return o, unparsed, err
	}
	if len(rows) > 1 && !n.several.Swap(true) {
		level.Warn(n.logger).Log("msg", "account has more than one organization", "organizations", len(rows),
			"serving", "the first", "organization_id", ncpID(rows[0].Number))
	}
	if number := rows[0].Number; !number.Valid || number.Value <= 0 {
		return o, 0, &org.Error{
			Reason: org.Decode,
			Advice: reportAdvice,
			Err:    errors.New("get /open-api/v2/organizations: an organization without a number that can be read"),
		}
	}
	return rows[0], unparsed, nil
}

func ncpInfoV2(o ncpapi.OrganizationV2) []org.Info {
	if !o.Number.Valid {
		return nil // the account has no organization
	}
	return []org.Info{{ID: ncpID(o.Number), MasterID: ncpID(o.MasterNo)}}
}

// in returns a call for a list of the organization, which is empty without one.
func in[A any](organization call[ncpapi.OrganizationV2], get func(context.Context, int64) (ncpapi.List[A], int, error)) call[ncpapi.List[A]] {
	return func(ctx context.Context) (ncpapi.List[A], int, error) {
		o, _, err := organization(ctx)
		if err != nil || !o.Number.Valid {
			return ncpapi.List[A]{Complete: true}, 0, err
		}
		list, unparsed, err := get(ctx, o.Number.Value)
		if err != nil {
			err = explainIn(o, err)
		}
		return list, unparsed, err
	}
}

// explainIn adds to explainNCP what the organization proves.
func explainIn(o ncpapi.OrganizationV2, err error) *org.Error {
	e := explainNCP(err)
	var answer *httpx.Error
	switch {
	case errors.Is(err, ncpapi.ErrForbidden) && o.Caller.Valid && o.MasterNo.Valid && o.Caller != o.MasterNo:
		e.Reason, e.Advice = org.NotMaster, ownerAdvice
	case errors.As(err, &answer) && answer.Status == http.StatusNotFound && strings.HasSuffix(answer.Code, "NotFound"):
		e.Advice = "nothing if it passes: the account may have left the organization during the refresh; else check base_url"
	}
	return e
}

// readList starts to read a listing, which is incomplete if the list is.
func readList[A, T any](ctx context.Context, r *refresh, l *org.Listing[T], get call[ncpapi.List[A]], item func(A) T) {
	read(ctx, r, l, get, func(list ncpapi.List[A]) []T {
		if !list.Complete {
			l.Incomplete, l.Total = true, list.Total
		}
		return mapped(list.Rows, item)
	})
}

// groups counts the policies of the groups as one field that could not be parsed
// if no group has it, under any name that is expected.
func (n *ncpV2) groups(ctx context.Context, organization int64) (ncpapi.List[ncpapi.AccountGroup], int, error) {
	list, unparsed, err := n.client.AccountGroups(ctx, organization)
	if len(list.Rows) > 0 && !slices.ContainsFunc(list.Rows, func(g ncpapi.AccountGroup) bool { return g.HasPolicy }) {
		unparsed++
	}
	return list, unparsed, err
}

// ncpGroup leaves out the name of the top group: it is the master account's
// user name, which may be a person's.
func ncpGroup(g ncpapi.AccountGroup) org.Group {
	out := org.Group{ID: ncpID(g.Number), ParentID: ncpID(g.Upper), PolicyID: ncpID(g.PolicyNo), PolicyName: g.PolicyName}
	if g.Upper.Valid {
		out.Name = g.Name
	}
	return out
}

func ncpMember(a ncpapi.AccountV2) org.Member {
	return org.Member{ID: ncpID(a.Member), GroupID: ncpID(a.Group), Status: cmp.Or(a.Status, org.Unknown)}
}

func (n *ncpV2) invitation(i ncpapi.InvitationV2) org.Invitation {
	return org.Invitation{
		MemberID:       ncpID(i.Member),
		OrganizationID: ncpID(i.Organization),
		Status:         i.Status(),
		Pending:        true,
		Created:        i.Created,
		Expires:        expiry(i.Created, n.keys.InvitationLifetime.Duration),
	}
}

func (n *ncpV2) received(i ncpapi.InvitationV2) org.Invitation {
	out := n.invitation(i)
	out.Status = cmp.Or(out.Status, org.Unknown)
	return out
}

func ncpLeaveRequest(l ncpapi.LeaveRequest) org.Withdrawal {
	return org.Withdrawal{MemberID: ncpID(l.Member), Requested: l.Requested}
}

func ncpQuotaPolicy(p ncpapi.QuotaPolicy) org.Policy {
	return ncpPolicy(ncpapi.Policy(p))
}

// countApplied counts the groups of each policy for which the API reports no
// number, if the groups have been read and say which policy they have.
func countApplied(l *org.Listings) {
	if l.Policies.At.IsZero() || l.Policies.Incomplete || l.Groups.At.IsZero() || l.Groups.Incomplete {
		return
	}
	groups := map[string]int64{}
	for _, g := range l.Groups.Items {
		if g.PolicyID != "" {
			groups[g.PolicyID]++
		}
	}
	if len(groups) == 0 {
		return
	}
	for i := range l.Policies.Items {
		if p := &l.Policies.Items[i]; p.Applied == nil && p.ID != "" {
			p.Applied = new(groups[p.ID])
		}
	}
}
