package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/signal"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/go-kit/log"
	"github.com/go-kit/log/level"
	"github.com/prometheus/common/version"
	"github.com/prometheus/exporter-toolkit/web"
	"golang.org/x/sync/semaphore"

	"github.com/cloudorg-exporter/cloudorg_exporter/collector"
	"github.com/cloudorg-exporter/cloudorg_exporter/internal/cloud"
	"github.com/cloudorg-exporter/cloudorg_exporter/internal/store"
	webui "github.com/cloudorg-exporter/cloudorg_exporter/internal/web"
)

const (
	// drainTimeout is how long running scrapes may take to end after a signal.
	drainTimeout = 10 * time.Second
	// demoInterval is how often the demo refreshes itself.
	demoInterval = 5 * time.Second
	// reloadTimeout is how long a start or a reload waits for files.
	reloadTimeout = 10 * time.Second
)

// serve runs the exporter until ctx ends.
func serve(ctx context.Context, flags *flags, load loader, stderr io.Writer) error {
	hangups := make(chan os.Signal, 1) // one reload is enough for all that wait
	signal.Notify(hangups, syscall.SIGHUP)
	signal.Ignore(syscall.SIGPIPE) // the reader of the log may end
	direct, _ := newLoggers(stderr, flags.logLevel, flags.logFormat)
	queue := newQueuedLog(stderr, func(lines int64) {
		level.Warn(direct).Log("msg", "log lines dropped: nobody has read the log", "lines", lines)
	})
	defer queue.close()
	s := &server{
		flags:   flags,
		self:    collector.NewSelf(!flags.disableExporterMetrics),
		scrapes: semaphore.NewWeighted(maxScrapes),
	}
	s.logger, s.slogger = newLoggers(queue, flags.logLevel, flags.logFormat)
	s.scraped.Store(new(time.Now()))
	if err := s.run(ctx, load, hangups); err != nil {
		level.Error(s.logger).Log("msg", "exiting", "err", err)
		return loggedError{err}
	}
	return nil
}

// A server is the running exporter.
type server struct {
	flags   *flags
	logger  log.Logger
	slogger *slog.Logger // the same log, for libraries
	fleet   *cloud.Fleet
	self    *collector.Self
	scrapes *semaphore.Weighted       // one for each scrape that runs
	scraped atomic.Pointer[time.Time] // when the latest scrape began, or the process started
}

func userAgent() string { return "cloudorg_exporter/" + version.Version }

func (s *server) run(ctx context.Context, load loader, hangups <-chan os.Signal) error {
	if err := checkWebConfig(s.flags.web); err != nil {
		return err
	}
	deps := cloud.Deps{Logger: s.logger, UserAgent: userAgent(), Observer: s.self}
	if s.flags.storagePath != "" && !s.flags.demo {
		var err error
		if deps.Store, err = store.Open(ctx, s.flags.storagePath, s.self.StorageWrites()); err != nil {
			return fmt.Errorf("--storage.path: %w", err)
		}
		defer func() { _ = deps.Store.Close() }() // after what writes to it has ended
	}
	s.fleet = cloud.NewFleet(load, deps)
	defer s.fleet.Close()
	if err := s.fleetReload(ctx); err != nil {
		return err
	}
	if s.flags.demo {
		level.Info(s.logger).Log("msg", "demo: a day passes every minute", "open", s.flags.address()+"/")
	}
	level.Info(s.logger).Log("msg", "starting", "version", version.Version, "revision", version.GetRevision(), "organizations", len(s.fleet.Caches()))

	ctx, cancel := context.WithCancel(ctx)
	var background sync.WaitGroup
	defer background.Wait()
	defer cancel()
	var tick <-chan time.Time // of the demo, which is kept current without a scraper
	if s.flags.demo {
		tick = time.Tick(demoInterval)
	}
	background.Go(func() {
		for {
			select {
			case <-hangups:
				_ = s.reload(ctx) // it has been logged
			case <-tick:
				for _, c := range s.fleet.Caches() {
					c.Refresh(ctx)
				}
			case <-ctx.Done():
				return
			}
		}
	})
	// A program that cannot listen calls no API.
	return s.listen(ctx, sync.OnceFunc(func() { background.Go(func() { s.fleet.Prime(ctx) }) }))
}

// fleetReload reloads the fleet and logs warnings. A file that hangs delays it
// for a while only.
func (s *server) fleetReload(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, reloadTimeout)
	defer cancel()
	if err := s.fleet.Reload(ctx); err != nil {
		return err
	}
	for _, w := range s.fleet.Config().Warnings {
		level.Warn(s.logger).Log("msg", "configuration", "warning", w)
	}
	return nil
}

// reload applies the configuration again, and starts to read the organizations
// that are new.
func (s *server) reload(ctx context.Context) error {
	if err := s.fleetReload(ctx); err != nil {
		level.Error(s.logger).Log("msg", "reload failed", "err", err, "serving", "previous configuration")
		return err
	}
	level.Info(s.logger).Log("msg", "reloaded", "organizations", len(s.fleet.Caches()))
	go s.fleet.Prime(ctx) // ends with ctx, or with the fleet
	return nil
}

// listen answers requests until ctx ends, and then lets running scrapes end. It
// calls listening when it is about to accept connections.
func (s *server) listen(ctx context.Context, listening func()) error {
	errorLog := newServerLog(s.logger)
	main := webui.NewServer(s.routes(ctx), errorLog)
	health := webui.NewServer(s.health(ctx), errorLog)
	limitConnections(main, connectionLimit(), func() { errorLog.Print("too many connections: the one that waited longest is closed") })
	limitConnections(health, min(maxHealthConnections, connectionLimit()/4+1), func() { errorLog.Print("too many connections to the health address") })
	main.BaseContext = func(net.Listener) context.Context {
		listening()
		return context.WithoutCancel(ctx)
	}
	defer health.Close() // last, so that a kubelet sees the exporter drain
	if s.flags.healthAddress != "" {
		listener, err := new(net.ListenConfig).Listen(ctx, "tcp", s.flags.healthAddress)
		if err != nil {
			return fmt.Errorf("--web.health-address: %w", err)
		}
		go func() { _ = health.Serve(listener) }() // until it is closed
	}
	drained := make(chan error, 1)
	stop := context.AfterFunc(ctx, func() {
		level.Info(s.logger).Log("msg", "stopping", "drain", drainTimeout)
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), drainTimeout)
		defer cancel()
		_ = s.scrapes.Acquire(ctx, maxScrapes) // all have ended; meanwhile the exporter answers that it is not ready
		drained <- main.Shutdown(ctx)
	})
	err := web.ListenAndServe(main, s.flags.web, s.slogger)
	if !errors.Is(err, http.ErrServerClosed) {
		stop()
		if errors.Is(err, syscall.EADDRINUSE) {
			return fmt.Errorf("--web.listen-address: %w", err)
		}
		return err
	}
	if err := <-drained; err != nil {
		level.Warn(s.logger).Log("msg", "scrapes were still running", "err", err)
	}
	return nil
}
