package cloud_test

import (
	"bytes"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cloudorg-exporter/cloudorg_exporter/internal/org"
	"github.com/cloudorg-exporter/cloudorg_exporter/internal/sim"
)

// gone answers that there is no such thing to every request for one parent or
// policy.
func gone(cloud http.Handler, operation, id, code string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		r.Body = io.NopCloser(bytes.NewReader(body))
		if strings.HasSuffix(r.Header.Get("X-Amz-Target"), "."+operation) && bytes.Contains(body, []byte(`"`+id+`"`)) {
			w.WriteHeader(http.StatusBadRequest)
			_, _ = io.WriteString(w, `{"__type": "`+code+`", "Message": "made-up"}`)
			return
		}
		cloud.ServeHTTP(w, r)
	})
}

// What vanishes between two calls is skipped with a warning, and a reading of
// members that may lack some is not compared with others.
func TestAWSVanished(t *testing.T) {
	const security = "ou-ac01-securi01"
	for name, tt := range map[string]struct {
		yaml, operation, id, code string
		groups, members, policies int
		incomplete                bool
		failed                    []string
	}{
		"unit, its units":       {acmeAWS, "ListOrganizationalUnitsForParent", security, "ParentNotFoundException", 4, 7, 1, false, nil},
		"unit, from parents":    {withAWS("members_from: parents"), "ListOrganizationalUnitsForParent", security, "ParentNotFoundException", 4, 5, 1, true, nil},
		"unit, its accounts":    {withAWS("members_from: parents"), "ListAccountsForParent", security, "ParentNotFoundException", 5, 5, 1, true, nil},
		"policy":                {acmeAWS, "ListTargetsForPolicy", "p-denyleave1", "PolicyNotFoundException", 5, 7, 0, false, nil},
		"the root is no unit":   {acmeAWS, "ListOrganizationalUnitsForParent", "r-ac01", "ParentNotFoundException", 0, 7, 1, false, []string{"other"}},
		"a unit that is denied": {acmeAWS, "ListOrganizationalUnitsForParent", security, "AccessDeniedException", 0, 7, 1, false, []string{"forbidden"}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, tt.yaml, gone(newAWS(t, nil), tt.operation, tt.id, tt.code))
				w.scrape("")
				last := w.fleet.Last()[0]
				if n := len(last.Groups.Items); n != tt.groups {
					t.Errorf("%d groups, want %d", n, tt.groups)
				}
				if n := len(last.Members.Items); n != tt.members || last.Members.Incomplete != tt.incomplete {
					t.Errorf("%d members, want %d; incomplete %v", n, tt.members, last.Members.Incomplete)
				}
				if n := len(last.Policies.Items); n != tt.policies {
					t.Errorf("%d policies, want %d", n, tt.policies)
				}
				if have := w.reasons(); !slices.Equal(have, tt.failed) {
					t.Errorf("failed: %v, %v", have, w.firstError())
				}
				if vanished := strings.Contains(w.log.String(), "vanished"); vanished == (tt.failed != nil) {
					t.Errorf("log:\n%s", w.log)
				}
			})
		})
	}
}

// Who is invited, of the parties of a handshake.
func TestAWSInvited(t *testing.T) {
	const inviter = `{"Id": "o-acme012345", "Type": "ORGANIZATION"}`
	for parties, want := range map[string]string{
		inviter + `, {"Id": "888888888888", "Type": "ACCOUNT"}`:                                "888888888888",
		`{"Id": "a@example.test", "Type": "EMAIL"}, ` + inviter:                                "h-1",
		`{"Id": "a@example.test", "Type": "EMAIL"}, {"Id": "111111111111", "Type": "ACCOUNT"}`: "h-1",
		`{"Id": "a@example.test", "Type": "EMAIL"}, {"Id": "888888888888", "Type": "ACCOUNT"}`: "888888888888",
		`{"Id": "111111111111", "Type": "ACCOUNT"}, {"Id": "888888888888", "Type": "ACCOUNT"}`: "888888888888",
		`{"Id": "888888888888", "Type": "ACCOUNT"}, {"Id": "111111111111", "Type": "ACCOUNT"}`: "888888888888",
		`{"Id": "888888888888", "Type": "ACCOUNT"}, {"Id": "999999999999", "Type": "ACCOUNT"}`: "h-1",
		`{"Id": "a@example.test", "Type": "SOMETHING_NEW"}`:                                    "h-1",
		`{"Id": "a@example.test"}`: "h-1",
	} {
		synctest.Test(t, func(t *testing.T) {
			cloud := newAWS(t, nil)
			cloud.SetFault("ListHandshakesForOrganization", sim.Fault{
				Body: `{"Handshakes": [{"Id": "h-1", "Action": "INVITE", "State": "OPEN", "RequestedTimestamp": 1794700000, "Parties": [` + parties + `]}]}`,
			})
			w := newWorld(t, acmeAWS, cloud)
			if text := w.scrape("?collect[]=invitations"); !strings.Contains(text, `member_id="`+want+`"`) || strings.Contains(text, "@") {
				t.Errorf("%s: want %s, have\n%s", parties, want, text)
			}
		})
	}
}

// Without the management account's ID the invited account is unknown, and
// without the organization's ID so is which invitations are received ones.
func TestAWSOrganizationDenied(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cloud := newAWS(t, nil)
		cloud.Set(sim.AWSOptions{Denied: []string{"DescribeOrganization"}})
		cloud.SetFault("ListHandshakesForOrganization", sim.Fault{Body: awsSample(t, "ListHandshakesForOrganization.drift.json")})
		w := newWorld(t, acmeAWS, cloud)
		text := w.scrape("")
		if !strings.Contains(text, `member_id="h-twoa00009"`) || strings.Contains(text, "121212121212") {
			t.Errorf("a guess:\n%s", text)
		}
		for _, c := range w.fleet.Last()[0].Collectors() {
			if failed := c.Name == "organization" || c.Name == "received_invitations"; failed != (c.Err != nil) {
				t.Errorf("%s: %v", c.Name, c.Err)
			}
		}
	})
}

// A listing without Paths is logged once, and again after one with Paths.
func TestAWSWithoutPaths(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cloud := newAWS(t, nil)
		bare := sim.Fault{Body: `{"Accounts": [{"Id": "111111111111", "State": "ACTIVE"}]}`}
		w := newWorld(t, acmeAWS, cloud)
		for i, step := range []struct {
			fault    sim.Fault
			warnings int
		}{{bare, 1}, {bare, 1}, {sim.Fault{}, 1}, {bare, 2}, {sim.Fault{Body: `{"Accounts": []}`}, 2}} {
			cloud.SetFault("ListAccounts", step.fault)
			w.scrape("")
			if n := strings.Count(w.log.String(), "no account has Paths"); n != step.warnings {
				t.Errorf("after %d refreshes: %d warnings, want %d", i+1, n, step.warnings)
			}
			time.Sleep(16 * time.Minute)
		}
	})
}

// Changes of accounts and invitations are reported. A handshake with another
// action is no invitation.
func TestAWSChanges(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cloud := newAWS(t, nil)
		w := newWorld(t, acmeAWS, cloud)
		w.scrape("")
		cloud.SetFault("ListHandshakesForOrganization", sim.Fault{Body: `{"Handshakes": [
			{"Id": "h-acct00001", "Action": "INVITE", "State": "ACCEPTED", "Parties": [{"Id": "888888888888", "Type": "ACCOUNT"}]},
			{"Id": "h-feat00006", "Action": "ENABLE_ALL_FEATURES", "State": "OPEN"}]}`})
		cloud.SetFault("ListAccounts", sim.Fault{Body: `{"Accounts": [{"Id": "022222222222", "State": "CLOSED"}, {"Id": "888888888888", "State": "ACTIVE"}]}`})
		time.Sleep(16 * time.Minute)
		w.scrape("")
		var have []string
		for _, c := range w.fleet.Last()[0].Changes {
			have = append(have, strings.Join([]string{string(c.What), c.MemberID, c.From + c.Status, c.To}, " "))
		}
		for _, want := range []string{
			string(org.MemberChanged) + " 022222222222 ACTIVE CLOSED", string(org.MemberChanged) + " 888888888888 none ACTIVE",
			string(org.InvitationGone) + " 888888888888 ACCEPTED ", string(org.InvitationGone) + " h-mail00002 REQUESTED ",
		} {
			if !slices.Contains(have, want) {
				t.Errorf("no %q in %q", want, have)
			}
		}
		if slices.ContainsFunc(have, func(s string) bool { return strings.Contains(s, "h-feat") }) {
			t.Errorf("a handshake that is no invitation: %q", have)
		}
	})
}
