package collector

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"

	"github.com/cloudorg-exporter/cloudorg_exporter/internal/org"
)

// A HandlerConfig is what a Handler needs.
type HandlerConfig struct {
	// Organizations returns the organizations that are served now.
	Organizations func() []*org.Cache
	// Self holds the exporter's own metrics, which /metrics adds; nil: none.
	Self *Self
	// TimeoutOffset is subtracted from Prometheus's scrape timeout. In that time
	// a response can still be sent.
	TimeoutOffset time.Duration
	// Logger is told what cannot be served.
	Logger *slog.Logger
}

// A Handler serves scrapes: it waits for the refreshes that are due, and then
// renders the snapshots.
//
// It sets a write deadline for each response. The server has to reset it before
// the next request of a connection.
type Handler struct {
	cfg        HandlerConfig
	texts      *textCache
	outputs    sync.Pool     // of *output
	renderings chan struct{} // holds one element for each that runs
}

// NewHandler returns a Handler.
func NewHandler(cfg HandlerConfig) *Handler {
	return newHandler(cfg, families())
}

func newHandler(cfg HandlerConfig, families []family) *Handler {
	return &Handler{
		cfg:        cfg,
		texts:      newTextCache(families),
		outputs:    sync.Pool{New: newOutput},
		renderings: make(chan struct{}, 2*runtime.GOMAXPROCS(0)),
	}
}

// Metrics serves all organizations, and the exporter's own metrics unless the
// request asks for some collectors only.
func (h *Handler) Metrics(w http.ResponseWriter, r *http.Request) {
	h.serve(w, r, h.cfg.Organizations(), h.cfg.Self)
}

// Probe serves the one organization that the parameter target names.
func (h *Handler) Probe(w http.ResponseWriter, r *http.Request) {
	targets := r.URL.Query()["target"]
	if len(targets) != 1 || targets[0] == "" {
		http.Error(w, "exactly one target parameter is required: an organization name", http.StatusBadRequest)
		return
	}
	for _, c := range h.cfg.Organizations() {
		if c.Name() == targets[0] {
			h.serve(w, r, []*org.Cache{c}, nil)
			return
		}
	}
	http.Error(w, fmt.Sprintf("no organization %q is configured", targets[0]), http.StatusNotFound)
}

// serve serves caches, and self if it is not nil.
func (h *Handler) serve(w http.ResponseWriter, r *http.Request, caches []*org.Cache, self *Self) {
	const minSend = time.Second
	only, err := collect(r)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	budget := budget(r.Header, h.cfg.TimeoutOffset)
	start := time.Now()
	deadline := start.Add(budget + h.cfg.TimeoutOffset)
	ctx, cancel := context.WithDeadline(r.Context(), start.Add(budget))
	defer cancel()
	refresh(ctx, caches)
	if r.Context().Err() != nil {
		return // the client is gone
	}
	// A refresh may have used up the budget of many scrapes at once.
	queue, leave := context.WithDeadline(r.Context(), start.Add(budget+min(budget, h.cfg.TimeoutOffset)/2))
	defer leave()
	if !h.acquire(queue) {
		w.Header().Set("Retry-After", "1")
		http.Error(w, "too many scrapes at once", http.StatusServiceUnavailable)
		return
	}
	defer func() { <-h.renderings }() // after the last byte: a slow client holds memory, too
	if earliest := time.Now().Add(minSend); deadline.Before(earliest) {
		deadline = earliest
	}
	w = &timedWriter{ResponseWriter: w, deadline: deadline}
	format := expfmt.NegotiateAccept(r.Header, expfmt.DefaultOpenMetricsAcceptedFormats()...)
	text := format.FormatType() == expfmt.TypeTextPlain || format.FormatType() == expfmt.TypeOpenMetrics
	switch {
	case only != nil:
		h.serveAny(w, r, caches, only, nil)
	case !text || r.URL.Query().Has("name[]"):
		h.serveAny(w, r, caches, nil, self)
	default:
		h.serveText(w, r, caches, self, format)
	}
}

// acquire waits until a rendering may start, and reports whether it may.
func (h *Handler) acquire(ctx context.Context) bool {
	select {
	case h.renderings <- struct{}{}: // even if waiting for a refresh has used up the budget
	default:
		select {
		case h.renderings <- struct{}{}:
		case <-ctx.Done():
			return false
		}
	}
	return true
}

// serveAny serves through client_golang what is rarely asked for: formats other
// than text, and some of the metrics only.
func (h *Handler) serveAny(w http.ResponseWriter, r *http.Request, caches []*org.Cache, only []string, self *Self) {
	snapshots := make([]org.Snapshot, len(caches))
	for i, c := range caches {
		snapshots[i] = c.Last()
	}
	reg := prometheus.NewRegistry()
	reg.MustRegister(&Collector{time.Now(), only, h.texts.families, snapshots})
	if self != nil {
		reg.MustRegister(self.registry)
	}
	promhttp.HandlerFor(distinct(reg), promhttp.HandlerOpts{
		ErrorLog:          slog.NewLogLogger(h.cfg.Logger.Handler(), slog.LevelError),
		EnableOpenMetrics: true,
	}).ServeHTTP(w, r)
}

// serveText serves all metrics as text, most of which has been rendered before.
// The result is promhttp's, but for the order of several organizations' series
// and for the ".0" after whole numbers in OpenMetrics.
func (h *Handler) serveText(w http.ResponseWriter, r *http.Request, caches []*org.Cache, self *Self, format expfmt.Format) {
	texts, err := h.texts.latest(caches, h.cfg.Organizations)
	var own []*dto.MetricFamily
	if err == nil && self != nil {
		own, err = distinct(self.registry).Gather()
	}
	if err != nil {
		h.cfg.Logger.Error("error rendering metrics", "err", err)
		http.Error(w, "error rendering metrics: "+err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Add("Vary", "Accept")
	w.Header().Add("Vary", "Accept-Encoding")
	w.Header().Set("Content-Type", string(format))
	compressed := acceptsGzip(r.Header)
	if compressed {
		w.Header().Set("Content-Encoding", "gzip")
	}
	out := h.outputs.Get().(*output)
	defer h.outputs.Put(out)
	out.begin(w, compressed)
	defer out.end()
	if err := h.writeText(out, texts, own, format); err != nil {
		panic(http.ErrAbortHandler) // usually the client is gone; the response must not look complete
	}
}

// writeText writes the families of organizations and own, both sorted by name,
// in the order of their names.
func (h *Handler) writeText(out *output, texts []*orgText, own []*dto.MetricFamily, format expfmt.Format) error {
	now, openMetrics := time.Now(), format.FormatType() == expfmt.TypeOpenMetrics
	encoder := expfmt.NewEncoder(out, format)
	for i := range h.texts.families {
		f := &h.texts.families[i]
		for ; len(own) > 0 && own[0].GetName() < f.fullName(); own = own[1:] {
			if err := encoder.Encode(own[0]); err != nil {
				return err
			}
		}
		header := []byte(f.header(openMetrics))
		for _, t := range texts {
			lines := t.families[i].lines
			if len(lines) == 0 {
				continue
			}
			if f.daysUntil {
				out.days = t.families[i].appendDays(out.days[:0], now)
				lines = out.days
			}
			if _, err := out.Write(header); err != nil {
				return err
			}
			if _, err := out.Write(lines); err != nil {
				return err
			}
			header = nil
		}
	}
	for _, f := range own {
		if err := encoder.Encode(f); err != nil {
			return err
		}
	}
	if end, ok := encoder.(expfmt.Closer); ok { // OpenMetrics ends with a line of its own
		return end.Close()
	}
	return nil
}

// refresh makes the refreshes that are due, all at once, and waits for them
// until ctx ends.
func refresh(ctx context.Context, caches []*org.Cache) {
	var wg sync.WaitGroup
	for _, c := range caches {
		wg.Go(func() { c.Snapshot(ctx) })
	}
	wg.Wait()
}

// collect returns the collectors that the request limits itself to; nil for
// all.
func collect(r *http.Request) ([]string, error) {
	only := r.URL.Query()["collect[]"]
	all := org.CollectorNames()
	for _, name := range only {
		if !slices.Contains(all, name) {
			return nil, fmt.Errorf("unknown collector %q; the collectors are %s", name, strings.Join(all, ", "))
		}
	}
	return only, nil
}

// budget returns how long a scrape may wait for refreshes: Prometheus's timeout
// less the offset, or half of the timeout if that leaves nothing.
func budget(header http.Header, offset time.Duration) time.Duration {
	const fallback, longest = 4 * time.Second, time.Hour // many clients without the header give up after 5 s
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
