package collector

import (
	"slices"
	"strings"
	"time"
)

// A Metric describes a metric that the exporter exports, for its documentation
// and for the checks of what is built upon it.
type Metric struct {
	Name      string // with the namespace
	Type      string // gauge, counter, histogram or summary
	Unit      string // also the end of the name; empty if it has none
	Labels    []string
	Help      string
	Collector string // the collector it belongs to; empty for all of them, and for the exporter's own
	Own       bool   // it is about the exporter, and on /metrics only
}

// Reference describes every metric that there is: those of the organizations
// first, then the exporter's own, those of its Go runtime and process included.
func Reference() ([]Metric, error) {
	var all []Metric
	for _, f := range families() {
		all = append(all, Metric{
			Name:      namespace + f.name,
			Type:      f.typeName(),
			Unit:      f.unit,
			Labels:    f.labelNames(),
			Help:      f.help,
			Collector: f.collector,
		})
	}
	own, err := eventful().registry().Gather()
	if err != nil {
		return nil, err
	}
	for _, f := range own {
		m := Metric{Name: f.GetName(), Type: strings.ToLower(f.GetType().String()), Unit: f.GetUnit(), Help: f.GetHelp(), Own: true}
		for _, l := range f.GetMetric()[0].GetLabel() {
			m.Labels = append(m.Labels, l.GetName())
		}
		slices.Sort(m.Labels)
		all = append(all, m)
	}
	return all, nil
}

// eventful returns a Self to which enough has happened for all its metrics to
// have a series.
func eventful() *Self {
	s := NewSelf()
	s.Called("", "", "", 0, time.Second)
	s.Offset("", "", 0)
	s.Reloaded(nil)
	return s
}
