package scpapi

import (
	"errors"
	"strings"
	"time"
)

// An Invitation is one that the organization has sent. No version of the API
// says when it expires. Source: ListOrganizationInvitations.
type Invitation struct {
	ID           string    `json:"id"`
	Organization string    `json:"organization_id"`
	Target       string    `json:"target_account_id"` // the invited account
	State        string    `json:"state"`             // INVITING, INVITED, REFUSED, CANCELED or EXPIRED
	Created      time.Time `json:"created_at"`
}

// A ReceivedInvitation is one that the key's account has received.
// Source: ListAccountInvitations.
type ReceivedInvitation struct {
	ID           string    `json:"id"`
	Organization string    `json:"organization_id"`   // the inviting organization
	Target       string    `json:"target_account_id"` // the key's account
	State        string    `json:"state"`             // as of an Invitation
	Requested    time.Time `json:"requested_time"`
	Expires      time.Time `json:"expired_time"`
}

// An Account belongs to the organization. Source: ListAccounts.
type Account struct {
	ID    string `json:"id"`
	State string `json:"state"` // ACTIVE, SUSPENDED or PENDING_CLOSURE
	Unit  string `json:"parent_unit_id"`
}

// An Organization is one that the key can see. Source: ListOrganizations.
type Organization struct {
	ID     string `json:"id"`
	Name   string `json:"name"` // any script
	Master string `json:"master_account_id"`
}

// A Version is a version of the API. Source: common/api-version.
type Version struct {
	ID         string `json:"id"`         // "v1.3"
	Status     string `json:"status"`     // PLANNED, CURRENT, SUPPORTED or DEPRECATED
	SupportEnd Date   `json:"not_before"` // zero if no end is announced
}

// A Date is midnight UTC of a day. The zero Date is absent.
type Date struct{ time.Time }

// UnmarshalText reads a date. "" is absent.
func (d *Date) UnmarshalText(text []byte) error {
	*d = Date{}
	day := strings.TrimSpace(string(text))
	if day == "" {
		return nil
	}
	t, ok := parse(day, time.DateOnly)
	if !ok {
		return errors.New("not a date")
	}
	d.Time = t
	return nil
}

// parseTime parses a time in one of the forms that were seen. A time without a
// zone is UTC, as in the vendor's own client.
func parseTime(text string) (time.Time, bool) {
	return parse(text, time.RFC3339, "2006-01-02T15:04:05", time.DateTime, "2006-01-02 15:04:05Z07:00")
}

// parse parses a time in one of the layouts.
func parse(text string, layouts ...string) (time.Time, bool) {
	for _, layout := range layouts {
		if t, err := time.Parse(layout, text); err == nil && t.Year() > 0 {
			return t.UTC(), true
		}
	}
	return time.Time{}, false
}
