package collector

import (
	"bytes"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/prometheus/common/expfmt"

	"github.com/cloudorg-exporter/cloudorg_exporter/internal/org"
)

// An orgText is one snapshot as text.
type orgText struct {
	version  uint64       // of the snapshot
	families []familyText // in the order of the Handler's families
}

// A familyText is the lines of one family, without its header. They are valid in
// the classic text format and in OpenMetrics.
type familyText struct {
	lines []byte
	until []float64 // of daysUntil, the time that belongs to each line, in seconds since 1970
}

// latestTexts returns the latest snapshot of each cache as text, which it renders
// if the snapshot is new. It forgets the text of caches that are no longer
// served.
func (h *Handler) latestTexts(caches []*org.Cache) ([]*orgText, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	texts := make([]*orgText, len(caches))
	for i, c := range caches {
		s := c.Last()
		if kept := h.kept[c]; kept == nil || kept.version != s.Version {
			text, err := newText(s, h.families)
			if err != nil {
				return nil, err
			}
			h.kept[c] = text
		}
		texts[i] = h.kept[c]
	}
	if served := h.cfg.Organizations(); len(h.kept) > len(served) {
		maps.DeleteFunc(h.kept, func(c *org.Cache, _ *orgText) bool { return !slices.Contains(served, c) })
	}
	return texts, nil
}

// newText renders s. The families are sorted by name.
func newText(s org.Snapshot, families []family) (*orgText, error) {
	gathered, err := gather(&Collector{families: families, snapshots: []org.Snapshot{s}})
	if err != nil {
		return nil, err
	}
	t := &orgText{s.Version, make([]familyText, len(families))}
	var text bytes.Buffer
	for i := range families {
		f := &families[i]
		if len(gathered) == 0 || gathered[0].GetName() != f.fullName() {
			continue // it has no samples
		}
		text.Reset()
		if _, err := expfmt.MetricFamilyToText(&text, gathered[0]); err != nil {
			return nil, err
		}
		lines, _ := bytes.CutPrefix(text.Bytes(), []byte(f.header(false)))
		t.families[i].lines = bytes.Clone(lines)
		if f.daysUntil {
			for _, m := range gathered[0].GetMetric() {
				t.families[i].until = append(t.families[i].until, m.GetGauge().GetValue())
			}
		}
		gathered = gathered[1:]
	}
	return t, nil
}

// writeTexts writes every family of texts at the time now.
func writeTexts(w io.Writer, texts []*orgText, families []family, openMetrics bool, now time.Time) error {
	var dated []byte
	for i := range families {
		header := []byte(families[i].header(openMetrics))
		for _, t := range texts {
			lines := t.families[i].lines
			if len(lines) == 0 {
				continue
			}
			if families[i].daysUntil {
				dated = t.families[i].appendDays(dated[:0], now)
				lines = dated
			}
			if _, err := w.Write(header); err != nil {
				return err
			}
			if _, err := w.Write(lines); err != nil {
				return err
			}
			header = nil
		}
	}
	return nil
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

// appendDays appends the lines of t with the days from now as their values.
func (t *familyText) appendDays(b []byte, now time.Time) []byte {
	lines := t.lines
	for _, at := range t.until {
		line, rest, _ := bytes.Cut(lines, []byte("\n"))
		b = append(b, line[:bytes.LastIndexByte(line, ' ')+1]...)
		b = append(strconv.AppendFloat(b, days(at, now), 'g', -1, 64), '\n')
		lines = rest
	}
	return b
}
