package scpapi

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/cloudorg-exporter/cloudorg_exporter/internal/httpx"
	"github.com/cloudorg-exporter/cloudorg_exporter/internal/testutil"
)

// moments are times as they were seen, and what else may come.
func moments() map[string]time.Time {
	want := time.Date(2026, 11, 1, 2, 3, 4, 0, time.UTC)
	return map[string]time.Time{
		`"2026-11-01T02:03:04Z"`:         want,
		`"2026-11-01T02:03:04.000Z"`:     want,
		`"2026-11-01T11:03:04+09:00"`:    want,
		`"2026-11-01T02:03:04.5Z"`:       want.Add(500 * time.Millisecond),
		`"2026-11-01T02:03:04"`:          want,
		`"2026-11-01T02:03:04.000"`:      want,
		`"2026-11-01 02:03:04"`:          want,
		`" 2026-11-01 02:03:04.123456 "`: want.Add(123456 * time.Microsecond),
		`"2026-11-01t02:03:04z"`:         want,
		`"2026-11-01 02:03:04Z"`:         want,
		`"2026-11-01 11:03:04.0+09:00"`:  want,
		`null`:                           {},
		`""`:                             {},
		`"yesterday"`:                    {},
		`"2026-11-01"`:                   {},
		`"2026-02-30 00:00:00"`:          {},
		`"0000-01-01 00:00:00"`:          {},
		`1793498584000`:                  {},
		`{"at": "2026-11-01T02:03:04Z"}`: {},
		`["2026-11-01T02:03:04Z"]`:       {},
		`true`:                           {},
	}
}

func decodeMoment(body string) (time.Time, int, error) {
	return httpx.DecodeBody(strings.NewReader(body), testAPI(), func(r *httpx.Reader) (at time.Time) {
		r.Decode(&at)
		return at
	})
}

func TestTimestamp(t *testing.T) {
	for body, want := range moments() {
		have, unparsed, err := decodeMoment(body)
		if err != nil || !have.Equal(want) || have.Location() != time.UTC {
			t.Errorf("%s: want %v, have %v, error %v", body, want, have, err)
		}
		wantUnreadable := 1
		if !want.IsZero() || body == "null" || body == `""` {
			wantUnreadable = 0
		}
		if unparsed != wantUnreadable {
			t.Errorf("%s: want %d unparsed, have %d", body, wantUnreadable, unparsed)
		}
	}
}

// A time is read, is none, or counts as unparsed: once, and nothing else.
func FuzzTimestamp(f *testing.F) {
	for body := range moments() {
		f.Add(body)
	}
	f.Fuzz(func(t *testing.T, body string) {
		at, unparsed, err := decodeMoment(body)
		if err != nil {
			return
		}
		if unparsed > 1 || unparsed == 1 && !at.IsZero() || at.Location() != time.UTC {
			t.Errorf("%q: %v, %d unparsed", body, at, unparsed)
		}
		if at.IsZero() {
			return
		}
		text, _ := json.Marshal(at.Format(time.RFC3339Nano))
		if again, _, err := decodeMoment(string(text)); at.Year() <= 9999 && !again.Equal(at) {
			t.Errorf("%q: %v, and again %v, %v", body, at, again, err)
		}
	})
}

// Whatever an error's body says, there is a reason, and nothing unfit for a log.
func FuzzExplain(f *testing.F) {
	for _, s := range testutil.Samples(f, "testdata/4*.json") {
		for _, status := range []int{400, http.StatusUnauthorized, http.StatusNotFound, http.StatusNotAcceptable} {
			f.Add(status, s.Body)
		}
	}
	f.Fuzz(func(t *testing.T, status int, body string) {
		e := explain(status, []byte(body), "1.3")
		if e.Kind == "" {
			t.Error("no reason")
		}
		for _, s := range []string{e.Code, e.Message, e.Detail, e.RequestID, e.Permission} {
			if s = httpx.Clean(s); !utf8.ValidString(s) || len(s) > 300 || strings.ContainsFunc(s, unicode.IsControl) {
				t.Errorf("%q is not fit for a log", s)
			}
		}
	})
}

func decodePage[T any](body, key string) ([]T, int, error) {
	return httpx.DecodeBody(strings.NewReader(body), testAPI(), func(r *httpx.Reader) []T { return page[T](r, key).Rows })
}

// A list is read whole or not at all, whatever its rows are read as; its texts
// are fit for a label.
func FuzzEnvelope(f *testing.F) {
	keys := []string{"organization_invitations", "account_invitations", "accounts", "organizations", "versions"}
	for _, s := range testutil.Samples(f, "testdata/*.json") {
		for i, key := range keys {
			if strings.Contains(s.Body, key) {
				f.Add(i, s.Body)
			}
		}
	}
	f.Fuzz(func(t *testing.T, n int, body string) {
		key := keys[((n%len(keys))+len(keys))%len(keys)]
		accounts, _, err := decodePage[Account](body, key)
		want := len(accounts)
		for _, a := range accounts {
			if !utf8.ValidString(a.ID + a.State + a.Unit) {
				t.Errorf("%+v is not UTF-8", a)
			}
		}
		same := func(name string, rows int, other error) {
			if (err == nil) != (other == nil) || err == nil && rows != want {
				t.Errorf("%s: %d rows, %v; as accounts %d, %v", name, rows, other, want, err)
			}
		}
		invitations, _, other := decodePage[Invitation](body, key)
		same("invitations", len(invitations), other)
		received, _, other := decodePage[ReceivedInvitation](body, key)
		same("received invitations", len(received), other)
		organizations, _, other := decodePage[Organization](body, key)
		same("organizations", len(organizations), other)
		versions, _, other := decodePage[Version](body, key)
		same("versions", len(versions), other)
	})
}
