package main

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/http/pprof"
	"os"
	"os/signal"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/go-kit/log"
	"github.com/go-kit/log/level"
	"github.com/prometheus/common/version"

	"github.com/cloudorg-exporter/cloudorg_exporter/collector"
	"github.com/cloudorg-exporter/cloudorg_exporter/internal/config"
	"github.com/cloudorg-exporter/cloudorg_exporter/internal/org"
	"github.com/cloudorg-exporter/cloudorg_exporter/internal/source"
	webui "github.com/cloudorg-exporter/cloudorg_exporter/internal/web"
)

// An exporter is what serves: the configuration in force, and what is made of
// it.
type exporter struct {
	flags  *flags
	logger log.Logger
	load   func() (*config.Config, error)
	fleet  *source.Fleet
	self   *collector.Self

	applying sync.Mutex // one at a time, the load included
	current  atomic.Pointer[config.Config]
	latest   atomic.Pointer[attempt]
	started  atomic.Bool  // every organization of the start has been refreshed
	scrapes  atomic.Int64 // that are running
}

// An attempt to apply a configuration.
type attempt struct {
	at  time.Time
	err error
}

// apply loads the configuration and puts it in force, whole or not at all.
func (e *exporter) apply() error {
	e.applying.Lock()
	defer e.applying.Unlock()
	cfg, err := e.load()
	if err == nil {
		cfg.Shard(e.flags.shard, e.flags.totalShards)
		err = e.fleet.Apply(cfg)
	}
	if err == nil {
		e.current.Store(cfg)
	}
	err = e.flags.named(err)
	e.self.Reloaded(err)
	e.latest.Store(&attempt{time.Now(), err})
	return err
}

// reload applies the configuration again, and begins to read the organizations
// that are new.
func (e *exporter) reload(ctx context.Context) error {
	if err := e.apply(); err != nil {
		level.Error(e.logger).Log("msg", "reload refused", "err", err, "serving", "the configuration of before")
		return err
	}
	level.Info(e.logger).Log("msg", "reloaded", "organizations", len(e.fleet.Caches()))
	go e.fleet.Prime(ctx) // ends with ctx, or the fleet
	return nil
}

// hangups reloads at each SIGHUP until ctx ends.
func (e *exporter) hangups(ctx context.Context) {
	hangup := make(chan os.Signal, 1)
	signal.Notify(hangup, syscall.SIGHUP)
	defer signal.Stop(hangup)
	for {
		select {
		case <-hangup:
			_ = e.reload(ctx) // it has been logged
		case <-ctx.Done():
			return
		}
	}
}

// routes returns all that is served on the main address until ctx ends.
func (e *exporter) routes(ctx context.Context, slogger *slog.Logger) http.Handler {
	handler := collector.NewHandler(collector.HandlerConfig{
		Organizations: e.fleet.Caches,
		Self:          e.self,
		TimeoutOffset: e.flags.timeoutOffset,
		Logger:        slogger,
	})
	mux := http.NewServeMux()
	mux.HandleFunc("GET "+e.flags.telemetryPath, e.scrape(handler.Metrics))
	mux.HandleFunc("GET "+e.flags.probePath, e.scrape(handler.Probe))
	mux.Handle("GET "+webui.PathDiscovery, webui.Discovery(e.targets))
	mux.Handle("GET "+webui.PathConfig, webui.Config(func() ([]byte, error) { return e.current.Load().YAML() }))
	mux.Handle("GET "+webui.PathHealthy, e.health(ctx))
	mux.Handle("GET "+webui.PathReady, e.health(ctx))
	links := []webui.Link{
		{Text: "Metrics", Href: e.flags.telemetryPath},
		{Text: "Discovery", Href: webui.PathDiscovery},
		{Text: "Configuration", Href: webui.PathConfig},
		{Text: "Healthy", Href: webui.PathHealthy},
		{Text: "Ready", Href: webui.PathReady},
	}
	if e.flags.lifecycle {
		mux.Handle(webui.PathReload, webui.Reload(func() error { return e.reload(ctx) }))
	}
	if e.flags.pprof {
		mux.HandleFunc("GET /debug/pprof/", pprof.Index)
		mux.HandleFunc("GET /debug/pprof/cmdline", pprof.Cmdline)
		mux.HandleFunc("GET /debug/pprof/profile", pprof.Profile)
		mux.HandleFunc("GET /debug/pprof/symbol", pprof.Symbol)
		mux.HandleFunc("GET /debug/pprof/trace", pprof.Trace)
		links = append(links, webui.Link{Text: "Profiles", Href: "/debug/pprof/"})
	}
	mux.Handle("GET /{$}", webui.Status(webui.StatusConfig{
		Snapshots: e.last,
		Version:   version.Version,
		ProbePath: e.flags.probePath,
		Links:     links,
		Reloaded: func() (time.Time, error) {
			latest := e.latest.Load()
			return latest.at, latest.err
		},
		Logger: e.logger,
	}))
	return mux
}

// scrape counts what handler is doing.
func (e *exporter) scrape(handler http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		e.scrapes.Add(1)
		defer e.scrapes.Add(-1)
		handler(w, r)
	}
}

// drain waits until no scrape runs, or ctx ends.
func (e *exporter) drain(ctx context.Context) {
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for e.scrapes.Load() > 0 && ctx.Err() == nil {
		select {
		case <-tick.C:
		case <-ctx.Done():
		}
	}
}

// health returns the two health paths. Ready is what has read every
// organization once; a reload that adds one does not take that back.
func (e *exporter) health(ctx context.Context) http.Handler {
	return webui.Health(func() error {
		if ctx.Err() != nil {
			return errors.New("stopping")
		}
		return e.starting()
	})
}

// starting says what the start still waits for, if it is not over.
func (e *exporter) starting() error {
	if e.started.Load() {
		return nil
	}
	err := webui.Starting(e.last())
	if err == nil {
		e.started.Store(true)
	}
	return err
}

// last returns what is known of each organization, without any wait.
func (e *exporter) last() []org.Snapshot {
	caches := e.fleet.Caches()
	all := make([]org.Snapshot, len(caches))
	for i, c := range caches {
		all[i] = c.Last()
	}
	return all
}

// targets returns the organizations for service discovery.
func (e *exporter) targets() []webui.Target {
	var all []webui.Target
	for _, o := range e.current.Load().Organizations {
		all = append(all, webui.Target{Name: o.Name, Cloud: o.Cloud})
	}
	return all
}
