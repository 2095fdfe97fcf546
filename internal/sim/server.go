package sim

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"maps"
	"net/http"
	"strconv"
	"sync"
	"time"
)

// A Cloud is a simulated cloud: the handler of its API, and what can be done to
// any of them. An operation is named as in the documentation of the cloud's
// type.
type Cloud interface {
	http.Handler

	// Operation returns the name of the operation that a request is for, and its
	// instance: the same with the parameters of the request.
	Operation(r *http.Request) (name, instance string)

	// SetFault makes an operation, or one instance of it, fail from the next request
	// on. A `*` at the end of the name matches any text; of several names that match,
	// the longest applies. The zero Fault removes the faults of all names that the
	// name matches.
	SetFault(operation string, f Fault)

	// SetKeys replaces the only valid pair of keys.
	SetKeys(access, secret string)

	// Calls returns the number of requests by operation, refused ones included.
	// Requests for an operation that does not exist are counted as "other".
	Calls() map[string]int

	// Close ends all responses that hang or never end, and every later one of that
	// kind at once. Call it before closing the HTTP server, which waits for them.
	Close()
}

// Config configures a simulated cloud.
type Config struct {
	AccessKey string // without one, every request that needs a key is refused
	SecretKey string
	Company   func(time.Time) Company // at the company's time, see Clock; nil is the cloud's documentation sample
	Clock     Clock

	// Old selects the older response shapes, for a cloud that has documented two
	// generations of them.
	Old bool
	// Drift varies how facts are written, as the clouds' documentation does: quoted
	// numbers, nulls, absent and unknown fields, other time formats. No fact that a
	// client needs is lost.
	Drift bool
	// Wide adds the fields that are expected, besides those that are documented, and
	// some that nobody knows. It is of version 2 of NCP.
	Wide bool
	// Skew is how far the cloud's clock is ahead of ours. It affects the Date header
	// and the check of a request's timestamp, not the organization's times.
	Skew time.Duration
	// TLS says that clients use https although the requests do not show it. Some
	// clouds sign the scheme.
	TLS    bool
	Caller Caller

	// Unexpected is called for each request that a read-only client must not make;
	// such requests are also refused. t.Errorf fits. Nil ignores them.
	Unexpected func(format string, args ...any)
}

// A Caller says whose keys sign the requests. What each caller may read is in
// the documentation of the cloud's type.
type Caller int

// The callers.
const (
	Master     Caller = iota // the organization's master account
	SubAccount               // a user without the permissions
	NotMaster                // another account
	// The others are of version 2 of NCP.
	Permitted    // a user with the permissions
	Outsider     // an account without an organization
	PublicSector // an account of another environment
)

// A Clock relates real time to the company's time. Speed 1440 makes a day pass
// every real minute; Speed 0 with a Start stops time. A Clock without a Start is
// real time.
type Clock struct {
	Start time.Time // when both times are equal
	Speed float64   // seconds of the company's time per real second
}

// World returns the company's time at the real time now.
func (c Clock) World(now time.Time) time.Time {
	if c.Start.IsZero() || c.Speed == 1 {
		return now
	}
	// Not Start.Add: at 1440 a Duration would overflow within three months.
	elapsed := float64(now.Sub(c.Start).Milliseconds()) * c.Speed
	return time.UnixMilli(c.Start.UnixMilli() + int64(elapsed)).UTC()
}

// Real returns what the API reports at the real time now for the company's time
// t, so that ages are preserved: what happened ten of the company's days ago is
// reported as ten days before now. Unless Speed is 1, a reported time therefore
// changes from response to response.
func (c Clock) Real(t, now time.Time) time.Time {
	return now.Add(t.Sub(c.World(now)))
}

// An api is the part of a simulated cloud that differs between clouds.
type api interface {
	// operation implements Operation of Cloud.
	operation(r *http.Request) (name, instance string)
	// refuse checks method and credentials. It returns the refusal, or the zero
	// Fault.
	refuse(c *call) Fault
	// respond returns the response to a call that is not refused.
	respond(c *call) response
}

// A call is one request.
type call struct {
	*http.Request
	operation string    // "/account/group/{no}"
	instance  string    // "/account/group/612"
	keys      keys      // that must have signed it
	now       time.Time // real time
	cloudNow  time.Time // on the cloud's clock
}

// A server is the part of a simulated cloud that all clouds have in common.
type server struct {
	cfg      Config
	api      api
	idHeader string // header for the number of the request; "" is none
	closed   chan struct{}
	close    func()

	mu     sync.Mutex
	keys   keys
	faults faults
	calls  map[string]int
	total  int
}

func newServer(cfg Config, a api, idHeader string) *server {
	if cfg.Unexpected == nil {
		cfg.Unexpected = func(string, ...any) {}
	}
	closed := make(chan struct{})
	return &server{
		cfg:      cfg,
		api:      a,
		idHeader: idHeader,
		closed:   closed,
		close:    sync.OnceFunc(func() { close(closed) }),
		keys:     keys{cfg.AccessKey, cfg.SecretKey},
		faults:   make(faults),
		calls:    make(map[string]int),
	}
}

// Close implements Cloud.
func (s *server) Close() { s.close() }

// Operation implements Cloud.
func (s *server) Operation(r *http.Request) (name, instance string) { return s.api.operation(r) }

// SetFault implements Cloud.
func (s *server) SetFault(operation string, f Fault) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults.set(operation, f)
}

// SetKeys implements Cloud.
func (s *server) SetKeys(access, secret string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.keys = keys{access, secret}
}

// Calls implements Cloud.
func (s *server) Calls() map[string]int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return maps.Clone(s.calls)
}

// ServeHTTP answers one request.
func (s *server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	now := time.Now()
	c := &call{Request: r, now: now, cloudNow: now.Add(s.cfg.Skew)}
	c.operation, c.instance = s.api.operation(r)
	w.Header().Set("Date", c.cloudNow.UTC().Format(http.TimeFormat))
	number := s.count(c)
	if s.idHeader != "" {
		w.Header().Set(s.idHeader, fmt.Sprintf("sim-%d", number))
	}
	refusal := s.api.refuse(c)
	fault := s.takeFault(c, !refusal.zero())
	sender{w, r, s.closed}.send(fault, func() response {
		if !refusal.zero() {
			return refusal.response(nil)
		}
		return s.api.respond(c)
	})
}

// count records a call, gives it the keys that are valid at present and returns
// its number.
func (s *server) count(c *call) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.calls[c.operation]++
	s.total++
	c.keys = s.keys
	return s.total
}

func (s *server) takeFault(c *call, refused bool) Fault {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.faults.take(c.operation, c.instance, refused)
}

// onlyGET reports whether a call is a GET, and reports any other one to
// Unexpected.
func (s *server) onlyGET(c *call) bool {
	if c.Method == http.MethodGet {
		return true
	}
	s.cfg.Unexpected("sim: %s %s: only GET is expected", c.Method, c.RequestURI)
	return false
}

// ok returns a response with status 200 and a JSON body.
func ok(body []byte) response {
	return response{status: http.StatusOK, header: http.Header{}, body: body}
}

// keys is a pair of an access key and its secret key.
type keys struct{ access, secret string }

// sign returns the HMAC-SHA256 of a text in base64.
func (k keys) sign(text string) string {
	mac := hmac.New(sha256.New, []byte(k.secret))
	mac.Write([]byte(text))
	return base64.StdEncoding.EncodeToString(mac.Sum(nil))
}

// checkTimestamp returns what is wrong with a request's timestamp in epoch
// milliseconds, or "". NCP documents a tolerance of 5 minutes (doc
// organization-overview); SCP documents none and is assumed to have the same.
func checkTimestamp(timestamp string, now time.Time) string {
	const tolerance = 5 * time.Minute
	ms, err := strconv.ParseUint(timestamp, 10, 62)
	if err != nil {
		return "timestamp is not in milliseconds"
	}
	if off := now.Sub(time.UnixMilli(int64(ms))).Abs(); off > tolerance {
		return fmt.Sprintf("timestamp is %v off", off)
	}
	return ""
}
