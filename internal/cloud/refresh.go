package cloud

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/cloudorg-exporter/cloudorg_exporter/internal/config"
	"github.com/cloudorg-exporter/cloudorg_exporter/internal/org"
)

// A call returns an answer, and how many of its fields could not be parsed. It
// is a method of a client, or makes several of its calls.
type call[A any] func(context.Context) (answer A, unparsed int, err error)

// A refresh is the listings of an organization while they are read concurrently.
type refresh struct {
	org.Listings
	explain     func(error) *org.Error // turns a client's error into the domain's
	concurrency int                    // calls at once
	running     sync.WaitGroup
}

func newRefresh(keys *config.Common, explain func(error) *org.Error) *refresh {
	return &refresh{Listings: org.Configure(keys.Collectors), explain: explain, concurrency: int(keys.Concurrency)}
}

// wait returns the listings when all have been read.
func (r *refresh) wait() org.Listings {
	r.running.Wait()
	return r.Listings
}

// read starts to read a listing of r, if it is configured. The function items
// returns the items that an answer has. A panic fails the listing, not the process.
func read[A, T any](ctx context.Context, r *refresh, l *org.Listing[T], get call[A], items func(A) []T) {
	if !l.Configured {
		return
	}
	r.running.Go(func() {
		start := time.Now()
		defer func() {
			if p := recover(); p != nil {
				l.Err = &org.Error{Reason: org.Other, Err: fmt.Errorf("panic: %v", p)}
			}
		}()
		answer, unparsed, err := get(ctx)
		l.Took = time.Since(start)
		if explained, ok := errors.AsType[*org.Error](err); ok {
			l.Err = explained
			return
		}
		if err != nil {
			l.Err = r.explain(err)
			return
		}
		l.Items, l.At, l.Unparsed = items(answer), time.Now(), unparsed
	})
}

// readEach is read for an answer of rows, each of which is an item.
func readEach[A, T any](ctx context.Context, r *refresh, l *org.Listing[T], get call[[]A], item func(A) T) {
	read(ctx, r, l, get, func(rows []A) []T { return mapped(rows, item) })
}

// mapped returns the items of the rows, one each.
func mapped[A, T any](rows []A, item func(A) T) []T {
	items := make([]T, len(rows))
	for i, row := range rows {
		items[i] = item(row)
	}
	return items
}

// asRead returns items unchanged, for read of a call whose answer is the items.
func asRead[T any](items []T) []T { return items }

// errUnread is the error of a shared call that panicked.
var errUnread = errors.New("not read")

// shared returns a call for several listings of a refresh. Its first use calls get,
// and all uses return the result of that. Unlike sync.OnceValues it waits on a
// channel, so that time passes in a bubble of synctest.
func shared[A any](get call[A]) call[A] {
	first, done := make(chan struct{}, 1), make(chan struct{})
	var answer A
	unparsed, err := 0, errUnread
	return func(ctx context.Context) (A, int, error) {
		select {
		case first <- struct{}{}:
			defer close(done)
			answer, unparsed, err = get(ctx)
		default:
			<-done
		}
		return answer, unparsed, err
	}
}

// errVanished is the error of an item that was listed and no longer exists.
var errVanished = errors.New("vanished")

// forEach makes a call for each item, several at once, and returns the answers
// in the order of the items. Those for which get returns errVanished have none.
// Any other error, and a panic, fails all: partial counts are never exported.
func forEach[K, A any](ctx context.Context, r *refresh, items []K, get func(context.Context, K) (A, int, error)) ([]A, int, error) {
	found := make([]*A, len(items)) // nil: vanished
	var unparsed atomic.Int64
	work, ctx := errgroup.WithContext(ctx)
	work.SetLimit(r.concurrency)
	for i, item := range items {
		work.Go(func() (err error) {
			defer func() {
				if p := recover(); p != nil {
					err = fmt.Errorf("panic: %v", p)
				}
			}()
			answer, bad, err := get(ctx, item)
			if errors.Is(err, errVanished) {
				return nil
			}
			found[i] = &answer
			unparsed.Add(int64(bad))
			return err
		})
	}
	if err := work.Wait(); err != nil {
		return nil, 0, err
	}
	var answers []A
	for _, answer := range found {
		if answer != nil {
			answers = append(answers, *answer)
		}
	}
	return answers, int(unparsed.Load()), nil
}
