package sim

import (
	"fmt"
	"net/http"
	"time"
)

// scpBody writes a tenancy in SCP's shapes.
type scpBody struct {
	rows
	Tenancy
	version string
	clock   Clock
	now     time.Time
}

// answer returns the answer to a request that is not refused.
func (s *SCP) answer(r *http.Request, path string, now time.Time) answer {
	world := s.cfg.Clock.World(now)
	b := scpBody{
		rows:    rows{drift: s.cfg.Drift},
		Tenancy: s.cfg.Company(world).tenancy(world),
		version: asked(r),
		clock:   s.cfg.Clock,
		now:     now,
	}
	ok := true
	switch path {
	case scpVersions:
		b.versions(s.base(r))
	case scpReceived:
		b.received()
	case scpSent:
		ok = b.pageOf(s, r, path, "organization_invitations", len(b.Sent), func(i int) string { return b.Sent[i].ID }, b.sent)
	case scpAccounts:
		ok = b.pageOf(s, r, path, "accounts", len(b.Accounts), func(i int) string { return b.Accounts[i].ID }, b.account)
	case scpOrganizations:
		n := 1
		if b.ID == "" || s.cfg.Caller == NotMaster {
			n = 0
		}
		ok = b.pageOf(s, r, path, "organizations", n, func(int) string { return b.ID }, b.organization)
	}
	if !ok {
		return SCPError("ValidationError").answer(nil)
	}
	return answer{status: http.StatusOK, header: http.Header{}, body: b.buf}
}

// pageOf writes the page of a list of n rows that a request asks for. It
// reports false where the request cannot be understood.
func (b *scpBody) pageOf(s *SCP, r *http.Request, path, key string, n int, id func(int) string, row func(i int)) bool {
	if only := r.URL.Query().Get("organization_id"); only != "" && only != b.ID {
		n = 0
	}
	p, ok := s.slice(r, path, n)
	if !ok {
		return false
	}
	b.object(func() {
		b.number("count", int64(p.count))
		b.number("page", int64(p.page))
		b.number("size", int64(p.size))
		switch {
		case path == scpOrganizations && n == 0:
		case b.drift:
			b.null("sort")
		default:
			b.texts("sort", []string{"created_at:asc"})
		}
		b.key(key)
		b.list(len(p.order), func(i int) {
			at := p.order[i]
			if p.endless {
				b.text("id", fmt.Sprint(id(at%n), "-", at))
			} else {
				b.text("id", id(at))
			}
			row(at % n)
		})
	})
	return true
}

// sent writes an invitation of ListOrganizationInvitations but for its id.
func (b *scpBody) sent(i int) {
	o := b.Sent[i]
	b.text("organization_id", o.Organization)
	b.text("target_account_id", o.Target)
	b.text("state", o.State)
	b.person(o.Person, "account_email", "login_id", "account_name")
	b.record(o.Record)
}

// received writes the list of ListAccountInvitations.
func (b *scpBody) received() {
	b.object(func() {
		b.number("count", int64(len(b.Received)))
		b.key("account_invitations")
		b.list(len(b.Received), func(i int) {
			o := b.Received[i]
			b.text("id", o.ID)
			b.text("organization_id", o.Organization)
			b.text("organization_name", o.OrganizationName)
			b.text("master_account_id", o.OrganizationMaster)
			b.text("target_account_id", o.Target)
			b.text("state", o.State)
			b.person(o.Person, "master_account_email", "master_account_login_id", "master_account_name")
			b.moment("requested_time", o.Created, true)
			b.moment("expired_time", o.Expires, true)
			b.record(o.Record)
		})
	})
}

// account writes an account of ListAccounts but for its id.
func (b *scpBody) account(i int) {
	a := b.Accounts[i]
	b.text("organization_id", b.ID)
	b.text("type", a.Type)
	b.text("state", a.State)
	b.text("joined_method", a.Method)
	b.moment("joined_time", a.Joined, true)
	b.text("parent_unit_id", a.Unit)
	b.orNull("parent_unit_name", a.UnitName)
	b.person(a.Person, "email", "login_id", "name")
	b.record(a.Record)
}

// organization writes the organization of ListOrganizations but for its id.
func (b *scpBody) organization(int) {
	b.text("name", b.Name)
	b.text("master_account_id", b.Master)
	b.text("root_unit_id", b.Root)
	b.key("use_scp_yn")
	b.buf = append(b.buf, "true"...)
	if b.version == "1.2" {
		b.null("delegation_account_id")
	}
	b.record(b.Record)
}

// versions writes the list of versions, which are real: no clock moves them.
func (b *scpBody) versions(base string) {
	all := []struct{ id, status, end string }{
		{"v1.0", "DEPRECATED", "2025-12-31"},
		{"v1.1", "DEPRECATED", "2026-05-31"},
		{"v" + newest, "CURRENT", ""},
	}
	b.object(func() {
		b.key("versions")
		b.list(len(all), func(i int) {
			v := all[i]
			b.text("id", v.id)
			b.text("status", v.status)
			if v.end == "" && b.drift {
				b.null("not_before")
			} else {
				b.text("not_before", v.end)
			}
			b.key("links")
			b.buf = append(b.buf, '[')
			b.object(func() {
				b.text("href", base+"/"+v.id)
				b.text("rel", "self")
			})
			b.buf = append(b.buf, ']')
		})
	})
}

// person writes what is personal of an account, under these names.
func (b *scpBody) person(p Person, email, login, name string) {
	if p.Unsaid {
		return
	}
	b.orNull(email, p.Email)
	b.orNull(login, p.Login)
	b.orNull(name, p.Name)
}

func (b *scpBody) orNull(key, v string) {
	if v == "" {
		b.null(key)
		return
	}
	b.text(key, v)
}

// record writes when something was made and changed, and by whom.
func (b *scpBody) record(r Record) {
	if r.Modified.IsZero() {
		r.Modified = r.Created
	}
	if r.ModifiedBy == "" {
		r.ModifiedBy = r.By
	}
	b.moment("created_at", r.Created, true)
	b.text("created_by", r.By)
	b.moment("modified_at", r.Modified, false)
	b.text("modified_by", r.ModifiedBy)
}

// moment writes a time of the world as the version has it. Of those without a
// zone, some have no fraction either.
func (b *scpBody) moment(key string, t time.Time, fraction bool) {
	t = b.clock.Real(t, b.now).UTC()
	layout := "2006-01-02T15:04:05.000Z"
	switch {
	case zoneless(b.version) && fraction:
		layout = "2006-01-02 15:04:05.000"
	case zoneless(b.version):
		layout = time.DateTime
	case b.drift && b.n%3 == 0:
		t, layout = t.In(time.FixedZone("", int((9*time.Hour).Seconds()))), "2006-01-02T15:04:05.000-07:00"
	case b.drift && b.n%3 == 1:
		layout = "2006-01-02T15:04:05.000"
	}
	b.text(key, t.Format(layout))
}
