package collector

import (
	"bytes"
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
	until []float64 // of daysUntil: the time of each line, in seconds since 1970
}

// latestTexts returns the latest snapshot of each cache as text, and renders those
// that are new. It forgets the text of caches that are no longer served.
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

// newText renders s. The families must be sorted by name, as gathered families are.
func newText(s org.Snapshot, families []family) (*orgText, error) {
	gathered, err := gather(&Collector{families: families, snapshots: []org.Snapshot{s}})
	if err != nil {
		return nil, err
	}
	t := &orgText{s.Version, make([]familyText, len(families))}
	i := 0
	for _, g := range gathered {
		for families[i].fullName() != g.GetName() {
			i++ // it has no samples
		}
		var text bytes.Buffer
		if _, err := expfmt.MetricFamilyToText(&text, g); err != nil {
			return nil, err
		}
		text.Next(len(families[i].header(false)))
		t.families[i].lines = bytes.Clone(text.Bytes())
		if families[i].daysUntil {
			for _, m := range g.GetMetric() {
				t.families[i].until = append(t.families[i].until, m.GetGauge().GetValue())
			}
		}
	}
	return t, nil
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

// at returns the lines at the time now.
func (t *familyText) at(now time.Time) []byte {
	if t.until == nil {
		return t.lines
	}
	dated, lines := make([]byte, 0, len(t.lines)), t.lines
	for _, until := range t.until {
		line, rest, _ := bytes.Cut(lines, []byte("\n"))
		dated = append(dated, line[:bytes.LastIndexByte(line, ' ')+1]...)
		dated = append(strconv.AppendFloat(dated, days(until, now), 'g', -1, 64), '\n')
		lines = rest
	}
	return dated
}
