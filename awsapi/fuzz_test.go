package awsapi

import (
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/cloudorg-exporter/cloudorg_exporter/internal/httpx"
)

func seed(f *testing.F) {
	f.Helper()
	files, err := filepath.Glob("testdata/*.json")
	if err != nil || len(files) == 0 {
		f.Fatal("no samples", err)
	}
	for _, file := range files {
		b, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(string(b))
	}
}

func decodePage[T any](body, name string) ([]T, int, error) {
	return httpx.DecodeBody(strings.NewReader(body), testAPI(), func(r *httpx.Reader) []T { return readPage[T](r, name).rows })
}

// Whatever an answer is, reading it ends, and a listing that can be read has
// times within the years of a date and no address.
func FuzzRows(f *testing.F) {
	seed(f)
	f.Fuzz(func(t *testing.T, body string) {
		accounts, _, err := decodePage[Account](body, "Accounts")
		if err == nil {
			for _, a := range accounts {
				if y := a.Joined.Year(); y < 1 || y > 9999 {
					t.Errorf("joined in %d", y)
				}
				if strings.Contains(a.Parent(), "/") {
					t.Errorf("parent %q", a.Parent())
				}
			}
		}
		handshakes, _, err := decodePage[Handshake](body, "Handshakes")
		if err == nil {
			for _, h := range handshakes {
				for _, p := range h.Parties {
					if p.Type == "EMAIL" && p.ID != "" {
						t.Errorf("an address is kept: %q", p.ID)
					}
				}
			}
		}
		_, _, _ = decodePage[Root](body, "Roots")
		_, _, _ = decodePage[Policy](body, "Policies")
	})
}

// Whatever an error is, it has a kind, and names no session of a role.
func FuzzExplain(f *testing.F) {
	seed(f)
	f.Add("<ErrorResponse><Error><Code>AccessDenied</Code></Error></ErrorResponse>")
	f.Fuzz(func(t *testing.T, body string) {
		e := explain(http.StatusBadRequest, http.Header{}, []byte(body))
		if e.Kind == "" {
			t.Errorf("no kind of %q", body)
		}
		if strings.Contains(e.Detail, "arn:aws") && utf8.ValidString(body) {
			t.Errorf("an ARN is shown: %q", e.Detail)
		}
	})
}
