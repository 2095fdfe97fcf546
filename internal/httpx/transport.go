// Package httpx is what the API clients share below their APIs: a Transport,
// which limits and observes calls, and Get, which makes a call with retries
// and decodes the answer.
package httpx

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/time/rate"
)

const (
	maxBody      = 256 << 20 // bytes of an answer
	maxErrorBody = 1 << 20   // bytes of the answer of an error
)

// A Config limits and observes the calls of one organization.
type Config struct {
	Next        http.RoundTripper
	Concurrency int     // calls at once
	RateLimit   float64 // calls per second
	MaxRows     int     // rows of a listing; 0: two million
	// Proxy returns the proxy of a call, or nil; nil: there is none.
	Proxy     func(*http.Request) (*url.URL, error)
	Observe   func(Call) // called for each call that was made; may be nil
	Throttled func()     // called for each answer that says there were too many calls; may be nil
}

// A Call is one call that was made.
type Call struct {
	Operation string // path template, or the API's name for it
	Status    int    // 0: there was no answer
	Took      time.Duration
	Offset    *time.Duration // the API's clock minus ours; nil if it sent no date
}

// A Transport is an http.RoundTripper. It waits for the limits of Config,
// bounds the size of an answer, follows no redirect and observes each call.
type Transport struct {
	cfg     Config
	slots   chan struct{}
	limiter *rate.Limiter
	sign    func(*http.Request, time.Time)
	pace    map[string]*rate.Limiter // by operation
}

// NewTransport returns a Transport.
func NewTransport(cfg Config) *Transport {
	if cfg.Observe == nil {
		cfg.Observe = func(Call) {}
	}
	if cfg.Throttled == nil {
		cfg.Throttled = func() {}
	}
	cfg.MaxRows = cmp.Or(cfg.MaxRows, maxRows)
	return &Transport{
		cfg:     cfg,
		slots:   make(chan struct{}, cfg.Concurrency),
		limiter: rate.NewLimiter(rate.Limit(cfg.RateLimit), 1),
	}
}

// signing returns a Transport within the same limits that signs each request,
// and has limits for single operations. It signs after it has waited for the
// limits: a signature expires.
func (t *Transport) signing(sign func(*http.Request, time.Time), pace map[string]*rate.Limiter) *Transport {
	s := *t
	s.sign, s.pace = sign, pace
	return &s
}

// RoundTrip makes one call. Its slot is free again when the answer's body is
// closed.
func (t *Transport) RoundTrip(req *http.Request) (*http.Response, error) {
	ctx := req.Context()
	release, err := t.acquire(ctx)
	if err != nil {
		if req.Body != nil {
			_ = req.Body.Close()
		}
		return nil, err
	}
	if t.sign != nil {
		req = req.Clone(ctx)
		t.sign(req, time.Now())
	}
	start := time.Now()
	resp, err := t.carry(req)
	call := Call{Operation: Operation(ctx), Took: time.Since(start)}
	if err != nil {
		release()
		if !errors.Is(ctx.Err(), context.Canceled) && !errors.Is(err, errLimited) { // a call that was given up says nothing about the API
			t.cfg.Observe(call)
		}
		return nil, err
	}
	call.Status = resp.StatusCode
	if offset, ok := clockOffset(resp.Header); ok {
		call.Offset = &offset
	}
	t.cfg.Observe(call)
	limit := int64(maxBody)
	switch resp.StatusCode / 100 {
	case 2:
	case 3:
		resp.Header.Del("Location") // http.Client would send the signed headers to another host
		fallthrough
	default:
		limit = maxErrorBody
	}
	resp.Body = &boundedBody{http.MaxBytesReader(nil, resp.Body, limit), resp.Body, release}
	return resp, nil
}

// carry makes a call, through a proxy if there is one. An answer that is not
// HTTP is a malformedError.
func (t *Transport) carry(req *http.Request) (resp *http.Response, err error) {
	var answered atomic.Bool
	refresh := refreshOf(req.Context())
	req = req.WithContext(httptrace.WithClientTrace(req.Context(), &httptrace.ClientTrace{
		GotFirstResponseByte: func() { answered.Store(true) },
	}))
	var proxy *url.URL
	if t.cfg.Proxy != nil {
		proxy, _ = t.cfg.Proxy(req) // the Transport below has the error, too
	}
	switch {
	case proxy == nil:
		resp, err = t.cfg.Next.RoundTrip(req)
	case refresh == nil:
		resp, err = t.cfg.Next.RoundTrip(req)
		resp, err = refusal(resp, err, proxy)
	default:
		resp, err = refresh.proxy.roundTrip(req, proxy, t.cfg.Next)
	}
	if err != nil && answered.Load() && !interrupted(err) {
		err = &malformedError{err}
	}
	return resp, err
}

// CloseIdleConnections closes the connections that are kept for later calls.
func (t *Transport) CloseIdleConnections() {
	if next, ok := t.cfg.Next.(interface{ CloseIdleConnections() }); ok {
		next.CloseIdleConnections()
	}
}

// errLimited is the error of a call that was not made.
var errLimited = errors.New("timed out waiting for concurrency or rate_limit")

// acquire waits for a free slot and the rate limits. It waits for that of the
// operation first: meanwhile, the slot is free for others.
func (t *Transport) acquire(ctx context.Context) (release func(), err error) {
	if pace := t.pace[Operation(ctx)]; pace != nil {
		if err := pace.Wait(ctx); err != nil {
			return nil, fmt.Errorf("%w: %w", errLimited, cmp.Or(ctx.Err(), context.DeadlineExceeded))
		}
	}
	select {
	case t.slots <- struct{}{}:
	case <-ctx.Done():
		return nil, fmt.Errorf("%w: %w", errLimited, ctx.Err())
	}
	release = sync.OnceFunc(func() { <-t.slots })
	if err := t.limiter.Wait(ctx); err != nil {
		release()
		return nil, fmt.Errorf("%w: %w", errLimited, cmp.Or(ctx.Err(), context.DeadlineExceeded))
	}
	return release, nil
}

// A boundedBody is an answer's body that frees its call's slot.
type boundedBody struct {
	io.Reader
	body    io.Closer
	release func()
}

func (b *boundedBody) Close() error {
	defer b.release()
	return b.body.Close()
}

// clockOffset returns the API's clock minus ours, to the second.
func clockOffset(header http.Header) (time.Duration, bool) {
	date, err := http.ParseTime(header.Get("Date"))
	return time.Until(date), err == nil
}

type operationKey struct{}

// WithOperation returns a context whose calls are observed under the name of
// an operation.
func WithOperation(ctx context.Context, operation string) context.Context {
	return context.WithValue(ctx, operationKey{}, operation)
}

// Operation returns the name of a context's operation, or "other".
func Operation(ctx context.Context) string {
	name, ok := ctx.Value(operationKey{}).(string)
	if !ok {
		return "other"
	}
	return name
}
