package collector

import (
	"bytes"
	"maps"
	"slices"
	"time"
)

// A sheet is text of some organizations in one format, family by family. It does
// not change; a new one shares the parts that are the same.
type sheet struct {
	parts []part
}

// A part is a piece of a sheet: text that stays, or a family that ticks.
type part struct {
	*packed
	header  string // of the family that ticks, if packed is nil
	ticking []line
}

// write adds the text at the time now to out.
func (s *sheet) write(now time.Time, out *output) {
	for _, p := range s.parts {
		if p.packed != nil {
			out.addPacked(p.packed)
			continue
		}
		out.add(func(text []byte) []byte {
			text = append(text, p.header...)
			for _, l := range p.ticking {
				text = appendLine(text, l.series, days(l.value, now))
			}
			return text
		})
	}
}

// enough is how much text is compressed well on its own. It also is about what
// is compressed again when an organization changes, for each of its families.
const enough = 128 << 10

// A binder makes a sheet. What old has got already is not compressed again.
type binder struct {
	old, made []part
	text      []byte // of the part that is not full
}

func newBinder(old *sheet) *binder {
	if old == nil {
		return &binder{}
	}
	return &binder{old: old.parts}
}

// add adds text that stays.
func (b *binder) add(text []byte) {
	b.text = append(b.text, text...)
	if len(b.text) > enough {
		b.flush()
	}
}

// tick adds a family that ticks.
func (b *binder) tick(header string, lines []line) {
	b.flush()
	b.made = append(b.made, part{header: header, ticking: lines})
}

func (b *binder) flush() {
	if len(b.text) == 0 {
		return
	}
	p := part{}
	for _, o := range b.old {
		if o.packed != nil && bytes.Equal(o.text, b.text) {
			p = o
			break
		}
	}
	if p.packed == nil {
		p.packed = newPacked(slices.Clone(b.text))
	}
	b.made = append(b.made, p)
	b.text = b.text[:0]
}

// sheet ends the work.
func (b *binder) sheet() *sheet {
	b.flush()
	return &sheet{b.made}
}

// bindPages puts pages together.
func bindPages(layouts []layout, pages []*page, openMetrics bool, old *sheet) *sheet {
	b := newBinder(old)
	for i, l := range layouts {
		header := l.header(openMetrics)
		var lines []line
		for _, p := range pages {
			lines = append(lines, p.ticking[i]...)
			if len(p.text[i]) == 0 {
				continue
			}
			b.add([]byte(header))
			b.add(p.text[i])
			header = ""
		}
		if len(lines) > 0 {
			b.tick(header, lines)
		}
	}
	return b.sheet()
}

// bindStatements puts statements together.
func bindStatements(statements []*statement, old *sheet) *sheet {
	b := newBinder(old)
	byName := map[string][]*statedFamily{}
	for _, s := range statements {
		for i := range s.families {
			f := &s.families[i]
			byName[f.name] = append(byName[f.name], f)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(byName)) {
		b.add(byName[name][0].header)
		for _, f := range byName[name] {
			b.add(f.lines)
		}
	}
	return b.sheet()
}
