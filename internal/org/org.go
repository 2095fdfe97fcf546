// Package org is the domain: what one refresh of an organization found, as an
// immutable Snapshot, and the Cache that decides when to make the next one.
//
// It knows no cloud, no HTTP and no metrics. What a cloud lacks is zero here
// and renders nothing.
package org

import (
	"context"
	"slices"
	"time"
)

// A Snapshot is what one refresh of one organization found. Nobody changes it
// once it has been returned.
type Snapshot struct {
	Cloud        string // "ncp" or "scp"
	Organization string // the configured name
	Known        Known
	MaxItems     int // most per-item series a collector may have

	Info        Section[Info]
	Groups      Section[Group]
	Members     Section[Member]
	Invitations Section[Invitation]
	Received    Section[Invitation]
	Withdrawals Section[Withdrawal]
	Policies    Section[Policy]
	Versions    Section[Version]

	// Transitions are running totals of members' changes of status. Nil until
	// the members have been read well once.
	Transitions map[Transition]uint64

	Refreshes uint64        // how many have ended
	Refreshed time.Time     // when the latest refresh ended; zero if none has
	Took      time.Duration // how long it took
	Next      time.Time     // when the next one is due
}

// Known is what a cloud is known to report, so that a status without members
// is 0 rather than absent.
type Known struct {
	Members     []string // statuses of members
	Invitations []string // statuses of sent invitations; nil where they have none
	Received    []string // statuses of received invitations
	Transitions []Transition
}

// A Section is one listing. The zero Section means nobody asked for it.
type Section[T any] struct {
	Health
	Items []T
}

// Health is what is known of a listing apart from its items.
type Health struct {
	Configured bool          // somebody asked for this listing
	Present    bool          // Items holds a listing that may still be believed
	At         time.Time     // when it was last read well; zero if it never was; outlives Items
	Until      time.Time     // when Items stop being believed
	Took       time.Duration // what the latest refresh spent on it
	Err        *Error        // why the latest refresh failed; nil if it did not, or none has ended
	Failing    time.Time     // since when it has failed without a break; zero if it does not
	Incomplete bool          // something vanished while it was read: no transitions are counted
	Failures   uint64        // refreshes in which it failed, running total
	Unreadable uint64        // fields that could not be read; of one reading from a Source, a running total in a Cache's Snapshot
}

// Success reports whether the latest refresh read the listing.
func (h *Health) Success() bool { return h.Err == nil && !h.At.IsZero() }

// Info names an organization.
type Info struct {
	ID       string
	Name     string
	MasterID string    // the account that owns it
	Joined   time.Time // when that account joined; zero if the cloud does not say
}

// A Group is one of an organization's groups.
type Group struct {
	ID         string
	Name       string
	ParentID   string // empty for the root group
	PolicyID   string // empty without a policy
	PolicyName string
}

// A Member is one row of a listing of members.
type Member struct {
	ID      string // empty if the cloud's could not be read
	GroupID string
	Status  string // the cloud's own code; Unknown if the row has none
	Repeat  bool   // an earlier row has this ID: it counts in its group only
}

// An Invitation is an invitation that was sent or received.
type Invitation struct {
	MemberID       string // the account that is invited
	OrganizationID string // the organization that invites it
	Status         string // empty where the cloud has none
	Pending        bool
	Created        time.Time // zero if unknown
	Expires        time.Time // zero if unknown
	ReportedDays   *int64    // the cloud's own count of days, whatever it means; nil if it has none
}

// A Withdrawal is a request to leave that nobody has decided.
type Withdrawal struct {
	MemberID  string
	Requested time.Time // zero if unknown
}

// A Policy is a policy and the number of groups it applies to.
type Policy struct {
	ID      string
	Name    string
	Applied *int64 // nil if the cloud does not say
}

// A Version is a version of the cloud's API.
type Version struct {
	ID         string // without a leading v
	Status     string
	SupportEnd time.Time // zero if it has none
}

// A Transition is a change of a member's status between two readings.
type Transition struct{ From, To string }

const (
	// Unknown is the status of a row that has none.
	Unknown = "unknown"
	// None is the status, in a Transition, of an account that is not listed.
	None = "none"
)

// A Source reads an organization. A listing that cannot be read carries its
// error in the snapshot; there is no other failure.
type Source interface {
	Snapshot(ctx context.Context) Snapshot
}

// A Listing is a collector's name and the health of its listing.
type Listing struct {
	Collector string
	*Health
}

// Listings returns the listings that somebody asked for, in a fixed order.
// They point into s.
func (s *Snapshot) Listings() []Listing {
	all := s.all()
	asked := make([]Listing, 0, len(all))
	for _, l := range all {
		if l.Configured {
			asked = append(asked, l)
		}
	}
	return asked
}

// An Edition tells the snapshots of one Cache apart: those of the same edition
// say the same.
type Edition struct {
	refreshes uint64
	present   [8]bool // for a listing can grow too old without any refresh
}

// Edition returns the edition of a Cache's snapshot.
func (s *Snapshot) Edition() Edition { return s.editionAt(time.Time{}) }

// editionAt returns the edition that s has when it is served at now.
func (s *Snapshot) editionAt(now time.Time) Edition {
	e := Edition{refreshes: s.Refreshes}
	for i, l := range s.all() {
		e.present[i] = l.Present && !now.After(l.Until)
	}
	return e
}

// Configure marks the listings of the named collectors as wanted.
func (s *Snapshot) Configure(collectors []string) {
	for _, l := range s.all() {
		l.Configured = slices.Contains(collectors, l.Collector)
	}
}

// Collectors returns the names of all collectors, in the order of Listings.
func Collectors() []string {
	var names []string
	for _, l := range new(Snapshot).all() {
		names = append(names, l.Collector)
	}
	return names
}

func (s *Snapshot) all() [8]Listing {
	return [...]Listing{
		{"organization", &s.Info.Health},
		{"groups", &s.Groups.Health},
		{"members", &s.Members.Health},
		{"invitations", &s.Invitations.Health},
		{"received_invitations", &s.Received.Health},
		{"withdrawals", &s.Withdrawals.Health},
		{"policies", &s.Policies.Health},
		{"api_version", &s.Versions.Health},
	}
}
