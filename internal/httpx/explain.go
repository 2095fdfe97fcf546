package httpx

import (
	"bufio"
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

	"golang.org/x/oauth2"
)

// refused returns the error of a response, and reports it to Throttled if there were
// too many calls.
func (c *Client) refused(status int, header http.Header, body []byte) *Error {
	e := c.explain(status, header, body)
	if e.Kind == Throttled {
		c.transport.cfg.Throttled()
	}
	return e
}

// explain returns the error of a response: what the API's Explain says of it, with
// its headers and the clocks taken into account.
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
	return &e
}

// errorInside returns the error that the body of an answer with a status of 2xx is,
// or nil if it is none.
func (c *Client) errorInside(resp *http.Response, r *Reader) *Error {
	shape, misshapen := errors.AsType[shapeError](r.err)
	if r.err != nil && !misshapen || r.err == nil && !r.refused {
		return nil // it cannot be read at all, or is as documented
	}
	body, _ := json.Marshal(r.unread) // values that were read as JSON
	e := c.refused(resp.StatusCode, resp.Header, body)
	switch {
	case r.refused && r.rows > 0: // the two contradict each other
		e.Kind, e.Message, e.Err = Decode, "", errors.New("an error beside rows")
	case !r.refused && e.Kind == Decode && e.Code == "":
		e.Message, e.Detail, e.Err = "", "", shape
	case e.Detail == strings.ToLower(http.StatusText(resp.StatusCode)):
		e.Detail = "an error in place of the answer"
	}
	return e
}

// clean returns a text of the API as Clean does, and without our secrets.
func (c *Client) clean(text string) string {
	for _, secret := range c.api.Secrets() {
		if secret != "" {
			text = strings.ReplaceAll(text, secret, "<secret>")
		}
	}
	return Clean(text)
}

// unanswered returns the error of a call that got no answer.
func (c *Client) unanswered(err error) *Error {
	if wrapped, ok := errors.AsType[*url.Error](err); ok {
		err = wrapped.Err // without the URL
	}
	// The error of net/http may quote text from outside.
	e := &Error{API: c.api.Name, Kind: Network, Err: &cleanError{c.clean(err.Error()), err}}
	var timeout net.Error
	var certificate *tls.CertificateVerificationError
	var record tls.RecordHeaderError
	var malformed *malformedError
	var token *oauth2.RetrieveError
	switch {
	case errors.Is(err, context.DeadlineExceeded), errors.As(err, &timeout) && timeout.Timeout():
		e.Kind, e.Message = Timeout, "no answer in time"
	case errors.Is(err, context.Canceled):
		e.Kind = Other
	case errors.As(err, &certificate) && len(certificate.UnverifiedCertificates) > 0:
		e.Message = fmt.Sprintf("the certificate issued by %q is not trusted", Clean(issuer(certificate)))
	case errors.As(err, &record):
		e.Err = errors.New("server does not speak TLS (plain HTTP?)")
	case errors.As(err, &malformed):
		e.Kind, e.Message = Decode, "not a valid HTTP response"
	case errors.As(err, &token) && token.Response != nil:
		e.Message = fmt.Sprintf("the token endpoint of oauth2 refused: HTTP %d", token.Response.StatusCode)
		e.Err = &cleanError{c.clean(token.ErrorCode), err} // its body may repeat the secret
	}
	return e
}

// A cleanError is an error with a text that can be shown in place of its own.
type cleanError struct {
	text string
	error
}

func (e *cleanError) Error() string { return e.text }

func (e *cleanError) Unwrap() error { return e.error }

// A malformedError is an answer that is not HTTP.
type malformedError struct{ error }

func (e *malformedError) Unwrap() error { return e.error }

// interrupted reports whether err is the error of a connection, a proxy or a
// context. Otherwise what was read is wrong.
func interrupted(err error) bool {
	var network net.Error
	var proxy *ProxyError
	return errors.As(err, &network) || errors.As(err, &proxy) || errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) ||
		errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded)
}

// issuer returns the name of the issuer of the untrusted certificate.
func issuer(e *tls.CertificateVerificationError) string {
	name := e.UnverifiedCertificates[0].Issuer
	if name.CommonName != "" {
		return name.CommonName
	}
	return name.String()
}

// undecodable returns the error of an answer with a status of 2xx that does not
// match the documentation, or was cut off.
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
		e.Err = fmt.Errorf("more than %d MiB", large.Limit>>20)
	case errors.Is(r.err, errWaited):
		e.Kind, e.Err = Timeout, r.err
	case errors.Is(b.err, io.ErrUnexpectedEOF), b.err == nil && errors.Is(r.err, io.ErrUnexpectedEOF):
		e.Err = fmt.Errorf("cut off after %d bytes", b.n)
	case errors.Is(b.err, gzip.ErrHeader), errors.Is(b.err, gzip.ErrChecksum), errors.As(b.err, &corrupt):
		e.Err = fmt.Errorf("broken compression: %w", b.err)
	case b.err != nil && resp.ProtoMajor == 1 && !interrupted(b.err):
		e = c.unanswered(&malformedError{b.err}) // broken chunks, for example
		e.Status = resp.StatusCode
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

// A body records how an answer began and ended. It ends with an error where its
// listing becomes too large.
type body struct {
	r     io.Reader
	of    *listing
	n     int64
	first byte  // first byte that is not white space
	err   error // other than io.EOF
}

func (b *body) Read(p []byte) (int, error) {
	n, err := b.r.Read(p)
	b.n += int64(n)
	for i := 0; b.first == 0 && i < n; i++ {
		if p[i] > ' ' {
			b.first = p[i]
		}
	}
	if b.of.bytes.Add(int64(n)) > maxBody {
		err = &http.MaxBytesError{Limit: maxBody}
	}
	if err != nil && err != io.EOF {
		b.err = err
	}
	return n, err
}

// withoutMark returns r without the byte order mark that RFC 8259, section 8.1,
// allows to ignore.
func withoutMark(r io.Reader) io.Reader {
	b := bufio.NewReaderSize(r, 16)
	if start, _ := b.Peek(len(mark)); string(start) == mark {
		_, _ = b.Discard(len(mark))
	}
	return b
}

const mark = "\xef\xbb\xbf"
