package org

import "time"

// A Change is a difference between two successive good readings of a listing.
type Change struct {
	Time           time.Time // end of the refresh that found it
	What           What
	MemberID       string
	GroupID        string // of a changed member; the last one it had if it is gone
	From, To       string // statuses of a changed member; None if it was not listed
	OrganizationID string // that invites, for invitations
	Status         string // of an invitation, the last known; empty if the cloud has none
}

// What says what changed. It is the message of the log line.
type What string

// What can change.
const (
	MemberChanged              What = "member changed"
	InvitationAppeared         What = "invitation appeared"
	InvitationGone             What = "invitation gone"
	ReceivedInvitationAppeared What = "received invitation appeared"
	ReceivedInvitationGone     What = "received invitation gone"
	WithdrawalRequested        What = "withdrawal requested"
	WithdrawalGone             What = "withdrawal gone"
)
