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

	"github.com/cloudorg-exporter/cloudorg_exporter/internal/config"
	"github.com/cloudorg-exporter/cloudorg_exporter/internal/httpx"
	"github.com/cloudorg-exporter/cloudorg_exporter/internal/org"
)

// refreshesAtOnce is how many organizations are refreshed at once by Start and
// Prime, but for those that take longer than slotTime.
const (
	refreshesAtOnce = 4
	slotTime        = time.Second
)

// A Fleet is the configured organizations: the configuration in force, and a
// cache for each organization.
type Fleet struct {
	load func() (*config.Config, error)
	deps Deps

	reloading chan struct{} // holds one element during a Reload
	loading   chan struct{} // holds one element while files are read
	current   atomic.Pointer[state]
	latest    atomic.Pointer[attempt]
	started   atomic.Bool // every organization of the start has been refreshed

	slots    chan struct{} // of Start
	starting sync.Map      // names of the organizations that wait for a slot, or have one
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
	if deps.Budget == nil {
		deps.Budget = httpx.NewBudget()
	}
	f := &Fleet{
		load: load, deps: deps, slots: make(chan struct{}, refreshesAtOnce),
		reloading: make(chan struct{}, 1), loading: make(chan struct{}, 1),
	}
	f.current.Store(&state{config: &config.Config{}})
	f.latest.Store(&attempt{})
	return f
}

// Reload loads the configuration and serves its organizations from now on. An
// organization whose configuration is the same keeps its cache. One that
// changed keeps its counters, and its data too if it still is the same
// organization. A new one starts with what is stored of it, until ctx ends. An
// error changes nothing. Files that hang fail the reload when ctx ends, and the
// next ones until they no longer do.
func (f *Fleet) Reload(ctx context.Context) error {
	select {
	case f.reloading <- struct{}{}:
		defer func() { <-f.reloading }()
	case <-ctx.Done():
		return fmt.Errorf("waiting for the reload before: %w", ctx.Err())
	}
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
	type loaded struct {
		cfg *config.Config
		err error
	}
	select {
	case f.loading <- struct{}{}:
	default:
		return nil, errors.New("a file of the configuration that was read before still hangs")
	}
	result := make(chan loaded, 1)
	go func() {
		cfg, err := f.load()
		<-f.loading
		result <- loaded{cfg, err}
	}()
	select {
	case l := <-result:
		return l.cfg, l.err
	case <-ctx.Done():
		return nil, fmt.Errorf("a file of the configuration hangs: %w", ctx.Err())
	}
}

func (f *Fleet) apply(ctx context.Context, cfg *config.Config) error {
	type served struct {
		config config.Organization
		cache  *org.Cache
	}
	old := f.current.Load()
	before := map[string]served{}
	for i, o := range old.config.Organizations {
		before[o.Base().Name] = served{o, old.caches[i]}
	}
	next := &state{config: cfg, caches: make([]*org.Cache, len(cfg.Organizations))}
	made := map[*org.Cache]bool{}
	var names []string
	for i, o := range cfg.Organizations {
		name := o.Base().Name
		names = append(names, name)
		was := before[name]
		if was.cache != nil && reflect.DeepEqual(was.config, o) {
			next.caches[i] = was.cache
			delete(before, name)
			continue
		}
		cache, err := newCache(o, f.deps)
		if err != nil {
			for c := range made {
				c.Close()
			}
			return err
		}
		made[cache] = true
		next.caches[i] = cache
	}
	for i, o := range cfg.Organizations {
		base, cache := o.Base(), next.caches[i]
		f.deps.Observer.Added(base.Cloud, base.Name)
		if !made[cache] {
			continue
		}
		was := before[base.Name]
		switch {
		case was.cache == nil:
			cache.Restore(ctx)
		case was.config.Base().Cloud != base.Cloud: // another organization of that name
		case was.config.Identity() != o.Identity():
			was.cache.Close() // first: it may still count something
			cache.Inherit(was.cache.Saved().Totals())
			delete(before, base.Name)
		default:
			was.cache.Close()
			cache.Inherit(was.cache.Saved())
			delete(before, base.Name)
		}
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
func (f *Fleet) Last() []org.Snapshot {
	caches := f.Caches()
	all := make([]org.Snapshot, len(caches))
	for i, c := range caches {
		all[i] = c.Last()
	}
	return all
}

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
	slots := make(chan struct{}, refreshesAtOnce)
	for _, c := range f.Caches() {
		inSlot(ctx, slots, &work, func() { c.Prime(ctx) })
	}
	work.Wait()
	_ = f.Ready() // remembered before a reload adds an organization
}

// inSlot waits for a slot, or for the end of ctx, and then runs work. After a
// second the slot is free for another: organizations that hang do not delay the
// others.
func inSlot(ctx context.Context, slots chan struct{}, running *sync.WaitGroup, work func()) {
	select {
	case slots <- struct{}{}:
	case <-ctx.Done():
		return
	}
	leave := sync.OnceFunc(func() { <-slots })
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
			inSlot(ctx, f.slots, &work, func() { c.Snapshot(ctx) })
			work.Wait()
		}()
	}
}

// Close ends everything that runs.
func (f *Fleet) Close() {
	var wg sync.WaitGroup
	for _, c := range f.Caches() {
		wg.Go(c.Close)
	}
	wg.Wait()
}
