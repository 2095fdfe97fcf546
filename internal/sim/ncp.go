package sim

import (
	"fmt"
	"maps"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"
)

// A Caller is whose key it is that signs the requests.
type Caller int

// The callers. Only the first is answered; that members may ask for /org, as its
// masterMemberYn hints, is too uncertain to rely on.
const (
	Master     Caller = iota // of the organization
	SubAccount               // a Sub Account: 401 COMMON_201
	NotMaster                // a main account, but not the master: 403 COMMON_101
)

// NCPConfig says what an NCP serves, and to whom.
type NCPConfig struct {
	AccessKey string // nobody is let in without one
	SecretKey string
	Company   func(time.Time) Company // at a time of the Clock's world; nil is Sample
	Clock     Clock

	// Old answers in the shapes of the documentation of November 2022 to 2024.
	Old bool
	// Drift answers with quoted numbers, nulls, absent and unknown fields, and
	// calls it text/plain. It never drops a fact: whoever reads it rightly finds
	// the same organization.
	Drift bool
	// Skew is how far the gateway's clock is ahead of ours: in the Date header and
	// in the check of a request's timestamp. The organization's times do not follow.
	Skew   time.Duration
	Caller Caller

	// Unexpected is told of requests other than GET, which are refused, too;
	// t.Errorf fits. Nil ignores them.
	Unexpected func(format string, args ...any)
}

// NCP is the Organization API of the NAVER Cloud Platform and the gateway in
// front of it: an http.Handler for the six paths that can be read.
type NCP struct {
	cfg    NCPConfig
	faults faults
	closed chan struct{}
	close  func()

	mu    sync.Mutex
	keys  keys
	calls map[string]int
	total int
}

// NewNCP returns an NCP. Close it in the end, before the server it is in.
func NewNCP(cfg NCPConfig) *NCP {
	if cfg.Company == nil {
		cfg.Company = Sample
	}
	closed := make(chan struct{})
	return &NCP{
		cfg:    cfg,
		closed: closed,
		close:  sync.OnceFunc(func() { close(closed) }),
		keys:   keys{cfg.AccessKey, cfg.SecretKey},
		calls:  make(map[string]int),
	}
}

// Close ends every answer that hangs, drips or is endless, and makes new ones
// end at once. Without it httptest.Server.Close would wait for them.
func (s *NCP) Close() { s.close() }

// SetFault makes the path, relative to /open-api/v1 and perhaps with a `*` at
// its end, misbehave from the next request on. Where several apply the longest
// path wins. The zero Fault heals it and all that the `*` stands for.
func (s *NCP) SetFault(path string, f Fault) { s.faults.set(path, f) }

// SetKeys makes another pair of keys the only valid one.
func (s *NCP) SetKeys(access, secret string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.keys = keys{access, secret}
}

// Calls returns how many requests there were, refused ones included, by path
// template: "/account/group/{no}" for a group's list, "other" for a path that
// does not exist.
func (s *NCP) Calls() map[string]int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return maps.Clone(s.calls)
}

// ServeHTTP answers one request.
func (s *NCP) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	now := time.Now()
	path, template, group := route(r.RequestURI)
	valid, number := s.count(template)
	refusal := s.refuse(r, template, valid, now)
	fault := s.faults.take(path, !refusal.zero())

	h := w.Header()
	h.Set("Date", now.Add(s.cfg.Skew).UTC().Format(http.TimeFormat))
	h.Set("x-ncp-trace-id", fmt.Sprintf("sim-%d", number))
	sender{w, r, s.closed}.send(fault, func() answer {
		if !refusal.zero() {
			return refusal.answer(nil)
		}
		return s.answer(template, group, now)
	})
}

// count notes a request and returns the keys that it must be signed with, and
// its number.
func (s *NCP) count(template string) (keys, int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.calls[template]++
	s.total++
	return s.keys, s.total
}

// refuse returns why a request is not answered; the zero Fault if it is.
func (s *NCP) refuse(r *http.Request, template string, valid keys, now time.Time) Fault {
	if r.Method != http.MethodGet {
		if s.cfg.Unexpected != nil {
			s.cfg.Unexpected("sim: %s %s: only GET is expected", r.Method, r.RequestURI)
		}
		f := gateway(http.StatusMethodNotAllowed, `"100"`, "Bad Request Exception", `, "details": "made-up detail: GET only"`)
		f.Header = http.Header{"Allow": {http.MethodGet}}
		return f
	}
	if template == "other" {
		return NCPGateway("300")
	}
	if hint := valid.verify(r, now.Add(s.cfg.Skew)); hint != "" {
		return unauthorized(hint)
	}
	switch s.cfg.Caller {
	case SubAccount:
		return NCPError("COMMON_201")
	case NotMaster:
		return NCPError("COMMON_101")
	}
	return Fault{}
}

// route returns a request's path relative to /open-api/v1, its template, and
// the group's number if it has one. What stands before /open-api/v1 does not
// matter here; it is signed.
func route(uri string) (path, template string, group int64) {
	raw, _, _ := strings.Cut(uri, "?")
	_, path, ok := strings.Cut(raw, "/open-api/v1")
	if !ok {
		return raw, "other", 0
	}
	switch path {
	case "/org", "/group/tree", "/account/invite/invitation", "/account/leave", "/policy/list":
		return path, path, 0
	}
	if no, ok := strings.CutPrefix(path, "/account/group/"); ok {
		if n, err := strconv.ParseUint(no, 10, 63); err == nil {
			return path, "/account/group/{no}", int64(n)
		}
	}
	return path, "other", 0
}
