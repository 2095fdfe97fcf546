package httpx

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"math"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/cenkalti/backoff/v5"
	"golang.org/x/time/rate"
)

const maxTries = 4

// An API is what a cloud adds to an HTTP call.
type API struct {
	Name    string // of the cloud, for errors
	BaseURL string // the URL of every call begins with it; a slash at its end is removed
	// Operations are the read-only operations that may be called. There is no
	// other.
	Operations []string
	// Sign adds the headers that authenticate req at the time now.
	Sign func(req *http.Request, operation string, now time.Time)
	// Explain returns the error of an answer whose status is not 2xx, or whose body
	// is an error although it is: its Kind, Code, Message, Detail, RequestID and Err.
	// Kind ClockSkew says that a wrong clock can be the cause: it becomes Auth if our
	// clock is right.
	Explain func(status int, header http.Header, body []byte) Error
	// ErrorFields are the fields of a JSON object that make it an error, whatever
	// the HTTP status is and whatever else the object has. A field that is null,
	// empty, false or 0 does not.
	ErrorFields []string
	// Time parses a time in an answer: the text of a string or number, in capital
	// letters.
	Time func(text string) (t time.Time, ok bool)
	// NullRows allows null as an element of a list: it is a row without fields.
	NullRows bool
	// Secrets are removed from every text of the API. They may change.
	Secrets func() []string
	// Pace limits the rate of single operations, below the RateLimit of all.
	Pace map[string]*rate.Limiter
}

// A Client calls one API with one credential.
type Client struct {
	api       API
	http      http.Client
	transport *Transport
}

// New returns a Client of api.
func New(api API, t *Transport) *Client {
	sign := func(req *http.Request, now time.Time) { api.Sign(req, Operation(req.Context()), now) }
	api.BaseURL = strings.TrimRight(api.BaseURL, "/")
	return &Client{api: api, http: http.Client{Transport: t.signing(sign, api.Pace)}, transport: t}
}

// CloseIdleConnections closes the connections that are kept for later calls.
func (c *Client) CloseIdleConnections() { c.transport.CloseIdleConnections() }

// A Request is a call of a read-only operation.
type Request struct {
	Operation string // path template, or the API's name for it
	Method    string // empty: GET
	URL       string // what follows the API's BaseURL; empty: the operation
	Header    http.Header
	Body      []byte
}

// Get makes the call, again if that can help, and decodes its answer with
// read. It returns the number of fields that could not be parsed. Its error is
// an *Error behind the operation's name.
func Get[T any](ctx context.Context, c *Client, r Request, read func(*Reader) T) (T, int, error) {
	ctx = WithOperation(ctx, r.Operation)
	var last error // backoff returns the context's error in its place
	var unparsed int
	out, err := backoff.Retry(ctx, func() (out T, err error) {
		out, unparsed, err = attempt(ctx, c, r, read)
		if last == nil || ctx.Err() == nil && !errors.Is(err, errLimited) { // the cause says more than a timeout
			last = err
		}
		return out, retry(err)
	}, backoff.WithMaxTries(maxTries), backoff.WithMaxElapsedTime(left(ctx)))
	if err != nil {
		if e, ok := errors.AsType[*Error](last); ok && e.Kind == Decode {
			refreshOf(ctx).drop(r.Operation) // the whole listing fails
		}
		var none T // half a listing is none
		return none, 0, r.failed(last)
	}
	return out, unparsed, nil
}

// failed returns err with the name of the call before it.
func (r Request) failed(err error) error {
	return fmt.Errorf("%s %s: %w", strings.ToLower(cmp.Or(r.Method, http.MethodGet)), r.Operation, err)
}

// Undecodable returns the error of a list whose answers contradict each other, or do
// not end.
func (c *Client) Undecodable(r Request, format string, args ...any) error {
	return r.failed(&Error{API: c.api.Name, Kind: Decode, Err: fmt.Errorf(format, args...)})
}

// attempt makes one call and decodes its answer. A panic is an error, too.
func attempt[T any](ctx context.Context, c *Client, r Request, read func(*Reader) T) (out T, unparsed int, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = &Error{API: c.api.Name, Kind: Other, Err: fmt.Errorf("panic: %v", p)}
		}
	}()
	keys := c.api.Secrets()
	resp, err := c.send(ctx, r)
	if e, ok := errors.AsType[*Error](err); ok && e.Kind == Auth {
		// The pair of keys is two files, which change one after the other.
		e.KeysChanged = !slices.Equal(keys, c.api.Secrets())
	}
	if err != nil {
		return out, 0, err
	}
	defer resp.Body.Close()
	refresh := refreshOf(ctx)
	of := refresh.listing(r.Operation)
	body := &body{r: resp.Body, of: of}
	reader := newReader(withoutMark(body), &c.api, c.transport.cfg.MaxRows)
	reader.bounds = &bounds{ctx: ctx, refresh: refresh, listing: of}
	defer func() {
		if reader.bounds.end(err == nil); err != nil {
			of.bytes.Add(-body.n)
		}
	}()
	out = read(reader)
	reader.end()
	if e := c.errorInside(resp, reader); e != nil {
		return out, 0, e
	}
	if reader.err != nil {
		return out, 0, c.undecodable(resp, body, reader)
	}
	return out, reader.unparsed, nil
}

// send returns an answer with a status of 2xx, or an *Error.
func (c *Client) send(ctx context.Context, r Request) (*http.Response, error) {
	if !slices.Contains(c.api.Operations, r.Operation) {
		return nil, &Error{API: c.api.Name, Kind: Other, Message: "not a read-only operation"}
	}
	req, err := http.NewRequestWithContext(ctx, cmp.Or(r.Method, http.MethodGet), c.api.BaseURL+cmp.Or(r.URL, r.Operation), bytes.NewReader(r.Body))
	if err != nil {
		return nil, c.unanswered(err)
	}
	req.Header.Set("Accept", "application/json")
	maps.Copy(req.Header, r.Header)
	resp, err := c.http.Do(req)
	if err != nil {
		return nil, c.unanswered(err)
	}
	if resp.StatusCode/100 == 2 {
		return resp, nil
	}
	defer resp.Body.Close()
	body, _ := io.ReadAll(resp.Body) // a part of it is better than nothing
	return nil, c.refused(resp.StatusCode, resp.Header, body)
}

// retry returns err as backoff expects it.
func retry(err error) error {
	var e *Error
	switch {
	case !errors.As(err, &e):
		return err
	case !e.transient():
		return backoff.Permanent(err)
	case e.RetryAfter > 0:
		return &backoff.RetryAfterError{Duration: e.RetryAfter}
	}
	return err
}

// retryAfter reads a Retry-After header: seconds, rounded up, or a date.
func retryAfter(s string) time.Duration {
	const longest = 1<<31 - 1 // seconds: within a Duration
	if n, err := strconv.ParseFloat(s, 64); (err == nil || errors.Is(err, strconv.ErrRange)) && n >= 0 {
		return time.Duration(math.Ceil(min(n, longest))) * time.Second
	}
	if t, err := http.ParseTime(s); err == nil {
		return max(0, time.Until(t))
	}
	return 0
}

// left returns the time until ctx ends: backoff must not wait for an attempt
// that cannot be made.
func left(ctx context.Context) time.Duration {
	if deadline, ok := ctx.Deadline(); ok {
		return max(time.Until(deadline), time.Nanosecond) // 0 would mean no limit
	}
	return 0
}
