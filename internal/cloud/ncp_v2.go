package cloud

import (
	"cmp"
	"context"
	"errors"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/go-kit/log"
	"github.com/go-kit/log/level"

	"github.com/cloudorg-exporter/cloudorg_exporter/internal/config"
	"github.com/cloudorg-exporter/cloudorg_exporter/internal/httpx"
	"github.com/cloudorg-exporter/cloudorg_exporter/internal/org"
	"github.com/cloudorg-exporter/cloudorg_exporter/ncpapi"
)

// ncpKnownV2 returns what version 2 is known to report. An account that is
// invited is no member.
func ncpKnownV2() org.Known {
	const joined, leaving = "JOINED", "LEAVE_REQUESTED"
	return org.Known{
		Members: []string{joined, leaving},
		Transitions: []org.Transition{
			{From: org.None, To: joined},
			{From: joined, To: leaving},
			{From: leaving, To: joined},
			{From: leaving, To: org.None},
			{From: joined, To: org.None},
		},
	}
}

// pagesWithin returns how many pages can be read in the time that a refresh
// has, with a margin: a list without an end fails as such, and not by timeout.
func pagesWithin(rate float64, timeout time.Duration) int {
	const most, margin = 10_000, 0.95
	return int(max(1, min(most, margin*rate*timeout.Seconds())))
}

// ncpV2 reads an organization of NAVER Cloud Platform by version 2 of the API.
type ncpV2 struct {
	*config.Credential
	client  *ncpapi.ClientV2
	keys    *ncpKeys
	logger  log.Logger
	several atomic.Bool // it has been said that there are several organizations
}

// Close closes idle connections.
func (n *ncpV2) Close() error {
	n.client.CloseIdleConnections()
	return nil
}

// Read first asks which organization the account is in, and then makes all
// other calls at once. Received invitations are those of the account.
func (n *ncpV2) Read(ctx context.Context) org.Listings {
	l := org.Configure(n.keys.Collectors)
	var wg sync.WaitGroup
	o := &ncpOrganization{found: make(chan struct{})}
	wg.Go(func() {
		defer close(o.found)
		if l.Info.Configured || l.Groups.Configured || l.Members.Configured ||
			l.Invitations.Configured || l.Withdrawals.Configured || l.Policies.Configured {
			n.find(ctx, o)
		}
	})
	wg.Go(func() {
		read(&l.Info, explainNCP, func() ([]org.Info, int, error) {
			<-o.found
			return o.info, o.unparsed, o.err
		})
	})
	wg.Go(func() {
		readOf(ctx, &l.Groups, o, ncpGroup, func(ctx context.Context, number int64) (ncpapi.List[ncpapi.AccountGroup], int, error) {
			groups, unparsed, err := n.client.AccountGroups(ctx, number)
			return groups, unparsed + policiesUnread(groups.Rows), err
		})
	})
	wg.Go(func() { readOf(ctx, &l.Members, o, ncpMember, n.client.Accounts) })
	wg.Go(func() { readOf(ctx, &l.Invitations, o, n.invitation, n.client.Invitations) })
	wg.Go(func() { readOf(ctx, &l.Withdrawals, o, ncpLeaveRequest, n.client.LeaveRequests) })
	wg.Go(func() { readOf(ctx, &l.Policies, o, ncpQuotaPolicy, n.client.QuotaPolicies) })
	wg.Go(func() {
		read(&l.Received, explainNCP, func() ([]org.Invitation, int, error) {
			list, unparsed, err := n.client.ReceivedInvitations(ctx)
			return whole(&l.Received, list, unparsed, err, n.received)
		})
	})
	wg.Wait()
	l.Subject = o.subject
	countApplied(&l)
	checkSizes(&l)
	return l
}

// An ncpOrganization is the organization that the account is in. It must not be
// read before found is closed.
type ncpOrganization struct {
	found    chan struct{}
	number   int64   // 0: none
	subject  *string // nil: unknown
	info     []org.Info
	unparsed int
	err      error
	member   bool // the account is not the master
}

// find fills in o.
func (n *ncpV2) find(ctx context.Context, o *ncpOrganization) {
	rows, unparsed, err := n.client.Organizations(ctx)
	o.unparsed, o.err = unparsed, err
	switch {
	case err != nil:
		return
	case len(rows) == 0:
		o.subject = new(string)
		return
	case len(rows) > 1 && !n.several.Swap(true):
		level.Warn(n.logger).Log("msg", "account has more than one organization", "organizations", len(rows),
			"serving", "the first", "organization_id", ncpID(rows[0].Number))
	}
	row := rows[0]
	if !row.Number.Valid || row.Number.Value <= 0 {
		o.err = &org.Error{
			Reason: org.Decode,
			Advice: "if base_url is right, the API has changed: please report this message",
			Err:    errors.New("get /open-api/v2/organizations: an organization without a number that can be read"),
		}
		return
	}
	id := ncpID(row.Number)
	o.number, o.subject = row.Number.Value, &id
	o.info = []org.Info{{ID: id, MasterID: ncpID(row.MasterNo)}}
	o.member = row.Caller.Valid && row.MasterNo.Valid && row.Caller != row.MasterNo
}

// explain adds to explainNCP what the organization proves.
func (o *ncpOrganization) explain(err error) *org.Error {
	e := explainNCP(err)
	if o.err != nil {
		return e
	}
	var answer *httpx.Error
	switch {
	case errors.Is(err, ncpapi.ErrForbidden) && o.member:
		e.Reason, e.Advice = org.NotMaster, "use a key of the account that owns the organization"
	case errors.As(err, &answer) && answer.Status == http.StatusNotFound && strings.HasSuffix(answer.Code, "NotFound"):
		e.Advice = "nothing if it passes: the account may have left the organization during the refresh; else check base_url"
	}
	return e
}

// readOf fills a listing of the organization, which is empty without one.
func readOf[A, B any](ctx context.Context, l *org.Listing[B], o *ncpOrganization, f func(A) B,
	get func(context.Context, int64) (ncpapi.List[A], int, error),
) {
	read(l, o.explain, func() ([]B, int, error) {
		<-o.found
		if o.err != nil || o.number == 0 {
			return nil, 0, o.err
		}
		list, unparsed, err := get(ctx, o.number)
		return whole(l, list, unparsed, err, f)
	})
}

// whole returns the rows of a list in the domain's terms, and marks the listing
// if they are not all.
func whole[A, B any](l *org.Listing[B], list ncpapi.List[A], unparsed int, err error, f func(A) B) ([]B, int, error) {
	if err == nil && !list.Complete {
		l.Incomplete, l.Total = true, list.Total
	}
	return mapped(list.Rows, unparsed, err, f)
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

// policiesUnread counts the policies of the groups as one field that could not
// be parsed if no group has it, under any name that is expected.
func policiesUnread(groups []ncpapi.AccountGroup) int {
	for _, g := range groups {
		if g.HasPolicy {
			return 0
		}
	}
	return min(1, len(groups))
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
			applied := groups[p.ID]
			p.Applied = &applied
		}
	}
}
