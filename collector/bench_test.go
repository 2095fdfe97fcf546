package collector

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"time"

	"github.com/cloudorg-exporter/cloudorg_exporter/internal/org"
)

// fixed is a Source that always says the same.
type fixed org.Snapshot

func (f fixed) Snapshot(context.Context) org.Snapshot { return org.Snapshot(f) }

// organizations returns caches of n organizations with the given numbers of
// members and pending invitations.
func organizations(n, members, invitations int) []*org.Cache {
	caches := make([]*org.Cache, n)
	for i := range caches {
		now := time.Now()
		s := org.Snapshot{
			Cloud: "ncp", Organization: fmt.Sprintf("organization-%d", i), MaxItems: 100_000,
			Known: org.Known{Members: []string{"INVT", "JOIN", "LVREQ", "LEV"}},
		}
		s.Configure([]string{"organization", "groups", "members", "invitations", "withdrawals"})
		for _, l := range s.Listings() {
			l.At = now
		}
		s.Groups.Items = []org.Group{{ID: "1", Name: "Root"}, {ID: "2", Name: "Research", ParentID: "1"}}
		for m := range members {
			s.Members.Items = append(s.Members.Items, org.Member{ID: fmt.Sprint(m), GroupID: fmt.Sprint(m%2 + 1), Status: "JOIN"})
		}
		for m := range invitations {
			s.Invitations.Items = append(s.Invitations.Items, org.Invitation{
				MemberID: fmt.Sprint(m), OrganizationID: "4100", Pending: true,
				Created: now.Add(-time.Duration(m) * time.Hour), Expires: now.Add(time.Duration(m) * time.Hour),
			})
		}
		caches[i] = org.NewCache(fixed(s), s, org.CacheConfig{TTL: time.Hour, MaxStale: time.Hour, Timeout: time.Minute})
	}
	return caches
}

func benchmarkScrape(b *testing.B, caches []*org.Cache, encoding string) {
	scrape := scraper(b, NewHandler(HandlerConfig{
		Organizations: func() []*org.Cache { return caches },
		Logger:        slog.New(slog.DiscardHandler),
	}), encoding)
	b.ReportAllocs()
	n := scrape() // refreshes
	for b.Loop() {
		n = scrape()
	}
	b.ReportMetric(float64(n), "bytes/scrape")
}

// scraper returns what scrapes h, and returns how many bytes came.
func scraper(b *testing.B, h *Handler, encoding string) func() int {
	return func() int {
		r := httptest.NewRequestWithContext(b.Context(), http.MethodGet, "/metrics", nil)
		r.Header.Set("Accept-Encoding", encoding)
		w := httptest.NewRecorder()
		h.Metrics(w, r)
		n, _ := io.Copy(io.Discard, w.Body)
		return int(n)
	}
}

func BenchmarkScrape(b *testing.B) {
	for _, bb := range []struct {
		name                              string
		organizations, members, invitions int
	}{
		{"100series", 1, 500, 20},
		{"1000series", 1, 500, 320},
		{"20x500members", 20, 500, 2},
		{"60000series", 1000, 500, 8},
	} {
		caches := organizations(bb.organizations, bb.members, bb.invitions)
		for _, encoding := range []string{"identity", "gzip"} {
			b.Run(bb.name+"/"+encoding, func(b *testing.B) { benchmarkScrape(b, caches, encoding) })
		}
	}
}

// BenchmarkRefreshing scrapes 1,000 organizations, of which 50 have been
// refreshed since the scrape before, as with a cache_ttl of 5 minutes and a
// scrape every 15 seconds.
func BenchmarkRefreshing(b *testing.B) {
	const all, refreshed = 1000, 50
	caches, self := organizations(all, 500, 2), NewSelf()
	revisions := make([]atomic.Uint64, all)
	for i, c := range caches {
		first := c.Last()
		caches[i] = org.NewCache(fixed(first), first, org.CacheConfig{
			TTL: time.Hour, MaxStale: time.Hour, Timeout: time.Minute, Revision: revisions[i].Load,
		})
		for endpoint := range 7 {
			self.Called("ncp", first.Organization, fmt.Sprint("/open-api/v1/account/", endpoint), http.StatusOK, time.Second/10)
		}
	}
	for _, encoding := range []string{"identity", "gzip"} {
		b.Run(encoding, func(b *testing.B) {
			scrape := scraper(b, NewHandler(HandlerConfig{
				Organizations: func() []*org.Cache { return caches },
				Self:          self,
				Logger:        slog.New(slog.DiscardHandler),
			}), encoding)
			scrape()
			b.ReportAllocs()
			next, n := 0, 0
			for b.Loop() {
				for range refreshed {
					next = (next + 379) % all // not one beside the other
					revisions[next].Add(1)
					for endpoint := range 7 {
						self.Called("ncp", caches[next].Name(), fmt.Sprint("/open-api/v1/account/", endpoint), http.StatusOK, time.Second/10)
					}
				}
				n = scrape()
			}
			b.ReportMetric(float64(n), "bytes/scrape")
		})
	}
}
