// Command cloudorg_exporter exports the state of cloud organizations to
// Prometheus: members, invitations, withdrawals, groups and policies.
package main

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/signal"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/go-kit/log"
	"github.com/go-kit/log/level"
	"github.com/prometheus/common/version"
	"github.com/prometheus/exporter-toolkit/web"

	"github.com/cloudorg-exporter/cloudorg_exporter/collector"
	"github.com/cloudorg-exporter/cloudorg_exporter/internal/config"
	"github.com/cloudorg-exporter/cloudorg_exporter/internal/source"
	webui "github.com/cloudorg-exporter/cloudorg_exporter/internal/web"
)

// drainTime is how long running scrapes may take to end after a signal.
const drainTime = 10 * time.Second

// released is the version of the source, for programs that make has not built.
//
//go:embed VERSION
var released string

func main() {
	if version.Version == "" {
		version.Version = strings.TrimSpace(released)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Args[1:], os.Stdout, os.Stderr); err != nil {
		fmt.Fprintln(os.Stderr, "cloudorg_exporter:", err)
		os.Exit(1)
	}
}

// run is the whole program but for the signals that end it, and the exit code.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	flags, err := parseFlags(args, stdout)
	if err != nil || flags == nil {
		return err
	}
	if flags.askHealth {
		return flags.healthCheck(ctx)
	}
	logger, slogger := newLoggers(stderr, flags.logLevel, flags.logFormat)

	load := func() (*config.Config, error) { return flags.load(os.Getenv) }
	if flags.demo {
		demo, err := startDemo(ctx)
		if err != nil {
			return fmt.Errorf("demo: %w", err)
		}
		defer demo.Close()
		load = demo.Config
	}
	self := collector.NewSelf()
	calls := newCallLog(self)
	deps := source.Deps{Logger: logger, UserAgent: "cloudorg_exporter/" + version.Version, Observer: self}
	if flags.once {
		deps.Logger = log.NewNopLogger() // the diagnosis says it all, and once
		deps.Observer = calls
	}
	if flags.configCheck {
		if err := web.Validate(*flags.web.WebConfigFile); err != nil {
			return fmt.Errorf("--web.config.file: %w", err)
		}
		return flags.named(check(load, deps, stdout))
	}
	fleet := source.NewFleet(deps)
	defer fleet.Close()
	e := &exporter{flags: flags, logger: logger, load: load, fleet: fleet, self: self}
	if err := e.apply(); err != nil {
		return err
	}
	if flags.once {
		return once(ctx, fleet, calls, stdout, stderr)
	}

	if flags.demo {
		level.Info(logger).Log("msg", "demo: a day passes every minute", "open", flags.address()+"/")
	}
	level.Info(logger).Log("msg", "starting", "version", version.Version, "revision", version.GetRevision(), "organizations", len(fleet.Caches()))
	ctx, stop := context.WithCancel(ctx)
	var background sync.WaitGroup
	defer background.Wait()
	defer stop()
	background.Go(func() { e.hangups(ctx) })
	background.Go(func() {
		fleet.Prime(ctx)
		_ = e.starting() // it is over, even if a reload comes before anybody asks
	})
	return serve(ctx, e, slogger)
}

// check says whether the configuration can be used, down to the certificates
// that it names.
func check(load func() (*config.Config, error), deps source.Deps, stdout io.Writer) error {
	cfg, err := load()
	if err != nil {
		return err
	}
	fleet := source.NewFleet(deps)
	defer fleet.Close()
	if err := fleet.Apply(cfg); err != nil {
		return err
	}
	fmt.Fprintf(stdout, "the configuration is valid: %d organizations\n", len(cfg.Organizations))
	return nil
}

// serve answers requests until ctx ends, and then lets the running ones end.
func serve(ctx context.Context, e *exporter, slogger *slog.Logger) error {
	errorLog := slog.NewLogLogger(slogger.Handler(), slog.LevelWarn)
	server := webui.NewServer(e.routes(ctx, slogger), errorLog)
	health := webui.NewServer(e.health(ctx), errorLog)
	defer health.Close() // the last: a kubelet sees the draining, too
	if e.flags.healthAddress != "" {
		listener, err := new(net.ListenConfig).Listen(ctx, "tcp", e.flags.healthAddress)
		if err != nil {
			return fmt.Errorf("--web.health-address: %w", err)
		}
		go func() { _ = health.Serve(listener) }() // until it is closed
	}
	drained := make(chan error, 1)
	stop := context.AfterFunc(ctx, func() {
		level.Info(e.logger).Log("msg", "stopping", "drain", drainTime)
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), drainTime)
		defer cancel()
		e.drain(ctx) // until then, whoever asks learns that it stops
		drained <- server.Shutdown(ctx)
	})
	err := web.ListenAndServe(server, e.flags.web, slogger)
	if !errors.Is(err, http.ErrServerClosed) {
		stop()
		return err
	}
	if err := <-drained; err != nil {
		level.Warn(e.logger).Log("msg", "scrapes were still running", "err", err)
	}
	return nil
}
