// Package org is the domain: what is known of one organization, as an
// immutable Snapshot, and the Cache that decides when to read it again.
//
// It knows no cloud, no HTTP and no metrics. A fact that a cloud does not
// report is zero here and has no series.
package org

import (
	"context"
	"time"
)

// A Snapshot is what is known of one organization at one moment. It is a
// value: it does not change once it is returned.
type Snapshot struct {
	Cloud        string // value of the label "cloud"
	Organization string // configured name
	Known        Known
	MaxItems     int // limit of per-item series, per collector

	Listings

	// Transitions count the changes of members' statuses between successive
	// good readings. Nil until the members have been read once.
	Transitions map[Transition]uint64
	Changes     []Change // the latest ones, oldest first

	Version   uint64        // differs between two snapshots of a Cache that differ in their data
	Refreshed time.Time     // when the latest refresh ended; zero if none has
	Took      time.Duration // how long it took
	Next      time.Time     // when the next refresh is due
}

// Listings are the listings of an organization, one per collector. A new one
// needs a field here and a line in all.
type Listings struct {
	Info        Listing[Info]
	Groups      Listing[Group]
	Members     Listing[Member]
	Invitations Listing[Invitation]
	Received    Listing[Invitation]
	Withdrawals Listing[Withdrawal]
	Policies    Listing[Policy]
	Versions    Listing[Version]
	Creations   Listing[Creation]
	Delegations Listing[Delegation]
	Services    Listing[ServiceAccess]

	// Subject is the identifier of the organization that was read, empty if the
	// account has none. Nil if the refresh did not find it out.
	Subject *string
}

// all returns every listing under the name of its collector, in the order in
// which they are shown.
func (l *Listings) all() []named {
	return []named{
		{"organization", &l.Info},
		{"groups", &l.Groups},
		{"members", &l.Members},
		{"invitations", &l.Invitations},
		{"received_invitations", &l.Received},
		{"withdrawals", &l.Withdrawals},
		{"policies", &l.Policies},
		{"api_version", &l.Versions},
		{"account_creations", &l.Creations},
		{"delegations", &l.Delegations},
		{"service_access", &l.Services},
	}
}

// A Source reads an organization. It also is an io.Closer if it holds
// something that has to be released.
type Source interface {
	// Read reads the configured listings. A listing that cannot be read
	// carries its error; there is no other failure. Read sets the items and
	// the Reading of a listing; the Cache sets its State.
	Read(ctx context.Context) Listings
}

// Known are the values that a cloud is known to report. A known status that no
// row has is exported as 0, and is not absent.
type Known struct {
	Members     []string // statuses of members
	Invitations []string // statuses of sent invitations; nil if the cloud has none
	Received    []string // statuses of received invitations
	Transitions []Transition
	FeatureSets []string // of an organization; nil if the cloud has none
	Creations   []string // statuses of account creations
}

// Info identifies an organization.
type Info struct {
	ID       string
	Name     string
	MasterID string    // account that owns it
	Joined   time.Time // when that account joined; zero if unknown
	// FeatureSet is what the organization can do; empty if the cloud has no such
	// thing, or did not say.
	FeatureSet string
}

// A Group is one of an organization's groups.
type Group struct {
	ID         string
	Name       string
	ParentID   string // empty for the root group
	PolicyID   string // empty without a policy
	PolicyName string
	// PolicyTypes are the types of policy that can be attached, of the root group.
	// Nil if the cloud has no types.
	PolicyTypes []PolicyType
}

// A PolicyType is a type of policy, and whether it is in force.
type PolicyType struct {
	Type    string
	Enabled bool
}

// A Member is one row of the members.
type Member struct {
	ID      string // empty if it could not be read
	GroupID string
	Status  string // the cloud's code; Unknown if the row has none
	Repeat  bool   // an earlier row has the same ID: the row counts in its group only
}

// An Invitation is a sent or a received invitation, or another handshake of the
// cloud: see Action.
type Invitation struct {
	ID             string // of the invitation itself; empty if the cloud has none
	MemberID       string // invited account; empty if it is invited by e-mail
	OrganizationID string // organization that invites
	Status         string // the cloud's code; empty if the cloud has none
	Pending        bool
	Created        time.Time // zero if unknown
	Expires        time.Time // zero if unknown
	ReportedDays   *int64    // the cloud's own number of days; nil if it reports none
	// Action is the kind of handshake. It is empty if the cloud has invitations
	// only. A handshake that is not Invite is never Pending.
	Action string
}

// Invite is the Action of an invitation.
const Invite = "INVITE"

// IsInvitation reports whether i is an invitation, and not another handshake.
func (i *Invitation) IsInvitation() bool { return i.Action == "" || i.Action == Invite }

// A Withdrawal is a pending request to leave.
type Withdrawal struct {
	MemberID  string
	Requested time.Time // zero if unknown
}

// A Policy is a policy and what it applies to.
type Policy struct {
	ID      string
	Name    string
	Applied *int64 // number of groups; nil if the cloud does not report it
	Type    string // empty if the cloud has one type only
	// Targets counts what the policy is attached to, by the cloud's name for its
	// kind. Nil if the cloud does not report it.
	Targets map[string]int64
}

// A Version is a version of the cloud's API.
type Version struct {
	ID         string // without a leading v
	Status     string
	SupportEnd time.Time // zero if none is announced
}

// A Creation is a request to create an account.
type Creation struct {
	ID        string
	Status    string // the cloud's code; Unknown if the row has none
	Reason    string // why it failed; empty if it did not
	Requested time.Time
	Completed time.Time // zero while it is running
}

// A Delegation is an account that administers a service for the organization.
type Delegation struct {
	MemberID string
	Service  string    // empty if the account is registered for none
	Enabled  time.Time // zero if unknown
}

// A ServiceAccess is a service that may act in all accounts.
type ServiceAccess struct {
	Service string
	Enabled time.Time // zero if unknown
}

// A Transition is a change of a member's status between two readings.
type Transition struct{ From, To string }

const (
	// Unknown is the status of a row that has none.
	Unknown = "unknown"
	// None is the status, in a Transition, of an account that is not listed.
	None = "none"
)
