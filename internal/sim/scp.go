package sim

import (
	"maps"
	"net/http"
	"strings"
	"sync"
	"time"
)

// SCPConfig says what an SCP serves, and to whom.
type SCPConfig struct {
	AccessKey string // nobody is let in without one
	SecretKey string
	Company   func(time.Time) Company // at a time of the Clock's world; nil is Sample
	Clock     Clock

	// TLS says that callers come by https even where the simulator does not see
	// it: the scheme is signed.
	TLS bool
	// Drift answers with quoted numbers, nulls, absent and unknown fields, and
	// times in every form. It never drops a fact.
	Drift bool
	// Skew is how far the gateway's clock is ahead of ours: in the Date header and
	// in the check of a request's timestamp. The organization's times do not follow.
	Skew time.Duration
	// Caller is whose key it is: NotMaster is a member account's, which is refused
	// two of the lists; a SubAccount's has no permission at all.
	Caller Caller

	// Unexpected is told of requests other than GET, which are refused, too;
	// t.Errorf fits. Nil ignores them.
	Unexpected func(format string, args ...any)
}

// SCP is the Organization API of the Samsung Cloud Platform and the gateway in
// front of it: an http.Handler for the four lists and the list of versions.
type SCP struct {
	cfg    SCPConfig
	faults faults
	closed chan struct{}
	close  func()

	mu      sync.Mutex
	keys    keys
	calls   map[string]int
	pagings map[string]Paging
}

// NewSCP returns an SCP. Close it in the end, before the server it is in.
func NewSCP(cfg SCPConfig) *SCP {
	if cfg.Company == nil {
		cfg.Company = Sample
	}
	closed := make(chan struct{})
	return &SCP{
		cfg:     cfg,
		closed:  closed,
		close:   sync.OnceFunc(func() { close(closed) }),
		keys:    keys{cfg.AccessKey, cfg.SecretKey},
		calls:   make(map[string]int),
		pagings: make(map[string]Paging),
	}
}

// Close ends every answer that hangs, drips or is endless, and makes new ones
// end at once. Without it httptest.Server.Close would wait for them.
func (s *SCP) Close() { s.close() }

// SetFault makes the path, "/" or one that begins with "/v1/" and perhaps with
// a `*` at its end, misbehave from the next request on. Where several apply the
// longest path wins. The zero Fault heals it and all that the `*` stands for.
func (s *SCP) SetFault(path string, f Fault) { s.faults.set(path, f) }

// SetKeys makes another pair of keys the only valid one.
func (s *SCP) SetKeys(access, secret string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.keys = keys{access, secret}
}

// Calls returns how many requests there were, refused ones included, by path:
// "other" for one that does not exist.
func (s *SCP) Calls() map[string]int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return maps.Clone(s.calls)
}

// ServeHTTP answers one request.
func (s *SCP) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	now := time.Now()
	path := endpoint(r.RequestURI)
	s.mu.Lock()
	s.calls[path]++
	valid := s.keys
	s.mu.Unlock()

	refusal := s.refuse(r, path, valid, now)
	fault := s.faults.take(path, !refusal.zero())
	w.Header().Set("Date", now.Add(s.cfg.Skew).UTC().Format(http.TimeFormat))
	sender{w, r, s.closed}.send(fault, func() answer {
		if !refusal.zero() {
			return refusal.answer(nil)
		}
		return s.answer(r, path, now)
	})
}

// The paths.
const (
	scpVersions      = "/"
	scpSent          = "/v1/organization-invitations"
	scpReceived      = "/v1/account-invitations"
	scpAccounts      = "/v1/organization-accounts"
	scpOrganizations = "/v1/organizations"
)

// endpoint returns the path that a request asks for, "other" if there is no
// such. What stands before it does not matter here; it is signed.
func endpoint(uri string) string {
	raw, _, _ := strings.Cut(uri, "?")
	for _, path := range []string{scpSent, scpReceived, scpAccounts, scpOrganizations} {
		if strings.HasSuffix(raw, path) {
			return path
		}
	}
	if strings.HasSuffix(raw, "/") && !strings.Contains(raw, "/v1/") {
		return scpVersions
	}
	return "other"
}

// refuse returns why a request is not answered; the zero Fault if it is.
func (s *SCP) refuse(r *http.Request, path string, valid keys, now time.Time) Fault {
	if r.Method != http.MethodGet {
		if s.cfg.Unexpected != nil {
			s.cfg.Unexpected("sim: %s %s: only GET is expected", r.Method, r.RequestURI)
		}
		return Fault{Status: http.StatusMethodNotAllowed, Header: http.Header{"Allow": {http.MethodGet}}, Body: "{}"}
	}
	if path == scpVersions {
		return Fault{}
	}
	if r.Header.Get("Scp-Accesskey") == "" || r.Header.Get("Scp-Signature") == "" {
		return SCPNoCredentials(strings.SplitN(r.RequestURI, "?", 2)[0])
	}
	if hint := valid.verifySCP(r, s.base(r), now.Add(s.cfg.Skew)); hint != "" {
		return SCPGateway(hint)
	}
	if version := asked(r); !known(version) {
		return noVersion(version)
	}
	switch {
	case path == "other":
		return SCPError("NotFound")
	case s.cfg.Caller == SubAccount, s.cfg.Caller == NotMaster && (path == scpSent || path == scpAccounts):
		return forbidden(operation(path))
	}
	return Fault{}
}

// base returns scheme and host as a request was sent to them.
func (s *SCP) base(r *http.Request) string {
	if r.TLS != nil || s.cfg.TLS {
		return "https://" + r.Host
	}
	return "http://" + r.Host
}

// operation returns the name of a path's operation: its permission has it too.
func operation(path string) string {
	switch path {
	case scpSent:
		return "ListOrganizationInvitations"
	case scpReceived:
		return "ListAccountInvitations"
	case scpAccounts:
		return "ListAccounts"
	}
	return "ListOrganizations"
}
