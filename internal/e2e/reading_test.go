//go:build e2e

package e2e_test

// A scrape, parsed: series, health of the collectors, data of an organization.

import (
	"bufio"
	"bytes"
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"
)

// A reading is one scrape: the value of each series, by the organization in
// its labels, which is empty in the exporter's own.
type reading map[string]map[string]float64

// parseReading parses the classic text format. It rejects what is not UTF-8 and
// duplicate series.
func parseReading(body []byte) (reading, error) {
	if !utf8.Valid(body) {
		return nil, fmt.Errorf("not UTF-8")
	}
	r := reading{}
	lines := bufio.NewScanner(bytes.NewReader(body))
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		line := lines.Text()
		if line == "" || line[0] == '#' {
			continue
		}
		at := strings.LastIndexByte(line, ' ')
		value, err := strconv.ParseFloat(line[at+1:], 64)
		if err != nil {
			return nil, fmt.Errorf("%q: %w", line, err)
		}
		series := line[:at]
		name := labelOf(series, "organization")
		if r[name] == nil {
			r[name] = map[string]float64{}
		}
		if _, twice := r[name][series]; twice {
			return nil, fmt.Errorf("duplicate series %s", series)
		}
		r[name][series] = value
	}
	return r, lines.Err()
}

// familyOf returns the name of a series without its labels.
func familyOf(series string) string {
	name, _, _ := strings.Cut(series, "{")
	return name
}

// labelOf returns the value of a label that needs no unescaping.
func labelOf(series, label string) string {
	_, rest, ok := strings.Cut(series, label+`="`)
	if !ok {
		return ""
	}
	value, _, _ := strings.Cut(rest, `"`)
	return value
}

// health is the state of a collector in a reading.
type health struct {
	success bool
	reason  string  // of its error; empty without one
	at      float64 // last success, in seconds since 1970
}

// healthOf returns the health of an organization's collectors.
func (r reading) healthOf(organization string) map[string]health {
	all := map[string]health{}
	for series, value := range r[organization] {
		name := labelOf(series, "collector")
		h := all[name]
		switch familyOf(series) {
		case "cloudorg_collector_success":
			h.success = value == 1
		case "cloudorg_collector_error":
			h.reason = labelOf(series, "reason")
		case "cloudorg_collector_last_success_timestamp_seconds":
			h.at = value
		default:
			continue
		}
		all[name] = h
	}
	return all
}

// dataOf returns the series about an organization itself: all but those about
// collectors and the exporter, and the days until an invitation expires.
func (r reading) dataOf(organization string) map[string]float64 {
	data := map[string]float64{}
	for series, value := range r[organization] {
		family := familyOf(series)
		switch {
		case strings.HasPrefix(family, "cloudorg_collector_"), strings.HasPrefix(family, "cloudorg_exporter_"),
			strings.HasSuffix(family, "_expiry_days"):
		default:
			data[series] = value
		}
	}
	return data
}

// difference describes how b differs from a, the excepted families left out.
// It is empty if they are equal.
func difference(a, b map[string]float64, except ...string) string {
	var out strings.Builder
	skip := func(series string) bool {
		for _, family := range except {
			if strings.HasPrefix(series, family+"{") {
				return true
			}
		}
		return false
	}
	for series, value := range a {
		if have, ok := b[series]; !skip(series) && (!ok || have != value) {
			fmt.Fprintf(&out, "- %s %v, have %v (present: %t)\n", series, value, have, ok)
		}
	}
	for series, value := range b {
		if _, ok := a[series]; !skip(series) && !ok {
			fmt.Fprintf(&out, "+ %s %v\n", series, value)
		}
	}
	return out.String()
}
