//go:build e2e

package e2e_test

// A real Prometheus server, what it says, and our rules at its speed here.

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// startPrometheus runs a Prometheus server, whose files are in dir, until the
// test ends.
func startPrometheus(t *testing.T, dir, yaml string, flags ...string) *promAPI {
	t.Helper()
	address := freeAddress(t)
	runProcess(t, findProgram(t, "prometheus"), append(flags, "--web.listen-address="+address, "--storage.tsdb.path="+filepath.Join(dir, "prom"),
		"--config.file="+writeFile(t, dir, "prometheus.yml", yaml))...)
	return &promAPI{t: t, url: "http://" + address}
}

// A promAPI calls the API of a Prometheus server or an Alertmanager.
type promAPI struct {
	t   *testing.T
	url string
}

// read decodes a response. It returns false while the server does not respond.
func (p *promAPI) read(path string, answer any) bool {
	r, err := http.NewRequestWithContext(p.t.Context(), http.MethodGet, p.url+path, nil)
	if err != nil {
		p.t.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		return false
	}
	defer resp.Body.Close()
	return json.NewDecoder(resp.Body).Decode(answer) == nil
}

// get decodes the data of a Prometheus server's response. It returns false while
// the server does not respond.
func (p *promAPI) get(path string, data any) bool {
	answer := struct {
		Status, Error string
		Data          any
	}{Data: data}
	if !p.read(path, &answer) {
		return false
	}
	if answer.Status == "error" {
		p.t.Fatalf("%s: %s", path, answer.Error)
	}
	return answer.Status == "success"
}

type promResult struct {
	Result []struct {
		Metric map[string]string
		Value  [2]any
	}
}

func (p *promAPI) query(expr string) (r promResult) {
	p.get("/api/v1/query?query="+url.QueryEscape(expr), &r)
	return r
}

// value returns the value of the only series of expr, or -1.
func (p *promAPI) value(expr string) float64 {
	r := p.query(expr).Result
	if len(r) != 1 {
		return -1
	}
	return p.number(r[0].Value)
}

// valuesByInstance returns the values of expr by the label instance.
func (p *promAPI) valuesByInstance(expr string) map[string]float64 {
	values := map[string]float64{}
	for _, r := range p.query(expr).Result {
		values[r.Metric["instance"]] = p.number(r.Value)
	}
	return values
}

// number returns the number of a sample, whose time is the first element.
func (p *promAPI) number(sample [2]any) float64 {
	v, err := strconv.ParseFloat(fmt.Sprint(sample[1]), 64)
	if err != nil {
		p.t.Fatal(err)
	}
	return v
}

// some reports whether expr has a series with a number.
func (p *promAPI) some(expr string) bool {
	r := p.query(expr)
	for _, s := range r.Result {
		if s.Value[1] != "NaN" {
			return true
		}
	}
	return false
}

// rulesAreHealthy reports whether every rule has been evaluated without an
// error.
func (p *promAPI) rulesAreHealthy() bool {
	var r struct {
		Groups []struct {
			Rules []struct{ Name, Health, LastError string }
		}
	}
	if !p.get("/api/v1/rules", &r) || len(r.Groups) == 0 {
		return false
	}
	for _, g := range r.Groups {
		for _, rule := range g.Rules {
			if rule.Health == "err" {
				p.t.Fatalf("rule %s: %s", rule.Name, rule.LastError)
			}
			if rule.Health != "ok" {
				return false
			}
		}
	}
	return true
}

// dashboards has the rules and the dashboards.
const dashboards = "../../dashboards"

// shortenRules copies files of rules from one directory to another. The copies
// are evaluated every second, compare the times of scrapes to the second, and
// their alerts fire after one.
func shortenRules(t *testing.T, from, to string, names ...string) {
	t.Helper()
	times := strings.NewReplacer("[40m:2m]", "[1m:1s]", "[30m:2m]", "[50s:1s]", " - 120)", " - 3)")
	interval, duration := regexp.MustCompile(`(?m)^( +)interval: \w+$`), regexp.MustCompile(`(?m)^( +)for: \w+$`)
	for _, name := range names {
		text := times.Replace(readFile(t, filepath.Join(from, name)))
		text = interval.ReplaceAllString(text, "${1}interval: 1s")
		writeFile(t, to, name, duration.ReplaceAllString(text, "${1}for: 1s"))
	}
}
