package sim

import (
	"fmt"
	"net/http"
	"net/url"
	"time"
)

// A session is temporary keys.
type session struct {
	secret, token string
	expires       time.Time
}

// stsOperation returns the operation of a form, which it leaves to be read
// again.
func stsOperation(r *http.Request) (name, instance string) {
	form, err := url.ParseQuery(string(readBody(r)))
	if err != nil {
		return "other", "other"
	}
	switch action := form.Get("Action"); action {
	case "AssumeRole", "AssumeRoleWithWebIdentity":
		return "sts:" + action, "sts:" + action
	}
	return "other", "other"
}

// refuseSTS checks the credentials of a request for a role, and whether it may
// be assumed.
func (s *AWS) refuseSTS(c *call, body []byte) Fault {
	form, _ := url.ParseQuery(string(body)) // checked by stsOperation
	o := s.current()
	if c.operation == "sts:AssumeRole" {
		if code, text := s.authenticate(c, "sts", body); code != "" {
			codes := map[string]string{
				"UnrecognizedClientException": "InvalidClientTokenId", "InvalidSignatureException": "SignatureDoesNotMatch", "ExpiredTokenException": "ExpiredToken",
			}
			if known, ok := codes[code]; ok {
				code = known
			}
			return STSError(http.StatusForbidden, code, text)
		}
	} else if o.WebIdentity == "" || form.Get("WebIdentityToken") != o.WebIdentity {
		return STSError(http.StatusBadRequest, "InvalidIdentityToken", "made-up: no such token")
	}
	if form.Get("RoleSessionName") == "" || form.Get("Version") != "2011-06-15" {
		return STSError(http.StatusBadRequest, "ValidationError", "made-up: a parameter is missing")
	}
	if form.Get("RoleArn") != o.RoleARN || c.operation == "sts:AssumeRole" && form.Get("ExternalId") != o.ExternalID {
		return STSError(http.StatusForbidden, "AccessDenied", "made-up: not authorized to perform: "+c.operation+" on resource: "+form.Get("RoleArn"))
	}
	return Fault{}
}

// STSError returns a fault that responds with an error of the token service.
func STSError(status int, code, text string) Fault {
	return Fault{
		Status: status, Header: http.Header{"Content-Type": {"text/xml"}},
		Body: fmt.Sprintf(`<ErrorResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><Error><Type>Sender</Type><Code>%s</Code><Message>%s</Message></Error>`+
			`<RequestId>sim</RequestId></ErrorResponse>`, code, text),
	}
}

// assume makes temporary keys for a role.
func (s *AWS) assume(c *call) response {
	life := s.current().SessionLife
	if life == 0 {
		life = time.Hour
	}
	s.mu.Lock()
	n := len(s.sessions) + 1
	access := fmt.Sprintf("ASIASESSION%09d", n)
	made := session{fmt.Sprintf("sessionsecret/%d", n), fmt.Sprintf("SESSIONTOKEN%d//==", n), c.cloudNow.Add(life)}
	s.sessions[access] = made
	s.mu.Unlock()
	action := c.operation[len("sts:"):]
	body := fmt.Sprintf(`<%[1]sResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><%[1]sResult><AssumedRoleUser><AssumedRoleId>AROA:x</AssumedRoleId>`+
		`<Arn>arn:aws:sts::111111111111:assumed-role/x/y</Arn></AssumedRoleUser><Credentials><AccessKeyId>%[2]s</AccessKeyId><SecretAccessKey>%[3]s</SecretAccessKey>`+
		`<SessionToken>%[4]s</SessionToken><Expiration>%[5]s</Expiration></Credentials></%[1]sResult>`+
		`<ResponseMetadata><RequestId>sim</RequestId></ResponseMetadata></%[1]sResponse>`,
		action, access, made.secret, made.token, made.expires.UTC().Format(time.RFC3339))
	r := ok([]byte(body))
	r.header.Set("Content-Type", "text/xml")
	return r
}

// EndSessions makes all temporary keys that were given out expire.
func (s *AWS) EndSessions() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for access, one := range s.sessions {
		one.expires = time.Time{}
		s.sessions[access] = one
	}
}
