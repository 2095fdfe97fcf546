//go:build e2e

package e2e_test

// Responses that are far too large, at each endpoint, and the memory that they
// need. The outcomes are in testdata/loads.md.

import (
	"bufio"
	"cmp"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// A load is a response that is too large.
type load struct {
	name   string
	want   func(e endpoint) string
	peak   int // limit of the program's memory, in MiB
	answer func(e endpoint, w io.Writer, truth string)
}

const twoGiB = 2 << 30

// loads returns all loads, those that need the least memory first.
func loads() []load {
	pad := func(text string) func(endpoint, io.Writer, string) {
		return func(_ endpoint, w io.Writer, _ string) { repeat(w, strings.Repeat(text, 64<<10/len(text)), twoGiB) }
	}
	return []load{
		{"2 GiB in an error", always("server"), 64, pad("x")},
		{"2 GiB of blanks", always("decode"), 64, pad(" ")},
		{"2 GiB in one text", always("decode"), 64, func(e endpoint, w io.Writer, truth string) {
			_, _ = io.WriteString(w, e.opening()+`{"memberStatusCode": "`)
			pad("x")(e, w, truth)
		}},
		{"2 GiB of rows", always("decode"), 192, func(e endpoint, w io.Writer, truth string) {
			_, _ = io.WriteString(w, e.opening())
			pad(fmt.Sprintf(`{"memberNo": 9, "id": "9", "memberStatusCode": "JOIN", "state": "ACTIVE", "memberAlias": "%01000d"},`, 9))(e, w, truth)
		}},
		{"a million rows", func(e endpoint) string { return cmp.Or(e.million, otherData) }, 1000, func(e endpoint, w io.Writer, truth string) {
			b := bufio.NewWriterSize(w, 64<<10)
			defer b.Flush()
			if e.object {
				_, _ = b.WriteString(truth)
				return
			}
			_, _ = b.WriteString(e.opening())
			before, after, _ := strings.Cut(e.row, "#")
			for i := range million {
				if i > 0 {
					_ = b.WriteByte(',')
				}
				_, _ = b.WriteString(before)
				_, _ = b.WriteString(strconv.Itoa(i + 1))
				_, _ = b.WriteString(after)
			}
			_ = b.WriteByte(']')
			if e.list != "" {
				_ = b.WriteByte('}')
			}
		}},
		{"2 GiB of empty rows", always("decode"), 1200, func(e endpoint, w io.Writer, truth string) {
			_, _ = io.WriteString(w, e.opening())
			pad("{},")(e, w, truth)
		}},
	}
}

const million = 1_000_000

// repeat writes text until there are n bytes or the connection is closed.
func repeat(w io.Writer, text string, n int64) {
	for n > 0 {
		written, err := io.WriteString(w, text)
		if err != nil {
			return
		}
		n -= int64(written)
	}
}

// TestHeavyFaults makes endpoints send far too much and measures the memory. Each
// endpoint has an exporter of its own.
func TestHeavyFaults(t *testing.T) {
	outcomes := make([]map[string][]string, len(apis())) // of all loads, by API and the title of the endpoint
	var mu sync.Mutex
	slots := make(chan struct{}, 2)
	tested, finished := 0, 0
	t.Run("endpoints", func(t *testing.T) {
		for i, a := range apis() {
			outcomes[i] = map[string][]string{}
			for _, e := range a.endpoints {
				if e.row == "" {
					continue
				}
				tested++
				number := 1000 + tested
				t.Run(a.name+" "+e.title, func(t *testing.T) {
					t.Parallel()
					slots <- struct{}{}
					defer func() { <-slots }()
					h := heavy{t: t, endpoint: e, site: newSite(t, a.name, number)}
					h.exporter = startExporter(t, "defaults: {cache_ttl: 1s, error_ttl: 1s, refresh_timeout: 1m, rate_limit: 10000}\norganizations:\n"+
						organization("acme", h.site), "--scrape.timeout-offset="+allow(8*time.Second, time.Second/2).String())
					h.before = h.wait("the collector succeeds", func(all map[string]health) bool { return all[e.collectors[0]].success }).dataOf("acme")
					var all []string
					for _, l := range loads() {
						all = append(all, h.apply(l))
					}
					mu.Lock()
					defer mu.Unlock()
					outcomes[i][e.title] = all
					finished++
				})
			}
		}
	})
	if finished < tested {
		return // not all endpoints have been run, or one has failed
	}
	var b strings.Builder
	b.WriteString("| response | memory in MiB stays below |" + strings.Replace(columns(), "| --- ", "| --- | --- ", 1))
	for i, l := range loads() {
		fmt.Fprintf(&b, "| %s | %d |%s", l.name, l.peak, byAPI(func(of int, e endpoint) string {
			if e.row == "" {
				return ""
			}
			return outcomes[of][e.title][i]
		}))
	}
	checkTable(t, "loads", b.String())
}

// A heavy is an endpoint under load.
type heavy struct {
	endpoint
	t        *testing.T
	site     *site
	exporter *exporter
	before   map[string]float64 // data without a load
}

// apply applies a load, waits until all collectors succeed again and returns the outcome.
func (h *heavy) apply(l load) string {
	start, want := time.Now(), l.want(h.endpoint)
	h.exporter.collectGarbage()
	h.exporter.resetPeak()
	h.site.watch(h.endpoint)
	h.site.instead.Store(&override{h.key(), func(w http.ResponseWriter, r *http.Request, truth http.Handler) {
		rec := httptest.NewRecorder()
		truth.ServeHTTP(rec, r)
		if want == "server" {
			w.WriteHeader(http.StatusInternalServerError)
		}
		l.answer(h.endpoint, w, rec.Body.String())
	}})
	last := h.collectors[len(h.collectors)-1]
	r := h.wait(l.name+" has been read", func(all map[string]health) bool {
		if fails(want) {
			return all[last].reason == want && !all[last].success
		}
		calls := h.site.calls()
		return len(calls) > 0 && all[last].success && all[last].at > float64(calls[0].UnixMilli())/1e3
	})
	if fails(want) {
		if diff := h.difference(r); diff != "" {
			h.t.Errorf("%s: the last good data has changed:\n%s", l.name, diff)
		}
	}
	healAll(h.site, h.endpoint)
	peak := h.exporter.memory("VmHWM")
	if peak > l.peak {
		h.t.Errorf("%s: memory: want at most %d MiB, have %d", l.name, l.peak, peak)
	}
	h.wait("it has recovered from "+l.name, func(all map[string]health) bool { return all[last].success })
	waitFor(h.t, time.Minute, "the data is that before "+l.name, func() bool { // the refresh that ran then may still end
		return h.difference(h.scrape()) == ""
	})
	h.t.Logf("%s: %s, %d MiB, %d series, %s", l.name, want, peak, len(r["acme"]), time.Since(start).Round(time.Millisecond))
	return want
}

// difference compares a reading with the data without a load.
func (h *heavy) difference(r reading) string {
	return difference(h.before, r.dataOf("acme"), "cloudorg_member_transitions_total")
}

// scrape reads the organization. Collectors that do not call the endpoint must
// not fail.
func (h *heavy) scrape() reading {
	h.t.Helper()
	r := h.exporter.scrape("/probe?target=acme")
	for name, state := range r.healthOf("acme") {
		if state.reason != "" && !slices.Contains(h.collectors, name) {
			h.t.Errorf("%s fails: %s", name, state.reason)
		}
	}
	return r
}

// wait scrapes until a reading is as it should be, and returns it.
func (h *heavy) wait(what string, reached func(map[string]health) bool) (r reading) {
	h.t.Helper()
	waitFor(h.t, time.Minute, what, func() bool {
		r = h.scrape()
		return reached(r.healthOf("acme"))
	})
	return r
}
