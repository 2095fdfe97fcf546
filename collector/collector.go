// Package collector renders snapshots into metrics, with pure functions, and
// serves them.
//
// A metric is one family: its name, help, labels and function stand together in
// the file of the listing that it is made of. To add one, add a family.
package collector

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"

	"github.com/cloudorg-exporter/cloudorg_exporter/internal/org"
)

const namespace = "cloudorg_"

// A family is one metric, all of it in one place. Its labels come after
// "cloud" and "organization", which every family has.
type family struct {
	collector     string // the listing it is made of, set by of; empty: all listings
	keepWhenStale bool   // its samples stay true when the listing has expired
	daysUntil     bool   // its samples are times, in seconds since 1970; exported are the days until then
	name          string // without the namespace
	help          string
	labels        []string
	samples       func(v *view) []sample

	// Set by families, from the name.
	kind prometheus.ValueType // a counter if it ends in _total, else a gauge
	unit string               // empty if it does not end in one
	desc *prometheus.Desc
}

// A sample is one series of a family.
type sample struct {
	value  float64 // NaN: unknown, there is no such series
	labels []string
}

// families returns every family there is.
func families() []family {
	all := slices.Concat(
		organization(), groups(), members(), invitations(), received(),
		withdrawals(), policies(), versions(), health(),
		features(), handshakes(), policyTypes(), policyTargets(), creations(), delegations(), serviceAccess(),
	)
	for i := range all {
		f := &all[i]
		f.kind = prometheus.GaugeValue
		switch end := f.name[strings.LastIndexByte(f.name, '_')+1:]; end {
		case "total":
			f.kind = prometheus.CounterValue
		case "seconds", "days":
			f.unit = end
		}
		f.desc = prometheus.V2.NewDesc(f.fullName(), f.help, prometheus.UnconstrainedLabels(f.labelNames()), nil, prometheus.WithUnit(f.unit))
	}
	return all
}

// of returns all as families of the collector.
func of(collector string, all []family) []family {
	for i := range all {
		all[i].collector = collector
	}
	return all
}

func (f *family) fullName() string { return namespace + f.name }

// labelNames returns the names of all its labels, those of every family first.
func (f *family) labelNames() []string {
	return append([]string{"cloud", "organization"}, f.labels...)
}

// typeName returns its type as the text formats have it.
func (f *family) typeName() string { return strings.ToLower(f.kind.ToDTO().String()) }

// series returns its samples with the values of all labels, in the order of
// labelNames. Of two with the same labels the first counts: a second one would
// fail the whole scrape.
func (f *family) series(v *view) []sample {
	served := func(l org.Collector) bool { return l.Name == f.collector && l.Present }
	if f.collector != "" && !f.keepWhenStale && !slices.ContainsFunc(v.collectors, served) {
		return nil // what is unknown is absent
	}
	all := slices.DeleteFunc(f.samples(v), func(s sample) bool { return math.IsNaN(s.value) })
	for i, s := range all {
		all[i].labels = append([]string{v.Cloud, v.Organization}, s.labels...)
		for j, label := range all[i].labels {
			all[i].labels[j] = strings.ToValidUTF8(label, "\uFFFD")
		}
	}
	slices.SortStableFunc(all, func(a, b sample) int { return slices.Compare(a.labels, b.labels) })
	return slices.CompactFunc(all, func(a, b sample) bool { return slices.Equal(a.labels, b.labels) })
}

// A Collector is the metrics of some snapshots at one moment. It holds all it
// needs: it does no I/O and does not block.
type Collector struct {
	now       time.Time // zero: samples of daysUntil remain times
	only      []string  // collectors; nil: all
	families  []family
	snapshots []org.Snapshot
}

// New returns the Collector of snapshots at the time now. If only is not nil,
// it has the metrics of those collectors alone.
func New(now time.Time, only []string, snapshots ...org.Snapshot) *Collector {
	return &Collector{now, only, families(), snapshots}
}

// Describe sends the descriptors of all families.
func (c *Collector) Describe(ch chan<- *prometheus.Desc) {
	for _, f := range c.families {
		ch <- f.desc
	}
}

// Collect sends the metrics. A family that panics sends an invalid metric,
// which fails the whole gathering.
func (c *Collector) Collect(ch chan<- prometheus.Metric) {
	for _, s := range c.snapshots {
		v := newView(s, c.wants)
		for i := range c.families {
			if f := &c.families[i]; c.wants(f.collector) {
				c.collect(f, v, ch)
			}
		}
	}
}

func (c *Collector) collect(f *family, v *view, ch chan<- prometheus.Metric) {
	defer func() {
		if p := recover(); p != nil {
			err := fmt.Errorf("render %s of organization %q: panic: %v", f.fullName(), v.Organization, p)
			ch <- prometheus.NewInvalidMetric(prometheus.NewInvalidDesc(err), err)
		}
	}()
	for _, s := range f.series(v) {
		if f.daysUntil && !c.now.IsZero() {
			s.value = days(s.value, c.now)
		}
		ch <- prometheus.MustNewConstMetric(f.desc, f.kind, s.value, s.labels...)
	}
}

func (c *Collector) wants(collector string) bool {
	return collector == "" || c.only == nil || slices.Contains(c.only, collector)
}

// gather returns the metrics of all, sorted, without go_memstats_alloc_bytes:
// OpenMetrics gives that name to go_memstats_alloc_bytes_total, too, and
// go_memstats_heap_alloc_bytes has the same value.
func gather(all ...prometheus.Collector) ([]*dto.MetricFamily, error) {
	reg := prometheus.NewRegistry()
	reg.MustRegister(all...)
	families, err := reg.Gather()
	return slices.DeleteFunc(families, func(f *dto.MetricFamily) bool { return f.GetName() == "go_memstats_alloc_bytes" }), err
}
