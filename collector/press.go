package collector

import (
	"bytes"
	"maps"
	"slices"
	"sync"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/common/expfmt"

	"github.com/cloudorg-exporter/cloudorg_exporter/internal/org"
)

// A press makes text of the organizations' snapshots, and keeps it: what has
// not changed since the last scrape is neither rendered nor compressed again.
type press struct {
	layouts []layout

	mu     sync.Mutex
	pages  map[*org.Cache]*page
	sheets map[title]*sheet
	own    map[bool]own // by whether it is OpenMetrics
}

// A title says what a sheet is of.
type title struct {
	cache       *org.Cache // nil: all
	openMetrics bool
}

// own is the text of the exporter's own metrics.
type own struct {
	*packed
	changes uint64
}

func newPress() *press {
	return &press{layouts: layouts(), pages: map[*org.Cache]*page{}, sheets: map[title]*sheet{}, own: map[bool]own{}}
}

// of returns the pages of caches; nil where there is none yet.
func (p *press) of(caches []*org.Cache) []*page {
	p.mu.Lock()
	defer p.mu.Unlock()
	pages := make([]*page, len(caches))
	for i, c := range caches {
		pages[i] = p.pages[c]
	}
	return pages
}

// page returns the page of what s, a snapshot of c, says.
func (p *press) page(c *org.Cache, s org.Snapshot) *page {
	p.mu.Lock()
	defer p.mu.Unlock()
	page := p.pages[c]
	if page == nil || page.edition != s.Edition() {
		page = newPage(s, p.layouts)
		p.pages[c] = page
	}
	return page
}

// sheet returns the sheet of pages. When it makes a new one, it drops what there
// is of caches that are not served any more.
func (p *press) sheet(t title, pages []*page, served func() []*org.Cache) *sheet {
	p.mu.Lock()
	defer p.mu.Unlock()
	old := p.sheets[t]
	if old != nil && slices.Equal(old.pages, pages) {
		return old
	}
	s := newSheet(p.layouts, pages, t.openMetrics, old)
	p.sheets[t] = s
	wanted := map[*org.Cache]bool{nil: true}
	for _, c := range served() {
		wanted[c] = true
	}
	maps.DeleteFunc(p.pages, func(c *org.Cache, _ *page) bool { return !wanted[c] })
	maps.DeleteFunc(p.sheets, func(t title, _ *sheet) bool { return !wanted[t.cache] })
	return s
}

// self returns the text of the exporter's own metrics but those of its process.
func (p *press) self(s *Self, openMetrics bool) (*packed, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	changes := s.changes.Load() // before they are read
	if o := p.own[openMetrics]; o.packed != nil && o.changes == changes {
		return o.packed, nil
	}
	text, err := gather(s.Registry, openMetrics)
	p.own[openMetrics] = own{newPacked(text), changes}
	return p.own[openMetrics].packed, err
}

// gather returns the text of g's metrics; with an error, of those that there
// are.
func gather(g prometheus.Gatherer, openMetrics bool) ([]byte, error) {
	format := expfmt.NewFormat(expfmt.TypeTextPlain)
	if openMetrics {
		format = expfmt.NewFormat(expfmt.TypeOpenMetrics)
	}
	var text bytes.Buffer
	encoder := expfmt.NewEncoder(&text, format)
	families, err := g.Gather()
	for _, f := range families {
		if e := encoder.Encode(f); e != nil && err == nil {
			err = e
		}
	}
	return text.Bytes(), err
}
