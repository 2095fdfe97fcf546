package sim

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"time"
)

// AWS is AWS Organizations and the front before it: the read-only operations
// that an exporter needs, and of the Security Token Service the two that assume
// a role.
//
// Operations are named as AWS names them, those of the token service as
// "sts:AssumeRole". An instance has the parent, policy or account that is asked
// for, as "ListAccountsForParent/r-ac01".
//
// Without a Company it serves the organization of the samples; of a Company that
// is zero it serves an account in no organization. With Old, answers have the
// fields of before September 2025: no State and no Paths.
//
// A caller that is NotMaster, a member account, may describe the organization
// and list its own handshakes; a SubAccount has no right at all.
type AWS struct {
	*server
	options  AWSOptions
	pagings  map[string]AWSPaging // by operation
	buckets  map[string]bucket    // by group of operations
	sessions map[string]session   // by access key
	latest   struct {             // what was served last, for a Clock that stands still
		world time.Time
		awsOrganization
	}
}

// AWSOptions vary what the documentation leaves open, and what a test needs.
type AWSOptions struct {
	WithoutStatus bool // accounts have no Status, as is announced
	Requested     bool // a pending invitation is REQUESTED and not OPEN
	OwnHandshakes bool // the account's list has the organization's own handshakes, too
	Throttle      bool // the published rates apply
	Status400     bool // the front refuses with 400 instead of 403

	Denied       []string      // operations that the caller has no right to
	SessionToken string        // that the keys need; empty: they are not temporary
	SessionLife  time.Duration // of assumed roles; 0 is an hour
	Expired      bool          // temporary keys are refused as expired
	RoleARN      string        // the only role that may be assumed
	ExternalID   string        // that assuming it needs
	WebIdentity  string        // the only valid token of a web identity
}

var _ Cloud = (*AWS)(nil)

// NewAWS returns an AWS. It must be closed.
func NewAWS(cfg Config) *AWS {
	s := &AWS{pagings: make(map[string]AWSPaging), buckets: make(map[string]bucket), sessions: make(map[string]session)}
	s.server = newServer(cfg, s, "x-amzn-RequestId")
	return s
}

// Set sets the options from the next request on.
func (s *AWS) Set(o AWSOptions) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.options = o
}

// current returns the options.
func (s *AWS) current() AWSOptions {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.options
}

// awsOperations are the operations, with the rate and burst per second of an
// account, and the group of operations that share them.
func awsOperations() map[string]limit {
	return map[string]limit{
		"DescribeOrganization":                {"organization", 1, 2},
		"ListRoots":                           {"roots", 1, 2},
		"ListAccounts":                        {"accounts", 8, 12},
		"ListAccountsForParent":               {"parents", 5, 8},
		"ListOrganizationalUnitsForParent":    {"parents", 5, 8},
		"ListHandshakesForAccount":            {"handshakes", 5, 8},
		"ListHandshakesForOrganization":       {"handshakes", 5, 8},
		"ListCreateAccountStatus":             {"creations", 5, 8},
		"ListPolicies":                        {"policies", 5, 8},
		"ListTargetsForPolicy":                {"policies", 5, 8},
		"ListDelegatedAdministrators":         {"administrators", 5, 8},
		"ListAWSServiceAccessForOrganization": {"services", 1, 3},
		"ListDelegatedServicesForAccount":     {"services", 1, 3},
	}
}

// A limit is the published rate of a group of operations.
type limit struct {
	group       string
	rate, burst float64
}

// A bucket is a token bucket.
type bucket struct {
	tokens float64
	at     time.Time
}

const awsTarget = "AWSOrganizationsV20161128."

// operation implements api.
func (s *AWS) operation(r *http.Request) (name, instance string) {
	target := r.Header.Get("X-Amz-Target")
	name = strings.TrimPrefix(target, awsTarget)
	if _, ok := awsOperations()[name]; ok && name != target {
		var q awsRequest
		_ = json.Unmarshal(readBody(r), &q) // respond reports what is invalid
		if of := q.ParentID + q.PolicyID + q.AccountID; of != "" {
			return name, name + "/" + of
		}
		return name, name
	}
	if target == "" && strings.HasPrefix(r.Header.Get("Content-Type"), "application/x-www-form-urlencoded") {
		return stsOperation(r)
	}
	return "other", "other"
}

// refuse implements api.
func (s *AWS) refuse(c *call) Fault {
	body := readBody(c.Request)
	if c.Method != http.MethodPost || c.URL.Path != "/" || c.URL.RawQuery != "" {
		s.cfg.Unexpected("sim: %s %s: only POST / is expected", c.Method, c.RequestURI)
		return AWSError("UnknownOperationException")
	}
	if strings.HasPrefix(c.operation, "sts:") {
		return s.refuseSTS(c, body)
	}
	if c.operation == "other" {
		s.cfg.Unexpected("sim: %q is not an operation of a read-only client", c.Header.Get("X-Amz-Target"))
		return AWSError("UnknownOperationException")
	}
	if code, text := s.authenticate(c, "organizations", body); code != "" {
		f := awsFault(http.StatusForbidden, code, "message", text)
		if s.current().Status400 {
			f.Status = http.StatusBadRequest
		}
		return f
	}
	if f := s.refuseCaller(c.operation); !f.zero() {
		return f
	}
	if s.current().Throttle && !s.take(c) {
		return AWSError("TooManyRequestsException")
	}
	return Fault{}
}

// readBody returns the body of a request, which can be read again.
func readBody(r *http.Request) []byte {
	if r.Body == nil {
		return nil
	}
	body, err := io.ReadAll(io.LimitReader(r.Body, 4<<20))
	if err != nil {
		return nil
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	return body
}

// refuseCaller checks what the caller may do.
func (s *AWS) refuseCaller(operation string) Fault {
	own := operation == "DescribeOrganization" || operation == "ListHandshakesForAccount"
	switch {
	case s.cfg.Caller == SubAccount, slices.Contains(s.current().Denied, operation):
		return awsFault(http.StatusBadRequest, "AccessDeniedException", "Message", "User: arn:aws:sts::111111111111:assumed-role/x/someone@example.test"+
			" is not authorized to perform: organizations:"+operation+" on resource: * made-up")
	case s.cfg.Caller == NotMaster && !own:
		return awsFault(http.StatusBadRequest, "AccessDeniedException", "Message", "made-up: not for this resource")
	}
	return Fault{}
}

// take takes a token of the operation's bucket, if there is one.
func (s *AWS) take(c *call) bool {
	l := awsOperations()[c.operation]
	s.mu.Lock()
	defer s.mu.Unlock()
	b, ok := s.buckets[l.group]
	if !ok {
		b = bucket{l.burst, c.now}
	}
	b.tokens, b.at = min(l.burst, b.tokens+c.now.Sub(b.at).Seconds()*l.rate), c.now
	allowed := b.tokens >= 1
	if allowed {
		b.tokens--
	}
	s.buckets[l.group] = b
	return allowed
}

// authenticate checks the signature of a request. It returns the code and the
// text of a refusal.
func (s *AWS) authenticate(c *call, service string, body []byte) (code, text string) {
	a, ok := parseAuthorization(c.Header.Get("Authorization"))
	date, err := time.Parse("20060102T150405Z", c.Header.Get("X-Amz-Date"))
	if !ok || err != nil {
		return "MissingAuthenticationTokenException", "made-up: no signature"
	}
	token := c.Header.Get("X-Amz-Security-Token")
	secret := ""
	var expired bool
	options := s.current()
	s.mu.Lock()
	if session, ok := s.sessions[a.access]; ok {
		secret, expired = session.secret, !c.cloudNow.Before(session.expires)
		if token != session.token {
			secret = ""
		}
	} else if a.access == c.keys.access && token == options.SessionToken {
		secret = c.keys.secret
	}
	s.mu.Unlock()
	switch {
	case secret == "":
		return "UnrecognizedClientException", "made-up: no such key"
	case expired, options.Expired && token != "":
		return "ExpiredTokenException", "made-up: expired"
	case a.service != service, a.region != awsRegion(c.Host), a.day != date.Format("20060102"):
		return "InvalidSignatureException", "made-up: the scope is wrong"
	case !slices.Contains(a.signed, "host") || !slices.Contains(a.signed, "x-amz-date") || token != "" && !slices.Contains(a.signed, "x-amz-security-token"):
		return "InvalidSignatureException", "made-up: a header is not signed"
	case !hmac.Equal([]byte(a.signature), []byte(a.sign(c.Request, secret, body))):
		return "InvalidSignatureException", "made-up: the signature does not match"
	case c.cloudNow.Sub(date).Abs() > 5*time.Minute:
		return "InvalidSignatureException", "made-up: signed too long ago, or too early"
	}
	return "", ""
}

// awsRegion returns the region that a host wants requests to be signed for.
func awsRegion(host string) string {
	parts := strings.Split(host, ".")
	if len(parts) > 2 && (parts[0] == "organizations" || parts[0] == "sts") {
		return parts[1]
	}
	return "us-east-1"
}

// An authorization is the content of the header of that name.
type authorization struct {
	access, day, region, service string
	signed                       []string
	signature                    string
}

func parseAuthorization(header string) (a authorization, ok bool) {
	rest, ok := strings.CutPrefix(header, "AWS4-HMAC-SHA256 ")
	if !ok {
		return a, false
	}
	for part := range strings.SplitSeq(rest, ",") {
		name, value, _ := strings.Cut(strings.TrimSpace(part), "=")
		switch name {
		case "Credential":
			scope := strings.Split(value, "/")
			if len(scope) != 5 || scope[4] != "aws4_request" {
				return a, false
			}
			a.access, a.day, a.region, a.service = scope[0], scope[1], scope[2], scope[3]
		case "SignedHeaders":
			a.signed = strings.Split(value, ";")
		case "Signature":
			a.signature = value
		}
	}
	return a, a.access != "" && a.signature != "" && slices.IsSorted(a.signed)
}

// sign returns the signature that a request should have.
func (a authorization) sign(r *http.Request, secret string, body []byte) string {
	hash := func(data []byte) string {
		sum := sha256.Sum256(data)
		return hex.EncodeToString(sum[:])
	}
	mac := func(key []byte, text string) []byte {
		h := hmac.New(sha256.New, key)
		h.Write([]byte(text))
		return h.Sum(nil)
	}
	var canonical strings.Builder
	canonical.WriteString(r.Method + "\n/\n\n")
	for _, name := range a.signed {
		value := strings.Join(r.Header.Values(name), ",")
		switch name {
		case "host":
			value = r.Host
		case "content-length":
			value = fmt.Sprint(len(body))
		}
		canonical.WriteString(name + ":" + strings.TrimSpace(value) + "\n")
	}
	canonical.WriteString("\n" + strings.Join(a.signed, ";") + "\n" + hash(body))
	scope := strings.Join([]string{a.day, a.region, a.service, "aws4_request"}, "/")
	text := "AWS4-HMAC-SHA256\n" + r.Header.Get("X-Amz-Date") + "\n" + scope + "\n" + hash([]byte(canonical.String()))
	key := mac(mac(mac(mac([]byte("AWS4"+secret), a.day), a.region), a.service), "aws4_request")
	return hex.EncodeToString(mac(key, text))
}

// AWSError returns a fault that responds with an error of the service or of its
// front.
func AWSError(code string) Fault {
	switch code {
	case "ServiceException":
		return awsFault(http.StatusInternalServerError, code, "Message", "made-up: fault")
	case "TooManyRequestsException":
		return Fault{Status: http.StatusBadRequest, Body: `{"__type": "TooManyRequestsException", "Message": "made-up: too many", "Type": "RATE"}`}
	case "AWSOrganizationsNotInUseException":
		return awsFault(http.StatusBadRequest, "com.amazonaws.organizations#"+code, "Message", "made-up: in no organization")
	case "UnrecognizedClientException", "InvalidSignatureException", "ExpiredTokenException", "MissingAuthenticationTokenException":
		return awsFault(http.StatusForbidden, code, "message", "made-up: refused")
	}
	return awsFault(http.StatusBadRequest, code, "Message", "made-up: "+code)
}

// awsFault returns an error. Whether its text is a Message or a message depends
// on who sends it.
func awsFault(status int, code, key, text string) Fault {
	body, err := json.Marshal(map[string]string{"__type": code, key: text})
	if err != nil {
		panic(err)
	}
	return Fault{Status: status, Body: string(body)}
}

// awsInvalid is the error of a parameter.
func awsInvalid(reason string) response {
	body := fmt.Sprintf(`{"__type": "InvalidInputException", "Message": "made-up: invalid", "Reason": %q}`, reason)
	return Fault{Status: http.StatusBadRequest, Body: body}.response(nil)
}
