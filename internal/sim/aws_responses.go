package sim

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/go-json-experiment/json/jsontext"
)

// An AWSPaging makes the pages of a list differ from what is usual. All of it is
// documented, or has been seen.
type AWSPaging struct {
	Empty   int  // so many pages before each page with rows are empty
	Long    bool // tokens have 100,000 characters
	Moves   int  // so many pages, never the first, begin with the last row of the page before, too
	Repeats bool // the second page's token is the first one's again
	Endless bool // every page is followed by another
	Expires int  // so many tokens are refused
}

// SetPaging sets how a list is paged from the next request on.
func (s *AWS) SetPaging(operation string, p AWSPaging) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.pagings[operation] = p
}

// awsRequest is the body of a request.
type awsRequest struct {
	MaxResults *int
	NextToken  string
	ParentID   string `json:"ParentId"`
	PolicyID   string `json:"PolicyId"`
	AccountID  string `json:"AccountId"`
	Filter     string
	States     []string
}

// respond implements api.
func (s *AWS) respond(c *call) response {
	if strings.HasPrefix(c.operation, "sts:") {
		return s.assume(c)
	}
	var q awsRequest
	if err := json.Unmarshal(readBody(c.Request), &q); err != nil {
		return AWSError("SerializationException").response(nil)
	}
	o := s.organization(c.now)
	if o.id == "" && c.operation != "ListHandshakesForAccount" {
		return AWSError("AWSOrganizationsNotInUseException").response(nil)
	}
	if c.operation == "DescribeOrganization" {
		return s.answer(c, fields("Organization", o.self()))
	}
	key, rows, refusal := s.list(c.operation, q, o)
	if refusal != "" {
		return AWSError(refusal).response(nil)
	}
	scope := c.operation + "|" + q.ParentID + q.PolicyID + q.AccountID + q.Filter
	page, next, reason := s.page(c.operation, scope, q, rows)
	if reason != "" {
		return awsInvalid(reason)
	}
	switch key {
	case "Accounts":
		page = s.accountRows(page)
	case "Handshakes":
		page = s.handshakeRows(page)
	}
	body := fields(key, page)
	if next != "" {
		body = append(body, field{"NextToken", next})
	} else {
		body = append(body, field{"NextToken", inapplicable{}})
	}
	return s.answer(c, body)
}

func (s *AWS) answer(c *call, body object) response {
	r := ok(s.encoder(c).encode(body))
	r.header.Set("Content-Type", "application/x-amz-json-1.1")
	return r
}

// list returns the rows of an operation, and under what key they are listed.
func (s *AWS) list(operation string, q awsRequest, o awsOrganization) (key string, rows []object, refusal string) {
	switch operation {
	case "ListRoots":
		return "Roots", []object{o.root}, ""
	case "ListOrganizationalUnitsForParent":
		if !o.hasParent(q.ParentID) {
			return "", nil, "ParentNotFoundException"
		}
		return "OrganizationalUnits", below(o.units, q.ParentID), ""
	case "ListAccounts":
		return "Accounts", o.accounts, ""
	case "ListAccountsForParent":
		if !o.hasParent(q.ParentID) {
			return "", nil, "ParentNotFoundException"
		}
		return "Accounts", below(o.accounts, q.ParentID), ""
	case "ListHandshakesForOrganization":
		return "Handshakes", o.sent, ""
	case "ListHandshakesForAccount":
		rows := o.received
		if s.current().OwnHandshakes {
			rows = slices.Concat(o.received, o.sent)
		}
		return "Handshakes", rows, ""
	case "ListCreateAccountStatus":
		return "CreateAccountStatuses", slices.DeleteFunc(slices.Clone(o.creations), func(c object) bool {
			return len(q.States) > 0 && !slices.Contains(q.States, c.text("State"))
		}), ""
	case "ListDelegatedAdministrators":
		return "DelegatedAdministrators", o.administrators, ""
	case "ListDelegatedServicesForAccount":
		services, ok := o.delegated[q.AccountID]
		if !ok {
			return "", nil, "AccountNotRegisteredException"
		}
		return "DelegatedServices", services, ""
	case "ListPolicies":
		if !slices.Contains(awsPolicyTypes(), q.Filter) {
			return "", nil, "InvalidInputException"
		}
		return "Policies", slices.DeleteFunc(slices.Clone(o.policies), func(p object) bool { return p.text("Type") != q.Filter }), ""
	case "ListTargetsForPolicy":
		targets, ok := o.targets[q.PolicyID]
		if !ok {
			return "", nil, "PolicyNotFoundException"
		}
		return "Targets", targets, ""
	}
	return "EnabledServicePrincipals", o.services, ""
}

// awsPolicyTypes are the types that ListPolicies knows.
func awsPolicyTypes() []string {
	return strings.Fields("SERVICE_CONTROL_POLICY RESOURCE_CONTROL_POLICY TAG_POLICY BACKUP_POLICY AISERVICES_OPT_OUT_POLICY CHATBOT_POLICY " +
		"DECLARATIVE_POLICY_EC2 SECURITYHUB_POLICY INSPECTOR_POLICY UPGRADE_ROLLOUT_POLICY BEDROCK_POLICY S3_POLICY NETWORK_SECURITY_DIRECTOR_POLICY GUARDDUTY_POLICY")
}

// page returns a page of rows and the token of the next one. A token belongs to
// one operation and its parameters. The reason is of an invalid request.
func (s *AWS) page(operation, scope string, q awsRequest, all []object) (rows []object, next, reason string) {
	size := 20
	if q.MaxResults != nil {
		size = *q.MaxResults
	}
	switch {
	case size < 1:
		return nil, "", "MIN_VALUE_EXCEEDED"
	case size > 20:
		return nil, "", "MAX_VALUE_EXCEEDED"
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	p := s.pagings[operation]
	n := 0 // of pages before this one
	if q.NextToken != "" {
		var ok bool
		if n, ok = parseToken(q.NextToken, scope); !ok || p.Expires > 0 {
			p.Expires = max(0, p.Expires-1)
			s.pagings[operation] = p
			return nil, "", "INVALID_PAGINATION_TOKEN"
		}
	}
	full, empty := n/(p.Empty+1), n%(p.Empty+1) < p.Empty
	from, to := min(full*size, len(all)), min((full+1)*size, len(all))
	if !empty {
		rows = slices.Clone(all[from:to])
		if p.Moves > 0 && from > 0 {
			rows = slices.Insert(rows, 0, all[from-1])
			p.Moves--
			s.pagings[operation] = p
		}
	}
	if to == len(all) && !empty && !p.Endless && !p.Repeats {
		return rows, "", ""
	}
	if p.Repeats {
		n = 0
	}
	return rows, makeToken(scope, n+1, p.Long), ""
}

func makeToken(scope string, page int, long bool) string {
	text := fmt.Sprintf("%d %s ", page, scope)
	if long {
		text += strings.Repeat("x", 75_000-len(text)) // 100,000 characters in base64
	}
	return base64.StdEncoding.EncodeToString([]byte(text))
}

func parseToken(token, scope string) (page int, ok bool) {
	text, err := base64.StdEncoding.DecodeString(token)
	if err != nil {
		return 0, false
	}
	number, rest, _ := strings.Cut(string(text), " ")
	page, err = strconv.Atoi(number)
	return page, err == nil && strings.TrimRight(rest, " x") == strings.TrimRight(scope, " x")
}

// accountRows applies the options to accounts.
func (s *AWS) accountRows(rows []object) []object {
	o := s.current()
	out := make([]object, len(rows))
	for i, row := range rows {
		out[i] = slices.DeleteFunc(slices.Clone(row), func(f field) bool {
			switch f.key {
			case parentKey:
				return true
			case "State", "Paths":
				return s.cfg.Old
			case "Status":
				return o.WithoutStatus
			}
			return false
		})
	}
	return out
}

// handshakeRows applies the options to handshakes.
func (s *AWS) handshakeRows(rows []object) []object {
	if !s.current().Requested {
		return rows
	}
	out := make([]object, len(rows))
	for i, row := range rows {
		out[i] = slices.Clone(row)
		for j, f := range row {
			if f.key == "State" && f.value == "OPEN" {
				out[i][j].value = "REQUESTED"
			}
		}
	}
	return out
}

// encoder returns an encoder for times in seconds.
func (s *AWS) encoder(c *call) *encoder {
	return &encoder{drift: s.cfg.Drift, time: func(_ string, t time.Time, n int) any {
		t = s.cfg.Clock.Real(t, c.now).UTC()
		seconds := math.Round(float64(t.UnixMilli())) / 1e3
		switch {
		case s.cfg.Drift && n%3 == 0:
			return strconv.FormatFloat(seconds, 'f', -1, 64)
		case s.cfg.Drift && n%3 == 1 && t.Nanosecond() == 0:
			return t.Format(time.RFC3339)
		}
		return jsontext.Value(strconv.FormatFloat(seconds, 'f', -1, 64))
	}}
}

// text returns a field of an object that is a string.
func (o object) text(key string) string {
	for _, f := range o {
		if f.key == key {
			text, _ := f.value.(string)
			return text
		}
	}
	return ""
}

// below returns the rows with a parent, without its name.
func below(rows []object, parent string) []object {
	var out []object
	for _, row := range rows {
		if row.text(parentKey) == parent {
			out = append(out, slices.DeleteFunc(slices.Clone(row), func(f field) bool { return f.key == parentKey }))
		}
	}
	return out
}
