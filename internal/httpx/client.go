// Package httpx is what both clouds' clients need below the API: one call,
// signed anew at each attempt, limited in rate, number and size, retried if
// that can help, decoded from the stream.
package httpx

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"time"

	"github.com/cenkalti/backoff/v5"
	"golang.org/x/time/rate"
)

const (
	maxBody      = 256 << 20 // bytes of an answer
	maxErrorBody = 1 << 20   // bytes of an error's answer
	maxTries     = 4
)

// An API is what one cloud adds to an HTTP call.
type API struct {
	Name string // "ncp" or "scp"
	// Paths are the path templates that may be called. There is no other.
	Paths []string
	// Unsigned are those of them that need no key: nothing of ours is sent
	// there.
	Unsigned []string
	// Sign adds the headers that make req a call of ours, at the time now.
	Sign func(req *http.Request, now time.Time)
	// Explain makes an error of an answer that is none of 2xx: its Reason,
	// Code, Message, RequestID. Message may be raw.
	Explain func(status int, header http.Header, body []byte) Error
	// Secrets are cut out of whatever the API said. They may change.
	Secrets func() []string
}

// A Call is what a Config's Observe is told of each attempt.
type Call struct {
	Endpoint  string // path template
	Status    int    // 0: there was no answer
	Took      time.Duration
	Throttled bool
	Offset    *time.Duration // the API's clock minus ours; nil if it did not say
}

// A Config bounds a Client.
type Config struct {
	Transport   http.RoundTripper
	Concurrency int     // calls at once
	RateLimit   float64 // calls per second
	Observe     func(Call)
}

// A Client calls one API with one credential.
type Client struct {
	api     API
	http    *http.Client
	slots   chan struct{}
	limiter *rate.Limiter
	observe func(Call)
}

// New returns a Client of api.
func New(api API, cfg Config) *Client {
	if cfg.Observe == nil {
		cfg.Observe = func(Call) {}
	}
	return &Client{
		api: api,
		http: &http.Client{
			Transport: cfg.Transport,
			// Go would carry our headers, signature and all, to another host.
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
		slots:   make(chan struct{}, cfg.Concurrency),
		limiter: rate.NewLimiter(rate.Limit(cfg.RateLimit), 1),
		observe: cfg.Observe,
	}
}

// CloseIdleConnections closes what is kept open for the next refresh.
func (c *Client) CloseIdleConnections() { c.http.CloseIdleConnections() }

// Get calls url, which is an instance of the path template endpoint, until it
// answers well or another attempt makes no sense, and decodes the answer with
// read. It returns the number of fields that could not be read. Its error is
// an *Error within the endpoint's name.
func Get[T any](ctx context.Context, c *Client, endpoint, url string, read func(*Reader) T) (T, int, error) {
	var last error // backoff would return the context's error or its own
	var unreadable int
	out, err := backoff.Retry(ctx, func() (out T, err error) {
		out, unreadable, err = attempt(ctx, c, endpoint, url, read)
		if last == nil || ctx.Err() == nil && !errors.Is(err, errNoTurn) { // that time ran out says less than why it was needed
			last = err
		}
		return out, retry(err)
	}, backoff.WithMaxTries(maxTries), backoff.WithMaxElapsedTime(left(ctx)))
	if err != nil {
		var none T // half a listing is none
		return none, 0, fmt.Errorf("get %s: %w", endpoint, last)
	}
	return out, unreadable, nil
}

// attempt is one call: wait for our turn, sign, send, make an error of a
// refusal, decode. What cannot be decoded without a panic is an error, too.
func attempt[T any](ctx context.Context, c *Client, endpoint, url string, read func(*Reader) T) (out T, unreadable int, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = &Error{API: c.api.Name, Reason: Other, Err: fmt.Errorf("panic: %v", p)}
		}
	}()
	release, err := c.turn(ctx)
	if err != nil {
		return out, 0, c.refused(err)
	}
	defer release()
	resp, err := c.send(ctx, endpoint, url)
	if err != nil {
		return out, 0, err
	}
	defer resp.Body.Close()
	body := &body{r: http.MaxBytesReader(nil, resp.Body, maxBody)}
	r := newReader(body)
	out = read(r)
	r.end()
	if r.err != nil {
		return out, 0, c.undecodable(resp, body, r)
	}
	return out, r.unreadable, nil
}

// errNoTurn is why a call was not made at all.
var errNoTurn = errors.New("no turn within the limits of concurrency and rate_limit")

// turn waits for a free slot and the rate limit.
func (c *Client) turn(ctx context.Context) (release func(), err error) {
	select {
	case c.slots <- struct{}{}:
	case <-ctx.Done():
		return nil, fmt.Errorf("%w: %w", errNoTurn, ctx.Err())
	}
	if err := c.limiter.Wait(ctx); err != nil {
		<-c.slots
		return nil, fmt.Errorf("%w: %w", errNoTurn, cmp.Or(ctx.Err(), context.DeadlineExceeded))
	}
	return func() { <-c.slots }, nil
}

// send returns an answer of 2xx, or an *Error. Observe is told of every call that
// is made.
func (c *Client) send(ctx context.Context, endpoint, url string) (*http.Response, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return nil, c.refused(err)
	}
	if !slices.Contains(c.api.Paths, endpoint) {
		return nil, &Error{API: c.api.Name, Reason: Other, Message: "this path may not be called"}
	}
	req.Header.Set("Accept", "application/json")
	if !slices.Contains(c.api.Unsigned, endpoint) {
		c.api.Sign(req, time.Now())
	}
	start := time.Now()
	resp, err := c.http.Do(req)
	call := Call{Endpoint: endpoint, Took: time.Since(start)}
	if err != nil {
		if !errors.Is(ctx.Err(), context.Canceled) { // a call that we gave up says nothing of the API
			c.observe(call)
		}
		return nil, c.refused(err)
	}
	call.Status = resp.StatusCode
	if date, err := http.ParseTime(resp.Header.Get("Date")); err == nil {
		offset := time.Until(date)
		call.Offset = &offset
	}
	if resp.StatusCode/100 == 2 {
		c.observe(call)
		return resp, nil
	}
	e := c.explain(resp, call.Offset)
	call.Throttled = e.Reason == Throttled
	c.observe(call)
	return nil, e
}
