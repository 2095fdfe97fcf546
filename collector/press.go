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

	mu     sync.Mutex
	pages  map[*org.Cache]*page
	sheets map[title]bound
	own    map[bool]own // by whether it is OpenMetrics
}

// A title says what a sheet is of.
type title struct {
	cache       *org.Cache // nil: all
	openMetrics bool
}

// bound is a sheet with what it is made of.
type bound struct {
	*sheet
	pages []*page
}

// own is the sheet of the accounts.
type own struct {
	*sheet
	statements []*statement
}

func newPress() *press {
	return &press{layouts: layouts(), pages: map[*org.Cache]*page{}, sheets: map[title]bound{}, own: map[bool]own{}}
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
	if old.sheet != nil && slices.Equal(old.pages, pages) {
		return old.sheet
	}
	s := bindPages(p.layouts, pages, t.openMetrics, old.sheet)
	p.sheets[t] = bound{s, pages}
	wanted := map[*org.Cache]bool{nil: true}
	for _, c := range served() {
		wanted[c] = true
	}
	maps.DeleteFunc(p.pages, func(c *org.Cache, _ *page) bool { return !wanted[c] })
	maps.DeleteFunc(p.sheets, func(t title, _ bound) bool { return !wanted[t.cache] })
	return s
}

// self returns the text of the accounts of s; with an error, of those that can
// be read.
func (p *press) self(s *Self, openMetrics bool) (*sheet, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	accounts := s.all()
	var failed error
	statements := make([]*statement, len(accounts))
	for i, a := range accounts {
		var err error
		if statements[i], err = a.statement(openMetrics); err != nil {
			failed = err
		}
	}
	old := p.own[openMetrics]
	if old.sheet == nil || !slices.Equal(old.statements, statements) {
		p.own[openMetrics] = own{bindStatements(statements, old.sheet), statements}
	}
	return p.own[openMetrics].sheet, failed
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
