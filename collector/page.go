package collector

import "github.com/cloudorg-exporter/cloudorg_exporter/internal/org"

// A page is the text of one organization at one edition, family by family.
type page struct {
	edition org.Edition
	text    [][]byte // of the families that do not tick
	ticking [][]line // of those that do: their values are made at each scrape
}

func newPage(s org.Snapshot, layouts []layout) *page {
	v := newView(s, func(string) bool { return true })
	p := &page{edition: s.Edition(), text: make([][]byte, len(layouts)), ticking: make([][]line, len(layouts))}
	for i, l := range layouts {
		lines := l.lines(v)
		if l.ticks {
			p.ticking[i] = lines
			continue
		}
		for _, line := range lines {
			p.text[i] = appendLine(p.text[i], line.series, line.value)
		}
	}
	return p
}
