package httpx

import (
	"context"
	"errors"
	"fmt"
	"math"
	"runtime/debug"
	"sync"
	"sync/atomic"
)

const (
	defaultBudget = 160 << 20 // bytes
	keptAbove     = 4 << 20   // bytes that an organization keeps, above which they count
	frugalAbove   = 48 << 20  // bytes held and kept, above which the garbage collector runs more often
	frugalPercent = 25        // GOGC above it
	returnAbove   = 16 << 20  // bytes held by a refresh, whose memory is returned to the system
	rowCost       = 128       // bytes that a row is estimated to take, without its texts
	takeAtOnce    = 64 << 10  // bytes taken from a Budget at once
)

// A Budget limits what all organizations of the process hold together: what
// their refreshes have read so far, and what they keep of large ones. A refresh
// may take a quarter of what is free, so that many that read too much leave
// something to the others. A refresh that needs more waits until no other one
// has more than its share, and may then hold what the others do not keep, or at
// least a tenth of the Budget.
type Budget struct {
	size  int64
	large chan struct{} // holds one element while a refresh has more than its share

	mu     sync.Mutex
	used   int64 // shares of all refreshes
	held   int64 // by all refreshes
	kept   int64 // by all Accounts
	frugal bool  // the garbage collector runs more often
	normal int   // GOGC while it does not

	returning atomic.Bool // memory is being returned to the system
}

// NewBudget returns the Budget of the process: 160 MiB, or a quarter of
// GOMEMLIMIT if that is less.
func NewBudget() *Budget {
	size := int64(defaultBudget)
	if limit := debug.SetMemoryLimit(-1); limit != math.MaxInt64 {
		size = min(size, limit/4)
	}
	return &Budget{size: size, large: make(chan struct{}, 1)}
}

// An Account is what one organization keeps of a Budget between two refreshes.
type Account struct {
	budget *Budget
	kept   int64 // bytes; guarded by budget.mu
}

// NewAccount returns the Account of an organization.
func (b *Budget) NewAccount() *Account { return &Account{budget: b} }

// Close gives back what the organization keeps.
func (a *Account) Close() { a.keep(0) }

// keep replaces what the organization keeps.
func (a *Account) keep(n int64) {
	if n <= keptAbove {
		n = 0
	}
	a.budget.mu.Lock()
	defer a.budget.mu.Unlock()
	a.budget.kept += n - a.kept
	a.kept = n
	a.budget.tune()
}

// most returns how much a large refresh of the organization may hold.
func (a *Account) most() int64 {
	a.budget.mu.Lock()
	defer a.budget.mu.Unlock()
	return max(a.budget.size/10, a.budget.size-(a.budget.kept-a.kept))
}

// A Refresh is what the calls of one refresh of an organization have in common:
// its part of the Budget, the bounds of its listings, and the refusal of a
// proxy. All calls of one operation are one listing.
type Refresh struct {
	*Account
	turn  chan struct{} // holds one element while a call takes from the budget
	proxy proxyGate

	mu       sync.Mutex
	held     int64 // bytes
	share    int64 // bytes of held that count in budget.used
	peak     int64 // most that was held
	large    bool
	listings map[string]*listing
}

// A listing is what all calls of an operation have read in one refresh.
type listing struct {
	rows  atomic.Int64
	bytes atomic.Int64 // of the bodies
	held  atomic.Int64 // bytes of the budget, of calls that have ended
}

type refreshKey struct{}

// WithRefresh returns the context of the calls of one refresh, and what has to
// be called when it has ended.
func (a *Account) WithRefresh(ctx context.Context) (context.Context, func()) {
	r := &Refresh{Account: a, turn: make(chan struct{}, 1), proxy: newProxyGate(), listings: map[string]*listing{}}
	return context.WithValue(ctx, refreshKey{}, r), r.end
}

// refreshOf returns the Refresh of ctx, or nil.
func refreshOf(ctx context.Context) *Refresh {
	r, _ := ctx.Value(refreshKey{}).(*Refresh)
	return r
}

// listing returns what the calls of an operation have read.
func (r *Refresh) listing(operation string) *listing {
	if r == nil {
		return new(listing)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	l := r.listings[operation]
	if l == nil {
		l = new(listing)
		r.listings[operation] = l
	}
	return l
}

var errWaited = errors.New("timed out waiting for memory that other refreshes use")

// take takes n bytes of the budget. It waits for them until ctx ends.
func (r *Refresh) take(ctx context.Context, n int64) error {
	if r == nil {
		return nil
	}
	if err := enter(ctx, r.turn); err != nil {
		return err
	}
	defer func() { <-r.turn }()
	if r.takeShare(n) {
		return nil
	}
	if !r.isLarge() {
		if err := enter(ctx, r.budget.large); err != nil {
			return err
		}
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.large = true
	if most := r.most(); r.held+n > most {
		return fmt.Errorf("more than %d MiB of data: no more memory is left for this organization", most>>20)
	}
	r.add(n, 0)
	return nil
}

// enter puts an element into a channel that has room for one. If there is room now,
// it does so even if ctx has ended; else it waits until ctx ends.
func enter(ctx context.Context, c chan<- struct{}) error {
	select {
	case c <- struct{}{}:
		return nil
	default:
	}
	select {
	case c <- struct{}{}:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("%w: %w", errWaited, ctx.Err())
	}
}

func (r *Refresh) isLarge() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.large
}

// takeShare takes n bytes if they are within the share of the refresh.
func (r *Refresh) takeShare(n int64) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	b := r.budget
	b.mu.Lock()
	free := b.size - b.used - (b.kept - r.kept)
	b.mu.Unlock()
	if r.large || r.share+n > (free-n)/4 {
		return false
	}
	r.add(n, n)
	return true
}

// add adds to the bytes that are held, and to those of them that are the share. r.mu
// is held.
func (r *Refresh) add(held, share int64) {
	r.held += held
	r.share += share
	r.peak = max(r.peak, r.held)
	r.budget.add(held, share)
}

// release gives back n bytes.
func (r *Refresh) release(n int64) {
	if r == nil || n == 0 {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.add(-n, min(0, r.held-n-r.share))
	if r.large && r.held <= r.share {
		r.large = false
		<-r.budget.large
	}
}

// end gives back what is held. The organization keeps what the listings that have
// not failed hold; if all have failed, it keeps what it kept before.
func (r *Refresh) end() {
	if r.held > 0 {
		r.keep(r.held)
	}
	r.release(r.held)
	if r.peak > returnAbove {
		r.budget.returnMemory()
	}
}

func (b *Budget) add(held, share int64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.held += held
	b.used += share
	b.tune()
}

// tune makes the garbage collector run more often while much is held or kept:
// otherwise garbage could take as much memory again. b.mu is held.
func (b *Budget) tune() {
	frugal := b.held+b.kept > frugalAbove
	switch {
	case frugal && !b.frugal:
		b.normal = debug.SetGCPercent(frugalPercent)
	case !frugal && b.frugal:
		debug.SetGCPercent(b.normal)
	}
	b.frugal = frugal
}

// returnMemory returns memory that is not used any more to the system, in the
// background.
func (b *Budget) returnMemory() {
	if b.returning.CompareAndSwap(false, true) {
		go func() {
			defer b.returning.Store(false)
			debug.FreeOSMemory()
		}()
	}
}

// drop gives back what the calls of an operation hold, whose listing has failed.
func (r *Refresh) drop(operation string) {
	if r == nil {
		return
	}
	l := r.listing(operation)
	r.release(l.held.Swap(0))
}

// bounds counts the rows and bytes of one call: those that the listing and the
// budget do not yet include, and those that they do.
type bounds struct {
	ctx     context.Context //nolint:containedctx // of one call, as the bounds are
	refresh *Refresh
	listing *listing

	rows, bytes         int64 // not yet counted
	sumRows, sumOfBytes int64 // counted
}

// settle counts what has been read, and waits for its memory. It returns the
// rows of the listing.
func (b *bounds) settle() (rows int64, err error) {
	if err := b.refresh.take(b.ctx, b.bytes); err != nil {
		return 0, err
	}
	rows = b.listing.rows.Add(b.rows)
	b.sumRows += b.rows
	b.sumOfBytes += b.bytes
	b.rows, b.bytes = 0, 0
	return rows, nil
}

// end is called when the call has ended. It gives back everything unless the rows are
// kept.
func (b *bounds) end(kept bool) {
	if kept {
		b.listing.held.Add(b.sumOfBytes)
		return
	}
	b.listing.rows.Add(-b.sumRows)
	b.refresh.release(b.sumOfBytes)
}
