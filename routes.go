package main

import (
	"context"
	"errors"
	"net/http"
	_ "net/http/pprof" // for --web.enable-pprof
	"runtime"
	"time"

	"github.com/prometheus/common/version"
	"golang.org/x/sync/semaphore"

	"github.com/cloudorg-exporter/cloudorg_exporter/collector"
	webui "github.com/cloudorg-exporter/cloudorg_exporter/internal/web"
)

const (
	// maxScrapes is how many scrapes may run at once, most of them waiting.
	maxScrapes = 500
	// pageTimeout is how long a request for a page waits for those before it.
	pageTimeout = 10 * time.Second
	// docsURL is where the pages find documentation and runbooks.
	docsURL = "https://github.com/cloudorg-exporter/cloudorg_exporter/blob/main/docs/"
)

// routes returns what is served on the main address until ctx ends.
func (s *server) routes(ctx context.Context) http.Handler {
	metrics := collector.NewHandler(collector.HandlerConfig{
		Organizations: s.fleet.Caches,
		Self:          s.self,
		TimeoutOffset: s.flags.timeoutOffset,
		Logger:        s.slogger,
	})
	mux := http.NewServeMux()
	mux.Handle("GET "+s.flags.telemetryPath, s.scrape(ctx, metrics.Metrics))
	mux.Handle("GET "+s.flags.probePath, s.scrape(ctx, metrics.Probe))
	mux.Handle("GET "+webui.PathDiscovery, webui.Discovery(s.fleet.Last))
	pageSlots := semaphore.NewWeighted(int64(2 * runtime.GOMAXPROCS(0)))
	page := func(h http.Handler) http.Handler { return limited(pageSlots, pageTimeout, "requests", h) }
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
		mux.Handle("GET /debug/pprof/", http.DefaultServeMux) // where the package has put its handlers
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
		pages.Scraped = func() time.Time { return *s.scraped.Load() }
	}
	mux.Handle("GET /{$}", page(webui.Status(pages)))
	mux.Handle("GET "+webui.PathOrganization, page(webui.Organization(pages)))
	return mux
}

// scrape answers scrapes with h, until ctx ends.
func (s *server) scrape(ctx context.Context, h http.HandlerFunc) http.Handler {
	answer := limited(s.scrapes, 0, "scrapes", h)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if ctx.Err() != nil {
			http.Error(w, "stopping", http.StatusServiceUnavailable)
			return
		}
		s.scraped.Store(new(time.Now()))
		answer.ServeHTTP(w, r)
	})
}

// limited answers requests with h, each in one of slots. A request that gets no slot
// within wait is refused.
func limited(slots *semaphore.Weighted, wait time.Duration, what string, h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ctx, cancel := context.WithTimeout(r.Context(), wait)
		defer cancel()
		if !slots.TryAcquire(1) && slots.Acquire(ctx, 1) != nil {
			w.Header().Set("Retry-After", "1")
			http.Error(w, "too many "+what+" at once", http.StatusServiceUnavailable)
			return
		}
		defer slots.Release(1)
		h.ServeHTTP(w, r)
	})
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
