package web_test

import (
	"errors"
	"fmt"
	"time"

	"github.com/cloudorg-exporter/cloudorg_exporter/internal/org"
)

// noon is when every page here is looked at.
func noon() time.Time { return time.Date(2026, time.November, 2, 12, 0, 0, 0, time.UTC) }

const (
	day = 24 * time.Hour

	forbidden = "the key is right and may not read this: give its account the permission, or take the collector out of the configuration"
	mistyped  = "check access_key and secret_key: the key may be mistyped, disabled or of another environment"
	throttled = "raise cache_ttl or lower rate_limit; look for others who use the same key"
)

// read is a listing that the latest refresh read.
func read[T any](ago time.Duration, items ...T) org.Section[T] {
	return org.Section[T]{Items: items, Health: org.Health{
		Configured: true, Present: true, At: noon().Add(-ago), Until: noon().Add(time.Hour - ago), Took: 184 * time.Millisecond,
	}}
}

// fails is a listing whose last refreshes failed, with what is left of it.
func fails[T any](s org.Section[T], since time.Duration, reason, advice, text string) org.Section[T] {
	s.Configured, s.Failing, s.Took = true, noon().Add(-since), 2300*time.Millisecond
	s.Err = &org.Error{Reason: reason, Advice: advice, Err: errors.New(text)}
	if s.Until.Before(noon()) {
		s.Items, s.Present = nil, false
	}
	return s
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

func knownNCP() org.Known { return org.Known{Members: []string{"INVT", "JOIN", "LVREQ", "LEV"}} }

func knownSCP() org.Known {
	return org.Known{Members: []string{"ACTIVE", "SUSPENDED", "PENDING_CLOSURE"}}
}

// good is an organization about which there is nothing to say.
func good(name string) org.Snapshot {
	return refreshed(org.Snapshot{
		Cloud: "ncp", Organization: name, Known: knownNCP(),
		Info:        read(2*time.Minute, org.Info{ID: "4711", Name: name + " Inc.", MasterID: "2500001"}),
		Groups:      read(2*time.Minute, make([]org.Group, 7)...),
		Members:     read(2*time.Minute, members("JOIN", 38, "INVT", 1)...),
		Invitations: read(2*time.Minute, invited(2500123, 21*day)),
		Withdrawals: read[org.Withdrawal](2 * time.Minute),
	}, 2*time.Minute+3*time.Second, 1240*time.Millisecond, 2*time.Minute+57*time.Second)
}

// representative is one organization of every kind, in no order.
func representative() []org.Snapshot {
	partly := good("acme-games")
	partly.Members = fails(read(17*time.Minute, members("JOIN", 112, "INVT", 9, "LVREQ", 2)...), 12*time.Minute, "throttled", throttled,
		"get /open-api/v1/group/{no}/account: ncp: COMMON_104: too many requests (status 403)")
	partly.Invitations = read(2*time.Minute, invited(2511871, -26*time.Hour), invited(2511876, 41*time.Hour), invited(2511902, 5*day),
		invited(2511907, 12*day), invited(2511911, 12*day), invited(2511958, 19*day), invited(2511960, 19*day), invited(2511977, 28*day), invited(2511979, 28*day))
	partly.Withdrawals = read(2*time.Minute, leaving(2503310, 50*time.Hour), leaving(2503377, 9*time.Hour))
	partly.Withdrawals.Unreadable = 2

	refused := good("acme-labs")
	const why = ": ncp: 200: authentication failed (status 401, request 6e0b9a1c)"
	old := 5 * time.Hour
	refused.Members = fails(read[org.Member](old), old-5*time.Minute, "auth", mistyped, "get /open-api/v1/group/tree"+why)
	refused.Invitations = fails(read[org.Invitation](old), old-5*time.Minute, "auth", mistyped, "get /open-api/v1/invitation"+why)
	refused.Info, refused.Groups, refused.Withdrawals = org.Section[org.Info]{}, org.Section[org.Group]{}, org.Section[org.Withdrawal]{}

	scp := refreshed(org.Snapshot{
		Cloud: "scp", Organization: "samsung-hq", Known: knownSCP(),
		Members:     read(time.Minute, members("ACTIVE", 64, "SUSPENDED", 3, "PENDING_CLOSURE", 1)...),
		Invitations: read(time.Minute, org.Invitation{MemberID: "a91f04be77d2", Status: "INVITING", Pending: true, Created: noon().Add(-9 * day)}),
		Received:    read(time.Minute, org.Invitation{OrganizationID: "o-5kd81mzq", Status: "INVITING", Pending: true, Expires: noon().Add(3 * day)}),
		Versions: fails(org.Section[org.Version]{}, 3*day, "forbidden", forbidden,
			"get /v1/versions: scp: Forbidden: no policy allows organization:ListVersions (status 403)"),
	}, time.Minute, 640*time.Millisecond, 4*time.Minute)

	asleep := good("archive")
	for _, l := range asleep.Listings() {
		l.At, l.Until, l.Present = noon().Add(-62*time.Minute), noon().Add(-2*time.Minute), false
	}
	asleep.Info.Items, asleep.Members.Items, asleep.Invitations.Items = nil, nil, nil
	asleep = refreshed(asleep, 62*time.Minute, 900*time.Millisecond, -57*time.Minute)

	first := org.Snapshot{Cloud: "ncp", Organization: "new-subsidiary", Known: knownNCP()}
	first.Configure([]string{"organization", "groups", "members", "invitations", "withdrawals"})
	return []org.Snapshot{good("acme"), partly, good("한국-클라우드"), scp, refused, asleep, first}
}
