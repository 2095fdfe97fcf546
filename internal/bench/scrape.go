//go:build peers

package main

import (
	"compress/gzip"
	"context"
	"fmt"
	"io"
	"net/http"
	"slices"
	"time"
)

// A cost is what scrapes of a server have cost, in the middle of some rounds.
type cost struct {
	p50, p99 time.Duration
	cpu      time.Duration // of the server, per scrape
	bytes    int64
	resident int64
}

// A load is one after another scrape of a server.
type load struct {
	client http.Client
	gzip   bool
	budget string // X-Prometheus-Scrape-Timeout-Seconds; empty: none
}

func newLoad(gzip bool) *load {
	return &load{client: http.Client{Transport: &http.Transport{DisableCompression: true}}, gzip: gzip}
}

// scrape scrapes p once and returns how many bytes came.
func (l *load) scrape(ctx context.Context, p *process, into io.Writer) (int64, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, p.url, nil)
	if err != nil {
		return 0, err
	}
	if l.gzip {
		r.Header.Set("Accept-Encoding", "gzip")
	}
	if l.budget != "" {
		r.Header.Set("X-Prometheus-Scrape-Timeout-Seconds", l.budget)
	}
	resp, err := l.client.Do(r)
	if err != nil {
		return 0, err
	}
	defer resp.Body.Close()
	n, err := io.CopyBuffer(struct{ io.Writer }{into}, resp.Body, make([]byte, 256<<10))
	switch {
	case err != nil:
		return 0, err
	case resp.StatusCode != http.StatusOK:
		return 0, fmt.Errorf("%s: status %d", p.name, resp.StatusCode)
	case l.gzip != (resp.Header.Get("Content-Encoding") == "gzip"):
		return 0, fmt.Errorf("%s: asked for gzip: %t, have %q", p.name, l.gzip, resp.Header.Get("Content-Encoding"))
	}
	return n, nil
}

// run scrapes p for as long as d, three times at least.
func (l *load) run(ctx context.Context, p *process, d time.Duration) (cost, error) {
	const least = 3
	var c cost
	var took []time.Duration
	before, begin := p.cpu(), time.Now()
	for time.Since(begin) < d || len(took) < least {
		at := time.Now()
		n, err := l.scrape(ctx, p, io.Discard)
		if err != nil {
			return c, err
		}
		took, c.bytes = append(took, time.Since(at)), n
	}
	c.cpu = (p.cpu() - before) / time.Duration(len(took))
	c.p50, c.p99 = quantile(took, .5), quantile(took, .99)
	c.resident = p.memory("VmRSS")
	return c, nil
}

// compare scrapes all servers for d each, in so many rounds, and returns the
// median of each number.
func (l *load) compare(ctx context.Context, servers []*process, d time.Duration, rounds int) ([]cost, error) {
	all := make([][]cost, len(servers))
	for range rounds {
		for i, p := range servers {
			c, err := l.run(ctx, p, d/time.Duration(rounds))
			if err != nil {
				return nil, err
			}
			all[i] = append(all[i], c)
		}
	}
	costs := make([]cost, len(servers))
	for i, rounds := range all {
		costs[i] = cost{
			p50:      median(rounds, func(c cost) time.Duration { return c.p50 }),
			p99:      median(rounds, func(c cost) time.Duration { return c.p99 }),
			cpu:      median(rounds, func(c cost) time.Duration { return c.cpu }),
			bytes:    rounds[0].bytes,
			resident: rounds[len(rounds)-1].resident,
		}
	}
	return costs, nil
}

func median(all []cost, of func(cost) time.Duration) time.Duration {
	var values []time.Duration
	for _, c := range all {
		values = append(values, of(c))
	}
	return quantile(values, .5)
}

// quantile orders values and returns the one that q of them are not above.
func quantile(values []time.Duration, q float64) time.Duration {
	slices.Sort(values)
	return values[min(int(q*float64(len(values))), len(values)-1)]
}

// pack compresses text as a server of files would have it.
func pack(w io.Writer, text []byte) error {
	z, err := gzip.NewWriterLevel(w, gzip.DefaultCompression)
	if err != nil {
		return err
	}
	if _, err := z.Write(text); err != nil {
		return err
	}
	return z.Close()
}
