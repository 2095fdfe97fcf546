package collector

import (
	"bytes"
	"slices"
	"time"

	"github.com/cloudorg-exporter/cloudorg_exporter/internal/org"
)

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

// A sheet is the text of some organizations in one format. It does not change;
// a new one shares the parts that are the same.
type sheet struct {
	pages []*page
	parts []part
}

// A part is a piece of a sheet: some families that do not tick, or one that
// does.
type part struct {
	*packed
	ticking int    // the family that ticks, if packed is nil
	header  string // its header
}

// newSheet puts pages together. What old, which may be nil, has got already is
// not compressed again.
func newSheet(layouts []layout, pages []*page, openMetrics bool, old *sheet) *sheet {
	const enough = 64 << 10 // to be compressed well on its own
	s := &sheet{pages: pages}
	var text []byte
	flush := func() {
		if len(text) > 0 {
			s.parts = append(s.parts, part{packed: old.pack(text)})
		}
		text = nil
	}
	for i, l := range layouts {
		header := l.header(openMetrics)
		if l.ticks {
			flush()
			s.parts = append(s.parts, part{ticking: i, header: header})
			continue
		}
		size := 0
		for _, p := range pages {
			size += len(p.text[i])
		}
		if size == 0 {
			continue
		}
		text = append(slices.Grow(text, len(header)+size), header...)
		for _, p := range pages {
			text = append(text, p.text[i]...)
		}
		if len(text) > enough {
			flush()
		}
	}
	flush()
	return s
}

// pack returns text to be compressed, or what s has of the same text.
func (s *sheet) pack(text []byte) *packed {
	if s != nil {
		for _, p := range s.parts {
			if p.packed != nil && bytes.Equal(p.text, text) {
				return p.packed
			}
		}
	}
	return newPacked(text)
}

// appendTicking appends the text of a part that ticks, at the time now.
func (s *sheet) appendTicking(text []byte, p part, now time.Time) []byte {
	header := false
	for _, page := range s.pages {
		for _, l := range page.ticking[p.ticking] {
			if !header {
				text, header = append(text, p.header...), true
			}
			text = appendLine(text, l.series, days(l.value, now))
		}
	}
	return text
}

// write adds the text at the time now to out.
func (s *sheet) write(now time.Time, out *output) {
	for _, p := range s.parts {
		if p.packed != nil {
			out.addPacked(p.packed)
			continue
		}
		out.add(func(text []byte) []byte { return s.appendTicking(text, p, now) })
	}
}
