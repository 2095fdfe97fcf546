package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/cloudorg-exporter/cloudorg_exporter/internal/sim"
)

// --once.capture writes one file per call beside the metrics, and tells so.
func TestOnceCapture(t *testing.T) {
	t.Parallel()
	ncp, url := simulate(t, nil)
	ncp.SetFault("/account/leave", sim.NCPError("COMMON_103"))
	config := write(t, "config.yml", "organizations:\n"+organization("acme", url))
	dir := filepath.Join(t.TempDir(), "capture")
	args := []string{"--once", "--once.capture=" + dir, "--config.file=" + config}
	var stdout, stderr bytes.Buffer
	if err := run(t.Context(), args, &stdout, &stderr); err == nil || err.Error() != "1 of 5 collectors failed" {
		t.Fatalf("want one collector to fail, have %v\n%s", err, &stderr)
	}
	// 8 calls, and 3 retries of one.
	if want := "11 calls captured in " + dir + ": look through the files before you send them\n"; !strings.Contains(stderr.String(), want) {
		t.Errorf("want %q, have\n%s", want, &stderr)
	}
	if !strings.Contains(stdout.String(), `cloudorg_members{`) {
		t.Errorf("the metrics are missing:\n%s", &stdout)
	}
	files, err := filepath.Glob(filepath.Join(dir, "*.json"))
	if err != nil || len(files) != 11 {
		t.Fatalf("want 11 files, have %d and %v", len(files), err)
	}
	company := sim.Sample(time.Now())
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, secret := range append(company.PersonalData(), company.Name, access, secret, "acme", "127.0.0.1", dir, config) {
			if strings.Contains(string(text), secret) {
				t.Errorf("%s has %q:\n%s", file, secret, text)
			}
		}
	}

	calls := total(ncp.Calls())
	if err := run(t.Context(), args, &stdout, &stderr); err == nil || err.Error() != "--once.capture: "+dir+" is not empty" {
		t.Errorf("want the directory refused, have %v", err)
	}
	if have := total(ncp.Calls()); have != calls {
		t.Errorf("%d calls were made for nothing", have-calls)
	}
	if err := run(t.Context(), args[1:], &stdout, &stderr); err == nil || !strings.Contains(err.Error(), "--once.capture need --once") {
		t.Errorf("want the flag refused without --once, have %v", err)
	}
}

func total(calls map[string]int) (n int) {
	for _, c := range calls {
		n += c
	}
	return n
}
