package collector

import (
	"cmp"
	"slices"
	"strconv"
	"strings"

	"github.com/prometheus/client_golang/prometheus"
)

// A layout is a family made ready to be rendered.
type layout struct {
	family
	desc   *prometheus.Desc
	order  []int    // its labels in the order of their names
	pieces []string // what stands before the value of each, in that order
}

// layouts returns the layouts of all families, in the order of their names.
func layouts() []layout {
	all := families()
	slices.SortFunc(all, func(a, b family) int { return cmp.Compare(a.name, b.name) })
	ready := make([]layout, len(all))
	for i, f := range all {
		ready[i] = newLayout(f)
	}
	return ready
}

func newLayout(f family) layout {
	labels := f.labelNames()
	l := layout{
		family: f,
		desc:   prometheus.V2.NewDesc(namespace+f.name, f.help, prometheus.UnconstrainedLabels(labels), nil, prometheus.WithUnit(f.unit)),
	}
	before := namespace + f.name + "{"
	for i := range labels {
		l.order = append(l.order, i)
	}
	slices.SortFunc(l.order, func(i, j int) int { return cmp.Compare(labels[i], labels[j]) })
	for _, i := range l.order {
		l.pieces = append(l.pieces, before+labels[i]+`="`)
		before = `",`
	}
	return l
}

// header returns the lines that come before the family's samples: in the
// classic text format, or in OpenMetrics.
func (l *layout) header(openMetrics bool) string {
	name, help, unit := namespace+l.name, l.help, ""
	if openMetrics {
		name = strings.TrimSuffix(name, "_total")
		help = strings.ReplaceAll(help, `"`, `\"`)
		if l.unit != "" {
			unit = "# UNIT " + name + " " + l.unit + "\n"
		}
	}
	return "# HELP " + name + " " + help + "\n# TYPE " + name + " " + l.typeName() + "\n" + unit
}

// A line is a series and its value, or the moment that its value depends on.
type line struct {
	series []byte // with the blank before the value
	value  float64
}

// lines returns the lines of v, in the order of the labels' values. They are
// the same in the classic text format and in OpenMetrics.
func (l *layout) lines(v *view) []line {
	type series struct {
		labels []string
		value  float64
	}
	var all []series
	for labels, value := range l.series(v) {
		all = append(all, series{labels, value})
	}
	slices.SortFunc(all, func(a, b series) int {
		for _, i := range l.order {
			if c := cmp.Compare(a.labels[i], b.labels[i]); c != 0 {
				return c
			}
		}
		return 0
	})
	lines := make([]line, len(all))
	for i, s := range all {
		lines[i] = line{l.head(s.labels), s.value}
	}
	return lines
}

// head returns the line of a series up to its value.
func (l *layout) head(labels []string) []byte {
	var b []byte
	for n, i := range l.order {
		b = append(b, l.pieces[n]...)
		b = appendEscaped(b, labels[i])
	}
	return append(b, `"} `...)
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

// appendLine appends the line of a series with the given value.
func appendLine(b, series []byte, value float64) []byte {
	b = append(b, series...)
	b = strconv.AppendFloat(b, value, 'g', -1, 64)
	return append(b, '\n')
}
