package collector

import (
	"strings"
	"time"
)

// A Metric describes an exported metric, for its documentation and for the
// checks of dashboards and alerts.
type Metric struct {
	Name      string // with the namespace
	Type      string // gauge, counter, histogram or summary
	Unit      string // also the end of the name; empty if it has none
	Labels    []string
	Help      string
	Collector string // the collector it belongs to; empty for all of them, and for the exporter's own
	Own       bool   // it is about the exporter, and on /metrics only
}

// Reference describes every metric: those of the organizations first, then the
// exporter's own, with those of its Go runtime and process.
func Reference() ([]Metric, error) {
	var all []Metric
	for _, f := range families() {
		all = append(all, Metric{
			Name: f.fullName(), Type: f.typeName(), Unit: f.unit, Labels: f.labelNames(), Help: f.help, Collector: f.collector,
		})
	}
	own, err := gather(withSamples().registry)
	if err != nil {
		return nil, err
	}
	for _, f := range own {
		m := Metric{Name: f.GetName(), Type: strings.ToLower(f.GetType().String()), Unit: f.GetUnit(), Help: f.GetHelp(), Own: true}
		for _, l := range f.GetMetric()[0].GetLabel() {
			m.Labels = append(m.Labels, l.GetName())
		}
		all = append(all, m)
	}
	return all, nil
}

// withSamples returns a Self in which every metric has a series.
func withSamples() *Self {
	s := NewSelf(true)
	s.Added("", "")
	s.StorageWrites()
	s.Called("", "", "", 0, time.Second)
	s.Offset("", "", 0)
	s.Reloaded(nil)
	return s
}
