package collector

import (
	"context"
	"errors"
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
	"github.com/prometheus/common/expfmt"

	"github.com/cloudorg-exporter/cloudorg_exporter/internal/org"
)

// A HandlerConfig is what a Handler needs.
type HandlerConfig struct {
	// Organizations returns the organizations that are served now.
	Organizations func() []*org.Cache
	// Self are the exporter's own metrics, which /metrics adds; nil: none.
	Self *Self
	// TimeoutOffset is how much earlier than Prometheus gives up a scrape is
	// answered.
	TimeoutOffset time.Duration
	// Logger is told what cannot be served.
	Logger *slog.Logger
}

// A Handler serves scrapes. It waits for snapshots, and renders those that are
// new; when all are there it sends them.
type Handler struct {
	cfg     HandlerConfig
	texts   *textCache
	outputs sync.Pool // of *output
}

// NewHandler returns a Handler.
func NewHandler(cfg HandlerConfig) *Handler {
	return &Handler{cfg: cfg, texts: newTextCache(), outputs: sync.Pool{New: newOutput}}
}

// Metrics serves all organizations, and the exporter's own metrics unless the
// request asks for some collectors only.
func (h *Handler) Metrics(w http.ResponseWriter, r *http.Request) {
	only, err := collect(r)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	asked := scrape{caches: h.cfg.Organizations(), only: only}
	if only == nil {
		asked.self = h.cfg.Self
	}
	h.serve(w, r, asked)
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
			h.serve(w, r, scrape{caches: []*org.Cache{c}, only: only, probed: c})
			return
		}
	}
	http.Error(w, fmt.Sprintf("no organization %q is configured", targets[0]), http.StatusNotFound)
}

// A scrape is what a request asks for.
type scrape struct {
	caches []*org.Cache
	probed *org.Cache // the only one of caches; nil if they are all there are
	only   []string   // collectors; nil: all
	self   *Self      // nil: without
}

func (h *Handler) serve(w http.ResponseWriter, r *http.Request, asked scrape) {
	ctx, cancel := context.WithTimeout(r.Context(), budget(r.Header, h.cfg.TimeoutOffset))
	defer cancel()
	format := expfmt.NegotiateAccept(r.Header, expfmt.DefaultOpenMetricsAcceptedFormats()...)
	text := format.FormatType() == expfmt.TypeTextPlain || format.FormatType() == expfmt.TypeOpenMetrics
	if text && asked.only == nil && !r.URL.Query().Has("name[]") {
		h.serveText(ctx, w, r, asked, format)
		return
	}
	h.serveAny(ctx, w, r, asked)
}

// serveAny serves what is not asked for often: formats other than text, and
// some of the metrics only.
func (h *Handler) serveAny(ctx context.Context, w http.ResponseWriter, r *http.Request, asked scrape) {
	reg := prometheus.NewRegistry()
	if asked.self != nil {
		reg = asked.self.registry()
	}
	reg.MustRegister(&Collector{fetch(ctx, asked.caches), time.Now(), asked.only, h.texts.layouts})
	promhttp.HandlerFor(reg, promhttp.HandlerOpts{
		ErrorLog:          slog.NewLogLogger(h.cfg.Logger.Handler(), slog.LevelError),
		ErrorHandling:     promhttp.ContinueOnError,
		EnableOpenMetrics: true,
	}).ServeHTTP(w, r)
}

// serveText serves all metrics as text, most of which is at hand.
func (h *Handler) serveText(ctx context.Context, w http.ResponseWriter, r *http.Request, asked scrape, format expfmt.Format) {
	key := textKey{asked.probed, format.FormatType() == expfmt.TypeOpenMetrics}
	texts := h.orgTexts(ctx, asked.caches)
	if r.Context().Err() != nil {
		return // the client has gone
	}
	out := h.outputs.Get().(*output) // not before: those that wait for a refresh need none
	defer h.outputs.Put(out)
	out.begin(wantsGzip(r.Header))
	now := time.Now()
	h.texts.exposition(key, texts, h.cfg.Organizations).write(now, out)
	if asked.self != nil {
		calls, err := h.texts.callsOf(asked.self, key.openMetrics)
		program, err2 := gather(asked.self.program, key.openMetrics)
		if err := errors.Join(err, err2); err != nil {
			h.cfg.Logger.Error("error gathering metrics", "err", err)
		}
		calls.write(now, out)
		out.add(func(text []byte) []byte { return append(text, program...) })
	}
	if key.openMetrics {
		out.add(func(text []byte) []byte { return append(text, "# EOF\n"...) })
	}
	w.Header().Add("Vary", "Accept")
	w.Header().Add("Vary", "Accept-Encoding")
	w.Header().Set("Content-Type", string(format))
	out.send(w)
}

// orgTexts returns the texts of caches: those that it has, where there is nothing
// new to say.
func (h *Handler) orgTexts(ctx context.Context, caches []*org.Cache) []*orgText {
	texts := h.texts.orgTexts(caches)
	var wg sync.WaitGroup
	for i, c := range caches {
		if texts[i] == nil || !c.Serves(texts[i].edition) {
			wg.Go(func() { texts[i] = h.texts.orgText(c, c.Snapshot(ctx)) })
		}
	}
	wg.Wait()
	return texts
}

// fetch asks all caches at once for their snapshots.
func fetch(ctx context.Context, caches []*org.Cache) []org.Snapshot {
	snapshots := make([]org.Snapshot, len(caches))
	var wg sync.WaitGroup
	for i, c := range caches {
		wg.Go(func() { snapshots[i] = c.Snapshot(ctx) })
	}
	wg.Wait()
	return snapshots
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
