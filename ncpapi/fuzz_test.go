package ncpapi

import (
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/cloudorg-exporter/cloudorg_exporter/internal/httpx"
)

func seeds(f *testing.F) {
	f.Helper()
	files, err := filepath.Glob("testdata/*.json")
	if err != nil || len(files) == 0 {
		f.Fatal("no samples", err)
	}
	for _, name := range files {
		b, err := os.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
}

// Whatever stands in a listing, a row either fails it or is fit for a label.
func FuzzRows(f *testing.F) {
	seeds(f)
	f.Fuzz(func(t *testing.T, body []byte) {
		all, _, err := httpx.DecodeBody(strings.NewReader(string(body)), rows[TreeRow])
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
		if e.Reason == "" {
			t.Error("no reason")
		}
		for _, s := range []string{httpx.Clean(e.Code), httpx.Clean(e.Message)} {
			if !utf8.ValidString(s) || len(s) > 300 || strings.ContainsFunc(s, unicode.IsControl) {
				t.Errorf("%q is not fit for a log", s)
			}
		}
	})
}
