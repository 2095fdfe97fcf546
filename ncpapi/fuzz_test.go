package ncpapi

import (
	"net/http"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/cloudorg-exporter/cloudorg_exporter/internal/httpx"
	"github.com/cloudorg-exporter/cloudorg_exporter/internal/testutil"
)

func seeds(f *testing.F) {
	f.Helper()
	for _, s := range testutil.Samples(f, "testdata/*.json") {
		f.Add([]byte(s.Body))
	}
}

// Whatever stands in a listing, a row either fails it or is fit for a label.
func FuzzRows(f *testing.F) {
	seeds(f)
	f.Fuzz(func(t *testing.T, body []byte) {
		all, _, err := httpx.DecodeBody(strings.NewReader(string(body)), testAPI(), httpx.Rows[TreeRow])
		if err != nil {
			return
		}
		for _, row := range all {
			for _, s := range []string{row.GroupName, row.Status, row.PolicyName} {
				if !utf8.ValidString(s) {
					t.Errorf("%q is not UTF-8", s)
				}
			}
		}
	})
}

func FuzzExplain(f *testing.F) {
	seeds(f)
	f.Fuzz(func(t *testing.T, body []byte) {
		e := explain(http.StatusForbidden, http.Header{}, body)
		if e.Kind == "" {
			t.Error("no reason")
		}
		for _, s := range []string{httpx.Clean(e.Code), httpx.Clean(e.Message)} {
			if !utf8.ValidString(s) || len(s) > 300 || strings.ContainsFunc(s, unicode.IsControl) {
				t.Errorf("%q is not fit for a log", s)
			}
		}
	})
}

// All lists are of one shape: what is one of them is any of them, with as many
// rows, and no time in them is out of this world.
func FuzzLists(f *testing.F) {
	seeds(f)
	f.Fuzz(func(t *testing.T, body []byte) {
		tree, _, err := httpx.DecodeBody(strings.NewReader(string(body)), testAPI(), httpx.Rows[TreeRow])
		check := func(name string, n int, other error) {
			if n != len(tree) || (other == nil) != (err == nil) {
				t.Errorf("%s: %d rows, %v; the tree has %d, %v", name, n, other, len(tree), err)
			}
		}
		accounts, _, other := httpx.DecodeBody(strings.NewReader(string(body)), testAPI(), httpx.Rows[Account])
		check("accounts", len(accounts), other)
		policies, _, other := httpx.DecodeBody(strings.NewReader(string(body)), testAPI(), httpx.Rows[Policy])
		check("policies", len(policies), other)
		invitations, _, other := httpx.DecodeBody(strings.NewReader(string(body)), testAPI(), httpx.Rows[Invitation])
		check("invitations", len(invitations), other)
		withdrawals, _, other := httpx.DecodeBody(strings.NewReader(string(body)), testAPI(), httpx.Rows[Withdrawal])
		check("withdrawals", len(withdrawals), other)
		for _, w := range withdrawals {
			if at := w.Modified; !at.IsZero() && (at.Year() < 1970 || at.Year() > 9999) {
				t.Error(at)
			}
		}
		for _, i := range invitations {
			if at := i.Registered; !at.IsZero() && (at.Year() < 1970 || at.Year() > 9999) {
				t.Error(at)
			}
		}
	})
}

// Whatever stands in a page of version 2, its rows are fit for labels, and no
// time in them is out of this world.
func FuzzPages(f *testing.F) {
	seeds(f)
	f.Fuzz(func(t *testing.T, body []byte) {
		for _, key := range []string{"invitations", "accounts"} {
			p, _, _ := httpx.DecodeBody(strings.NewReader(string(body)), testAPI(), func(r *httpx.Reader) httpx.Page[InvitationV2] {
				return page[InvitationV2](r, key, true)
			})
			for _, i := range p.Rows {
				if !utf8.ValidString(i.Status()) {
					t.Errorf("%q is not UTF-8", i.Status())
				}
				if at := i.Created; !at.IsZero() && (at.Year() < 1970 || at.Year() > 9999) {
					t.Error(at)
				}
			}
		}
	})
}
