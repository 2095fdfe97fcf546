package httpx

import (
	"compress/flate"
	"compress/gzip"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// explain makes an error of an answer that is not 2xx.
func (c *Client) explain(resp *http.Response, offset *time.Duration) *Error {
	defer resp.Body.Close()
	body, _ := io.ReadAll(io.LimitReader(resp.Body, maxErrorBody)) // the half of a body is better than none
	e := c.api.Explain(resp.StatusCode, resp.Header, body)
	e.API, e.Status = c.api.Name, resp.StatusCode
	e.RetryAfter = retryAfter(resp.Header.Get("Retry-After"))
	if offset != nil {
		e.Offset = *offset
	}
	if e.Reason == Auth && e.Status == http.StatusUnauthorized && e.Offset.Abs() > MaxSkew {
		e.Reason = ClockSkew
	}
	if resp.StatusCode/100 == 3 {
		e.Reason, e.Message = Other, "redirected to another address, which is never followed: is base_url right?"
	}
	e.Code, e.Message = c.clean(e.Code), c.clean(e.Message)
	e.RequestID, e.Permission = c.clean(e.RequestID), c.clean(e.Permission)
	return &e
}

// clean makes a text of the API's fit for a log.
func (c *Client) clean(text string) string {
	for _, secret := range c.api.Secrets() {
		if secret != "" {
			text = strings.ReplaceAll(text, secret, "<secret>")
		}
	}
	return Clean(text)
}

// refused makes an error of a call that had no answer.
func (c *Client) refused(err error) *Error {
	if wrapped, ok := errors.AsType[*url.Error](err); ok {
		err = wrapped.Err // it would repeat the URL
	}
	e := &Error{API: c.api.Name, Reason: Network, Err: err}
	var timeout net.Error
	var record tls.RecordHeaderError
	switch {
	case errors.Is(err, context.DeadlineExceeded), errors.As(err, &timeout) && timeout.Timeout():
		e.Reason, e.Message, e.Err = Timeout, "no answer in time", err
	case errors.Is(err, context.Canceled):
		e.Reason = Other
	case errors.As(err, &record):
		e.Err = errors.New("the other side does not speak TLS")
	}
	return e
}

// undecodable makes an error of an answer of 2xx that is not what it should
// be, or did not arrive whole.
func (c *Client) undecodable(resp *http.Response, b *body, r *Reader) *Error {
	e := &Error{API: c.api.Name, Reason: Decode, Status: resp.StatusCode}
	var large *http.MaxBytesError
	var corrupt flate.CorruptInputError
	switch {
	case b.err == nil && b.n == 0:
		e.Err = errors.New("empty body")
	case b.first == '<':
		e.Err = errors.New("not JSON but HTML or XML: is base_url right?")
	case errors.As(b.err, &large):
		e.Err = fmt.Errorf("an answer of more than %d MiB", maxBody>>20)
	case errors.Is(b.err, io.ErrUnexpectedEOF), b.err == nil && errors.Is(r.err, io.ErrUnexpectedEOF):
		e.Err = fmt.Errorf("cut off after %d bytes", b.n)
	case errors.Is(b.err, gzip.ErrHeader), errors.Is(b.err, gzip.ErrChecksum), errors.As(b.err, &corrupt):
		e.Err = fmt.Errorf("broken compression: %w", b.err)
	case b.err != nil:
		e = c.refused(b.err)
		e.Status = resp.StatusCode
	case isSyntax(r.err):
		e.Err = fmt.Errorf("not valid JSON at byte %d", r.dec.InputOffset())
	default:
		e.Err = r.err
	}
	return e
}

// A body remembers what a decoder does not tell: how it began, and ended.
type body struct {
	r     io.Reader
	n     int64
	first byte  // that is no white space
	err   error // but for io.EOF
}

func (b *body) Read(p []byte) (int, error) {
	n, err := b.r.Read(p)
	for i := 0; b.first == 0 && i < n; i++ {
		if p[i] > ' ' {
			b.first = p[i]
		}
	}
	b.n += int64(n)
	if err != nil && err != io.EOF {
		b.err = err
	}
	return n, err
}
