package e2e_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

var (
	claim  = regexp.MustCompile(`\[((?:Test|Fuzz)\w+)\]\(([^)]+)\)`)
	direct = regexp.MustCompile(`(?m)^\t(\S+) v\S+$`)
)

// A claim in docs/security.md names a test that there is, and every direct
// dependency has its reason there.
func TestSecurityClaims(t *testing.T) {
	read := func(name string) string {
		t.Helper()
		text, err := os.ReadFile(name)
		if err != nil {
			t.Error(err)
		}
		return string(text)
	}
	text := read("../../docs/security.md")
	claims := claim.FindAllStringSubmatch(text, -1)
	if len(claims) < 30 {
		t.Errorf("%d claims only", len(claims))
	}
	for _, c := range claims {
		if !strings.Contains(read(filepath.Join("../../docs", c[2])), "\nfunc "+c[1]+"(") {
			t.Errorf("%s is not in %s", c[1], c[2])
		}
	}
	for _, d := range direct.FindAllStringSubmatch(read("../../go.mod"), -1) {
		if !strings.Contains(text, "| "+d[1]+" |") {
			t.Errorf("%s has no reason", d[1])
		}
	}
}
