package collector

import (
	"bytes"
	"maps"
	"slices"
	"time"
)

// An exposition is text of some organizations in one format, family by family, cut
// into chunks. It does not change; a new one shares the chunks that are the same.
type exposition struct {
	chunks []chunk
}

// A chunk is text that stays, or a family of countdowns.
type chunk struct {
	*packed
	header     string // of the countdowns, if packed is nil
	countdowns []line
}

// write adds the text at the time now to out.
func (e *exposition) write(now time.Time, out *output) {
	for _, c := range e.chunks {
		if c.packed != nil {
			out.addPacked(c.packed)
			continue
		}
		out.add(func(text []byte) []byte {
			text = append(text, c.header...)
			for _, l := range c.countdowns {
				text = appendLine(text, l.series, days(l.value, now))
			}
			return text
		})
	}
}

// enough is how much text is compressed well on its own. It also is about what
// is compressed again when an organization changes, for each of its families.
const enough = 128 << 10

// A chunker makes an exposition. What old has got already is not compressed again.
type chunker struct {
	old, made []chunk
	text      []byte // of the chunk that is not full
}

func newChunker(old *exposition) *chunker {
	if old == nil {
		return &chunker{}
	}
	return &chunker{old: old.chunks}
}

// add adds text that stays.
func (c *chunker) add(text []byte) {
	c.text = append(c.text, text...)
	if len(c.text) > enough {
		c.flush()
	}
}

// countdowns adds a family of countdowns.
func (c *chunker) countdowns(header string, lines []line) {
	c.flush()
	c.made = append(c.made, chunk{header: header, countdowns: lines})
}

func (c *chunker) flush() {
	if len(c.text) == 0 {
		return
	}
	same := slices.IndexFunc(c.old, func(old chunk) bool { return old.packed != nil && bytes.Equal(old.text, c.text) })
	if same >= 0 {
		c.made = append(c.made, c.old[same])
	} else {
		c.made = append(c.made, chunk{packed: &packed{text: slices.Clone(c.text)}})
	}
	c.text = c.text[:0]
}

// end returns what was added.
func (c *chunker) end() *exposition {
	c.flush()
	return &exposition{c.made}
}

// joinOrgTexts puts the texts of organizations together.
func joinOrgTexts(layouts []layout, texts []*orgText, openMetrics bool, old *exposition) *exposition {
	c := newChunker(old)
	for i, l := range layouts {
		header := l.header(openMetrics)
		var lines []line
		for _, t := range texts {
			lines = append(lines, t.countdowns[i]...)
			if len(t.text[i]) == 0 {
				continue
			}
			c.add([]byte(header))
			c.add(t.text[i])
			header = ""
		}
		if len(lines) > 0 {
			c.countdowns(header, lines)
		}
	}
	return c.end()
}

// joinCallTexts puts the texts of calls together.
func joinCallTexts(texts []*callText, old *exposition) *exposition {
	c := newChunker(old)
	byName := map[string][]*familyText{}
	for _, t := range texts {
		for i := range t.families {
			f := &t.families[i]
			byName[f.name] = append(byName[f.name], f)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(byName)) {
		c.add(byName[name][0].header)
		for _, f := range byName[name] {
			c.add(f.lines)
		}
	}
	return c.end()
}
