// Package capture writes the calls of API clients into files without what could
// name an account, a person or an organization, so that they can be sent with a
// bug report. docs/captures.md describes the files.
package capture

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"net/url"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/cloudorg-exporter/cloudorg_exporter/internal/httpx"
)

// A Capture is a directory of calls. An identifier, a name of an undocumented
// field and an interval of time are the same in all of its files.
type Capture struct {
	dir    string
	values *values

	mu            sync.Mutex
	organizations int
	files         int
	err           error // the first
}

// New returns a Capture in a directory, which it makes unless it is empty.
func New(dir string) (*Capture, error) {
	err := os.Mkdir(dir, 0o700)
	if errors.Is(err, fs.ErrExist) {
		var entries []os.DirEntry
		entries, err = os.ReadDir(dir)
		if len(entries) > 0 {
			err = fmt.Errorf("%s is not empty", dir)
		}
	}
	if err != nil {
		return nil, err
	}
	return &Capture{dir: dir, values: newValues()}, nil
}

// Files returns the number of files, and the first error of writing one. A call
// whose file cannot be written goes on.
func (c *Capture) Files() (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.files, c.err
}

func (c *Capture) fail(err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.err == nil {
		c.err = err
	}
}

// create makes the file of the next call.
func (c *Capture) create() (*os.File, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.files++
	return os.OpenFile(fmt.Sprintf("%s%c%04d.json", c.dir, os.PathSeparator, c.files), os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
}

// Transport returns a RoundTripper that captures the calls of one organization,
// which next carries. The calls have the names of their operations in their
// contexts, see httpx.WithOperation.
func (c *Capture) Transport(next http.RoundTripper, cloud string, fields Fields) http.RoundTripper {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.organizations++
	return &transport{next: next, capture: c, cloud: cloud, organization: c.organizations, fields: fields}
}

// A transport captures the calls of one organization.
type transport struct {
	next         http.RoundTripper
	capture      *Capture
	cloud        string
	organization int
	fields       Fields
}

// CloseIdleConnections closes the connections that are kept for later calls.
func (t *transport) CloseIdleConnections() {
	if next, ok := t.next.(interface{ CloseIdleConnections() }); ok {
		next.CloseIdleConnections()
	}
}

// RoundTrip makes one call and captures it.
func (t *transport) RoundTrip(req *http.Request) (*http.Response, error) {
	file, fileErr := t.capture.create()
	start := time.Now()
	resp, err := t.next.RoundTrip(req)
	if fileErr != nil {
		t.capture.fail(fileErr)
		return resp, err
	}
	c := &call{transport: t, req: req, file: file, start: start, took: time.Since(start), resp: resp}
	if err != nil {
		c.failure = cause(err)
		c.write(strings.NewReader(""))
		return nil, err
	}
	reader, writer := io.Pipe()
	done := make(chan struct{})
	go func() {
		defer close(done)
		c.write(reader)
	}()
	resp.Body = &body{resp.Body, writer, done}
	return resp, nil
}

// cause says in one word why there was no answer, or no more of it.
func cause(err error) string {
	var timeout net.Error
	_, certificate := errors.AsType[*tls.CertificateVerificationError](err)
	switch {
	case errors.Is(err, io.ErrUnexpectedEOF):
		return "cut"
	case errors.Is(err, context.Canceled):
		return "canceled"
	case errors.Is(err, context.DeadlineExceeded), errors.As(err, &timeout) && timeout.Timeout():
		return "timeout"
	case certificate:
		return "certificate"
	}
	return "network"
}

// A body passes an answer on to the client and to the file.
type body struct {
	io.ReadCloser
	file *io.PipeWriter
	done chan struct{} // closed once the file is written
}

func (b *body) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if n > 0 {
		_, _ = b.file.Write(p[:n]) // its reader reads all
	}
	if err != nil {
		_ = b.file.CloseWithError(err)
	}
	return n, err
}

// Close captures the rest of an answer that the client does not read.
func (b *body) Close() error {
	const rest = 1 << 20
	_, _ = io.CopyN(io.Discard, b, rest)
	_ = b.file.CloseWithError(io.ErrUnexpectedEOF) // nothing if it has ended
	<-b.done
	return b.ReadCloser.Close()
}

// A call is one attempt of a call.
type call struct {
	*transport
	req     *http.Request
	file    *os.File
	start   time.Time
	took    time.Duration  // until the answer began
	resp    *http.Response // nil: there was none
	failure string         // why there was none
}

// write writes the file. If the body is not JSON, the file has only its length.
func (c *call) write(body io.Reader) {
	defer c.file.Close()
	answer := &source{Reader: body}
	err := c.contents(func(enc *jsontext.Encoder) error {
		if c.resp == nil {
			return nil
		}
		return errors.Join(enc.WriteToken(jsontext.String("body")), c.rewriter().rewrite(answer, enc))
	})
	if err != nil {
		rest, _ := io.Copy(io.Discard, body)
		err = c.again(invalid{form(answer, err), answer.n + rest})
	}
	if err != nil {
		c.capture.fail(err)
	}
}

// An invalid is a body that is not JSON.
type invalid struct {
	Form  string `json:"form"` // empty, markup, cut, timeout, network, canceled or other
	Bytes int64  `json:"bytes"`
}

func form(s *source, err error) string {
	switch {
	case s.err != nil:
		return cause(s.err)
	case s.n == 0:
		return "empty"
	case s.first == '<':
		return "markup"
	case errors.Is(err, io.ErrUnexpectedEOF):
		return "cut"
	}
	return "other"
}

// again writes the file anew, with what is wrong in place of the body.
func (c *call) again(wrong invalid) error {
	_, err := c.file.Seek(0, io.SeekStart)
	return errors.Join(err, c.file.Truncate(0), c.contents(func(enc *jsontext.Encoder) error {
		return errors.Join(enc.WriteToken(jsontext.String("invalid_body")), json.MarshalEncode(enc, wrong))
	}))
}

// contents writes all but the body, which the function writes.
func (c *call) contents(body func(*jsontext.Encoder) error) error {
	enc := jsontext.NewEncoder(c.file, options()...)
	operation := httpx.Operation(c.req.Context())
	err := enc.WriteToken(jsontext.BeginObject)
	field := func(name string, value any) {
		err = errors.Join(err, enc.WriteToken(jsontext.String(name)), json.MarshalEncode(enc, value))
	}
	field("cloud", c.cloud)
	field("organization", c.organization) // the first that was read is 1
	field("operation", operation)
	field("method", c.req.Method)
	field("path", c.path(operation))
	field("query", c.query())
	if request := c.request(); request != nil {
		field("request", request)
	}
	field("at", c.start.Add(c.capture.values.offset).UTC().Format("2006-01-02T15:04:05Z"))
	field("milliseconds", c.took.Milliseconds())
	if c.failure != "" {
		field("no_answer", c.failure)
	}
	if c.resp != nil {
		field("status", c.resp.StatusCode)
		field("header", c.capture.values.header(c.resp.Header))
	}
	if err != nil {
		return err
	}
	if err := body(enc); err != nil {
		return err
	}
	return enc.WriteToken(jsontext.EndObject)
}

func (c *call) rewriter() *rewriter {
	return &rewriter{values: c.capture.values, fields: c.fields, sent: c.req.Header}
}

// path returns the operation's path with made-up identifiers, and without what
// base_url has before it.
func (c *call) path(operation string) string {
	if !strings.HasPrefix(operation, "/") {
		return "/"
	}
	parts, sent := strings.Split(operation, "/"), strings.Split(c.req.URL.Path, "/")
	for i, part := range parts {
		if at := len(sent) - len(parts) + i; strings.HasPrefix(part, "{") && at >= 0 {
			parts[i] = c.capture.values.id(sent[at])
		}
	}
	return strings.Join(parts, "/")
}

func (c *call) query() string {
	out := url.Values{}
	for name, all := range c.req.URL.Query() {
		kind, documented := c.fields[name]
		if !documented {
			name, kind = c.capture.values.name(name), Text
		}
		for _, value := range all {
			out.Add(name, c.rewriter().string(kind, value))
		}
	}
	return out.Encode()
}

// request returns the body that was sent, or nil if it is not JSON.
func (c *call) request() jsontext.Value {
	if c.req.GetBody == nil {
		return nil
	}
	sent, err := c.req.GetBody()
	if err != nil {
		return nil
	}
	defer sent.Close()
	var out strings.Builder
	if c.rewriter().rewrite(&source{Reader: sent}, jsontext.NewEncoder(&out, options()...)) != nil {
		return nil
	}
	return jsontext.Value(out.String())
}
