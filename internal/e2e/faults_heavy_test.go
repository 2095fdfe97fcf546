//go:build e2e

package e2e_test

import (
	"bufio"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// A load is an answer that is too much.
type load struct {
	name   string
	want   func(e endpoint) string
	peak   int // most memory that the program may need meanwhile, in MiB
	answer func(e endpoint, w io.Writer, truth string)
}

const twoGiB = 2 << 30

// loads are the faults whose cost is the point.
func loads() []load {
	always := func(outcome string) func(endpoint) string { return func(endpoint) string { return outcome } }
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
		{"a million rows", func(e endpoint) string {
			switch e.path {
			case "/org":
				return sameData
			case "/policy/list", "/v1/organizations", "/":
				return "decode" // each would be a series
			}
			return otherData
		}, 1000, func(e endpoint, w io.Writer, truth string) {
			b := bufio.NewWriterSize(w, 64<<10)
			defer b.Flush()
			if e.path == "/org" {
				_, _ = b.WriteString(truth)
				return
			}
			_, _ = b.WriteString(e.opening())
			before, after, _ := strings.Cut(e.row(), "#")
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

// opening is how the list in an answer begins.
func (e endpoint) opening() string {
	switch {
	case e.path == "/org":
		return `{"rows": [`
	case e.list != "":
		return fmt.Sprintf(`{"count": %d, "size": %d, %q: [`, million, million, e.list)
	}
	return "["
}

// row is a row with # where its number belongs.
func (e endpoint) row() string {
	switch e.path {
	case "/group/tree":
		return `{"organizationGroupNo": 610, "organizationGroupName": "Root", "memberNo": #, "memberStatusCode": "JOIN", "groupYn": "N"}`
	case oneGroup:
		return `{"organizationGroupNo": 612, "memberNo": #, "memberStatusCode": "JOIN"}`
	case "/account/invite/invitation":
		return `{"memberNo": #, "organizationNo": 4100, "regYmdt": 1793620800000, "expireDay": "7"}`
	case "/account/leave":
		return `{"memberNo": #, "modYmdt": 1793620800000}`
	case "/policy/list":
		return `{"policyNo": #, "policyName": "Default limits", "applyCount": 1}`
	}
	return `{"id": "x-#", "organization_id": "o-1", "target_account_id": "acc-1", "state": "INVITING", "parent_unit_id": "ou-1", "created_at": "2026-11-01T02:03:04.000Z"}`
}

// repeat writes text until there are n bytes or nobody reads them.
func repeat(w io.Writer, text string, n int64) {
	for n > 0 {
		written, err := io.WriteString(w, text)
		if err != nil {
			return
		}
		n -= int64(written)
	}
}

// TestHeavyFaults makes every endpoint answer far too much, and looks at what
// it costs: in a process of its own for each, the cheapest first, for memory is
// given back slowly.
func TestHeavyFaults(t *testing.T) {
	binary := buildChild(t)
	found := make([][]string, len(endpoints())) // by endpoint and load
	turns := make(chan struct{}, 2)
	t.Run("endpoints", func(t *testing.T) {
		for i, e := range endpoints() {
			t.Run(e.cloud+" "+e.title, func(t *testing.T) {
				t.Parallel()
				turns <- struct{}{}
				defer func() { <-turns }()
				h := heavy{t: t, endpoint: e, site: newSite(t, e.cloud, 1000+i, nil)}
				c := &cell{endpoint: e, site: h.site}
				c.fault.name = "heavy"
				h.name = c.name()
				h.exporter = startChild(t, binary, "defaults: {cache_ttl: 1s, error_ttl: 1s, refresh_timeout: 1m, rate_limit: 10000}\norganizations:\n"+c.yaml(nil), "--scrape.timeout-offset="+allow(8*time.Second, time.Second/2).String())
				h.good = h.until("it is ready", func(all map[string]health) bool { return all[e.collectors[0]].success }).dataOf(h.name)
				for _, l := range loads() {
					found[i] = append(found[i], h.bear(l))
				}
			})
		}
	})
	var b strings.Builder
	b.WriteString("| answer | memory stays below |")
	rule := "| --- | --- |"
	for _, e := range endpoints() {
		fmt.Fprintf(&b, " %s %s |", e.cloud, e.title)
		rule += " --- |"
	}
	b.WriteString("\n" + rule + "\n")
	for i, l := range loads() {
		fmt.Fprintf(&b, "| %s | %d MiB | ", l.name, l.peak)
		for _, f := range found {
			if i < len(f) {
				b.WriteString(f[i] + " | ")
			}
		}
		b.WriteString("\n")
	}
	document(t, "loads", strings.ReplaceAll(b.String(), " \n", "\n"))
}

// A heavy is an endpoint under load.
type heavy struct {
	endpoint
	t        *testing.T
	site     *site
	exporter *child
	name     string             // of the organization
	good     map[string]float64 // what it says when all is well
}

// bear applies a load and returns its outcome.
func (h *heavy) bear(l load) string {
	start, want := time.Now(), l.want(h.endpoint)
	h.exporter.collectGarbage()
	h.exporter.forgetPeak()
	h.site.watch(h.path)
	h.site.instead.Store(&override{h.path, func(w http.ResponseWriter, r *http.Request, truth http.Handler) {
		rec := httptest.NewRecorder()
		truth.ServeHTTP(rec, r)
		if want == "server" {
			w.WriteHeader(http.StatusInternalServerError)
		}
		l.answer(h.endpoint, w, rec.Body.String())
	}})
	last := h.collectors[len(h.collectors)-1]
	r := h.until(l.name+" has come", func(all map[string]health) bool {
		if fails(want) {
			return all[last].reason == want && !all[last].success
		}
		calls := h.site.calls()
		return len(calls) > 0 && all[last].success && all[last].at > float64(calls[0].UnixMilli())/1e3
	})
	if fails(want) {
		if diff := difference(h.good, r.dataOf(h.name), "cloudorg_member_transitions_total"); diff != "" {
			h.t.Errorf("%s: the last good data has changed:\n%s", l.name, diff)
		}
	}
	healAll(h.site, h.path)
	peak := h.exporter.memory("VmHWM")
	if peak > l.peak {
		h.t.Errorf("%s: memory: want at most %d MiB, have %d", l.name, l.peak, peak)
	}
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(50 * time.Millisecond) { // a refresh that began before may still end
		again := h.until("it has recovered from "+l.name, func(all map[string]health) bool { return all[last].success })
		diff := difference(h.good, again.dataOf(h.name), "cloudorg_member_transitions_total")
		if diff == "" {
			break
		}
		if time.Now().After(deadline) {
			h.t.Fatalf("it says something else than before %s:\n%s", l.name, diff)
		}
	}
	h.t.Logf("%s: %s, %d MiB, %d series, %s", l.name, want, peak, len(r[h.name]), time.Since(start).Round(time.Millisecond))
	return want
}

// until scrapes until a reading shows what is waited for; other listings must
// be untouched meanwhile.
func (h *heavy) until(what string, happened func(map[string]health) bool) reading {
	h.t.Helper()
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(50 * time.Millisecond) {
		r := h.exporter.scrape("/probe?target=" + url.QueryEscape(h.name))
		all := r.healthOf(h.name)
		for name, state := range all {
			if state.reason != "" && !slices.Contains(h.collectors, name) {
				h.t.Errorf("%s fails: %s", name, state.reason)
			}
		}
		if happened(all) {
			return r
		}
		if time.Now().After(deadline) {
			h.t.Fatalf("waited in vain until %s: %v", what, all)
		}
	}
}
