package scpapi

import (
	"strings"
	"time"

	"github.com/cloudorg-exporter/cloudorg_exporter/internal/httpx"
)

// A row is a pointer to a T that can read one of its fields. Its key identifies
// it among the rows of a listing; it is empty if the row has none.
type row[T any] interface {
	*T
	read(name string, r *httpx.Reader)
	key() string
}

// An Invitation is one that the organization has sent. No version of the API
// says when it expires. Source: ListOrganizationInvitations.
type Invitation struct {
	ID           string
	Organization string    // organization_id
	Target       string    // target_account_id: the invited account
	State        string    // INVITING, INVITED, REFUSED, CANCELED or EXPIRED
	Created      time.Time // created_at
}

func (i *Invitation) key() string { return i.ID }

func (i *Invitation) read(name string, r *httpx.Reader) {
	switch name {
	case "id":
		i.ID = r.Text()
	case "organization_id":
		i.Organization = r.Text()
	case "target_account_id":
		i.Target = r.Text()
	case "state":
		i.State = r.Text()
	case "created_at":
		i.Created = timestamp(r)
	}
}

// A ReceivedInvitation is one that the key's account has received.
// Source: ListAccountInvitations.
type ReceivedInvitation struct {
	ID           string
	Organization string    // organization_id: the inviting organization
	Target       string    // target_account_id: the key's account
	State        string    // as of an Invitation
	Requested    time.Time // requested_time
	Expires      time.Time // expired_time
}

func (i *ReceivedInvitation) key() string { return i.ID }

func (i *ReceivedInvitation) read(name string, r *httpx.Reader) {
	switch name {
	case "id":
		i.ID = r.Text()
	case "organization_id":
		i.Organization = r.Text()
	case "target_account_id":
		i.Target = r.Text()
	case "state":
		i.State = r.Text()
	case "requested_time":
		i.Requested = timestamp(r)
	case "expired_time":
		i.Expires = timestamp(r)
	}
}

// An Account belongs to the organization. Source: ListAccounts.
type Account struct {
	ID    string
	State string // ACTIVE, SUSPENDED or PENDING_CLOSURE
	Unit  string // parent_unit_id
}

func (a *Account) key() string { return a.ID }

func (a *Account) read(name string, r *httpx.Reader) {
	switch name {
	case "id":
		a.ID = r.Text()
	case "state":
		a.State = r.Text()
	case "parent_unit_id":
		a.Unit = r.Text()
	}
}

// An Organization is one that the key can see. Source: ListOrganizations.
type Organization struct {
	ID     string
	Name   string // any script
	Master string // master_account_id
}

func (o *Organization) key() string { return o.ID }

func (o *Organization) read(name string, r *httpx.Reader) {
	switch name {
	case "id":
		o.ID = r.Text()
	case "name":
		o.Name = r.Text()
	case "master_account_id":
		o.Master = r.Text()
	}
}

// A Version is a version of the API. Source: common/api-version.
type Version struct {
	ID         string    // "v1.3"
	Status     string    // PLANNED, CURRENT, SUPPORTED or DEPRECATED
	SupportEnd time.Time // not_before: midnight UTC of that day; zero if no end is announced
}

func (v *Version) key() string { return v.ID }

func (v *Version) read(name string, r *httpx.Reader) {
	switch name {
	case "id":
		v.ID = r.Text()
	case "status":
		v.Status = r.Text()
	case "not_before":
		v.SupportEnd = parseTime(r, time.DateOnly)
	}
}

// timestamp reads a time in one of the forms that were seen. A time without a
// zone is UTC, as in the vendor's own client.
func timestamp(r *httpx.Reader) time.Time {
	return parseTime(r, time.RFC3339, "2006-01-02T15:04:05", time.DateTime, "2006-01-02 15:04:05Z07:00")
}

// parseTime reads a time in one of the layouts. Null and "" are the zero time.
// So is any other text, which counts as not parsed.
func parseTime(r *httpx.Reader, layouts ...string) time.Time {
	s := strings.ToUpper(strings.TrimSpace(r.Text())) // RFC 3339 allows t and z
	if s == "" {
		return time.Time{}
	}
	for _, layout := range layouts {
		if t, err := time.Parse(layout, s); err == nil && t.Year() > 0 {
			return t.UTC()
		}
	}
	r.Unparsed()
	return time.Time{}
}
