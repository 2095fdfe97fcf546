package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/go-kit/log"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/common/expfmt"

	"github.com/cloudorg-exporter/cloudorg_exporter/collector"
	"github.com/cloudorg-exporter/cloudorg_exporter/internal/capture"
	"github.com/cloudorg-exporter/cloudorg_exporter/internal/cloud"
	"github.com/cloudorg-exporter/cloudorg_exporter/internal/config"
	"github.com/cloudorg-exporter/cloudorg_exporter/internal/httpx"
	"github.com/cloudorg-exporter/cloudorg_exporter/internal/org"
)

// once refreshes every organization once. It writes the result to stdout and a
// diagnosis to stderr.
func once(ctx context.Context, flags *flags, load loader, stdout, stderr io.Writer) error {
	calls := &callCounter{Observer: collector.NewSelf(false), calls: map[string]int{}}
	deps := cloud.Deps{Logger: log.NewNopLogger(), UserAgent: userAgent(), Observer: calls}
	if flags.onceCapture != "" {
		var err error
		if deps.Capture, err = capture.New(flags.onceCapture); err != nil {
			return fmt.Errorf("--once.capture: %w", err)
		}
	}
	fleet := cloud.NewFleet(func() (*config.Config, error) { return loadOnly(load, flags.onceOrganization) }, deps)
	defer fleet.Close()
	if err := fleet.Reload(ctx); err != nil {
		return err
	}
	if isTerminal(stderr) {
		fmt.Fprintf(stderr, "reading %s ...\n", counted(len(fleet.Caches()), "organization"))
	}
	fleet.Prime(ctx)
	snapshots := fleet.Last()
	now := time.Now()
	collectors, failed := 0, 0
	for _, s := range snapshots {
		collectors += len(s.Collectors())
		failed += diagnose(stderr, s, calls.of(s.Organization), now)
	}
	if deps.Capture != nil {
		files, err := deps.Capture.Files()
		if err != nil {
			return fmt.Errorf("--once.capture: %w", err)
		}
		fmt.Fprintf(stderr, "%s captured in %s: look through the files before you send them\n", counted(files, "call"), flags.onceCapture)
	}
	if err := writeSnapshots(stdout, flags.onceOutput, snapshots, now); err != nil {
		return err
	}
	if failed > 0 {
		return fmt.Errorf("%d of %s failed", failed, counted(collectors, "collector"))
	}
	return nil
}

// loadOnly loads the configuration and keeps the organization name, or all if
// name is empty.
func loadOnly(load loader, name string) (*config.Config, error) {
	cfg, err := load()
	if err != nil || name == "" {
		return cfg, err
	}
	var names []string
	for _, o := range cfg.Organizations {
		names = append(names, o.Base().Name)
	}
	i := slices.Index(names, name)
	if i < 0 {
		return nil, fmt.Errorf("--once.organization: no organization %q, only %s", name, strings.Join(names, ", "))
	}
	cfg.Organizations = cfg.Organizations[i : i+1]
	return cfg, nil
}

// diagnose writes one line for an organization that was read, or one paragraph
// for each cause of a failure: the collectors, what came back, what to do. It
// returns the number of collectors that failed.
func diagnose(w io.Writer, s org.Snapshot, calls int, now time.Time) (failed int) {
	all := s.Collectors()
	for i := range all {
		c := &all[i]
		if !c.Success() {
			c.Err = cmp.Or(c.Err, &org.Error{Reason: org.Other, Err: errors.New("not read")})
			failed++
		}
	}
	if failed == 0 {
		fmt.Fprintf(w, "%s: all %s read with %s in %s%s\n", s.Organization, counted(len(all), "collector"),
			counted(calls, "call"), s.Took.Round(time.Millisecond), summary(s, now))
		return 0
	}
	for _, same := range org.Causes(all, response) {
		var names []string
		for _, c := range same {
			names = append(names, c.Name)
		}
		err := same[0].Err
		fmt.Fprintf(w, "%s: %s: %s failed: %s\n", s.Organization, err.Reason, counted(len(same), "collector"), strings.Join(names, ", "))
		fmt.Fprintf(w, "\t%v\n", err)
		if err.Advice != "" {
			fmt.Fprintf(w, "\tWhat to do: %s.\n", err.Advice)
		}
	}
	if read := len(all) - failed; read > 0 {
		fmt.Fprintf(w, "%s: %d of %s read\n", s.Organization, read, counted(len(all), "collector"))
	}
	return failed
}

// response returns the error of a collector without the call and the number of
// the request.
func response(c org.Collector) string {
	e, ok := errors.AsType[*httpx.Error](c.Err)
	if !ok {
		return c.Err.Error()
	}
	response := *e
	response.RequestID = ""
	return response.Error()
}

// summary returns what a person wants to know first of an organization.
func summary(s org.Snapshot, now time.Time) string {
	var parts []string
	if s.Members.Present {
		parts = append(parts, counted(s.MemberCount(), "member"))
	}
	if s.Invitations.Present {
		pending, next := org.Pending(s.Invitations.Items), time.Time{}
		for _, i := range pending {
			if org.CompareTimes(i.Expires, next) < 0 {
				next = i.Expires
			}
		}
		text := counted(len(pending), "pending invitation")
		switch days := next.Sub(now).Hours() / 24; {
		case next.IsZero():
		case days < 0:
			text += fmt.Sprintf(" (the first expired %.1f days ago)", -days)
		default:
			text += fmt.Sprintf(" (the next expires in %.1f days)", days)
		}
		parts = append(parts, text)
	}
	if s.Withdrawals.Present {
		parts = append(parts, counted(len(s.Withdrawals.Items), "pending withdrawal"))
	}
	if len(parts) == 0 {
		return ""
	}
	return ": " + strings.Join(parts, ", ")
}

// writeMetrics writes snapshots as metrics.
func writeMetrics(w io.Writer, snapshots []org.Snapshot, now time.Time) error {
	reg := prometheus.NewPedanticRegistry()
	reg.MustRegister(collector.New(now, nil, snapshots...))
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

// A callCounter is an Observer that counts calls by organization.
type callCounter struct {
	cloud.Observer
	mu    sync.Mutex
	calls map[string]int
}

// Called counts a call.
func (c *callCounter) Called(cloud, organization, operation string, status int, took time.Duration) {
	c.Observer.Called(cloud, organization, operation, status, took)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.calls[organization]++
}

func (c *callCounter) of(organization string) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.calls[organization]
}

// isTerminal reports whether w is a terminal.
func isTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	if !ok {
		return false
	}
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}
