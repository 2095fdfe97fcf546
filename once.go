package main

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/common/expfmt"

	"github.com/cloudorg-exporter/cloudorg_exporter/collector"
	"github.com/cloudorg-exporter/cloudorg_exporter/internal/org"
	"github.com/cloudorg-exporter/cloudorg_exporter/internal/source"
)

// once refreshes every organization once and writes the metrics to stdout and
// what failed, and why, to stderr.
func once(ctx context.Context, fleet *source.Fleet, stdout, stderr io.Writer) error {
	fleet.Prime(ctx)
	var snapshots []org.Snapshot
	listings, failed := 0, 0
	for _, c := range fleet.Caches() {
		s := c.Last()
		snapshots = append(snapshots, s)
		for _, l := range s.Listings() {
			listings++
			if !l.Success() {
				failed++
				diagnose(stderr, s.Organization, l)
			}
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
