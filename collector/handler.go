package collector

import (
	"bufio"
	"cmp"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"mime"
	"net/http"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"golang.org/x/sync/errgroup"
	"golang.org/x/sync/semaphore"

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
	// Logger logs the errors of rendering.
	Logger *slog.Logger
}

// A Handler serves scrapes: it waits for the refreshes that are due, and then
// renders the snapshots. Text that has been rendered is kept until there is a
// new snapshot.
//
// It sets a write deadline for each response. The server has to reset it before
// the next request of a connection.
type Handler struct {
	cfg         HandlerConfig
	families    []family            // sorted by name
	renderings  *semaphore.Weighted // limits the scrapes that render and send at once
	rare        *semaphore.Weighted // limits those of them that take much more memory
	compressors sync.Pool           // of *gzip.Writer

	mu   sync.Mutex
	kept map[*org.Cache]*orgText
}

// NewHandler returns a Handler.
func NewHandler(cfg HandlerConfig) *Handler {
	return &Handler{
		cfg:        cfg,
		families:   slices.SortedFunc(slices.Values(families()), func(a, b family) int { return cmp.Compare(a.name, b.name) }),
		renderings: semaphore.NewWeighted(int64(2 * runtime.GOMAXPROCS(0))),
		rare:       semaphore.NewWeighted(1),
		compressors: sync.Pool{New: func() any {
			z, _ := gzip.NewWriterLevel(nil, gzip.BestSpeed)
			return z
		}},
		kept: map[*org.Cache]*orgText{},
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
	all := h.cfg.Organizations()
	i := slices.IndexFunc(all, func(c *org.Cache) bool { return c.Name() == targets[0] })
	if i < 0 {
		http.Error(w, fmt.Sprintf("no organization %q is configured", targets[0]), http.StatusNotFound)
		return
	}
	h.serve(w, r, all[i:i+1], nil)
}

// serve serves caches, and self if it is not nil.
func (h *Handler) serve(w http.ResponseWriter, r *http.Request, caches []*org.Cache, self *Self) {
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
	limits := []*semaphore.Weighted{h.renderings}
	if isRare(r, only) {
		limits = []*semaphore.Weighted{h.rare, h.renderings} // those who wait for a rare one hold no other
	}
	for _, limit := range limits {
		if !limit.TryAcquire(1) && limit.Acquire(queue, 1) != nil {
			w.Header().Set("Retry-After", "1")
			http.Error(w, "too many scrapes at once", http.StatusServiceUnavailable)
			return
		}
		defer limit.Release(1) // after the last byte: a slow client holds memory, too
	}
	a, err := h.render(r, caches, only, self)
	if err != nil {
		h.cfg.Logger.Error("error rendering metrics", "err", err)
		http.Error(w, "error rendering metrics: "+err.Error(), http.StatusInternalServerError)
		return
	}
	h.send(w, a, acceptsGzip(r.Header), deadline)
}

// An answer is the metrics that a scrape is sent: those that have been rendered as
// text, and then the others.
type answer struct {
	format   expfmt.Format
	texts    []*orgText
	families []*dto.MetricFamily
}

// render returns the latest metrics of caches, and of self if it is not nil and
// only is nil. A usual scrape, which asks for all metrics as text, is answered with
// text that has been rendered before.
func (h *Handler) render(r *http.Request, caches []*org.Cache, only []string, self *Self) (a answer, err error) {
	a.format = expfmt.NegotiateAccept(r.Header, expfmt.DefaultOpenMetricsAcceptedFormats()...)
	names := r.URL.Query()["name[]"]
	var others []prometheus.Collector
	if self != nil && only == nil {
		others = append(others, self.registry)
	}
	if isRare(r, only) {
		c := &Collector{now: time.Now(), only: only, families: h.families}
		for _, cache := range caches {
			c.snapshots = append(c.snapshots, cache.Last())
		}
		others = append(others, c)
	} else if a.texts, err = h.latestTexts(caches); err != nil {
		return a, err
	}
	a.families, err = gather(others...)
	if names != nil {
		a.families = slices.DeleteFunc(a.families, func(f *dto.MetricFamily) bool { return !slices.Contains(names, f.GetName()) })
	}
	return a, err
}

// isRare reports whether r cannot be answered with text that has been rendered before.
func isRare(r *http.Request, only []string) bool {
	format := expfmt.NegotiateAccept(r.Header, expfmt.DefaultOpenMetricsAcceptedFormats()...)
	return only != nil || r.URL.Query().Has("name[]") || format.FormatType() == expfmt.TypeProtoDelim
}

// send sends a to the client, which has until the deadline, but at least a second,
// to read it.
func (h *Handler) send(w http.ResponseWriter, a answer, compressed bool, deadline time.Time) {
	w.Header().Add("Vary", "Accept")
	w.Header().Add("Vary", "Accept-Encoding")
	w.Header().Set("Content-Type", string(a.format))
	if compressed {
		w.Header().Set("Content-Encoding", "gzip")
	}
	w.WriteHeader(http.StatusOK)
	// After the header: the server may set a deadline of its own with it.
	left := max(time.Until(deadline), time.Second)
	_ = http.NewResponseController(w).SetWriteDeadline(time.Now().Add(left))

	buffered := bufio.NewWriterSize(w, 64<<10) // net/http would send few KiB at a time
	var err error
	if compressed {
		z := h.compressors.Get().(*gzip.Writer)
		defer h.compressors.Put(z)
		z.Reset(buffered)
		err = errors.Join(h.write(z, a), z.Close())
	} else {
		err = h.write(buffered, a)
	}
	if errors.Join(err, buffered.Flush()) != nil {
		panic(http.ErrAbortHandler) // usually the client is gone; the response must not look complete
	}
}

// write writes a to a buffer. The result is promhttp's, but for the order of
// families and of several organizations' series, and for the ".0" after whole
// numbers in OpenMetrics.
func (h *Handler) write(w io.Writer, a answer) error {
	now, openMetrics := time.Now(), a.format.FormatType() == expfmt.TypeOpenMetrics
	for i := range h.families {
		header := []byte(h.families[i].header(openMetrics))
		for _, t := range a.texts {
			if lines := t.families[i].at(now); len(lines) > 0 {
				_, _ = w.Write(header) // the buffer keeps an error until it is flushed
				_, _ = w.Write(lines)
				header = nil
			}
		}
	}
	encoder := expfmt.NewEncoder(w, a.format)
	for _, f := range a.families {
		if err := encoder.Encode(f); err != nil {
			return err
		}
	}
	if end, ok := encoder.(expfmt.Closer); ok { // OpenMetrics ends with a line of its own
		return end.Close()
	}
	return nil
}

// starters is how many goroutines start the refreshes of a scrape. One for each
// organization would take gigabytes when hundreds of scrapes come at once.
const starters = 32

// refresh makes the refreshes that are due, all at once, and waits for them
// until ctx ends.
func refresh(ctx context.Context, caches []*org.Cache) {
	var starting errgroup.Group
	starting.SetLimit(starters)
	waits := make([]func() org.Snapshot, len(caches))
	for i, c := range caches {
		if ctx.Err() != nil {
			break
		}
		starting.Go(func() error { // a key file that hangs delays some of the others only
			waits[i] = c.Refresh(ctx)
			return nil
		})
	}
	_ = starting.Wait()
	for _, wait := range waits {
		if wait != nil {
			wait()
		}
	}
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

// acceptsGzip reports whether the client prefers gzip to plain text.
func acceptsGzip(header http.Header) bool {
	weight := map[string]float64{}
	for coding := range strings.SplitSeq(strings.Join(header.Values("Accept-Encoding"), ","), ",") {
		if name, params, err := mime.ParseMediaType(coding); err == nil {
			weight[name], _ = strconv.ParseFloat(cmp.Or(params["q"], "1"), 64)
		}
	}
	return max(weight["gzip"], weight["*"]) > max(weight["identity"], weight["*"])
}
