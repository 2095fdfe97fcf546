package collector

import (
	"bytes"
	"maps"
	"slices"
	"sync"

	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"

	"github.com/cloudorg-exporter/cloudorg_exporter/internal/org"
)

// A textCache makes text of the organizations' snapshots, and of the metrics of
// their calls, and keeps it: what has not changed since the last scrape is neither
// rendered nor compressed again.
type textCache struct {
	layouts []layout

	mu    sync.Mutex // of the maps only: no scrape waits while another's text is made
	orgs  map[*org.Cache]*orgText
	whole map[textKey]*latest[*orgText]
	calls map[bool]*latest[*callText] // by whether it is OpenMetrics
}

// A textKey says what an exposition is of.
type textKey struct {
	cache       *org.Cache // nil: all
	openMetrics bool
}

// latest is the latest exposition of something.
type latest[T comparable] struct {
	mu         sync.Mutex
	exposition *exposition
	of         []T
}

// make returns the exposition of what is given: the latest, if that is the same,
// or one that join makes.
func (l *latest[T]) make(of []T, join func(old *exposition) *exposition) (e *exposition, made bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.exposition != nil && slices.Equal(l.of, of) {
		return l.exposition, false
	}
	l.exposition, l.of = join(l.exposition), of
	return l.exposition, true
}

func newTextCache() *textCache {
	return &textCache{
		layouts: layouts(), orgs: map[*org.Cache]*orgText{}, whole: map[textKey]*latest[*orgText]{},
		calls: map[bool]*latest[*callText]{false: {}, true: {}},
	}
}

// orgTexts returns the texts of caches; nil where there is none yet.
func (t *textCache) orgTexts(caches []*org.Cache) []*orgText {
	t.mu.Lock()
	defer t.mu.Unlock()
	texts := make([]*orgText, len(caches))
	for i, c := range caches {
		texts[i] = t.orgs[c]
	}
	return texts
}

// orgText returns the text of what s, a snapshot of c, says.
func (t *textCache) orgText(c *org.Cache, s org.Snapshot) *orgText {
	if text := t.orgTexts([]*org.Cache{c})[0]; text != nil && text.edition == s.Edition() {
		return text
	}
	text := newOrgText(s, t.layouts)
	t.mu.Lock()
	defer t.mu.Unlock()
	t.orgs[c] = text
	return text
}

// exposition returns the exposition of texts. When it makes a new one, it drops
// what there is of caches that are not served any more.
func (t *textCache) exposition(key textKey, texts []*orgText, served func() []*org.Cache) *exposition {
	t.mu.Lock()
	l := t.whole[key]
	if l == nil {
		l = &latest[*orgText]{}
		t.whole[key] = l
	}
	t.mu.Unlock()
	e, made := l.make(texts, func(old *exposition) *exposition { return joinOrgTexts(t.layouts, texts, key.openMetrics, old) })
	if made {
		t.drop(served)
	}
	return e
}

func (t *textCache) drop(served func() []*org.Cache) {
	t.mu.Lock()
	defer t.mu.Unlock()
	wanted := map[*org.Cache]bool{nil: true}
	for _, c := range served() {
		wanted[c] = true
	}
	maps.DeleteFunc(t.orgs, func(c *org.Cache, _ *orgText) bool { return !wanted[c] })
	maps.DeleteFunc(t.whole, func(key textKey, _ *latest[*orgText]) bool { return !wanted[key.cache] })
}

// callsOf returns the exposition of the calls of s; with an error, of those that
// can be read.
func (t *textCache) callsOf(s *Self, openMetrics bool) (*exposition, error) {
	all := s.allCalls()
	var failed error
	texts := make([]*callText, len(all))
	for i, c := range all {
		var err error
		if texts[i], err = c.text(openMetrics); err != nil {
			failed = err
		}
	}
	e, _ := t.calls[openMetrics].make(texts, func(old *exposition) *exposition { return joinCallTexts(texts, old) })
	return e, failed
}

// gather returns the text of g's metrics; with an error, of those that there
// are.
func gather(g prometheus.Gatherer, openMetrics bool) ([]byte, error) {
	var text []byte
	families, err := g.Gather()
	for _, f := range families {
		var e error
		if text, e = encode(text, f, openMetrics); e != nil && err == nil {
			err = e
		}
	}
	return text, err
}

// encode appends the text of f.
func encode(text []byte, f *dto.MetricFamily, openMetrics bool) ([]byte, error) {
	format := expfmt.NewFormat(expfmt.TypeTextPlain)
	if openMetrics {
		format = expfmt.NewFormat(expfmt.TypeOpenMetrics)
	}
	b := bytes.NewBuffer(text)
	err := expfmt.NewEncoder(b, format).Encode(f)
	return b.Bytes(), err
}
