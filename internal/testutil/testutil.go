// Package testutil is what the tests of several packages need.
package testutil

import (
	"os"
	"path/filepath"
	"runtime"
	"sync"
	"testing"
	"time"
)

// A Sample is a file of test data.
type Sample struct {
	Name string // without its folder
	Body string
}

// Samples returns the files that match the patterns. One that matches none ends
// the test.
func Samples(tb testing.TB, patterns ...string) (all []Sample) {
	tb.Helper()
	for _, pattern := range patterns {
		files, err := filepath.Glob(pattern)
		if err != nil || len(files) == 0 {
			tb.Fatalf("no samples match %s: %v", pattern, err)
		}
		for _, name := range files {
			b, err := os.ReadFile(name)
			if err != nil {
				tb.Fatal(err)
			}
			all = append(all, Sample{filepath.Base(name), string(b)})
		}
	}
	return all
}

// HeapGrowth returns how much larger the heap was at most while f ran, in bytes.
func HeapGrowth(f func()) float64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	before, most := m.HeapAlloc, m.HeapAlloc
	stop := make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() {
		for {
			select {
			case <-stop:
				return
			case <-time.After(time.Millisecond):
				runtime.ReadMemStats(&m)
				most = max(most, m.HeapAlloc)
			}
		}
	})
	f()
	close(stop)
	wg.Wait()
	return float64(most - before)
}
