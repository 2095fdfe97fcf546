package sim

import (
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"time"
)

// A Paging makes the pages of a list differ from what the API promises.
type Paging struct {
	MaxSize int  // largest page size, whatever is requested; 0 is any
	Silent  bool // the response repeats the requested size although MaxSize applies
	// Moves is how many pages show a row that has moved: such a page, which is
	// never the first, begins with the last row of the page before it instead of its
	// own first row.
	Moves    int
	CountOff int // added to the count, which is never below 0
	// CountGrows is added to the count once more on each further page.
	CountGrows int
	Endless    bool // every page is followed by another
}

// SetPaging sets how a list is paged from the next request on.
func (s *SCP) SetPaging(operation string, p Paging) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.pagings[operation] = p
}

// respond implements api.
func (s *SCP) respond(c *call) response {
	o := s.organization(c.now)
	var body object
	valid := true
	switch c.operation {
	case scpVersions:
		body = fields("versions", s.versions(c))
	case scpReceived:
		body = fields("count", int64(len(o.received)), "account_invitations", o.received)
	case scpSent:
		body, valid = s.page(c, "organization_invitations", o.id, o.sent)
	case scpAccounts:
		body, valid = s.page(c, "accounts", o.id, o.accounts)
	case scpOrganizations:
		var rows []object
		if o.id != "" && s.cfg.Caller != NotMaster {
			rows = []object{o.self(scpVersion(c.Request))}
		}
		body, valid = s.page(c, "organizations", o.id, rows)
	}
	if !valid {
		return SCPError("ValidationError").response(nil)
	}
	return ok(s.encoder(c).encode(body))
}

// page returns the requested page of a list, which is empty if the request is for
// another organization. The first field of a row is its id. page returns false if
// the parameters are invalid.
func (s *SCP) page(c *call, key, organization string, all []object) (object, bool) {
	if only := c.URL.Query().Get("organization_id"); only != "" && only != organization {
		all = nil
	}
	page, ok := queryInt(c.Request, "page", 0, 0)
	size, ok2 := queryInt(c.Request, "size", 20, 1)
	if !ok || !ok2 {
		return nil, false
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	p := s.pagings[c.operation]
	n, reportedSize := len(all), size
	count := max(0, n+p.CountOff+page*p.CountGrows)
	if p.MaxSize > 0 && size > p.MaxSize {
		size = p.MaxSize
		if !p.Silent {
			reportedSize = size
		}
	}
	var rows []object
	if p.Endless && n > 0 {
		for i := page * size; i < (page+1)*size; i++ { // the same rows again with other ids
			row := slices.Clone(all[i%n])
			row[0].value = fmt.Sprint(row[0].value, "-", i)
			rows = append(rows, row)
		}
		count = (page + 2) * size
	} else {
		from, to := min(page*size, n), min((page+1)*size, n)
		rows = slices.Clone(all[from:to])
		if p.Moves > 0 && page > 0 && from < to {
			rows[0] = all[from-1]
			p.Moves--
			s.pagings[c.operation] = p
		}
	}
	var sort any = []string{"created_at:asc"}
	switch {
	case c.operation == scpOrganizations && n == 0:
		sort = absent{}
	case s.cfg.Drift:
		sort = nil
	}
	return fields("count", int64(count), "page", int64(page), "size", int64(reportedSize), "sort", sort, key, rows), true
}

// queryInt returns a query parameter, which must be an integer of at least
// lowest.
func queryInt(r *http.Request, name string, missing, lowest int) (int, bool) {
	text := r.URL.Query().Get(name)
	if text == "" {
		return missing, true
	}
	n, err := strconv.ParseUint(text, 10, 20)
	return int(n), err == nil && int(n) >= lowest
}

// versions returns the list of versions. Their dates do not follow the Clock.
func (s *SCP) versions(c *call) (rows []object) {
	for _, v := range []struct{ id, status, end string }{
		{"v1.0", "DEPRECATED", "2025-12-31"},
		{"v1.1", "DEPRECATED", "2026-05-31"},
		{"v" + scpNewest, "CURRENT", ""},
	} {
		var end any = v.end
		if v.end == "" && s.cfg.Drift {
			end = nil
		}
		rows = append(rows, fields(
			"id", v.id, "status", v.status, "not_before", end,
			"links", []object{fields("href", s.baseURL(c)+"/"+v.id, "rel", "self")},
		))
	}
	return rows
}

// encoder returns an encoder for times in the format of the requested version.
func (s *SCP) encoder(c *call) *encoder {
	version := scpVersion(c.Request)
	zoneless := version == "1.0" || version == "1.1"
	return &encoder{drift: s.cfg.Drift, time: func(key string, t time.Time, n int) any {
		t = s.cfg.Clock.Real(t, c.now).UTC()
		switch {
		case zoneless && key == "modified_at":
			return t.Format(time.DateTime)
		case zoneless:
			return t.Format("2006-01-02 15:04:05.000")
		case s.cfg.Drift && n%3 == 0:
			return t.In(time.FixedZone("", 9*60*60)).Format("2006-01-02T15:04:05.000-07:00")
		case s.cfg.Drift && n%3 == 1:
			return t.Format("2006-01-02T15:04:05.000")
		}
		return t.Format("2006-01-02T15:04:05.000Z")
	}}
}
