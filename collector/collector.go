// Package collector renders snapshots into metrics, with pure functions, and
// serves them.
//
// A metric is one family: its name, help, labels and function stand together in
// the file of the listing that it is made of. To add one, add a family.
package collector

import (
	"iter"
	"slices"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/cloudorg-exporter/cloudorg_exporter/internal/org"
)

const namespace = "cloudorg_"

// A family is one metric, all of it in one place. Its labels come after
// "cloud" and "organization", which every family has.
type family struct {
	collector string // the listing it is made of; empty: of all listings' health
	outlives  bool   // what it says stays true when the listing is no longer believed
	countdown bool   // its samples are moments, in seconds since 1970; exported are the days until then
	name      string // without the namespace
	kind      prometheus.ValueType
	unit      string // also the end of the name; empty if it has none
	help      string
	labels    []string
	samples   func(v *view) []sample
}

// A sample is one series of a family.
type sample struct {
	value  float64
	labels []string
}

// A Collector is the metrics of some snapshots at one moment. All that it
// needs is in its hand: it can neither block nor fail.
type Collector struct {
	snapshots []org.Snapshot
	now       time.Time
	only      []string // collectors; nil: all
	layouts   []layout
}

var _ prometheus.Collector = (*Collector)(nil)

// New returns the Collector of snapshots at the time now. With only, it has no
// metrics but those of the collectors that only names.
func New(now time.Time, only []string, snapshots ...org.Snapshot) *Collector {
	return &Collector{snapshots, now, only, layouts()}
}

// families returns every family there is.
func families() []family {
	return slices.Concat(
		organization(), groups(), members(), invitations(), received(),
		withdrawals(), policies(), versions(), health(),
	)
}

// labelNames returns the names of all its labels.
func (f *family) labelNames() []string {
	return append([]string{"cloud", "organization"}, f.labels...)
}

// typeName returns its type as the text formats have it.
func (f *family) typeName() string { return strings.ToLower(f.kind.ToDTO().String()) }

func (c *Collector) wants(collector string) bool {
	return collector == "" || c.only == nil || slices.Contains(c.only, collector)
}

// Describe sends the descriptors of all families.
func (c *Collector) Describe(ch chan<- *prometheus.Desc) {
	for _, l := range c.layouts {
		ch <- l.desc
	}
}

// Collect sends the metrics.
func (c *Collector) Collect(ch chan<- prometheus.Metric) {
	for _, s := range c.snapshots {
		v := newView(s, c.wants)
		for _, l := range c.layouts {
			if !c.wants(l.collector) {
				continue
			}
			for labels, value := range l.series(v) {
				if l.countdown {
					value = days(value, c.now)
				}
				ch <- prometheus.MustNewConstMetric(l.desc, l.kind, value, labels...)
			}
		}
	}
}

// series returns the values of all labels and the value of each series. Of two
// that would be the same the first counts: the second would cost the whole
// scrape.
func (f *family) series(v *view) iter.Seq2[[]string, float64] {
	return func(yield func([]string, float64) bool) {
		if f.collector != "" && !f.outlives && !v.present[f.collector] {
			return // what is unknown is absent
		}
		seen := map[string]bool{}
		for _, s := range f.samples(v) {
			labels := append([]string{v.Cloud, v.Organization}, s.labels...)
			for i, l := range labels {
				labels[i] = strings.ToValidUTF8(l, "\uFFFD")
			}
			key := strings.Join(labels, "\xff")
			if seen[key] {
				continue
			}
			seen[key] = true
			if !yield(labels, s.value) {
				return
			}
		}
	}
}
