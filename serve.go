package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/pprof"
	"os"
	"os/signal"
	"runtime"
	"sync"
	"syscall"
	"time"

	"github.com/go-kit/log"
	"github.com/go-kit/log/level"
	"github.com/prometheus/common/version"
	"github.com/prometheus/exporter-toolkit/web"

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
	// docsURL is where the pages find documentation and runbooks.
	docsURL = "https://github.com/cloudorg-exporter/cloudorg_exporter/blob/main/docs/"
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
	logger, slogger := newLoggers(queue, flags.logLevel, flags.logFormat)
	s, err := newServer(ctx, flags, load, logger, slogger)
	if err == nil {
		err = s.run(ctx, hangups)
	}
	if err != nil {
		level.Error(logger).Log("msg", "exiting", "err", err)
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
	store   *store.Dir // nil: nothing is stored
	scrapes scrapes
}

func newServer(ctx context.Context, flags *flags, load loader, logger log.Logger, slogger *slog.Logger) (*server, error) {
	if err := checkWebConfig(flags.web); err != nil {
		return nil, err
	}
	s := &server{
		flags: flags, logger: logger, slogger: slogger,
		self:    collector.NewSelf(!flags.disableExporterMetrics),
		scrapes: scrapes{latest: time.Now()},
	}
	if flags.storagePath != "" && !flags.demo {
		var err error
		if s.store, err = store.Open(ctx, flags.storagePath, s.self.StorageWrites()); err != nil {
			return nil, fmt.Errorf("--storage.path: %w", err)
		}
	}
	s.fleet = cloud.NewFleet(load, cloud.Deps{Logger: logger, UserAgent: userAgent(), Observer: s.self, Store: s.store})
	return s, nil
}

func userAgent() string { return "cloudorg_exporter/" + version.Version }

func (s *server) run(ctx context.Context, hangups <-chan os.Signal) error {
	defer s.close()
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
	listening := make(chan struct{})
	background.Go(func() {
		select {
		case <-listening: // a program that cannot listen calls no API
			s.fleet.Prime(ctx)
		case <-ctx.Done():
		}
	})
	background.Go(func() {
		for {
			select {
			case <-hangups:
				_ = s.reload(ctx) // it has been logged
			case <-ctx.Done():
				return
			}
		}
	})
	if s.flags.demo {
		background.Go(func() { s.refreshRegularly(ctx) })
	}
	return s.listen(ctx, sync.OnceFunc(func() { close(listening) }))
}

// refreshRegularly keeps the demo current without a scraper.
func (s *server) refreshRegularly(ctx context.Context) {
	tick := time.NewTicker(demoInterval)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			var names []string
			for _, c := range s.fleet.Caches() {
				names = append(names, c.Name())
			}
			s.fleet.Start(ctx, names)
		case <-ctx.Done():
			return
		}
	}
}

// fleetReload reloads the fleet and logs warnings. A file that hangs delays it
// for a while only.
func (s *server) fleetReload(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, reloadTimeout)
	defer cancel()
	if err := s.fleet.Reload(ctx); err != nil {
		return err
	}
	for _, w := range s.fleet.Config().Warnings() {
		level.Warn(s.logger).Log("msg", "configuration", "warning", w)
	}
	return nil
}

// close ends everything that runs, and then what it writes to.
func (s *server) close() {
	s.fleet.Close()
	if s.store != nil {
		_ = s.store.Close()
	}
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
		s.scrapes.drain(ctx) // meanwhile the exporter answers that it is not ready
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

// routes returns what is served on the main address until ctx ends.
func (s *server) routes(ctx context.Context) http.Handler {
	metrics := collector.NewHandler(collector.HandlerConfig{
		Organizations: s.fleet.Caches,
		Self:          s.self,
		TimeoutOffset: s.flags.timeoutOffset,
		Logger:        s.slogger,
	})
	mux := http.NewServeMux()
	mux.Handle("GET "+s.flags.telemetryPath, s.scrapes.counted(metrics.Metrics))
	mux.Handle("GET "+s.flags.probePath, s.scrapes.counted(metrics.Probe))
	mux.Handle("GET "+webui.PathDiscovery, webui.Discovery(s.fleet.Last))
	page := limitRequests(2 * runtime.GOMAXPROCS(0))
	mux.Handle("GET "+webui.PathConfig, page(webui.Config(func() ([]byte, error) { return s.fleet.Config().YAML() })))
	mux.Handle("GET "+webui.PathHealthy, s.health(ctx))
	mux.Handle("GET "+webui.PathReady, s.health(ctx))
	links := []webui.Link{
		{Text: "Metrics", Href: s.flags.telemetryPath},
		{Text: "Configuration", Href: webui.PathConfig},
	}
	if s.flags.lifecycle {
		mux.Handle(webui.PathReload, withoutOrigin(webui.Reload(func() error { return s.reload(ctx) })))
	} else {
		mux.Handle(webui.PathReload, webui.ReloadDisabled())
	}
	if s.flags.pprof {
		mux.HandleFunc("GET /debug/pprof/", pprof.Index)
		mux.HandleFunc("GET /debug/pprof/cmdline", pprof.Cmdline)
		mux.HandleFunc("GET /debug/pprof/profile", pprof.Profile)
		mux.HandleFunc("GET /debug/pprof/symbol", pprof.Symbol)
		mux.HandleFunc("GET /debug/pprof/trace", pprof.Trace)
		links = append(links, webui.Link{Text: "Profiles", Href: "/debug/pprof/"})
	}
	pages := webui.StatusConfig{
		Snapshots: s.fleet.Last,
		Start:     func(names []string) { s.fleet.Start(ctx, names) },
		Reloaded:  s.fleet.LastReload,
		Version:   version.Version,
		ProbePath: s.flags.probePath,
		DocsURL:   docsURL,
		Links:     links,
		Logger:    s.logger,
	}
	if !s.flags.demo { // which refreshes itself
		pages.Scraped = s.scrapes.last
	}
	mux.Handle("GET /{$}", page(webui.Status(pages)))
	mux.Handle("GET "+webui.PathOrganization, page(webui.Organization(pages)))
	return mux
}

// pageTimeout is how long a request waits for those before it, and then has to
// take its answer.
const pageTimeout = 10 * time.Second

// limitRequests returns what lets handlers answer at most so many requests at
// once. Further ones wait for a while.
func limitRequests(most int) func(http.Handler) http.Handler {
	running := make(chan struct{}, most)
	return func(h http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			ctx, cancel := context.WithTimeout(r.Context(), pageTimeout)
			defer cancel()
			select {
			case running <- struct{}{}:
				defer func() { <-running }()
				h.ServeHTTP(w, r)
			case <-ctx.Done():
				w.Header().Set("Retry-After", "1")
				http.Error(w, "too many requests at once", http.StatusServiceUnavailable)
			}
		})
	}
}

// withoutOrigin refuses what a page in a browser asks for, even if it seems to be
// a page of this server: with DNS rebinding, a page of another site does.
func withoutOrigin(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Origin") != "" {
			http.Error(w, "requests of a browser are refused", http.StatusForbidden)
			return
		}
		h.ServeHTTP(w, r)
	})
}

// health returns the two health paths.
func (s *server) health(ctx context.Context) http.Handler {
	return webui.Health(func() error {
		if ctx.Err() != nil {
			return errors.New("stopping")
		}
		return s.fleet.Ready()
	})
}

// maxScrapes is how many scrapes may run at once, most of them waiting.
const maxScrapes = 500

// scrapes are the scrapes that run.
type scrapes struct {
	mu       sync.Mutex
	count    int
	draining bool
	latest   time.Time // when one began last, or the process started
	running  sync.WaitGroup
}

// counted counts the requests that handler answers. While draining, new ones are
// refused.
func (s *scrapes) counted(handler http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		s.mu.Lock()
		if s.draining {
			s.mu.Unlock()
			http.Error(w, "stopping", http.StatusServiceUnavailable)
			return
		}
		if s.count == maxScrapes {
			s.mu.Unlock()
			w.Header().Set("Retry-After", "1")
			http.Error(w, "too many scrapes at once", http.StatusServiceUnavailable)
			return
		}
		s.running.Add(1)
		s.count++
		s.latest = time.Now()
		s.mu.Unlock()
		defer s.ended()
		handler(w, r)
	}
}

func (s *scrapes) ended() {
	s.mu.Lock()
	s.count--
	s.mu.Unlock()
	s.running.Done()
}

// last returns when the latest scrape began.
func (s *scrapes) last() time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.latest
}

// drain waits until no scrape runs, or ctx ends.
func (s *scrapes) drain(ctx context.Context) {
	s.mu.Lock()
	s.draining = true
	s.mu.Unlock()
	done := make(chan struct{})
	go func() {
		s.running.Wait()
		close(done)
	}()
	select {
	case <-done:
	case <-ctx.Done():
	}
}
