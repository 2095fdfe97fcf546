package main

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	"github.com/go-kit/log/level"
)

// Our lines and those of libraries look the same: one ts in UTC, one level,
// one caller, and the same filter.
func TestLog(t *testing.T) {
	for _, tt := range []struct {
		minimum string
		lines   int
	}{{"debug", 8}, {"info", 6}, {"warn", 4}, {"error", 2}} {
		for _, format := range []string{"logfmt", "json"} {
			var out bytes.Buffer
			ours, theirs := newLoggers(&out, tt.minimum, format)
			level.Debug(ours).Log("msg", "ours", "n", 1)
			level.Info(ours).Log("msg", "ours", "n", 1)
			level.Warn(ours).Log("msg", "ours", "n", 1)
			level.Error(ours).Log("msg", "ours", "n", 1)
			theirs.Debug("theirs", "n", 1)
			theirs.Info("theirs", "n", 1)
			theirs.Warn("theirs", "n", 1)
			theirs.Error("theirs", "n", 1)
			lines := strings.Split(strings.TrimSpace(out.String()), "\n")
			if len(lines) != tt.lines {
				t.Errorf("%s: want %d lines, have %d", tt.minimum, tt.lines, len(lines))
			}
			for _, line := range lines {
				if format == "json" {
					var fields map[string]any
					if err := json.Unmarshal([]byte(line), &fields); err != nil {
						t.Fatalf("%v in %s", err, line)
					}
					line = strings.NewReplacer(`{"`, " ", `":`, "=", `,"`, " ", `"`, "").Replace(line)
				}
				line = " " + line
				for _, once := range []string{" ts=", " level=", " caller=log_test.go:", " msg=", "Z"} {
					if strings.Count(line, once) != 1 {
						t.Errorf("%s: want %q once in %s", format, once, line)
					}
				}
				if strings.Contains(line, "time=") {
					t.Errorf("a second time in %s", line)
				}
			}
		}
	}
}
