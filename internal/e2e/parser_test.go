//go:build e2e

package e2e_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// A format is an exposition format, by its name in parse.py.
type format string

const (
	classic     format = "classic"
	openMetrics format = "openmetrics"
)

// accept returns the header with which Prometheus asks for the format.
func (f format) accept() string {
	if f == openMetrics {
		return "application/openmetrics-text;version=1.0.0"
	}
	return "text/plain;version=0.0.4"
}

// An exposition is what parse.py writes.
type exposition struct {
	Families []struct{ Name, Type, Help string }
	Samples  []struct {
		Name   string
		Labels map[string]string
		Value  string
	}
}

// values returns the samples, by name and labels.
func (e exposition) values() map[string]string {
	values := map[string]string{}
	for _, s := range e.Samples {
		var labels []string
		for _, name := range slices.Sorted(maps.Keys(s.Labels)) {
			value := s.Labels[name]
			if number, err := strconv.ParseFloat(value, 64); err == nil && (name == "le" || name == "quantile") {
				value = fmt.Sprint(number) // OpenMetrics writes 1.0
			}
			labels = append(labels, fmt.Sprintf("%s=%q", name, value))
		}
		values[s.Name+"{"+strings.Join(labels, ",")+"}"] = s.Value
	}
	return values
}

// parse fetches a path of the exporter in a format and parses it. Each family
// and each series must be there once.
func parse(t *testing.T, python string, e *exporter, path string, f format) exposition {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, e.url+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Accept", f.accept())
	resp, err := e.client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != http.StatusOK {
		t.Fatalf("%s: %d %v", path, resp.StatusCode, err)
	}
	if have := strings.ReplaceAll(resp.Header.Get("Content-Type"), " ", ""); !strings.HasPrefix(have, f.accept()) {
		t.Errorf("%s: want the type %s, have %s", path, f.accept(), have)
	}
	cmd := exec.CommandContext(t.Context(), python, "testdata/parse.py", string(f))
	cmd.Stdin = bytes.NewReader(body)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%s, %s: %v\n%s", path, f, err, stderr.String())
	}
	var parsed exposition
	if err := json.Unmarshal(out, &parsed); err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	for _, family := range parsed.Families {
		if seen[family.Name] {
			t.Errorf("%s, %s: duplicate family %s", path, f, family.Name)
		}
		seen[family.Name] = true
		if family.Type == "unknown" || family.Type == "untyped" || family.Help == "" {
			t.Errorf("%s, %s: %s has type %q and help %q", path, f, family.Name, family.Type, family.Help)
		}
	}
	if values := parsed.values(); len(values) != len(parsed.Samples) || len(values) == 0 {
		t.Errorf("%s, %s: %d samples, of which %d are different", path, f, len(parsed.Samples), len(values))
	}
	return parsed
}

// TestIndependentParser reads all of the demo's metrics with the parsers of
// Python's client: no error, each family once, and the same in both formats.
func TestIndependentParser(t *testing.T) {
	python := findPython(t, "prometheus_client.openmetrics.parser")
	e := startDemo(t)
	e.waitReady()

	var targets []struct{ Targets []string }
	_, body, _ := e.get("/sd")
	if err := json.Unmarshal(body, &targets); err != nil || len(targets) < 2 {
		t.Fatalf("/sd: %v: %s", err, body)
	}
	paths := []string{"/metrics"}
	for _, target := range targets {
		paths = append(paths, "/probe?target="+target.Targets[0])
	}
	for _, path := range paths {
		// A refresh in between changes some series: then again.
		waitFor(t, time.Minute, path+" is the same in both formats", func() bool {
			before, om, after := parse(t, python, e, path, classic), parse(t, python, e, path, openMetrics), parse(t, python, e, path, classic)
			if t.Failed() {
				t.FailNow()
			}
			want, have, then := before.values(), om.values(), after.values()
			if !slices.Equal(slices.Sorted(maps.Keys(want)), slices.Sorted(maps.Keys(then))) {
				return false
			}
			compared := 0
			for series, value := range want {
				is, ok := have[series]
				switch {
				case !ok:
					t.Errorf("%s: %s is missing in OpenMetrics", path, series)
				case value == then[series] && strings.HasPrefix(series, "cloudorg_"): // memory may have been taken and given back
					compared++
					if is != value {
						t.Errorf("%s: %s: want %s, have %s in OpenMetrics", path, series, value, is)
					}
				}
			}
			for series := range have {
				if _, ok := want[series]; !ok {
					t.Errorf("%s: %s is in OpenMetrics only", path, series)
				}
			}
			t.Logf("%s: %d families, %d samples, of which %d about organizations did not change meanwhile", path, len(om.Families), len(want), compared)
			return true
		})
	}
}
