// Package collector renders snapshots into metrics, with pure functions, and
// serves them.
//
// A metric is one family: its name, help, labels and function stand together in
// the file of the listing that it is made of. To add one, add a family.
package collector

import (
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
	families  []family
	descs     []*prometheus.Desc
}

var _ prometheus.Collector = (*Collector)(nil)

// New returns the Collector of snapshots at the time now. With only, it has no
// metrics but those of the collectors that only names.
func New(now time.Time, only []string, snapshots ...org.Snapshot) *Collector {
	c := &Collector{snapshots: snapshots, now: now, only: only}
	for _, f := range families() {
		if f.collector != "" && !c.wants(f.collector) {
			continue
		}
		c.families = append(c.families, f)
		c.descs = append(c.descs, f.desc())
	}
	return c
}

// families returns every family there is.
func families() []family {
	return slices.Concat(
		organization(), groups(), members(), invitations(), received(),
		withdrawals(), policies(), versions(), health(),
	)
}

func (f *family) desc() *prometheus.Desc {
	labels := append([]string{"cloud", "organization"}, f.labels...)
	return prometheus.V2.NewDesc(namespace+f.name, f.help, prometheus.UnconstrainedLabels(labels), nil, prometheus.WithUnit(f.unit))
}

func (c *Collector) wants(collector string) bool {
	return c.only == nil || slices.Contains(c.only, collector)
}

// Describe sends the descriptors of all families.
func (c *Collector) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range c.descs {
		ch <- d
	}
}

// Collect sends the metrics.
func (c *Collector) Collect(ch chan<- prometheus.Metric) {
	for _, s := range c.snapshots {
		v := newView(s, c.now, c.wants)
		for i, f := range c.families {
			if f.collector != "" && !f.outlives && !v.present[f.collector] {
				continue // what is unknown is absent
			}
			c.send(ch, v, f, c.descs[i])
		}
	}
}

// send sends the samples of one family. Of two that would be the same series
// the first counts: the second would cost the whole scrape.
func (c *Collector) send(ch chan<- prometheus.Metric, v *view, f family, desc *prometheus.Desc) {
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
		ch <- prometheus.MustNewConstMetric(desc, f.kind, s.value, labels...)
	}
}
