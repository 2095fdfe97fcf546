package sim_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/cloudorg-exporter/cloudorg_exporter/internal/sim"
)

// Drift changes how facts are written and loses none of them.
func TestDrift(t *testing.T) {
	for _, old := range []bool{false, true} {
		plain := newNCP(t, sim.Config{Old: old})
		drift := newNCP(t, sim.Config{Old: old, Drift: true})
		var drifted strings.Builder
		for _, path := range []string{"/org", "/group/tree", "/account/group/612", "/account/invite/invitation", "/account/leave", "/policy/list"} {
			rec := record(t, drift, path)
			if want, have := "text/plain;charset=UTF-8", rec.Header().Get("Content-Type"); have != want {
				t.Errorf("content type: want %s, have %s", want, have)
			}
			drifted.Write(rec.Body.Bytes())
			want := facts(decode(t, record(t, plain, path).Body.Bytes()))
			have := facts(decode(t, rec.Body.Bytes()))
			if diff := cmp.Diff(want, have); diff != "" {
				t.Errorf("%s: want -, have +\n%s", path, diff)
			}
		}
		for _, want := range []string{`"organizationNo": "4100"`, `"memberNo": null`, `"memberName": null`, `"newField": {`} {
			if !strings.Contains(drifted.String(), want) {
				t.Errorf("no %s", want)
			}
		}
		if strings.Contains(drifted.String(), "member-2") {
			t.Error("every name is present")
		}
		if want, have := old, strings.Contains(drifted.String(), `{"organizationGroupNo": "4100", "memberNo": "9000003"`); want != have {
			t.Errorf("invitations of the old field table: want %v, have %v", want, have)
		}
	}
}

// facts returns what a lenient client reads from a decoded body.
func facts(v any) []map[string]string {
	list, ok := v.([]any)
	if !ok {
		list = []any{v}
	}
	all := make([]map[string]string, len(list))
	for i, row := range list {
		all[i] = make(map[string]string)
		for k, v := range row.(map[string]any) {
			switch {
			case k == "memberName", k == "loginId", k == "displayName", k == "memberAlias", k == "memberStatusName", k == "newField",
				strings.HasSuffix(k, "EmailAddress"), strings.HasPrefix(k, "masterMemberName"), strings.Contains(k, "Desc"):
				continue // not needed by a client
			case v == nil, v == "N":
				continue // the same as absent
			case k == "organizationGroupNo" && row.(map[string]any)["regYmdt"] != nil:
				k = "organizationNo" // of an invitation
			}
			if n, ok := v.(float64); ok {
				v = fmt.Sprintf("%.0f", n)
			}
			all[i][k] = fmt.Sprint(v)
		}
	}
	return all
}
