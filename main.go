// Command cloudorg_exporter exports the state of cloud organizations to
// Prometheus: members, invitations, withdrawals, groups and policies.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"os/signal"
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

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Args[1:], os.Stdout, os.Stderr); err != nil {
		fmt.Fprintln(os.Stderr, "cloudorg_exporter:", err)
		os.Exit(1)
	}
}

// run is the whole program but for signals and the exit code.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	flags, err := parseFlags(args, stdout)
	if err != nil || flags == nil {
		return err
	}
	logger, slogger := newLoggers(stderr, flags.logLevel, flags.logFormat)

	load := func() (*config.Config, error) { return flags.load(os.Getenv) }
	if flags.demo {
		demo, err := startDemo()
		if err != nil {
			return fmt.Errorf("demo: %w", err)
		}
		defer demo.Close()
		load = demo.Config
	}
	cfg, err := load()
	if err != nil {
		return err
	}
	if flags.configCheck {
		fmt.Fprintf(stdout, "the configuration is valid: %d organizations\n", len(cfg.Organizations))
		return nil
	}
	cfg.Shard(flags.shard, flags.totalShards)

	self := collector.NewSelf()
	deps := source.Deps{Logger: logger, UserAgent: "cloudorg_exporter/" + version.Version, Observer: self}
	if flags.once {
		deps.Logger = log.NewNopLogger() // the diagnosis says it all, and once
	}
	fleet := source.NewFleet(deps)
	defer fleet.Close()
	if err := fleet.Apply(cfg); err != nil {
		return err
	}
	self.Reloaded(nil)
	if flags.once {
		return once(ctx, fleet, stdout, stderr)
	}

	handler := collector.NewHandler(collector.HandlerConfig{
		Organizations: fleet.Caches,
		Self:          self.Registry,
		TimeoutOffset: flags.timeoutOffset,
		Logger:        slogger,
	})
	mux := http.NewServeMux()
	mux.HandleFunc("GET "+flags.telemetryPath, handler.Metrics)
	mux.HandleFunc("GET "+flags.probePath, handler.Probe)
	webui.HandleHealth(mux, func() bool { return ctx.Err() == nil && fleet.Ready() })

	if flags.demo {
		level.Info(logger).Log("msg", "demo: a day passes every minute", "open", flags.address()+flags.telemetryPath)
	}
	level.Info(logger).Log("msg", "starting", "version", version.Version, "revision", version.GetRevision(), "organizations", len(cfg.Organizations))
	go fleet.Prime(ctx)
	return serve(ctx, mux, flags, logger, slogger)
}

// serve answers requests until ctx ends, and then lets the running ones end.
func serve(ctx context.Context, handler http.Handler, flags *flags, logger log.Logger, slogger *slog.Logger) error {
	server := &http.Server{
		Handler:           handler,
		ReadHeaderTimeout: 10 * time.Second,
		ReadTimeout:       30 * time.Second,
		IdleTimeout:       2 * time.Minute,
		ErrorLog:          slog.NewLogLogger(slogger.Handler(), slog.LevelWarn),
	}
	drained := make(chan error, 1)
	stop := context.AfterFunc(ctx, func() {
		level.Info(logger).Log("msg", "stopping", "drain", drainTime)
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), drainTime)
		defer cancel()
		drained <- server.Shutdown(ctx)
	})
	err := web.ListenAndServe(server, flags.web, slogger)
	if !errors.Is(err, http.ErrServerClosed) {
		stop()
		return err
	}
	if err := <-drained; err != nil {
		level.Warn(logger).Log("msg", "scrapes were still running", "err", err)
	}
	return nil
}
