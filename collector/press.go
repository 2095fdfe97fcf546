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

// A press makes text of the organizations' snapshots, and keeps it: what has
// not changed since the last scrape is neither rendered nor compressed again.
type press struct {
	layouts []layout

	mu     sync.Mutex // of the maps only: no scrape waits while another's text is made
	pages  map[*org.Cache]*page
	sheets map[title]*kept[*page]
	own    map[bool]*kept[*statement] // by whether it is OpenMetrics
}

// A title says what a sheet is of.
type title struct {
	cache       *org.Cache // nil: all
	openMetrics bool
}

// kept is the latest sheet of something.
type kept[T comparable] struct {
	mu    sync.Mutex
	sheet *sheet
	of    []T
}

// make returns the sheet of what is given: the latest, if that is the same, or
// one that bind makes.
func (k *kept[T]) make(of []T, bind func(old *sheet) *sheet) (s *sheet, made bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.sheet != nil && slices.Equal(k.of, of) {
		return k.sheet, false
	}
	k.sheet, k.of = bind(k.sheet), of
	return k.sheet, true
}

func newPress() *press {
	return &press{
		layouts: layouts(), pages: map[*org.Cache]*page{}, sheets: map[title]*kept[*page]{},
		own: map[bool]*kept[*statement]{false: {}, true: {}},
	}
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
	if page := p.of([]*org.Cache{c})[0]; page != nil && page.edition == s.Edition() {
		return page
	}
	page := newPage(s, p.layouts)
	p.mu.Lock()
	defer p.mu.Unlock()
	p.pages[c] = page
	return page
}

// sheet returns the sheet of pages. When it makes a new one, it drops what there
// is of caches that are not served any more.
func (p *press) sheet(t title, pages []*page, served func() []*org.Cache) *sheet {
	p.mu.Lock()
	k := p.sheets[t]
	if k == nil {
		k = &kept[*page]{}
		p.sheets[t] = k
	}
	p.mu.Unlock()
	s, made := k.make(pages, func(old *sheet) *sheet { return bindPages(p.layouts, pages, t.openMetrics, old) })
	if made {
		p.drop(served)
	}
	return s
}

func (p *press) drop(served func() []*org.Cache) {
	p.mu.Lock()
	defer p.mu.Unlock()
	wanted := map[*org.Cache]bool{nil: true}
	for _, c := range served() {
		wanted[c] = true
	}
	maps.DeleteFunc(p.pages, func(c *org.Cache, _ *page) bool { return !wanted[c] })
	maps.DeleteFunc(p.sheets, func(t title, _ *kept[*page]) bool { return !wanted[t.cache] })
}

// self returns the text of the accounts of s; with an error, of those that can
// be read.
func (p *press) self(s *Self, openMetrics bool) (*sheet, error) {
	accounts := s.all()
	var failed error
	statements := make([]*statement, len(accounts))
	for i, a := range accounts {
		var err error
		if statements[i], err = a.statement(openMetrics); err != nil {
			failed = err
		}
	}
	made, _ := p.own[openMetrics].make(statements, func(old *sheet) *sheet { return bindStatements(statements, old) })
	return made, failed
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
