//go:build e2e

package e2e_test

// The APIs that the exporter reads: what each has, and how each refuses.

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/cloudorg-exporter/cloudorg_exporter/internal/sim"
)

// An api is one version of a cloud's API, and how an organization of it is
// configured.
type api struct {
	name       string // in the tables
	cloud      string
	config     string // further lines of an organization's configuration
	defaults   string // of the configuration, as its rates allow
	maxStale   string // that several refreshes end in
	collectors []string
	noSeries   []string // collectors whose listings have no series if they have no row
	endpoints  []endpoint
	refusals   []refusal
	statuses   map[int]string // reasons of a status without a code, where they are its own
	faults     []fault        // that only it has
	throttled  sim.Fault      // its own way to say so
	echo       string         // a refusal whose texts are %[1]s
	// corrupt makes texts of an answer invalid UTF-8, and no identifier that a later
	// call needs.
	corrupt *strings.Replacer
	private []string // texts of the sample that must not be shown
	new     func(sim.Config) sim.Cloud
}

// An endpoint is an operation of an API, or one instance of it.
type endpoint struct {
	operation  string // its name in the simulator
	instance   string // that fails; empty: all
	title      string // column of the table
	config     string // further lines of the configuration
	list       string // name of the list or object in the response; empty: the response is it
	object     bool   // it is an object
	unpaged    bool
	unsigned   bool
	gone404    bool // 404 says that the group does not exist any more; then it is left out
	allRows    bool // rows that come twice are counted twice
	collectors []string

	// For TestHeavyFaults, which leaves out endpoints without a row.
	row     string // # stands for its number
	million string // outcome of a million rows; otherData if empty
}

// key returns the name that faults are set for.
func (e endpoint) key() string {
	if e.instance != "" {
		return e.instance
	}
	return e.operation
}

// A refusal is an answer of one API that is an error, and the reason that is
// shown for it.
type refusal struct {
	name   string // row of the table
	answer sim.Fault
	reason string
	only   []string // operations that can answer so; nil: all
}

// headlines returns, by collector, a family that is present as long as the
// listing is served.
func headlines() map[string]string {
	return map[string]string{
		"organization":         "cloudorg_organization_info",
		"groups":               "cloudorg_groups",
		"members":              "cloudorg_members",
		"invitations":          "cloudorg_pending_invitations",
		"received_invitations": "cloudorg_received_invitations",
		"withdrawals":          "cloudorg_pending_withdrawals",
		"policies":             "cloudorg_policies",
		"api_version":          "cloudorg_api_version_info",
		"account_creations":    "cloudorg_account_creations",
		"delegations":          "cloudorg_delegated_administrators",
		"service_access":       "cloudorg_service_access_enabled_timestamp_seconds",
	}
}

// apis returns all APIs, in the order of the tables.
func apis() []*api { return []*api{ncpV1(), ncpV2(), scp(), aws()} }

// apiNamed returns the API of a name.
func apiNamed(name string) *api {
	all := apis()
	return all[slices.IndexFunc(all, func(a *api) bool { return a.name == name })]
}

// quick are the defaults of an API that may be called often.
const quick = "cache_ttl: 500ms, error_ttl: 500ms, refresh_timeout: 5s, rate_limit: 10000"

const html = "<html><body>Bad Gateway</body></html>"

// answer is a response with a JSON body.
func answer(status int, body string) sim.Fault { return sim.Fault{Status: status, Body: body} }

// page is a response with an HTML body.
func page(status int) sim.Fault {
	return sim.Fault{Status: status, Body: html, Header: header("Content-Type", "text/html")}
}

func header(key, value string) http.Header { return http.Header{key: {value}} }

// inside200 returns a refusal with the status of success.
func inside200(f sim.Fault) sim.Fault {
	f.Status = http.StatusOK
	return f
}

func ncpV1() *api {
	const oneGroup = "/account/group/612" // not the root, which does not vanish
	return &api{
		name: "ncp", cloud: "ncp", defaults: quick, maxStale: "6s", noSeries: []string{"organization"},
		collectors: []string{"organization", "groups", "members", "invitations", "withdrawals", "policies"},
		endpoints: []endpoint{
			{
				operation: "/org", title: "org", object: true, collectors: []string{"organization"},
				row: "{}", million: sameData,
			},
			{
				operation: "/group/tree", title: "group/tree", collectors: []string{"groups", "members"},
				row: `{"organizationGroupNo": 610, "organizationGroupName": "Root", "memberNo": #, "memberStatusCode": "JOIN", "groupYn": "N"}`,
			},
			{
				operation: "/account/group/{no}", instance: oneGroup, title: "account/group/{no}", gone404: true, collectors: []string{"members"},
				row: `{"organizationGroupNo": 612, "memberNo": #, "memberStatusCode": "JOIN"}`,
			},
			{
				operation: "/account/invite/invitation", title: "account/invite/invitation", allRows: true, collectors: []string{"invitations"},
				row: `{"memberNo": #, "organizationNo": 4100, "regYmdt": 1793620800000, "expireDay": "7"}`,
			},
			{
				operation: "/account/leave", title: "account/leave", allRows: true, collectors: []string{"withdrawals"},
				row: `{"memberNo": #, "modYmdt": 1793620800000}`,
			},
			{
				operation: "/policy/list", title: "policy/list", allRows: true, collectors: []string{"policies"},
				row: `{"policyNo": #, "policyName": "Default limits", "applyCount": 1}`, million: "decode",
			},
		},
		refusals: append(ncpGateway(),
			refusal{name: "key of a Sub Account", answer: sim.NCPError("COMMON_201"), reason: "not_master"},
			refusal{name: "not the master", answer: sim.NCPError("COMMON_101"), reason: "not_master"},
			refusal{name: "server error, HTTP 403", answer: sim.NCPError("COMMON_103"), reason: "server"},
			refusal{name: "throttled, HTTP 403", answer: sim.NCPError("COMMON_104"), reason: "throttled"},
			refusal{name: "undocumented code", answer: sim.NCPError("GROUP_101"), reason: "forbidden"},
			refusal{name: "an error inside a 200", answer: inside200(sim.NCPError("COMMON_104")), reason: "throttled"},
		),
		faults: []fault{
			simulated("account in no organization", answer(0, "{}"), otherData).except("", func(e endpoint) bool { return !e.object }),
		},
		throttled: sim.NCPGateway("420"),
		echo:      `{"code": "%[1]s", "message": "%[1]s"}`,
		corrupt:   strings.NewReplacer("I", "\xc3\x28"),
		new:       func(c sim.Config) sim.Cloud { return sim.NewNCP(c) },
	}
}

// ncpGateway returns the refusals of the gateway, which both versions have.
func ncpGateway() []refusal {
	return []refusal{
		{name: "key or signature refused", answer: sim.NCPGateway("200"), reason: "auth"},
		{name: "not subscribed", answer: sim.NCPGateway("210"), reason: "forbidden"},
		{name: "not found", answer: sim.NCPGateway("300"), reason: "other"},
		{name: "request too large", answer: sim.NCPGateway("430"), reason: "other"},
		{name: "throttled", answer: sim.NCPGateway("420"), reason: "throttled"},
		{name: "quota exceeded", answer: sim.NCPGateway("400"), reason: "throttled"},
		{name: "server error", answer: sim.NCPGateway("900"), reason: "server"},
		{name: "service not reached by the gateway", answer: sim.NCPGateway("500"), reason: "server"},
		{name: "timeout of the gateway", answer: sim.NCPGateway("510"), reason: "server"},
	}
}

func ncpV2() *api {
	const organizations, ofOrganization, sample = "/v2/organizations", "/v2/organizations/{organizationNo}", "/v2/organizations/4100"
	of := func(path string, e endpoint) endpoint {
		e.operation, e.instance, e.title = ofOrganization+path, sample+path, strings.TrimPrefix(path, "/")
		return e
	}
	return &api{
		name: "ncp v2", cloud: "ncp", config: "    api_version: v2\n", defaults: quick, maxStale: "6s",
		noSeries:   []string{"organization", "received_invitations"},
		collectors: []string{"organization", "groups", "members", "invitations", "received_invitations", "withdrawals", "policies"},
		endpoints: []endpoint{
			{
				operation: organizations, title: "organizations", list: "organizations", unpaged: true,
				collectors: []string{"organization", "groups", "members", "invitations", "withdrawals", "policies"},
			},
			of("/account-groups", endpoint{list: "accountGroups", collectors: []string{"groups"}}),
			of("/account-groups/-/accounts", endpoint{
				list: "accounts", collectors: []string{"members"},
				row: `{"memberNo": #, "organizationNo": 4100, "accountGroupNo": 612, "memberStatus": "JOINED"}`,
			}),
			of("/invitations", endpoint{list: "invitations", collectors: []string{"invitations"}}),
			{operation: "/v2/received-invitations", title: "received-invitations", list: "receivedInvitations", collectors: []string{"received_invitations"}},
			of("/leave-requests", endpoint{list: "leaveRequests", collectors: []string{"withdrawals"}}),
			of("/quota-policies", endpoint{
				list: "quotaPolicies", collectors: []string{"policies"},
				row: `{"no": #, "name": "Default limits", "applyCount": 1}`, million: "decode",
			}),
		},
		refusals: append(ncpGateway(),
			refusal{name: "Unauthorized", answer: answer(401, `{"error": {"errorCode": "Unauthorized", "message": "made-up"}}`), reason: "auth"},
			refusal{name: "permission missing", answer: sim.NCPErrorV2("Forbidden"), reason: "forbidden"},
			refusal{name: "account of another environment", answer: sim.NCPErrorV2("AccessDenied"), reason: "forbidden"},
			refusal{name: "invalid parameter", answer: sim.NCPErrorV2("InvalidParameter"), reason: "other"},
			refusal{name: "organization not found", answer: sim.NCPErrorV2("ResourceNotFound"), reason: "other"},
			refusal{name: "throttled by the service", answer: sim.NCPErrorV2("MadeUpTooMany"), reason: "throttled"},
			refusal{name: "server error of the service", answer: sim.NCPErrorV2("MadeUp"), reason: "server"},
			refusal{name: "undocumented code", answer: answer(403, `{"error": {"errorCode": "MadeUp", "message": "made-up"}}`), reason: "forbidden"},
			refusal{name: "402", answer: answer(402, ""), reason: "forbidden"},
			refusal{name: "408", answer: answer(408, ""), reason: "timeout"},
			refusal{name: "an error inside a 200", answer: inside200(sim.NCPErrorV2("Forbidden")), reason: "forbidden"},
		),
		faults: []fault{
			paged("pages of one row", sim.Paging{MaxSize: 1}, sameData),
			paged("a row moves between pages", sim.Paging{MaxSize: 1, Moves: 1}, sameData),
			changed("no row, and a total above 0", "decode", func(e endpoint, _ string) string {
				return fmt.Sprintf(`{%q: [], "totalElements": 7, "totalPages": 1}`, e.list)
			}).except("", func(e endpoint) bool { return e.unpaged }),
			simulated("organization without a number", answer(0, `{"organizations": [{"name": "x"}]}`), "decode").
				except("", func(e endpoint) bool { return e.operation != organizations }),
			replaced("account in no organization", otherData, sim.Config{Caller: sim.Outsider}),
		},
		throttled: sim.NCPErrorV2("MadeUpTooMany"),
		echo:      `{"error": {"errorCode": "%[1]s", "message": "%[1]s", "detail": "%[1]s", "fieldErrors": [{"field": "%[1]s", "message": "%[1]s"}]}}`,
		corrupt: strings.NewReplacer(`"name": "`, `"name": "`+"\xc3\x28", `"policyName": "`, `"policyName": "`+"\xc3\x28",
			`"memberStatus": "`, `"memberStatus": "`+"\xc3\x28", `DateTime": "`, `DateTime": "`+"\xc3\x28"),
		private: []string{"한빛"}, // the name of the organization and of its top group is a user's
		// Answers that name no policy of any group count as a field that cannot be read.
		new: func(c sim.Config) sim.Cloud {
			c.Wide = true
			return sim.NewNCP(c)
		},
	}
}

func scp() *api {
	const row = `{"id": "x-#", "organization_id": "o-1", "target_account_id": "acc-1", "state": "INVITING", "parent_unit_id": "ou-1", "created_at": "2026-11-01T02:03:04.000Z"}`
	return &api{
		name: "scp", cloud: "scp", defaults: quick, maxStale: "6s", noSeries: []string{"organization", "api_version"},
		collectors: []string{"organization", "members", "invitations", "received_invitations", "api_version"},
		endpoints: []endpoint{
			{operation: "/v1/organizations", title: "organizations", list: "organizations", collectors: []string{"organization"}, row: row, million: "decode"},
			{operation: "/v1/organization-accounts", title: "organization-accounts", list: "accounts", collectors: []string{"members"}, row: row},
			{operation: "/v1/organization-invitations", title: "organization-invitations", list: "organization_invitations", collectors: []string{"invitations"}, row: row},
			{operation: "/v1/account-invitations", title: "account-invitations", list: "account_invitations", collectors: []string{"received_invitations"}, row: row},
			{operation: "/", title: "/", list: "versions", unpaged: true, unsigned: true, collectors: []string{"api_version"}, row: row, million: "decode"},
		},
		refusals: []refusal{
			{name: "key or signature refused", answer: sim.SCPGateway("HmacValidFail"), reason: "auth"},
			{name: "no credentials arrived", answer: sim.SCPNoCredentials("/v1/x"), reason: "auth"},
			{name: "refused by the gateway, unknown message", answer: sim.SCPGateway("something new"), reason: "auth"},
			{name: "permission missing", answer: sim.SCPError("Forbidden"), reason: "forbidden"},
			{name: "unknown API version", answer: sim.SCPError("NoSuchVersion"), reason: "api_version"},
			{name: "invalid parameter", answer: sim.SCPError("ValidationError"), reason: "other"},
			{name: "not found", answer: sim.SCPError("NotFound"), reason: "other"},
			{name: "conflict", answer: sim.SCPError("Conflict"), reason: "other"},
			{name: "request too large", answer: answer(413, ""), reason: "other"},
			{name: "server error", answer: sim.SCPError("ContactAdminForAssistance"), reason: "server"},
			{name: "undocumented code", answer: answer(403, `{"errors": [{"code": "New", "status": "403"}]}`), reason: "forbidden"},
			{name: "an error inside a 200", answer: inside200(sim.SCPError("Forbidden")), reason: "forbidden"},
		},
		faults: []fault{
			paged("pages of one row", sim.Paging{MaxSize: 1}, sameData),
			paged("a row moves between pages", sim.Paging{MaxSize: 1, Moves: 1}, sameData),
		},
		statuses:  map[int]string{406: "api_version"},
		throttled: answer(429, ""),
		echo:      `{"errors": [{"code": "%[1]s", "title": "%[1]s", "detail": "%[1]s", "request_id": "%[1]s", "response": {"action_name": "%[1]s"}}]}`,
		corrupt:   strings.NewReplacer("I", "\xc3\x28", "E", "\xff"), // its names are in small letters
		new:       func(c sim.Config) sim.Cloud { return sim.NewSCP(c) },
	}
}

func aws() *api {
	const unit = "/ou-ac01-deep0001" // not the root, which does not vanish
	const byParent = "    members_from: parents\n"
	return &api{
		name: "aws", cloud: "aws",
		// Half of the published rates is one DescribeOrganization and one ListRoots in two
		// seconds, and two of the calls about services in four.
		defaults: "cache_ttl: 500ms, error_ttl: 500ms, refresh_timeout: 15s, rate_limit: 10000", maxStale: "20s",
		noSeries: []string{"organization", "service_access"},
		collectors: []string{
			"organization", "groups", "members", "invitations", "received_invitations", "policies", "account_creations", "delegations", "service_access",
		},
		endpoints: []endpoint{
			// Received invitations are those that are not the organization's own.
			{operation: "DescribeOrganization", title: "DescribeOrganization", list: "Organization", object: true, unpaged: true, collectors: []string{"organization", "received_invitations"}},
			{operation: "ListRoots", title: "ListRoots", list: "Roots", collectors: []string{"groups", "policies"}},
			{
				operation: "ListOrganizationalUnitsForParent", instance: "ListOrganizationalUnitsForParent" + unit, title: "ListOrganizationalUnitsForParent",
				config: byParent, list: "OrganizationalUnits", collectors: []string{"groups", "members"},
			},
			{
				operation: "ListAccounts", title: "ListAccounts", list: "Accounts", collectors: []string{"members"},
				// With their paths they take more than the 160 MiB of all refreshes.
				row: `{"Id": "#", "State": "ACTIVE", "Paths": ["o-acme012345/r-ac01/ou-ac01-resear01/333333333333/"]}`, million: "decode",
			},
			{
				operation: "ListAccountsForParent", instance: "ListAccountsForParent" + unit, title: "ListAccountsForParent",
				config: byParent, list: "Accounts", collectors: []string{"members"},
			},
			{operation: "ListHandshakesForOrganization", title: "ListHandshakesForOrganization", list: "Handshakes", collectors: []string{"invitations"}},
			{operation: "ListHandshakesForAccount", title: "ListHandshakesForAccount", list: "Handshakes", collectors: []string{"received_invitations"}},
			{
				operation: "ListPolicies", title: "ListPolicies", list: "Policies", collectors: []string{"policies"},
				row: `{"Id": "p-#", "Name": "x", "Type": "SERVICE_CONTROL_POLICY", "AwsManaged": false}`, million: "decode",
			},
			{operation: "ListTargetsForPolicy", title: "ListTargetsForPolicy", list: "Targets", collectors: []string{"policies"}},
			{operation: "ListCreateAccountStatus", title: "ListCreateAccountStatus", list: "CreateAccountStatuses", collectors: []string{"account_creations"}},
			{operation: "ListDelegatedAdministrators", title: "ListDelegatedAdministrators", list: "DelegatedAdministrators", collectors: []string{"delegations"}},
			{operation: "ListDelegatedServicesForAccount", title: "ListDelegatedServicesForAccount", list: "DelegatedServices", collectors: []string{"delegations"}},
			{operation: "ListAWSServiceAccessForOrganization", title: "ListAWSServiceAccessForOrganization", list: "EnabledServicePrincipals", collectors: []string{"service_access"}},
		},
		refusals: []refusal{
			{name: "key or signature refused", answer: sim.AWSError("UnrecognizedClientException"), reason: "auth"},
			{name: "wrong signature, clock right", answer: sim.AWSError("InvalidSignatureException"), reason: "auth"},
			{name: "no credentials arrived", answer: sim.AWSError("MissingAuthenticationTokenException"), reason: "auth"},
			{name: "key expired", answer: sim.AWSError("ExpiredTokenException"), reason: "auth"},
			{name: "not subscribed", answer: sim.AWSError("OptInRequired"), reason: "auth"},
			{
				name: "permission missing", reason: "forbidden",
				answer: answer(400, `{"__type": "AccessDeniedException", "Message": "User: arn:aws:sts::111111111111:assumed-role/x/someone@example.test is not authorized to perform: organizations:ListAccounts"}`),
			},
			{name: "not the master", answer: sim.AWSError("AccessDeniedException"), reason: "forbidden"},
			{name: "invalid parameter", answer: sim.AWSError("InvalidInputException"), reason: "other"},
			{
				name: "page token refused", reason: "other",
				answer: answer(400, `{"__type": "InvalidInputException", "Message": "made-up", "Reason": "INVALID_PAGINATION_TOKEN"}`),
			},
			{
				name: "unit not found", answer: sim.AWSError("ParentNotFoundException"), reason: otherData,
				only: []string{"ListOrganizationalUnitsForParent", "ListAccountsForParent"},
			},
			{name: "policy not found", answer: sim.AWSError("PolicyNotFoundException"), reason: otherData, only: []string{"ListTargetsForPolicy"}},
			{name: "account not registered", answer: sim.AWSError("AccountNotRegisteredException"), reason: "other", only: []string{"ListDelegatedServicesForAccount"}},
			{name: "request too large", answer: answer(413, ""), reason: "other"},
			{name: "throttled", answer: sim.AWSError("TooManyRequestsException"), reason: "throttled"},
			{name: "throttled, code in a header only", answer: sim.Fault{
				Status: 400, Body: "{}", Header: header("X-Amzn-ErrorType", "ThrottlingException:http://made.up/"),
			}, reason: "throttled"},
			{name: "conflict", answer: sim.AWSError("ConcurrentModificationException"), reason: "server"},
			{name: "server error", answer: sim.AWSError("ServiceException"), reason: "server"},
			{name: "undocumented code", answer: sim.AWSError("MadeUpException"), reason: "other"},
			{name: "an error inside a 200", answer: inside200(sim.AWSError("TooManyRequestsException")), reason: "throttled"},
		},
		faults: []fault{
			paged("empty pages and long tokens", sim.AWSPaging{Empty: 1, Long: true}, sameData),
			paged("a page token is refused once", sim.AWSPaging{Empty: 1, Expires: 1}, sameData),
			paged("a page token comes twice", sim.AWSPaging{Repeats: true}, "decode"),
			replaced("account in no organization", "not_master", sim.Config{Company: func(time.Time) sim.Company { return sim.Company{} }}).
				except(otherData, func(e endpoint) bool { return e.operation == "ListHandshakesForAccount" }),
		},
		statuses:  map[int]string{403: "auth"}, // of the front, which checks the key
		throttled: sim.AWSError("TooManyRequestsException"),
		echo:      `{"__type": "AccessDeniedException", "Message": "%[1]s", "Reason": "%[1]s"}`,
		corrupt: strings.NewReplacer(`"Name": "`, `"Name": "`+"\xc3\x28", `State": "`, `State": "`+"\xc3\x28", `"Status": "`, `"Status": "`+"\xc3\x28",
			`"FeatureSet": "`, `"FeatureSet": "`+"\xc3\x28", `ServicePrincipal": "`, `ServicePrincipal": "`+"\xc3\x28"),
		new: func(c sim.Config) sim.Cloud { return sim.NewAWS(c) },
	}
}

// opening returns how the list in a response begins.
func (e endpoint) opening() string {
	switch {
	case e.object:
		return `{"rows": [`
	case e.list != "":
		return fmt.Sprintf(`{"count": %d, "size": %d, "totalElements": %d, "totalPages": 1, %q: [`, million, million, million, e.list)
	}
	return "["
}
