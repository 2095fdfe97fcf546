//go:build peers

package main

import (
	"bytes"
	"context"
	"fmt"
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
	const counter = `cloudorg_exporter_refreshes_total{cloud="ncp",organization="organization-0"} `
	before, err := p.sample(ctx, counter)
	if err != nil {
		return err
	}
	p.url = strings.Replace(p.url, "/-/ready", "/metrics", 1)
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
	after, err := p.sample(ctx, counter)
	if err != nil {
		return err
	}
	var text bytes.Buffer
	if _, err := newLoad(false).scrape(ctx, p, &text); err != nil {
		return err
	}
	lines, comments := bytes.Count(text.Bytes(), []byte("\n")), bytes.Count(text.Bytes(), []byte("\n#"))+1
	refreshes := int64(after-before) * int64(organizations)
	row(fmt.Sprintf("%d × %d", organizations, members), groups, lines-comments, mib(int64(text.Len())), mib(p.memory("VmHWM")),
		ms(cpu/time.Duration(refreshes)), ms(quantile(took, .5)), (calls+refreshes/2)/refreshes)
	return nil
}
