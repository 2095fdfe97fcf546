package collector

import (
	"bytes"
	"cmp"
	"maps"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/cloudorg-exporter/cloudorg_exporter/internal/org"
)

// A textCache renders the snapshots of caches as text, and keeps the text until
// a cache has another snapshot.
type textCache struct {
	families []family // sorted by name

	mu   sync.Mutex // not held while text is rendered
	kept map[*org.Cache]*orgText
}

// An orgText is the text of one snapshot.
type orgText struct {
	version  uint64 // of the snapshot
	families []familyText
}

// A familyText is the lines of one family. They are the same in the classic text
// format and in OpenMetrics.
type familyText struct {
	lines []byte
	until []float64 // of daysUntil, the sample of each line; the lines then have no value
}

func newTextCache(families []family) *textCache {
	slices.SortFunc(families, func(a, b family) int { return cmp.Compare(a.name, b.name) })
	return &textCache{families: families, kept: map[*org.Cache]*orgText{}}
}

// latest returns the text of the latest snapshot of each cache. If it keeps text
// of more caches than are served, it forgets the others'.
func (t *textCache) latest(caches []*org.Cache, served func() []*org.Cache) ([]*orgText, error) {
	texts := make([]*orgText, len(caches))
	for i, c := range caches {
		s := c.Last()
		t.mu.Lock()
		texts[i] = t.kept[c]
		t.mu.Unlock()
		if texts[i] != nil && texts[i].version == s.Version {
			continue
		}
		text, err := renderText(s, t.families)
		if err != nil {
			return nil, err
		}
		texts[i] = text
		t.mu.Lock()
		t.kept[c] = text
		t.mu.Unlock()
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if all := served(); len(t.kept) > len(all) {
		maps.DeleteFunc(t.kept, func(c *org.Cache, _ *orgText) bool { return !slices.Contains(all, c) })
	}
	return texts, nil
}

func renderText(s org.Snapshot, families []family) (*orgText, error) {
	t := &orgText{s.Version, make([]familyText, 0, len(families))}
	var text []byte
	var ends []int
	all := func(string) bool { return true }
	err := render(s, families, all, func(f *family, series []sample) {
		var until []float64
		for _, one := range series {
			text = f.appendSeries(text, one.labels)
			if f.daysUntil {
				until = append(until, one.value)
			} else {
				text = appendValue(text, one.value)
			}
			text = append(text, '\n')
		}
		t.families = append(t.families, familyText{until: until})
		ends = append(ends, len(text))
	})
	text = bytes.Clone(text) // without the room that it grew into
	start := 0
	for i, end := range ends {
		t.families[i].lines, start = text[start:end:end], end
	}
	return t, err
}

// header returns the lines that come before the family's samples: in the
// classic text format, or in OpenMetrics.
func (f *family) header(openMetrics bool) string {
	name, help, unit := f.fullName(), f.help, ""
	if openMetrics {
		name = strings.TrimSuffix(name, "_total")
		help = strings.ReplaceAll(help, `"`, `\"`)
		if f.unit != "" {
			unit = "# UNIT " + name + " " + f.unit + "\n"
		}
	}
	return "# HELP " + name + " " + help + "\n# TYPE " + name + " " + f.typeName() + "\n" + unit
}

// appendSeries appends the line of a series up to its value.
func (f *family) appendSeries(b []byte, labels []string) []byte {
	b = append(append(b, namespace...), f.name...)
	before := byte('{')
	for i, name := range f.names {
		b = append(append(b, before), name...)
		b = appendEscaped(append(b, `="`...), labels[i])
		b, before = append(b, '"'), ','
	}
	return append(b, "} "...)
}

func appendEscaped(b []byte, s string) []byte {
	for i := range len(s) {
		switch s[i] {
		case '\\', '"':
			b = append(b, '\\', s[i])
		case '\n':
			b = append(b, `\n`...)
		default:
			b = append(b, s[i])
		}
	}
	return b
}

func appendValue(b []byte, value float64) []byte { return strconv.AppendFloat(b, value, 'g', -1, 64) }

// appendDays appends the lines of t, of a family with daysUntil, at the time now.
func (t *familyText) appendDays(b []byte, now time.Time) []byte {
	series := t.lines
	for _, at := range t.until {
		end := bytes.IndexByte(series, '\n') // in a label it is escaped
		b = append(appendValue(append(b, series[:end]...), days(at, now)), '\n')
		series = series[end+1:]
	}
	return b
}
