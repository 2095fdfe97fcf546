//go:build peers

package main

import (
	"bytes"
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// sizing measures what organizations of some sizes need, with a refresh every
// two seconds and a scrape every half of one.
func (b *bench) sizing(ctx context.Context) error {
	table("organizations × members", "groups each", "series", "text", "resident, at most", "CPU per refresh", "scrape, median", "calls per refresh")
	for _, s := range []struct{ organizations, members, groups int }{
		{1, 40, 6}, {10, 500, 20}, {100, 40, 6}, {10, 10_000, 50}, {1000, 40, 6},
	} {
		if err := b.size(ctx, s.organizations, s.members, s.groups); err != nil {
			return err
		}
	}
	return nil
}

func (b *bench) size(ctx context.Context, organizations, members, groups int) error {
	const scrapes, every = 24, time.Second / 2
	api, err := newCloud(ctx, company(groups, members), 0)
	if err != nil {
		return err
	}
	defer api.Close()
	config, err := api.config(b.dir, organizations, "cache_ttl: 2s")
	if err != nil {
		return err
	}
	p, err := start(ctx, "exporter", "/-/ready", b.exporter, "--config.file="+config, "--web.listen-address=ADDRESS", "--log.level=error")
	if err != nil {
		return err
	}
	defer p.stop()
	p.url = strings.Replace(p.url, "/-/ready", "/metrics", 1)
	before, _, err := p.refreshes(ctx)
	if err != nil {
		return err
	}
	l, cpu, calls := newLoad(true), p.cpu(), api.calls.Load()
	var took []time.Duration
	for range scrapes {
		at := time.Now()
		if _, err := l.scrape(ctx, p, new(bytes.Buffer)); err != nil {
			return err
		}
		took = append(took, time.Since(at))
		time.Sleep(every)
	}
	cpu, calls = p.cpu()-cpu, api.calls.Load()-calls
	resident := p.memory("VmHWM")
	after, text, err := p.refreshes(ctx)
	if err != nil {
		return err
	}
	series := strings.Count(text, "\n") - strings.Count(text, "\n#") - 1
	refreshes := after - before
	row(fmt.Sprintf("%d × %d", organizations, members), groups, series, fmt.Sprintf("%d kB", len(text)/1000), mib(resident),
		ms(cpu/time.Duration(refreshes)), ms(quantile(took, .5)), (calls+refreshes/2)/refreshes)
	return nil
}

// refreshes returns how many refreshes there have been, and the whole text.
func (p *process) refreshes(ctx context.Context) (n int64, text string, err error) {
	var b bytes.Buffer
	if _, err := newLoad(false).scrape(ctx, p, &b); err != nil {
		return 0, "", err
	}
	for line := range strings.Lines(b.String()) {
		if strings.HasPrefix(line, "cloudorg_exporter_refreshes_total{") {
			_, value, _ := strings.Cut(line, "} ")
			one, err := strconv.ParseInt(strings.TrimSpace(value), 10, 64)
			if err != nil {
				return 0, "", err
			}
			n += one
		}
	}
	return n, b.String(), nil
}
