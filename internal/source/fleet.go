package source

import (
	"context"
	"reflect"
	"sync"
	"sync/atomic"

	"golang.org/x/sync/errgroup"

	"github.com/cloudorg-exporter/cloudorg_exporter/internal/config"
	"github.com/cloudorg-exporter/cloudorg_exporter/internal/org"
)

// atOnce is how many organizations are refreshed at once when nobody has asked
// for them yet.
const atOnce = 4

// A Fleet is the caches of the organizations that are configured now.
type Fleet struct {
	deps    Deps
	mu      sync.Mutex // one Apply at a time
	current atomic.Pointer[[]served]
}

// served is an organization with the configuration that its cache was made of.
type served struct {
	config config.Organization
	cache  *org.Cache
}

// NewFleet returns a Fleet of no organizations.
func NewFleet(deps Deps) *Fleet {
	f := &Fleet{deps: deps}
	f.current.Store(&[]served{})
	return f
}

// Apply serves the organizations of c from now on. Those whose configuration
// is the same keep their caches; those that changed keep their counters. An
// error changes nothing.
func (f *Fleet) Apply(c *config.Config) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	before := map[string]served{}
	for _, s := range *f.current.Load() {
		before[s.config.Name] = s
	}
	next := make([]served, len(c.Organizations))
	var made []*org.Cache
	for i, o := range c.Organizations {
		next[i] = before[o.Name]
		if next[i].cache != nil && reflect.DeepEqual(next[i].config, o) {
			delete(before, o.Name)
			continue
		}
		cache, err := NewCache(o, f.deps)
		if err != nil {
			for _, c := range made {
				c.Close()
			}
			return err
		}
		made = append(made, cache)
		next[i] = served{o, cache}
	}
	for _, s := range next {
		f.deps.Observer.Added(s.config.Cloud, s.config.Name)
		if old := before[s.config.Name]; old.cache != nil && old.config.Cloud == s.config.Cloud {
			old.cache.Close() // first: what it still counted would be lost
			s.cache.Inherit(old.cache.Last())
			delete(before, s.config.Name)
		}
	}
	f.current.Store(&next)
	for _, gone := range before {
		gone.cache.Close()
		f.deps.Observer.Removed(gone.config.Cloud, gone.config.Name)
	}
	return nil
}

// Caches returns the caches of the organizations, in the order of the
// configuration.
func (f *Fleet) Caches() []*org.Cache {
	current := *f.current.Load()
	caches := make([]*org.Cache, len(current))
	for i, s := range current {
		caches[i] = s.cache
	}
	return caches
}

// Prime asks each organization that has never been refreshed once, a few at a
// time, so that nobody has to scrape it first.
func (f *Fleet) Prime(ctx context.Context) {
	var work errgroup.Group
	work.SetLimit(atOnce)
	for _, c := range f.Caches() {
		if ctx.Err() == nil && c.Last().Refreshed.IsZero() {
			work.Go(func() error {
				c.Snapshot(ctx)
				return nil
			})
		}
	}
	_ = work.Wait() // they return no error
}

// Close ends everything that runs.
func (f *Fleet) Close() {
	for _, c := range f.Caches() {
		c.Close()
	}
}
