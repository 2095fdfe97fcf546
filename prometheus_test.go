//go:build e2e

package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// startPrometheus runs a real Prometheus server with the configuration until
// the test ends, and returns its address.
func startPrometheus(t *testing.T, configuration string) string {
	t.Helper()
	dir, address := t.TempDir(), free(t)
	file := write(t, filepath.Join(dir, "prometheus.yml"), configuration)
	cmd := exec.CommandContext(t.Context(), "prometheus",
		"--config.file="+file, "--storage.tsdb.path="+filepath.Join(dir, "data"), "--web.listen-address="+address, "--log.level=warn")
	cmd.Stderr = os.Stderr
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	cmd.WaitDelay = 10 * time.Second
	if err := cmd.Start(); err != nil {
		t.Fatalf("Debian's package prometheus is needed: %v", err)
	}
	t.Cleanup(func() { _ = cmd.Wait() }) // the test's context has ended
	return "http://" + address
}

// query asks Prometheus and returns the values by the label instance.
func query(ctx context.Context, prometheus, expression string) (map[string]string, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, prometheus+"/api/v1/query", strings.NewReader("query="+expression))
	if err != nil {
		return nil, err
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		return nil, err
	}
	var answer struct {
		Data struct {
			Result []struct {
				Metric map[string]string
				Value  [2]any
			}
		}
	}
	if err := json.Unmarshal(body, &answer); err != nil {
		return nil, err
	}
	values := map[string]string{}
	for _, r := range answer.Data.Result {
		values[r.Metric["instance"]] = fmt.Sprint(r.Value[1])
	}
	return values, nil
}

// Prometheus finds three organizations by itself, and a fourth after a reload
// of the exporter, without being touched. The configuration is the documented
// one, but for addresses and haste.
func TestDiscovery(t *testing.T) {
	_, url := simulate(t, nil)
	three := "organizations:\n" + organization("acme", url) + organization("beta", url) + organization("gamma", url)
	file := write(t, "config.yml", three)
	p := start(t, "--web.enable-lifecycle", "--config.file="+file)
	p.ready()

	documented, err := os.ReadFile("docs/prometheus.yml")
	if err != nil {
		t.Fatal(err)
	}
	configuration := strings.NewReplacer(
		"localhost:10076", strings.TrimPrefix(p.url, "http://"), ": 1m", ": 1s", "  - rules.yml\n  - alerts.yml\n", "",
		"rule_files:\n", "",
	).Replace(string(documented))
	prometheus := startPrometheus(t, configuration)

	want := func(what, expression string, want map[string]string) {
		t.Helper()
		var have map[string]string
		p.until(what, func() bool {
			var err error
			have, err = query(t.Context(), prometheus, expression)
			return err == nil && fmt.Sprint(have) == fmt.Sprint(want)
		})
		t.Logf("%s: %s = %v", what, expression, have)
	}
	want("three organizations are scraped", `up{job="cloudorg"}`, map[string]string{"acme": "1", "beta": "1", "gamma": "1"})
	want("each has its own members", `cloudorg_members{status="JOIN",job="cloudorg"}`, map[string]string{"acme": "3", "beta": "3", "gamma": "3"})
	rewrite(t, file, three+organization("delta", url))
	if status, body := p.do(http.MethodPost, "/-/reload"); status != http.StatusOK {
		t.Fatal(body)
	}
	want("the fourth is there", `up{job="cloudorg"}`, map[string]string{"acme": "1", "beta": "1", "gamma": "1", "delta": "1"})
	want("the exporter's own metrics are there once", `count by (instance) (cloudorg_exporter_build_info)`,
		map[string]string{strings.TrimPrefix(p.url, "http://"): "1"})
	want("nothing is exported twice", `count by (instance) (cloudorg_groups)`, map[string]string{"acme": "1", "beta": "1", "gamma": "1", "delta": "1"})
}
