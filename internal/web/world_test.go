package web_test

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/cloudorg-exporter/cloudorg_exporter/internal/org"
)

// noon is when every page of these tests is viewed: noon in Korea.
func noon() time.Time { return time.Date(2026, time.November, 26, 3, 0, 0, 0, time.UTC) }

func korea() *time.Location { return time.FixedZone("KST", 9*60*60) }

const day = 24 * time.Hour

// read is a listing that the latest refresh read.
func read[T any](ago time.Duration, items ...T) org.Listing[T] {
	l := org.Listing[T]{Items: items}
	l.At, l.LastSuccess, l.Took = noon().Add(-ago), noon().Add(-ago), 184*time.Millisecond
	l.Configured, l.Present, l.Expires = true, true, noon().Add(time.Hour-ago)
	return l
}

// failed is what a Cache makes of l when the refreshes of the given time failed.
func failed[T any](l org.Listing[T], since time.Duration, reason org.Reason, advice, text string) org.Listing[T] {
	l.Reading = org.Reading{Took: 2300 * time.Millisecond, Err: &org.Error{Reason: reason, Advice: advice, Err: errors.New(text)}}
	l.Configured, l.FailingSince, l.Failures = true, noon().Add(-since), 3
	if l.Expires.Before(noon()) {
		l.Items, l.Present = nil, false
	}
	return l
}

func refreshed(s org.Snapshot, ago, took, next time.Duration) org.Snapshot {
	s.Refreshed, s.Took, s.Next = noon().Add(-ago), took, noon().Add(next)
	return s
}

func members(counts ...any) []org.Member {
	var all []org.Member
	for i := 0; i < len(counts); i += 2 {
		for range counts[i+1].(int) {
			all = append(all, org.Member{ID: fmt.Sprint(1000000 + len(all)), Status: counts[i].(string)})
		}
	}
	return all
}

func invited(id int, left time.Duration) org.Invitation {
	return org.Invitation{MemberID: fmt.Sprint(id), OrganizationID: "410", Pending: true, Created: noon().Add(left - 30*day), Expires: noon().Add(left)}
}

func leaving(id int, ago time.Duration) org.Withdrawal {
	return org.Withdrawal{MemberID: fmt.Sprint(id), Requested: noon().Add(-ago)}
}

// good is an organization that is healthy and needs no decision.
func good(name string) org.Snapshot {
	return refreshed(org.Snapshot{
		Cloud: "ncp", Organization: name, Known: org.Known{Members: []string{"INVT", "JOIN", "LVREQ", "LEV"}},
		Listings: org.Listings{
			Info:        read(2*time.Minute, org.Info{ID: "4711", Name: name + " Inc.", MasterID: "2500001", Joined: noon().Add(-800 * day)}),
			Groups:      read(2*time.Minute, make([]org.Group, 7)...),
			Members:     read(2*time.Minute, members("JOIN", 38, "INVT", 1)...),
			Invitations: read(2*time.Minute, invited(2500123, 21*day)),
			Withdrawals: read[org.Withdrawal](2 * time.Minute),
		},
	}, 2*time.Minute+3*time.Second, 1240*time.Millisecond, 2*time.Minute+57*time.Second)
}

// refused is an organization whose key does not work any more.
func refused(name string) org.Snapshot {
	const (
		advice = "check access_key and secret_key: the key may be mistyped, disabled or of another environment"
		why    = ": NCP error 200 (HTTP 401): Authentication Failed"
		old    = 5 * time.Hour
		since  = old - 5*time.Minute
	)
	s := good(name)
	s.Info = failed(read[org.Info](old), since, org.Auth, advice, "get /open-api/v1/org"+why)
	s.Groups = failed(read[org.Group](old), since, org.Auth, advice, "get /open-api/v1/group/tree"+why)
	s.Members = failed(read[org.Member](old), since, org.Auth, advice, "get /open-api/v1/group/tree"+why)
	s.Invitations = failed(read[org.Invitation](old), since, org.Auth, advice, "get /open-api/v1/account/invite/invitation"+why)
	s.Withdrawals = failed(read[org.Withdrawal](old), since, org.Auth, advice, "get /open-api/v1/account/leave"+why)
	return s
}

// asleep is an organization that nothing has refreshed for the given time.
func asleep(name string, ago time.Duration) org.Snapshot {
	s := good(name)
	for _, h := range []*org.Health{&s.Info.Health, &s.Groups.Health, &s.Members.Health, &s.Invitations.Health, &s.Withdrawals.Health} {
		h.At, h.LastSuccess, h.Expires = noon().Add(-ago), noon().Add(-ago), noon().Add(time.Hour-ago)
		h.Present = h.Expires.After(noon())
	}
	return refreshed(s, ago, 900*time.Millisecond, 5*time.Minute-ago)
}

// deciding is an organization in which somebody has to decide, and one of whose
// listings is stale.
func deciding(name string) org.Snapshot {
	s := good(name)
	s.Members = failed(read(17*time.Minute, members("JOIN", 112, "INVT", 9, "LVREQ", 2)...), 12*time.Minute, org.Throttled,
		"raise cache_ttl or lower rate_limit; look for others who use the same key",
		"get /open-api/v1/account/group/{no}: NCP error COMMON_104 (HTTP 403): Too many requests")
	s.Invitations = read(2*time.Minute, invited(2511871, -26*time.Hour), invited(2511876, 41*time.Hour), invited(2511902, 5*day),
		invited(2511907, 12*day), invited(2511911, 12*day), invited(2511958, 19*day), invited(2511960, 19*day), invited(2511977, 28*day), invited(2511979, 28*day))
	s.Withdrawals = read(2*time.Minute, leaving(2503377, 9*time.Hour), leaving(2503310, 8*day))
	s.Withdrawals.DecodeWarnings = 2
	s.Changes = []org.Change{
		{Time: noon().Add(-50 * time.Hour), What: org.InvitationAppeared, MemberID: "2511979", OrganizationID: "410"},
		{Time: noon().Add(-9 * time.Hour), What: org.MemberChanged, MemberID: "2503377", GroupID: "4111", From: "JOIN", To: "LVREQ"},
		{Time: noon().Add(-9 * time.Hour), What: org.WithdrawalRequested, MemberID: "2503377"},
		{Time: noon().Add(-4 * time.Hour), What: org.MemberChanged, MemberID: "2509004", GroupID: "4112", From: "INVT", To: "JOIN"},
		{Time: noon().Add(-20 * time.Minute), What: org.MemberChanged, MemberID: "2501188", GroupID: "4111", From: "JOIN", To: org.None},
	}
	return s
}

// samsung is an organization of another cloud.
func samsung(name string) org.Snapshot {
	return refreshed(org.Snapshot{
		Cloud: "scp", Organization: name, Known: org.Known{Members: []string{"ACTIVE", "SUSPENDED", "PENDING_CLOSURE"}},
		Listings: org.Listings{
			Members:     read(time.Minute, members("ACTIVE", 64, "SUSPENDED", 3, "PENDING_CLOSURE", 1)...),
			Invitations: read(time.Minute, org.Invitation{MemberID: "a91f04be77d2", Status: "INVITING", Pending: true, Created: noon().Add(-9 * day)}),
			Received:    read(time.Minute, org.Invitation{OrganizationID: "o-5kd81mzq", Status: "INVITING", Pending: true, Expires: noon().Add(4 * day)}),
			Versions: failed(org.Listing[org.Version]{}, 3*day, org.Forbidden,
				"give the key's user the permission organization:ListVersions, or remove the collector from the configuration",
				"get /: SCP error Forbidden (HTTP 403): access denied"),
		},
	}, time.Minute, 640*time.Millisecond, 4*time.Minute)
}

func starting(name string) org.Snapshot {
	return org.Snapshot{Cloud: "ncp", Organization: name, Listings: org.Configure([]string{"organization", "groups", "members", "invitations", "withdrawals"})}
}

// world has one organization of each kind, in no order.
func world() []org.Snapshot {
	return []org.Snapshot{
		good("acme"), deciding("acme-games"), good("한국-클라우드"), samsung("samsung-hq"), refused("acme-labs"),
		asleep("archive", 62*time.Minute), asleep("old-branch", 13*time.Minute), starting("new-subsidiary"),
	}
}

// many has n organizations, most of them healthy.
func many(n int) []org.Snapshot {
	all := make([]org.Snapshot, n)
	for i := range all {
		name := fmt.Sprintf("team-%03d", i)
		switch {
		case i%43 == 7:
			all[i] = refused(name)
		case i%37 == 11:
			all[i] = asleep(name, 13*time.Minute)
		case i%29 == 5:
			all[i] = deciding(name)
		case i%17 == 3:
			all[i] = samsung(name)
		case i%13 == 1:
			all[i] = good(name)
			all[i].Invitations = read(2*time.Minute, invited(2600000+i, 30*time.Hour), invited(2700000+i, 12*day))
		default:
			all[i] = good(name)
		}
	}
	slices.Reverse(all)
	return all
}
