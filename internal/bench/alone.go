//go:build peers

package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/cloudorg-exporter/cloudorg_exporter/internal/sim"
)

// start starts the exporter with one organization of a cloud.
func (b *bench) start(ctx context.Context, api *cloud, path, settings string) (*process, error) {
	config, err := api.config(b.dir, 1, settings)
	if err != nil {
		return nil, err
	}
	return start(ctx, "exporter", path, b.exporter, "--config.file="+config, "--web.listen-address=ADDRESS", "--log.level=error")
}

// starting starts the exporter and the file server until their first /metrics,
// and looks at the exporter when it has nothing to do.
func (b *bench) starting(ctx context.Context) error {
	const times = 7
	api, err := newCloud(ctx, small(), 0)
	if err != nil {
		return err
	}
	defer api.Close()
	file := b.path("small.txt")
	var own, static []time.Duration
	var idle int64
	for range times {
		p, err := b.start(ctx, api, "/metrics", "cache_ttl: 1h")
		if err != nil {
			return err
		}
		own = append(own, p.up)
		var text bytes.Buffer
		if _, err = newLoad(false).scrape(ctx, p, &text); err == nil {
			err = os.WriteFile(file, text.Bytes(), 0o600)
		}
		if err == nil {
			err = os.WriteFile(file+".gz", nil, 0o600) // its length does not matter here
		}
		if err != nil {
			p.stop()
			return err
		}
		time.Sleep(200 * time.Millisecond)
		idle = max(idle, p.memory("VmRSS"))
		p.stop()
		if p, err = start(ctx, "static", "/metrics", b.path("static"), "ADDRESS", file); err != nil {
			return err
		}
		static = append(static, p.up)
		p.stop()
	}
	binary, err := os.Stat(b.exporter)
	if err != nil {
		return err
	}
	table("", "exporter", "static")
	row("first /metrics", ms(quantile(own, .5)), ms(quantile(static, .5)))
	row("resident, idle, at most", mib(idle), "")
	row("binary", mib(binary.Size()), "")
	b.goal(2, "×", quantile(own, .5).Seconds()/quantile(static, .5).Seconds(), "start until the first /metrics: of the file server's")
	b.goal(16, "MiB", float64(idle)/(1<<20), "resident, idle")
	return nil
}

// refreshing refreshes organizations of many groups, with 8 calls of 50 ms at
// once.
func (b *bench) refreshing(ctx context.Context) error {
	const latency, concurrency = 50 * time.Millisecond, 8
	table("groups", "calls", "mean latency", "ceil(calls/concurrency) × it", "cold refresh")
	for _, groups := range []int{200, 1000} {
		took, mean, calls, err := b.refresh(ctx, groups, latency, concurrency)
		if err != nil {
			return err
		}
		ideal := time.Duration((calls+concurrency-1)/concurrency) * mean
		row(groups, calls, ms(mean), ms(ideal), ms(took))
		b.goal(1.15, "×", took.Seconds()/ideal.Seconds(), "cold refresh of %d groups: of ceil(calls/concurrency) × latency", groups)
	}
	return nil
}

// refresh returns how long the members of so many groups took, how long a call
// did, as the exporter saw it, and how many calls were made for everything.
func (b *bench) refresh(ctx context.Context, groups int, latency time.Duration, concurrency int) (took, mean time.Duration, calls int64, err error) {
	api, err := newCloud(ctx, company(groups, 10*groups), latency)
	if err != nil {
		return 0, 0, 0, err
	}
	defer api.Close()
	p, err := b.start(ctx, api, "/-/ready", fmt.Sprintf("cache_ttl: 1h, concurrency: %d", concurrency))
	if err != nil {
		return 0, 0, 0, err
	}
	defer p.stop()
	const labels = `{cloud="ncp",endpoint="/open-api/v1/account/group/{no}",organization="organization-0"} `
	seconds, err := p.sample(ctx, `cloudorg_collector_duration_seconds{cloud="ncp",collector="members",organization="organization-0"} `)
	sum, err2 := p.sample(ctx, "cloudorg_exporter_api_request_duration_seconds_sum"+labels)
	count, err3 := p.sample(ctx, "cloudorg_exporter_api_request_duration_seconds_count"+labels)
	second := float64(time.Second)
	return time.Duration(seconds * second), time.Duration(sum / count * second), api.calls.Load(), errors.Join(err, err2, err3)
}

// sample returns the value of a series of p.
func (p *process) sample(ctx context.Context, series string) (float64, error) {
	at := *p
	at.url = strings.Replace(p.url, "/-/ready", "/metrics", 1)
	at.url = strings.Replace(at.url, "/-/healthy", "/metrics", 1)
	var text bytes.Buffer
	if _, err := newLoad(false).scrape(ctx, &at, &text); err != nil {
		return 0, err
	}
	_, rest, found := strings.Cut(text.String(), "\n"+series)
	if !found {
		return 0, fmt.Errorf("there is no %s", series)
	}
	value, _, _ := strings.Cut(rest, "\n")
	return strconv.ParseFloat(value, 64)
}

// listing reads 100,000 members: a tree in which they are rows, and the list of
// their group, 25 MB each.
func (b *bench) listing(ctx context.Context) error {
	const members = 100_000
	api, err := newCloud(ctx, company(2, members), 0)
	if err != nil {
		return err
	}
	defer api.Close()
	api.kept = map[string]*bytes.Buffer{}
	release := api.hang()
	p, err := b.start(ctx, api, "/-/healthy", "cache_ttl: 1h, refresh_timeout: 2m")
	if err != nil {
		return err
	}
	defer p.stop()
	time.Sleep(500 * time.Millisecond)
	idle, before := p.memory("VmRSS"), p.cpu()
	if err := p.forget(); err != nil {
		return err
	}
	release()
	p.url = strings.Replace(p.url, "/-/healthy", "/-/ready", 1)
	for begin := time.Now(); !p.answers(ctx); time.Sleep(100 * time.Millisecond) {
		if time.Since(begin) > time.Minute {
			return fmt.Errorf("the listing was not read: %s", p.proc("status"))
		}
	}
	own, grown := p.cpu()-before, p.memory("VmHWM")-idle
	if n, err := p.sample(ctx, `cloudorg_members{cloud="ncp",organization="organization-0",status="JOIN"} `); err != nil || n != members {
		return fmt.Errorf("members: want %d, have %v, %w", members, n, err)
	}
	seconds, bytes, err := b.unmarshal(ctx, api)
	if err != nil {
		return err
	}
	table("100,000 members", "CPU", "grown by")
	row("exporter", ms(own), mib(grown))
	row("json.Unmarshal", ms(seconds), mib(bytes))
	b.goal(1, "×", own.Seconds()/seconds.Seconds(), "CPU of a listing of 100,000 members: of json.Unmarshal's")
	b.goal(16, "MiB", float64(grown)/(1<<20), "growth by a listing of 100,000 members")
	return nil
}

// unmarshal runs the peer on the same two answers.
func (b *bench) unmarshal(ctx context.Context, api *cloud) (cpu time.Duration, grown int64, err error) {
	const kept = "/kept/open-api/v1"
	peer := exec.CommandContext(ctx, b.path("unmarshal"), api.address+kept+"/group/tree", api.address+kept+"/account/group/601")
	peer.Stderr = os.Stderr
	out, err := peer.Output()
	if err != nil {
		return 0, 0, err
	}
	var seconds float64
	var rows int
	_, err = fmt.Sscan(string(out), &seconds, &grown, &rows)
	return time.Duration(seconds * float64(time.Second)), grown, err
}

// asking counts the calls that 1, 2 and 20 scrapers cause.
func (b *bench) asking(ctx context.Context) error {
	const refreshes, ttl = 4, time.Second
	api, err := newCloud(ctx, small(), 0)
	if err != nil {
		return err
	}
	defer api.Close()
	p, err := b.start(ctx, api, "/metrics", "cache_ttl: "+ttl.String())
	if err != nil {
		return err
	}
	defer p.stop()
	table("scrapers", fmt.Sprintf("calls in %s", refreshes*ttl))
	var all []int64
	for _, scrapers := range []int{1, 2, 20} {
		// Begin right after a refresh, and end half-way between two.
		for n := api.calls.Load(); api.calls.Load() == n; time.Sleep(5 * time.Millisecond) {
			if _, err := newLoad(false).scrape(ctx, p, &bytes.Buffer{}); err != nil {
				return err
			}
		}
		time.Sleep(50 * time.Millisecond)
		before := api.calls.Load()
		scrape(ctx, p, scrapers, refreshes*ttl+ttl/2)
		all = append(all, api.calls.Load()-before)
		row(scrapers, all[len(all)-1])
	}
	b.goal(1, "×", float64(slices.Max(all))/float64(slices.Min(all)), "API calls under 1, 2 and 20 scrapers: the most of the least")
	return nil
}

// scrape scrapes p with so many scrapers for as long as d.
func scrape(ctx context.Context, p *process, scrapers int, d time.Duration) {
	end := time.Now().Add(d)
	var wg sync.WaitGroup
	for range scrapers {
		wg.Go(func() {
			for l := newLoad(true); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
				if _, err := l.scrape(ctx, p, &bytes.Buffer{}); err != nil {
					fmt.Fprintln(os.Stderr, "bench:", err)
				}
			}
		})
	}
	wg.Wait()
}

// hanging scrapes an exporter whose API hangs, and in turn one whose API does
// not.
func (b *bench) hanging(ctx context.Context) error {
	const invitations = 320 // of which each has three series
	company := small()
	for i := range invitations {
		company.Invitations = append(company.Invitations, sim.Invitation{Account: sim.Account{ID: int64(9_200_000 + i)}, Sent: time.Now().Add(-time.Hour)})
	}
	api, err := newCloud(ctx, company, 0)
	if err != nil {
		return err
	}
	defer api.Close()
	healthy, err := b.start(ctx, api, "/metrics", "cache_ttl: 1h")
	if err != nil {
		return err
	}
	defer healthy.stop()
	hanging, err := b.start(ctx, api, "/metrics", "cache_ttl: 1s, refresh_timeout: 1m")
	if err != nil {
		return err
	}
	defer hanging.stop()
	release := api.hang()
	defer release()
	time.Sleep(1100 * time.Millisecond)
	l := newLoad(true)
	l.budget = "1"
	first, err := l.run(ctx, hanging, 0) // the first waits for its whole budget
	if err != nil {
		return err
	}
	costs, err := l.compare(ctx, []*process{healthy, hanging}, 6*b.each, 9)
	if err != nil {
		return err
	}
	table("1,000 series", "p50", "p99")
	row("healthy", ms(costs[0].p50), ms(costs[0].p99))
	row("the API hangs", ms(costs[1].p50), ms(costs[1].p99))
	row("the first to notice", "", ms(first.p99))
	b.goal(1.2, "×", costs[1].p99.Seconds()/costs[0].p99.Seconds(), "p99 of a scrape while the API hangs: of a healthy one's")
	return nil
}
