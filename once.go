package main

import (
	"context"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/common/expfmt"

	"github.com/cloudorg-exporter/cloudorg_exporter/collector"
	"github.com/cloudorg-exporter/cloudorg_exporter/internal/org"
	"github.com/cloudorg-exporter/cloudorg_exporter/internal/source"
)

// once refreshes every organization once and writes the metrics to stdout and
// what failed, and why, to stderr.
func once(ctx context.Context, fleet *source.Fleet, calls *callLog, stdout, stderr io.Writer) error {
	fleet.Prime(ctx)
	var snapshots []org.Snapshot
	listings, failed := 0, 0
	for _, c := range fleet.Caches() {
		s := c.Last()
		snapshots = append(snapshots, s)
		before := failed
		for _, l := range s.Listings() {
			listings++
			if !l.Success() {
				failed++
				diagnose(stderr, s.Organization, l)
			}
		}
		if failed > before {
			fmt.Fprintf(stderr, "%s: %s\n", s.Organization, calls.summary(s.Organization))
		}
	}
	if err := render(stdout, snapshots); err != nil {
		return err
	}
	if failed > 0 {
		return fmt.Errorf("%d of %d listings could not be read", failed, listings)
	}
	return nil
}

// diagnose says what came back instead of a listing, and what to do about it.
func diagnose(w io.Writer, organization string, l org.Listing) {
	if l.Err == nil {
		fmt.Fprintf(w, "%s: %s: not read\n", organization, l.Collector)
		return
	}
	fmt.Fprintf(w, "%s: %s: %s: %v\n", organization, l.Collector, l.Err.Reason, l.Err)
	if l.Err.Advice != "" {
		fmt.Fprintf(w, "\t%s\n", l.Err.Advice)
	}
}

// A callLog is an observer that remembers what was called, for the diagnosis.
type callLog struct {
	source.Observer
	mu     sync.Mutex
	calls  map[string]map[string][]string // answers by organization and path template
	offset map[string]time.Duration
}

func newCallLog(next source.Observer) *callLog {
	return &callLog{Observer: next, calls: map[string]map[string][]string{}, offset: map[string]time.Duration{}}
}

// Called takes down a call.
func (c *callLog) Called(cloud, organization, endpoint string, status int, took time.Duration) {
	c.Observer.Called(cloud, organization, endpoint, status, took)
	c.mu.Lock()
	defer c.mu.Unlock()
	answer := "no answer"
	if status != 0 {
		answer = strconv.Itoa(status)
	}
	if c.calls[organization] == nil {
		c.calls[organization] = map[string][]string{}
	}
	c.calls[organization][endpoint] = append(c.calls[organization][endpoint], answer)
}

// Offset takes down the clouds' clocks.
func (c *callLog) Offset(cloud, organization string, offset time.Duration) {
	c.Observer.Offset(cloud, organization, offset)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.offset[organization] = offset
}

// summary says what was called for an organization, what came back, and how
// far the cloud's clock is from ours.
func (c *callLog) summary(organization string) string {
	c.mu.Lock()
	defer c.mu.Unlock()
	var parts []string
	for _, endpoint := range slices.Sorted(maps.Keys(c.calls[organization])) {
		parts = append(parts, endpoint+" "+strings.Join(c.calls[organization][endpoint], " "))
	}
	clock := "unknown, for nothing answered"
	if offset, ok := c.offset[organization]; ok {
		clock = offset.Round(time.Second).String() + " from ours"
	}
	return fmt.Sprintf("called %s; the cloud's clock is %s", strings.Join(parts, ", "), clock)
}

// render writes the metrics of snapshots as text.
func render(w io.Writer, snapshots []org.Snapshot) error {
	reg := prometheus.NewPedanticRegistry()
	reg.MustRegister(collector.New(time.Now(), nil, snapshots...))
	families, err := reg.Gather()
	if err != nil {
		return err
	}
	for _, f := range families {
		if _, err := expfmt.MetricFamilyToText(w, f); err != nil {
			return err
		}
	}
	return nil
}
