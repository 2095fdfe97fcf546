//go:build peers

// Plain is an exporter as one writes it first: a client_golang program whose
// collector makes its metrics at every scrape.
//
//	plain ADDRESS FILE [bare]
//
// It exports what FILE says, in the text format, and its process; if bare, only
// what is of organizations.
package main

import (
	"log"
	"net/http"
	"os"
	"strings"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
)

func main() {
	f, err := os.Open(os.Args[2])
	if err != nil {
		log.Fatal(err)
	}
	parser := expfmt.NewTextParser(model.UTF8Validation)
	parsed, err := parser.TextToMetricFamilies(f)
	if err != nil {
		log.Fatal(err)
	}
	bare := len(os.Args) > 3
	var c collector
	for name, text := range parsed {
		if !strings.HasPrefix(name, "cloudorg_") || bare && strings.HasPrefix(name, "cloudorg_exporter_") {
			continue
		}
		fam := family{kind: prometheus.GaugeValue}
		if text.GetType() == dto.MetricType_COUNTER {
			fam.kind = prometheus.CounterValue
		}
		var names []string
		for _, l := range text.GetMetric()[0].GetLabel() {
			names = append(names, l.GetName())
		}
		fam.desc = prometheus.NewDesc(name, text.GetHelp(), names, nil)
		for _, m := range text.GetMetric() {
			s := series{value: m.GetGauge().GetValue() + m.GetCounter().GetValue()}
			for _, l := range m.GetLabel() {
				s.labels = append(s.labels, l.GetValue())
			}
			if h := m.GetHistogram(); h != nil {
				s.count, s.value, s.buckets = h.GetSampleCount(), h.GetSampleSum(), map[float64]uint64{}
				for _, b := range h.GetBucket() {
					s.buckets[b.GetUpperBound()] = b.GetCumulativeCount()
				}
			}
			fam.series = append(fam.series, s)
		}
		c = append(c, fam)
	}
	reg := prometheus.NewRegistry()
	reg.MustRegister(c)
	if !bare {
		reg.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	}
	log.Fatal(http.ListenAndServe(os.Args[1], promhttp.HandlerFor(reg, promhttp.HandlerOpts{})))
}

type collector []family

type family struct {
	desc   *prometheus.Desc
	kind   prometheus.ValueType
	series []series
}

type series struct {
	labels  []string
	value   float64
	count   uint64
	buckets map[float64]uint64 // nil: no histogram
}

func (c collector) Describe(ch chan<- *prometheus.Desc) {
	for _, f := range c {
		ch <- f.desc
	}
}

func (c collector) Collect(ch chan<- prometheus.Metric) {
	for _, f := range c {
		for _, s := range f.series {
			if s.buckets != nil {
				ch <- prometheus.MustNewConstHistogram(f.desc, s.count, s.value, s.buckets, s.labels...)
				continue
			}
			ch <- prometheus.MustNewConstMetric(f.desc, f.kind, s.value, s.labels...)
		}
	}
}
