package dashboards_test

import (
	"bytes"
	"context"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"go.yaml.in/yaml/v2"
)

// resolution is the resolution of the time series that promtool gets.
const resolution = 15 * time.Second

// A scenario is an entry of testdata/scenarios.yml, where its fields are
// explained.
type scenario struct {
	Name    string             `yaml:"name"`
	Length  string             `yaml:"length"`
	Scrape  []string           `yaml:"scrape"` // the only scrape intervals, if any
	Targets map[string]scraped `yaml:"targets"`
	Series  map[string]string  `yaml:"series"`
	Alone   bool               `yaml:"alone"`
	Firing  []struct {
		At     string   `yaml:"at"`
		Alerts []string `yaml:"alerts"`
		Also   []string `yaml:"also"` // alerts that may fire or not
	} `yaml:"firing"`

	cluster string
}

// A scraped target is what Prometheus scrapes.
type scraped struct {
	Job     string   `yaml:"job"`
	Cluster string   `yaml:"cluster"`
	Exists  []string `yaml:"exists"`
	Down    []string `yaml:"down"`
	Other   bool     `yaml:"other"` // no exporter of ours
}

// A schedule is when targets are scraped and rules are evaluated.
type schedule struct {
	scrape, evaluate time.Duration
	lost             bool // every fourth scrape fails
}

func (s schedule) String() string {
	lost := ""
	if s.lost {
		lost = ", every fourth scrape lost"
	}
	return fmt.Sprintf("scraped every %v, evaluated every %v%s", s.scrape, s.evaluate, lost)
}

// schedules has each scrape interval, with and without lost scrapes, and each
// evaluation interval several times.
func schedules() []schedule {
	return []schedule{
		{15 * time.Second, 5 * time.Minute, true},
		{time.Minute, 5 * time.Minute, false},
		{5 * time.Minute, 5 * time.Minute, true},
		{10 * time.Minute, 5 * time.Minute, true},
		{15 * time.Minute, 5 * time.Minute, false},
		{15 * time.Second, 15 * time.Second, false},
		{time.Minute, time.Minute, true},
		{5 * time.Minute, time.Minute, false},
		{10 * time.Minute, time.Minute, false},
		{10 * time.Minute, 15 * time.Second, true},
		{15 * time.Minute, time.Minute, true},
	}
}

// Each alert fires where it should, and no other does, at each scrape and
// evaluation interval and with lost scrapes.
func TestAlerts(t *testing.T) {
	promtool := findPromtool(t)
	var all []scenario
	if err := yaml.UnmarshalStrict(read(t, filepath.Join("testdata", "scenarios.yml")), &all); err != nil {
		t.Fatal(err)
	}
	for i := range all {
		all[i].cluster = fmt.Sprintf("scenario-%d", i+1)
	}
	thresholds := filepath.Join(t.TempDir(), "thresholds.yml")
	if err := os.WriteFile(thresholds, withQuota(t, "20"), 0o600); err != nil {
		t.Fatal(err)
	}
	counts := tally{}
	for _, s := range schedules() {
		tests := promtests{
			RuleFiles:          absolute(t, "rules.yml", "alerts.yml", thresholds),
			EvaluationInterval: s.evaluate.String(),
			GroupEvalOrder:     groupNames(t),
		}
		// Most share one time series database: that is faster by far.
		short, long := promtest{Name: "short", Interval: resolution.String()}, promtest{Name: "long", Interval: resolution.String()}
		for _, sc := range all {
			switch {
			case len(sc.Scrape) > 0:
				if s.scrape != time.Minute {
					continue // has its own intervals
				}
				for _, text := range sc.Scrape {
					slow := schedule{duration(t, text), s.evaluate, s.lost}
					one := promtest{Name: sc.Name + ", " + slow.String(), Interval: resolution.String()}
					sc.expand(t, slow, &one)
					tests.Tests = append(tests.Tests, one)
					counts.add(slow.scrape, sc)
				}
				continue
			case sc.Alone:
				one := promtest{Name: sc.Name, Interval: resolution.String()}
				sc.expand(t, s, &one)
				tests.Tests = append(tests.Tests, one)
			case s.evaluate < time.Minute && duration(t, sc.Length) > 200*time.Minute:
				continue // for speed
			case duration(t, sc.Length) <= 8*time.Hour:
				sc.expand(t, s, &short)
			case s.evaluate >= 5*time.Minute: // for speed
				sc.expand(t, s, &long)
			default:
				continue
			}
			counts.add(s.scrape, sc)
		}
		tests.Tests = append(tests.Tests, short)
		if len(long.Exprs) > 0 {
			tests.Tests = append(tests.Tests, long)
		}
		t.Run(s.String(), func(t *testing.T) {
			t.Parallel()
			text, err := yaml.Marshal(tests)
			if err != nil {
				t.Fatal(err)
			}
			file := filepath.Join(t.TempDir(), "test.yml")
			if err := os.WriteFile(file, text, 0o600); err != nil {
				t.Fatal(err)
			}
			promtool(t, "test", "rules", file)
		})
	}
	for _, a := range alerts(t) {
		if line, total := counts.line(a.Alert); total == 0 {
			t.Errorf("%s fires in no scenario", a.Alert)
		} else {
			t.Log(line)
		}
	}
}

// withQuota returns thresholds.yml with a quota of accounts, which has no default.
func withQuota(t *testing.T, quota string) []byte {
	t.Helper()
	before, after, found := bytes.Cut(read(t, "thresholds.yml"), []byte("cloudorg:threshold:aws_accounts\n        expr: 0\n"))
	if !found {
		t.Fatal("thresholds.yml: there is no quota of 0")
	}
	return slices.Concat(before, []byte("cloudorg:threshold:aws_accounts\n        expr: "+quota+"\n"), after)
}

// A tally counts the times at which alerts are checked, in all ("") and of those
// that fire, by scrape interval.
type tally map[string]map[time.Duration]int

func (c tally) add(scrape time.Duration, sc scenario) {
	note := func(name string) {
		if c[name] == nil {
			c[name] = map[time.Duration]int{}
		}
		c[name][scrape]++
	}
	for _, f := range sc.Firing {
		note("")
		var names []string
		for _, a := range f.Alerts {
			names = append(names, strings.Fields(a)[0])
		}
		slices.Sort(names)
		for _, name := range slices.Compact(names) {
			note(name)
		}
	}
}

func (c tally) line(name string) (line string, fires int) {
	line = fmt.Sprintf("%-34s", name)
	for _, scrape := range slices.Sorted(maps.Keys(c[""])) {
		fires += c[name][scrape]
		line += fmt.Sprintf(" | %v: fires %d, silent %d", scrape, c[name][scrape], c[""][scrape]-c[name][scrape])
	}
	return line, fires
}

// promtests is a test file of promtool.
type promtests struct {
	RuleFiles          []string   `yaml:"rule_files"`
	EvaluationInterval string     `yaml:"evaluation_interval"`
	GroupEvalOrder     []string   `yaml:"group_eval_order"`
	Tests              []promtest `yaml:"tests"`
}

type promtest struct {
	Name     string       `yaml:"name"`
	Interval string       `yaml:"interval"`
	Series   []promseries `yaml:"input_series"`
	Exprs    []promexpr   `yaml:"promql_expr_test"`
}

type promseries struct {
	Series string `yaml:"series"`
	Values string `yaml:"values"`
}

type promexpr struct {
	Expr string       `yaml:"expr"`
	At   string       `yaml:"eval_time"`
	Want []promsample `yaml:"exp_samples"`
}

type promsample struct {
	Labels string  `yaml:"labels"`
	Value  float64 `yaml:"value"`
}

// expand adds the scenario to a test of promtool for one schedule.
func (sc scenario) expand(t *testing.T, s schedule, out *promtest) {
	t.Helper()
	targets := maps.Clone(sc.Targets)
	if len(targets) == 0 {
		targets = map[string]scraped{"a:10076": {}}
	}
	length := duration(t, sc.Length)
	add := func(name string, instance string, value func(at time.Duration, up bool) string) {
		tg, ok := targets[instance]
		if !ok {
			t.Fatalf("%s: there is no target %s", sc.Name, instance)
		}
		if !sc.Alone {
			tg.Cluster = sc.cluster + tg.Cluster
		}
		out.Series = append(out.Series, promseries{withTarget(name, instance, tg), tg.values(t, s, length, value)})
	}
	for _, instance := range slices.Sorted(maps.Keys(targets)) {
		add("up{}", instance, func(_ time.Duration, up bool) string {
			if up {
				return "1"
			}
			return "0"
		})
		if !targets[instance].Other {
			add(`cloudorg_exporter_build_info{version="1.0.0"}`, instance, constant("1"))
		}
	}
	for _, name := range slices.Sorted(maps.Keys(sc.Series)) {
		instance := "a:10076"
		if m := instanceLabel.FindStringSubmatch(name); m != nil {
			instance = m[1]
		}
		segments := parseSegments(t, sc.Series[name])
		add(name, instance, func(at time.Duration, up bool) string {
			if !up {
				return "-"
			}
			return segments.at(at)
		})
	}
	mine := ""
	if !sc.Alone {
		mine = fmt.Sprintf(",cluster=~%q", sc.cluster+"[a-z]*")
	}
	for _, f := range sc.Firing {
		quiet := ""
		if len(f.Also) > 0 {
			quiet = `,alertname!~"` + strings.Join(f.Also, "|") + `"`
		}
		out.Exprs = append(out.Exprs, count(f.At, `ALERTS{alertstate="firing"`+mine+quiet+`}`, len(f.Alerts)))
		for _, a := range f.Alerts {
			words := strings.Fields(a)
			selector := fmt.Sprintf(`ALERTS{alertstate="firing",alertname=%q`, words[0]) + mine
			for _, w := range words[1:] {
				key, value, _ := strings.Cut(w, "=")
				if key == "cluster" {
					value = sc.cluster + value
				}
				selector += fmt.Sprintf(",%s=%q", key, value)
			}
			out.Exprs = append(out.Exprs, count(f.At, selector+"}", 1))
		}
	}
}

var instanceLabel = regexp.MustCompile(`instance="([^"]*)"`)

func constant(value string) func(time.Duration, bool) string {
	return func(_ time.Duration, up bool) string {
		if !up {
			return "-"
		}
		return value
	}
}

func count(at, selector string, n int) promexpr {
	e := promexpr{Expr: "count(" + selector + ")", At: at}
	if n > 0 {
		e.Want = []promsample{{"{}", float64(n)}}
	}
	return e
}

// withTarget adds a target's labels to a series.
func withTarget(series, instance string, tg scraped) string {
	name, labels, _ := strings.Cut(strings.TrimSuffix(series, "}"), "{")
	all := []string{}
	if labels != "" {
		all = append(all, labels)
	}
	if !instanceLabel.MatchString(labels) {
		all = append(all, fmt.Sprintf("instance=%q", instance))
	}
	job := tg.Job
	if job == "" {
		job = "cloudorg"
	}
	all = append(all, fmt.Sprintf("job=%q", job))
	if tg.Cluster != "" {
		all = append(all, fmt.Sprintf("cluster=%q", tg.Cluster))
	}
	return name + "{" + strings.Join(all, ",") + "}"
}

// values returns a series in promtool's notation: value's result at each scrape,
// and a staleness marker where the series ends.
func (tg scraped) values(t *testing.T, s schedule, length time.Duration, value func(time.Duration, bool) string) string {
	t.Helper()
	first := time.Duration(0)
	if s.scrape > resolution {
		first = 2 * resolution // scrapes and evaluations do not coincide
	}
	var b strings.Builder
	gap, present := 0, false
	k := 0
	for at := time.Duration(0); at <= length; at += resolution {
		if at < first || (at-first)%s.scrape != 0 {
			gap++
			continue
		}
		k++
		v := "-"
		if within(t, tg.Exists, at, true) {
			lost := s.lost && k%4 == 3
			v = value(at, !lost && !within(t, tg.Down, at, false))
		}
		if v == "-" && !present {
			gap++
			continue
		}
		present = v != "-"
		if !present {
			v = "stale"
		}
		if gap > 1 {
			fmt.Fprintf(&b, "_x%d ", gap)
		} else if gap == 1 {
			b.WriteString("_ ")
		}
		gap = 0
		b.WriteString(v + " ")
	}
	if b.Len() == 0 {
		return "_"
	}
	return strings.TrimSpace(b.String())
}

// within reports whether a time is in a span, and otherwise if there is none.
func within(t *testing.T, span []string, at time.Duration, otherwise bool) bool {
	t.Helper()
	if len(span) == 0 {
		return otherwise
	}
	return at >= duration(t, span[0]) && at < duration(t, span[1])
}

type segment struct {
	from  time.Duration
	value string
	slope float64 // per second
}

type segments []segment

var sloped = regexp.MustCompile(`^(-?[0-9.]+)([+-][0-9.]+)/([dm])$`)

func parseSegments(t *testing.T, text string) (all segments) {
	t.Helper()
	for i, word := range strings.Fields(text) {
		s := segment{value: word}
		if i > 0 {
			from, value, ok := strings.Cut(word, ":")
			if !ok {
				t.Fatalf("values: %s", text)
			}
			s.from, s.value = duration(t, from), value
		}
		if m := sloped.FindStringSubmatch(s.value); m != nil {
			s.value = m[1]
			s.slope = number(t, m[2]) / map[string]float64{"d": 86400, "m": 60}[m[3]]
		}
		all = append(all, s)
	}
	return all
}

func (all segments) at(at time.Duration) string {
	s := all[0]
	for _, next := range all[1:] {
		if at >= next.from {
			s = next
		}
	}
	switch {
	case s.value == "now":
		return strconv.FormatFloat(at.Seconds(), 'f', -1, 64)
	case s.slope == 0:
		return s.value
	}
	v, err := strconv.ParseFloat(s.value, 64)
	if err != nil {
		return s.value
	}
	return strconv.FormatFloat(v+s.slope*(at-s.from).Seconds(), 'f', -1, 64)
}

func number(t *testing.T, text string) float64 {
	t.Helper()
	v, err := strconv.ParseFloat(text, 64)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func duration(t *testing.T, text string) time.Duration {
	t.Helper()
	d, err := time.ParseDuration(text)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func absolute(t *testing.T, files ...string) (all []string) {
	t.Helper()
	for _, f := range files {
		a, err := filepath.Abs(f)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, a)
	}
	return all
}

// findPromtool returns a function that runs promtool. The tests that need it take
// minutes: make rules runs them.
func findPromtool(t *testing.T) func(t *testing.T, args ...string) {
	t.Helper()
	if !withPromtool() {
		t.Skip("needs promtool (Debian package prometheus): make rules")
	}
	path, err := exec.LookPath("promtool")
	if err != nil {
		t.Fatal("promtool is missing: install the Debian package prometheus")
	}
	return func(t *testing.T, args ...string) {
		t.Helper()
		ctx, cancel := context.WithTimeout(t.Context(), 15*time.Minute)
		defer cancel()
		if out, err := exec.CommandContext(ctx, path, args...).CombinedOutput(); err != nil {
			t.Errorf("promtool %v: %v\n%s", args, err, bytes.TrimSpace(out))
		}
	}
}
