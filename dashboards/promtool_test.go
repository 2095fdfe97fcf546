package dashboards_test

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"
)

// The rules, the queries of the dashboards, and what the rules do over time,
// are judged by promtool. It may be missing on somebody's machine, but not in
// CI.
func TestPromtool(t *testing.T) {
	promtool, err := exec.LookPath("promtool")
	if err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal("promtool is missing: install the package prometheus")
		}
		t.Skip("promtool is missing; CI runs this")
	}
	run := func(t *testing.T, args ...string) {
		t.Helper()
		ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
		defer cancel()
		if out, err := exec.CommandContext(ctx, promtool, args...).CombinedOutput(); err != nil {
			t.Errorf("promtool %v: %v\n%s", args, err, out)
		}
	}
	t.Run("rules", func(t *testing.T) {
		t.Parallel()
		run(t, "check", "rules", "--lint=all", "--lint-fatal", "rules.yml", "alerts.yml")
	})
	t.Run("dashboards", func(t *testing.T) {
		t.Parallel()
		var b bytes.Buffer
		b.WriteString("groups:\n- name: dashboards\n  rules:\n")
		n := 0
		for _, d := range dashboards(t) {
			for _, p := range d.Panels {
				for _, q := range p.Targets {
					n++
					fmt.Fprintf(&b, "  - record: query:%d\n    expr: %q\n", n, grafana(q.Expr))
				}
			}
			for _, a := range d.Annotations.List {
				if a.BuiltIn != 1 {
					n++
					fmt.Fprintf(&b, "  - record: query:%d\n    expr: %q\n", n, grafana(a.Expr))
				}
			}
		}
		file := filepath.Join(t.TempDir(), "queries.yml")
		if err := os.WriteFile(file, b.Bytes(), 0o600); err != nil {
			t.Fatal(err)
		}
		run(t, "check", "rules", file)
		t.Logf("%d queries", n)
	})
	files, err := filepath.Glob("*_test.yml")
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		t.Run(f, func(t *testing.T) {
			t.Parallel()
			run(t, "test", "rules", f)
		})
	}
}
