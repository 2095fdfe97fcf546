package httpx

import (
	"compress/flate"
	"compress/gzip"
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
)

// explain makes an error of an answer whose body is an error's.
func (c *Client) explain(status int, header http.Header, body []byte) *Error {
	e := c.api.Explain(status, header, body)
	e.API, e.Status = c.api.Name, status
	e.RetryAfter = retryAfter(header.Get("Retry-After"))
	e.Offset, _ = clockOffset(header)
	skewed := e.Offset.Abs() > MaxSkew && header.Get("Date") != ""
	switch {
	case e.Kind == Auth && (status == http.StatusUnauthorized || status/100 == 2) && skewed:
		e.Kind = ClockSkew
	case e.Kind == ClockSkew && !skewed:
		e.Kind = Auth
	}
	if status/100 == 3 {
		e.Kind, e.Message = Other, "redirected to another address, which is never followed: is base_url right?"
	}
	e.Code, e.Detail = c.clean(e.Code), c.clean(e.Detail)
	e.Permission, e.RequestID = c.clean(e.Permission), c.clean(e.RequestID)
	if e.Kind == Throttled {
		c.transport.cfg.Throttled()
	}
	return &e
}

// errorInside makes an error of an answer of 2xx whose body is an error's. It
// returns nil for any other answer.
func (c *Client) errorInside(resp *http.Response, r *Reader) *Error {
	shape, misshapen := errors.AsType[shapeError](r.err)
	if r.err != nil && !misshapen || r.err == nil && !r.refused {
		return nil // not readable at all, or as documented
	}
	body, _ := json.Marshal(r.unread) // values that were read as JSON
	e := c.explain(resp.StatusCode, resp.Header, body)
	switch {
	case r.refused && r.rows > 0: // which of the two is right?
		e.Kind, e.Message, e.Err = Decode, "", errors.New("an error beside rows")
	case !r.refused && e.Kind == Decode && e.Code == "":
		e.Message, e.Detail, e.Err = "", "", shape
	case e.Detail == strings.ToLower(http.StatusText(resp.StatusCode)):
		e.Detail = "an error in place of the answer"
	}
	return e
}

// clean makes a text of the API fit for a log, without our secrets.
func (c *Client) clean(text string) string {
	for _, secret := range c.api.Secrets() {
		if secret != "" {
			text = strings.ReplaceAll(text, secret, "<secret>")
		}
	}
	return Clean(text)
}

// unanswered makes an error of a call that has no answer.
func (c *Client) unanswered(err error) *Error {
	if wrapped, ok := errors.AsType[*url.Error](err); ok {
		err = wrapped.Err // without the URL
	}
	e := &Error{API: c.api.Name, Kind: Network, Err: err}
	var timeout net.Error
	var certificate *tls.CertificateVerificationError
	var record tls.RecordHeaderError
	switch {
	case errors.Is(err, context.DeadlineExceeded), errors.As(err, &timeout) && timeout.Timeout():
		e.Kind, e.Message = Timeout, "no answer in time"
	case errors.Is(err, context.Canceled):
		e.Kind = Other
	case errors.As(err, &certificate) && len(certificate.UnverifiedCertificates) > 0:
		e.Message = fmt.Sprintf("the certificate issued by %q is not trusted", Clean(issuer(certificate)))
	case errors.As(err, &record):
		e.Err = errors.New("server does not speak TLS (plain HTTP?)")
	}
	return e
}

// issuer returns the name of who issued the certificate that was not trusted.
func issuer(e *tls.CertificateVerificationError) string {
	name := e.UnverifiedCertificates[0].Issuer
	if name.CommonName != "" {
		return name.CommonName
	}
	return name.String()
}

// undecodable makes an error of an answer of 2xx that does not match the
// documentation, or was cut off.
func (c *Client) undecodable(resp *http.Response, b *body, r *Reader) *Error {
	e := &Error{API: c.api.Name, Kind: Decode, Status: resp.StatusCode}
	var large *http.MaxBytesError
	var corrupt flate.CorruptInputError
	switch {
	case b.err == nil && b.n == 0:
		e.Err = errors.New("empty body")
	case b.first == '<':
		e.Err = errors.New("not JSON but HTML or XML: is base_url right?")
	case errors.As(b.err, &large):
		e.Err = fmt.Errorf("an answer of more than %d MiB", large.Limit>>20)
	case errors.Is(b.err, io.ErrUnexpectedEOF), b.err == nil && errors.Is(r.err, io.ErrUnexpectedEOF):
		e.Err = fmt.Errorf("cut off after %d bytes", b.n)
	case errors.Is(b.err, gzip.ErrHeader), errors.Is(b.err, gzip.ErrChecksum), errors.As(b.err, &corrupt):
		e.Err = fmt.Errorf("broken compression: %w", b.err)
	case b.err != nil:
		e = c.unanswered(b.err)
		e.Status = resp.StatusCode
	case isSyntax(r.err):
		e.Err = fmt.Errorf("not valid JSON at byte %d", r.dec.InputOffset())
	default:
		e.Err = r.err
	}
	return e
}

// A body records how an answer began and ended.
type body struct {
	r     io.Reader
	n     int64
	first byte  // first byte that is not white space
	err   error // other than io.EOF
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
