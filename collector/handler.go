package collector

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/cloudorg-exporter/cloudorg_exporter/internal/org"
)

// A HandlerConfig is what a Handler needs.
type HandlerConfig struct {
	// Organizations returns the organizations that are served now.
	Organizations func() []*org.Cache
	// Self are the exporter's own metrics, which /metrics adds.
	Self prometheus.Gatherer
	// TimeoutOffset is how much earlier than Prometheus gives up a scrape is
	// answered.
	TimeoutOffset time.Duration
	// Logger is told what promhttp cannot serve.
	Logger *slog.Logger
}

// A Handler serves scrapes: it fetches the snapshots, and when all I/O has
// ended it renders them.
type Handler struct {
	cfg HandlerConfig
}

// NewHandler returns a Handler.
func NewHandler(cfg HandlerConfig) *Handler { return &Handler{cfg} }

// Metrics serves all organizations, and the exporter's own metrics unless the
// request asks for some collectors only.
func (h *Handler) Metrics(w http.ResponseWriter, r *http.Request) {
	only, err := collect(r)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	self := h.cfg.Self
	if only != nil {
		self = prometheus.Gatherers{}
	}
	h.serve(w, r, h.cfg.Organizations(), only, self)
}

// Probe serves the one organization that the parameter target names.
func (h *Handler) Probe(w http.ResponseWriter, r *http.Request) {
	only, err := collect(r)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	targets := r.URL.Query()["target"]
	if len(targets) != 1 || targets[0] == "" {
		http.Error(w, "give one parameter target, the name of an organization", http.StatusBadRequest)
		return
	}
	for _, c := range h.cfg.Organizations() {
		if c.Name() == targets[0] {
			h.serve(w, r, []*org.Cache{c}, only, prometheus.Gatherers{})
			return
		}
	}
	http.Error(w, fmt.Sprintf("no organization %q is configured", targets[0]), http.StatusNotFound)
}

func (h *Handler) serve(w http.ResponseWriter, r *http.Request, caches []*org.Cache, only []string, self prometheus.Gatherer) {
	ctx, cancel := context.WithTimeout(r.Context(), budget(r.Header, h.cfg.TimeoutOffset))
	defer cancel()
	snapshots := make([]org.Snapshot, len(caches))
	var wg sync.WaitGroup
	for i, c := range caches {
		wg.Go(func() { snapshots[i] = c.Snapshot(ctx) })
	}
	wg.Wait()
	reg := prometheus.NewRegistry()
	reg.MustRegister(New(time.Now(), only, snapshots...))
	promhttp.HandlerFor(prometheus.Gatherers{self, reg}, promhttp.HandlerOpts{
		ErrorLog:          slog.NewLogLogger(h.cfg.Logger.Handler(), slog.LevelError),
		ErrorHandling:     promhttp.ContinueOnError,
		EnableOpenMetrics: true,
	}).ServeHTTP(w, r)
}

// collect returns the collectors that the request limits itself to; nil for
// all.
func collect(r *http.Request) ([]string, error) {
	only := r.URL.Query()["collect[]"]
	for _, name := range only {
		if !slices.Contains(org.Collectors(), name) {
			return nil, fmt.Errorf("there is no collector %q, only %s", name, strings.Join(org.Collectors(), ", "))
		}
	}
	return only, nil
}

// budget returns how long a scrape may take: what Prometheus allows less the
// offset, or half of it where that leaves nothing.
func budget(header http.Header, offset time.Duration) time.Duration {
	const fallback, longest = 10 * time.Second, time.Hour
	seconds, err := strconv.ParseFloat(header.Get("X-Prometheus-Scrape-Timeout-Seconds"), 64)
	if err != nil || !(seconds > 0) {
		return fallback
	}
	allowed := time.Duration(min(seconds, longest.Seconds()) * float64(time.Second))
	if allowed > offset {
		return allowed - offset
	}
	return allowed / 2
}
