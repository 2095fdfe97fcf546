// Package collector renders snapshots into metrics, with pure functions, and
// serves them.
//
// A metric is one family: its name, help, labels and function stand together in
// the file of the listing that it is made of. To add one, add a family.
package collector

import (
	"cmp"
	"fmt"
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
	collector     string // the listing it is made of; empty: all listings
	keepWhenStale bool   // its samples stay true when the listing has expired
	daysUntil     bool   // its samples are times, in seconds since 1970; exported are the days until then
	name          string // without the namespace
	kind          prometheus.ValueType
	unit          string // also the end of the name; empty if it has none
	help          string
	labels        []string
	samples       func(v *view) []sample

	// Set by prepare.
	desc  *prometheus.Desc
	names []string // of all labels, sorted
	order []int    // where each of names is in labelNames
}

// A sample is one series of a family.
type sample struct {
	value  float64
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
		all[i].prepare()
	}
	return all
}

func (f *family) prepare() {
	names := f.labelNames()
	f.order = make([]int, len(names))
	for i := range names {
		f.order[i] = i
	}
	slices.SortFunc(f.order, func(i, j int) int { return cmp.Compare(names[i], names[j]) })
	f.names = slices.Sorted(slices.Values(names))
	f.desc = prometheus.V2.NewDesc(f.fullName(), f.help, prometheus.UnconstrainedLabels(f.names), nil, prometheus.WithUnit(f.unit))
}

func (f *family) fullName() string { return namespace + f.name }

// labelNames returns the names of all its labels, those of every family first.
func (f *family) labelNames() []string {
	return append([]string{"cloud", "organization"}, f.labels...)
}

// typeName returns its type as the text formats have it.
func (f *family) typeName() string { return strings.ToLower(f.kind.ToDTO().String()) }

// series returns its samples with the values of all labels, in the order of
// their names. Of two with the same labels the first counts: a second one would
// fail the whole scrape.
func (f *family) series(v *view) []sample {
	if f.collector != "" && !f.keepWhenStale && !v.present[f.collector] {
		return nil // what is unknown is absent
	}
	all := f.samples(v)
	for i, s := range all {
		given := append([]string{v.Cloud, v.Organization}, s.labels...)
		all[i].labels = make([]string, len(f.order))
		for to, from := range f.order {
			all[i].labels[to] = strings.ToValidUTF8(given[from], "\uFFFD")
		}
	}
	slices.SortStableFunc(all, func(a, b sample) int { return slices.Compare(a.labels, b.labels) })
	return slices.CompactFunc(all, func(a, b sample) bool { return slices.Equal(a.labels, b.labels) })
}

// render calls each with every family and its series in s. A panic of a family
// is an error.
func render(s org.Snapshot, families []family, wants func(collector string) bool, each func(f *family, series []sample)) (err error) {
	name := ""
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("render %s of organization %q: panic: %v", name, s.Organization, p)
		}
	}()
	v := newView(s, wants)
	for i := range families {
		f := &families[i]
		name = f.fullName()
		if wants(f.collector) {
			each(f, f.series(v))
		}
	}
	return nil
}

// A Collector is the metrics of some snapshots at one moment. It holds all it
// needs: it does no I/O and does not block.
type Collector struct {
	now       time.Time
	only      []string // collectors; nil: all
	families  []family
	snapshots []org.Snapshot
}

var _ prometheus.Collector = (*Collector)(nil)

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

// Collect sends the metrics. One that cannot be rendered is an invalid metric,
// which fails the whole gathering.
func (c *Collector) Collect(ch chan<- prometheus.Metric) {
	for _, s := range c.snapshots {
		err := render(s, c.families, c.wants, func(f *family, series []sample) {
			for _, one := range series {
				if f.daysUntil {
					one.value = days(one.value, c.now)
				}
				ch <- prometheus.MustNewConstMetric(f.desc, f.kind, one.value, one.labels...)
			}
		})
		if err != nil {
			ch <- prometheus.NewInvalidMetric(prometheus.NewInvalidDesc(err), err)
		}
	}
}

func (c *Collector) wants(collector string) bool {
	return collector == "" || c.only == nil || slices.Contains(c.only, collector)
}
