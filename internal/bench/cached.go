//go:build peers

package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"strings"

	"github.com/cloudorg-exporter/cloudorg_exporter/internal/sim"
)

// cached scrapes what the exporter has cached, of 1 to 1,000 organizations of
// sixty series each, and peers that export the same text.
func (b *bench) cached(ctx context.Context) error {
	table("series", "in all", "", "coding", "p50", "p99", "CPU a scrape", "of static's", "bytes", "resident")
	for _, n := range []int{1, 17, 167, 1000} {
		if err := b.cachedOf(ctx, n); err != nil {
			return fmt.Errorf("%d organizations: %w", n, err)
		}
	}
	return nil
}

func (b *bench) cachedOf(ctx context.Context, organizations int) error {
	servers, text, err := b.servers(ctx, small(), organizations)
	defer func() {
		for _, p := range servers {
			p.stop()
		}
	}()
	if err != nil {
		return err
	}
	series, all := count(text)
	for _, gzip := range []bool{false, true} {
		l := newLoad(gzip)
		costs, err := l.compare(ctx, servers, b.each, 3)
		if err != nil {
			return err
		}
		coding := "text"
		if gzip {
			coding = "gzip"
		}
		by := map[string]cost{}
		for i, p := range servers {
			c := costs[i]
			by[p.name] = c
			row(series, all, p.name, coding, ms(c.p50), ms(c.p99), ms(c.cpu), ratio(c.cpu.Seconds(), costs[0].cpu.Seconds()), c.bytes, mib(c.resident))
		}
		own := by["exporter"].cpu.Seconds()
		if organizations <= 17 {
			b.goal(.5, "×", own/by["plain"].cpu.Seconds(), "CPU of a scrape, %d series, %s: of client_golang's", series, coding)
			if b.python != "" {
				b.goal(.1, "×", own/by["python"].cpu.Seconds(), "CPU of a scrape, %d series, %s: of Python's", series, coding)
			}
		}
		if organizations == 1 {
			b.goal(.5, "×", by["exporter, /probe"].cpu.Seconds()/by["plain, bare"].cpu.Seconds(), "the same without the process's own metrics (/probe), %s: of client_golang's", coding)
		}
		if organizations == 1000 {
			b.goal(3, "×", own/by["static"].cpu.Seconds(), "CPU of a scrape, %d series, %s: of the file server's", series, coding)
		}
	}
	return nil
}

// servers starts the file server, the exporter with so many organizations, and
// the peers, which export what the exporter does.
func (b *bench) servers(ctx context.Context, company sim.Company, organizations int) (all []*process, text []byte, err error) {
	api, err := newCloud(ctx, company, 0)
	if err != nil {
		return nil, nil, err
	}
	defer api.Close()
	add := func(name, path string, args ...string) {
		if err != nil {
			return
		}
		var p *process
		if p, err = start(ctx, name, path, args...); err == nil {
			all = append(all, p)
		}
	}
	config, err := api.config(b.dir, organizations, "cache_ttl: 1h, max_stale: 2h")
	add("exporter", "/-/ready", b.exporter, "--config.file="+config, "--web.listen-address=ADDRESS", "--log.level=error")
	if err != nil {
		return all, nil, err
	}
	all[0].url = strings.Replace(all[0].url, "/-/ready", "/metrics", 1)
	var got bytes.Buffer
	if _, err = newLoad(false).scrape(ctx, all[0], &got); err != nil {
		return all, nil, err
	}
	file := b.path("metrics.txt")
	if err = os.WriteFile(file, got.Bytes(), 0o600); err != nil {
		return all, nil, err
	}
	var packed bytes.Buffer
	if err = pack(&packed, got.Bytes()); err == nil {
		err = os.WriteFile(file+".gz", packed.Bytes(), 0o600)
	}
	add("static", "/metrics", b.path("static"), "ADDRESS", file)
	add("plain", "/metrics", b.path("plain"), "ADDRESS", file)
	if b.python != "" {
		add("python", "/metrics", b.python, "internal/bench/peer.py", "PORT", file)
	}
	if organizations == 1 {
		add("plain, bare", "/metrics", b.path("plain"), "ADDRESS", file, "bare")
		probe := *all[0]
		probe.name, probe.url = "exporter, /probe", strings.Replace(probe.url, "/metrics", "/probe?target=organization-0", 1)
		all = append(all, &probe)
	}
	if err == nil && b.jsonExporter != "" {
		err = b.addJSON(ctx, &all, got.Bytes())
	}
	if err == nil {
		all[0], all[1] = all[1], all[0]
	}
	return all, got.Bytes(), err
}

// count returns how many series a text has of organizations, and in all.
func count(text []byte) (ours, all int) {
	for line := range bytes.Lines(text) {
		if bytes.HasPrefix(line, []byte("#")) {
			continue
		}
		all++
		if bytes.HasPrefix(line, []byte("cloudorg_")) && !bytes.HasPrefix(line, []byte("cloudorg_exporter_")) {
			ours++
		}
	}
	return ours, all
}

func ratio(have, of float64) string { return fmt.Sprintf("%.3g ×", have/of) }
