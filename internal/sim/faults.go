package sim

import (
	"strings"
	"sync"
)

// faults is what is wrong with each path at the moment.
type faults struct {
	mu     sync.Mutex
	byPath map[string]Fault
}

// set makes the fault apply to a path, or to all that match a pattern with a
// `*` at its end. The zero Fault removes what is set for any of them.
func (fs *faults) set(pattern string, f Fault) {
	fs.mu.Lock()
	defer fs.mu.Unlock()
	if !f.zero() {
		if fs.byPath == nil {
			fs.byPath = make(map[string]Fault)
		}
		fs.byPath[pattern] = f
		return
	}
	for p := range fs.byPath {
		if matches(pattern, p) {
			delete(fs.byPath, p)
		}
	}
}

// take returns the fault of a path, the zero one if nothing is wrong with it,
// and counts it as used. The longest pattern wins. A refused request takes no
// fault that waits for the credentials to be checked.
func (fs *faults) take(path string, refused bool) Fault {
	fs.mu.Lock()
	defer fs.mu.Unlock()
	var (
		best  string
		fault Fault
	)
	for p, f := range fs.byPath {
		if refused && f.AfterAuth {
			continue
		}
		if matches(p, path) && len(p) > len(best) {
			best, fault = p, f
		}
	}
	switch fault.Times {
	case 0:
	case 1:
		delete(fs.byPath, best)
	default:
		left := fault
		left.Times--
		fs.byPath[best] = left
	}
	return fault
}

// matches says whether a path, or another pattern, is within a pattern.
func matches(pattern, path string) bool {
	if prefix, ok := strings.CutSuffix(pattern, "*"); ok {
		return strings.HasPrefix(path, prefix)
	}
	return pattern == path
}
