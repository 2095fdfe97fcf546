//go:build peers

// Bench measures the exporter beside its peers, in one run on loopback: make
// bench-peers. Numbers of different machines, or of different hours of a busy
// one, cannot be compared; ratios of one run can.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"time"
)

func main() {
	var b bench
	flag.StringVar(&b.exporter, "exporter", "./cloudorg_exporter", "the exporter's binary")
	flag.StringVar(&b.python, "python", "/usr/bin/python3", "a Python that has prometheus_client; empty: without")
	flag.StringVar(&b.jsonExporter, "json-exporter", os.Getenv("JSON_EXPORTER"), "a binary of json_exporter; empty: without")
	flag.StringVar(&b.only, "only", "", "measure this part alone: starting, cached, refreshing, listing, asking, hanging or sizing")
	flag.DurationVar(&b.each, "each", 1500*time.Millisecond, "how long to scrape each server in each case")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := b.run(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

// A bench is a run.
type bench struct {
	exporter, python, jsonExporter, only string

	each  time.Duration
	dir   string // for everything that is written
	goals []goal
}

// A goal is a ratio or an amount that is not to be more than so much.
type goal struct {
	what       string
	have, want float64
	unit       string
}

func (b *bench) run(ctx context.Context) error {
	var err error
	if b.dir, err = os.MkdirTemp("", "bench-peers-"); err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(b.dir) }()
	for _, peer := range []string{"static", "plain", "unmarshal"} {
		build := exec.CommandContext(ctx, "go", "build", "-tags", "peers", "-ldflags", "-s -w", "-o", b.path(peer), "./internal/bench/"+peer)
		build.Stderr = os.Stderr
		if err := build.Run(); err != nil {
			return fmt.Errorf("build %s: %w", peer, err)
		}
	}
	for _, part := range []struct {
		name    string
		measure func(context.Context) error
	}{
		{"starting", b.starting},
		{"cached", b.cached},
		{"refreshing", b.refreshing},
		{"listing", b.listing},
		{"asking", b.asking},
		{"hanging", b.hanging},
		{"sizing", b.sizing},
	} {
		if b.only != "" && b.only != part.name {
			continue
		}
		if err := part.measure(ctx); err != nil {
			return fmt.Errorf("%s: %w", part.name, err)
		}
	}
	b.report()
	return nil
}

func (b *bench) path(file string) string { return filepath.Join(b.dir, file) }

func (b *bench) goal(want float64, unit string, have float64, what string, args ...any) {
	b.goals = append(b.goals, goal{fmt.Sprintf(what, args...), have, want, unit})
}

// report writes the goals as a table.
func (b *bench) report() {
	table("goal", "at most", "have", "")
	for _, g := range b.goals {
		met := "met"
		if g.have > g.want {
			met = "**not met**"
		}
		row(g.what, fmt.Sprintf("%.4g %s", g.want, g.unit), fmt.Sprintf("%.3g %s", g.have, g.unit), met)
	}
}

// table begins a table on standard output.
func table(columns ...any) {
	fmt.Fprintln(os.Stdout)
	row(columns...)
	for range columns {
		fmt.Fprint(os.Stdout, "| --- ")
	}
	fmt.Fprintln(os.Stdout, "|")
}

func row(cells ...any) {
	for _, c := range cells {
		fmt.Fprintf(os.Stdout, "| %v ", c)
	}
	fmt.Fprintln(os.Stdout, "|")
}

// ms writes a time in milliseconds, MiB a size.
func ms(d time.Duration) string { return fmt.Sprintf("%.3g ms", d.Seconds()*1e3) }
func mib(n int64) string        { return fmt.Sprintf("%.3g MiB", float64(n)/(1<<20)) }
