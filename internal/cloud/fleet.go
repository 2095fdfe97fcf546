package cloud

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/go-kit/log/level"
	"golang.org/x/sync/semaphore"

	"github.com/cloudorg-exporter/cloudorg_exporter/internal/config"
	"github.com/cloudorg-exporter/cloudorg_exporter/internal/httpx"
	"github.com/cloudorg-exporter/cloudorg_exporter/internal/org"
)

// Start and Prime refresh refreshesAtOnce organizations at once. A refresh that
// takes longer than slotTime is not counted any more.
const (
	refreshesAtOnce = 4
	slotTime        = time.Second
)

// A Fleet is the configured organizations: the configuration in force, and a
// cache for each organization.
type Fleet struct {
	load func() (*config.Config, error)
	deps Deps

	budget *httpx.Budget // what the organizations hold together

	reloading *semaphore.Weighted // 1, held by a Reload
	loading   sync.Mutex          // held while files are read
	current   atomic.Pointer[state]
	latest    atomic.Pointer[attempt]
	started   atomic.Bool // every organization of the start has been refreshed

	slots    *semaphore.Weighted // of refreshes
	starting sync.Map            // names of the organizations that wait for a slot, or have one
}

// state is a configuration and its caches, in the same order.
type state struct {
	config *config.Config
	caches []*org.Cache
}

// An attempt is one Reload.
type attempt struct {
	at  time.Time
	err error
}

// NewFleet returns a Fleet without organizations. Reload loads them.
func NewFleet(load func() (*config.Config, error), deps Deps) *Fleet {
	f := &Fleet{
		load: load, deps: deps, budget: httpx.NewBudget(),
		reloading: semaphore.NewWeighted(1), slots: semaphore.NewWeighted(refreshesAtOnce),
	}
	f.current.Store(&state{config: &config.Config{}})
	f.latest.Store(&attempt{})
	return f
}

// Reload loads the configuration and serves its organizations from now on. An
// organization whose configuration is the same keeps its cache. One that
// changed keeps its counters, and its data too if its identity is the same. A new
// one starts with the data that is stored of it. An error changes nothing. If a
// file hangs, Reload fails when ctx ends, and every further Reload fails at once
// while it hangs.
func (f *Fleet) Reload(ctx context.Context) error {
	if err := f.reloading.Acquire(ctx, 1); err != nil {
		return fmt.Errorf("waiting for the previous reload: %w", err)
	}
	defer f.reloading.Release(1)
	cfg, err := f.loadUntil(ctx)
	if err == nil {
		err = f.apply(ctx, cfg)
	}
	f.latest.Store(&attempt{time.Now(), err})
	f.deps.Observer.Reloaded(err)
	return err
}

// loadUntil loads the configuration, or fails when ctx ends.
func (f *Fleet) loadUntil(ctx context.Context) (*config.Config, error) {
	if !f.loading.TryLock() {
		return nil, errors.New("an earlier read of a configuration file still hangs")
	}
	var cfg *config.Config
	var err error
	done := make(chan struct{})
	go func() {
		defer close(done)
		defer f.loading.Unlock()
		cfg, err = f.load()
	}()
	select {
	case <-done:
		return cfg, err
	case <-ctx.Done():
		return nil, fmt.Errorf("a file of the configuration hangs: %w", ctx.Err())
	}
}

// apply serves the organizations of cfg from now on.
func (f *Fleet) apply(ctx context.Context, cfg *config.Config) error {
	type served struct {
		config config.Organization
		cache  *org.Cache
	}
	old, before := f.current.Load(), map[string]served{}
	for i, o := range old.config.Organizations {
		before[o.Base().Name] = served{o, old.caches[i]}
	}
	next := &state{config: cfg}
	var names []string
	var made []*org.Cache
	for _, o := range cfg.Organizations {
		name := o.Base().Name
		names = append(names, name)
		if was := before[name]; was.cache != nil && reflect.DeepEqual(was.config, o) {
			next.caches = append(next.caches, was.cache)
			continue
		}
		cache, err := newCache(o, f.deps, f.budget)
		if err != nil {
			for _, c := range made {
				c.Close()
			}
			return fmt.Errorf("organization %q: %w", name, err)
		}
		made, next.caches = append(made, cache), append(next.caches, cache)
	}
	for i, o := range cfg.Organizations {
		base, cache := o.Base(), next.caches[i]
		f.deps.Observer.Added(base.Cloud, base.Name)
		was := before[base.Name]
		switch {
		case was.cache == nil:
			cache.Restore(ctx)
			continue
		case was.config.Base().Cloud != base.Cloud: // another organization of that name
			continue
		case was.cache != cache:
			was.cache.Close() // first: it may still count something
			saved := was.cache.Saved()
			if was.config.Identity() != o.Identity() {
				saved = saved.Totals()
			}
			cache.Inherit(saved)
		}
		delete(before, base.Name)
	}
	f.current.Store(next)
	for _, gone := range before {
		gone.cache.Close()
		f.deps.Observer.Removed(gone.config.Base().Cloud, gone.config.Base().Name)
	}
	if f.deps.Store != nil {
		if err := f.deps.Store.Retain(ctx, names); err != nil {
			level.Warn(f.deps.Logger).Log("msg", "cannot remove stored data of organizations that are not configured any more", "err", err)
		}
	}
	return nil
}

// Config returns the configuration in force.
func (f *Fleet) Config() *config.Config { return f.current.Load().config }

// Caches returns the caches of the organizations, in the order of the
// configuration.
func (f *Fleet) Caches() []*org.Cache { return f.current.Load().caches }

// Last returns the latest snapshot of each organization at once.
func (f *Fleet) Last() []org.Snapshot { return mapped(f.Caches(), (*org.Cache).Last) }

// LastReload returns when Reload was last called, and its error.
func (f *Fleet) LastReload() (time.Time, error) {
	latest := f.latest.Load()
	return latest.at, latest.err
}

// Ready returns nil once every organization has been refreshed or restored, and
// else says how many have. A later reload that adds one does not change that.
func (f *Fleet) Ready() error {
	if f.started.Load() {
		return nil
	}
	caches, ready := f.Caches(), 0
	for _, c := range caches {
		if c.Ready() {
			ready++
		}
	}
	if ready < len(caches) {
		return fmt.Errorf("starting: %d of %d organizations refreshed", ready, len(caches))
	}
	f.started.Store(true)
	return nil
}

// Prime refreshes each organization that has not been refreshed and is due, a
// few at a time, and waits for them.
func (f *Fleet) Prime(ctx context.Context) {
	var work sync.WaitGroup
	for _, c := range f.Caches() {
		f.inSlot(ctx, &work, func() { c.Prime(ctx) })
	}
	work.Wait()
	_ = f.Ready() // remembered before a reload adds an organization
}

// inSlot waits for a slot and then runs work in a goroutine of running. If ctx ends
// first it does not run it. The slot is free again after slotTime at the latest, so
// that organizations that hang do not delay the others.
func (f *Fleet) inSlot(ctx context.Context, running *sync.WaitGroup, work func()) {
	if f.slots.Acquire(ctx, 1) != nil {
		return
	}
	leave := sync.OnceFunc(func() { f.slots.Release(1) })
	timer := time.AfterFunc(slotTime, leave)
	running.Go(func() {
		defer leave()
		defer timer.Stop()
		work()
	})
}

// Start starts those refreshes of the named organizations that are due, a few
// at a time, and does not wait for them. It starts none after ctx has ended.
func (f *Fleet) Start(ctx context.Context, names []string) {
	for _, c := range f.Caches() {
		if !slices.Contains(names, c.Name()) {
			continue
		}
		if _, waits := f.starting.LoadOrStore(c.Name(), true); waits {
			continue
		}
		go func() {
			defer f.starting.Delete(c.Name())
			var work sync.WaitGroup
			f.inSlot(ctx, &work, func() { c.Snapshot(ctx) })
			work.Wait()
		}()
	}
}

// Close ends all refreshes.
func (f *Fleet) Close() {
	var wg sync.WaitGroup
	for _, c := range f.Caches() {
		wg.Go(c.Close)
	}
	wg.Wait()
}
