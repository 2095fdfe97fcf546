// Package capture writes the calls of API clients into files without what could
// name an account, a person or an organization, so that they can be sent with a
// bug report. docs/captures.md describes the files.
package capture

import (
	"bytes"
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

// write writes the file of a call.
func (c *Capture) write(out *os.File, call *call) {
	err := json.MarshalEncode(jsontext.NewEncoder(out, options(), jsontext.WithIndent("  ")), call)
	if err := errors.Join(err, out.Close()); err != nil {
		c.fail(err)
	}
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
	out, outErr := t.capture.create()
	start := time.Now()
	resp, err := t.next.RoundTrip(req)
	took := time.Since(start)
	if outErr != nil {
		t.capture.fail(outErr)
		return resp, err
	}
	c := &call{
		Cloud:        t.cloud,
		Organization: t.organization,
		Operation:    httpx.Operation(req.Context()),
		Method:       req.Method,
		Path:         t.path(req),
		Query:        t.query(req),
		Request:      t.request(req),
		At:           start.Add(t.capture.values.offset).UTC().Format("2006-01-02T15:04:05Z"),
		Milliseconds: took.Milliseconds(),
	}
	if err != nil {
		c.NoAnswer = cause(err)
		t.capture.write(out, c)
		return nil, err
	}
	c.Status, c.Header = resp.StatusCode, t.capture.values.header(resp.Header)
	answer := &body{ReadCloser: resp.Body}
	answer.captured = sync.OnceFunc(func() {
		rewritten, err := t.rewriter(req).rewrite(answer.text.Bytes())
		if err != nil || !errors.Is(answer.end, io.EOF) {
			rewritten, c.InvalidBody = nil, &invalid{answer.form(err), answer.text.Len()}
		}
		c.Body = rewritten
		t.capture.write(out, c)
	})
	resp.Body = answer
	return resp, nil
}

// A call is what a file has of one attempt of a call. docs/captures.md describes
// it.
type call struct {
	Cloud        string            `json:"cloud"`
	Organization int               `json:"organization"` // the first that was read is 1
	Operation    string            `json:"operation"`
	Method       string            `json:"method"`
	Path         string            `json:"path"`
	Query        string            `json:"query"`
	Request      jsontext.Value    `json:"request,omitzero"`
	At           string            `json:"at"`
	Milliseconds int64             `json:"milliseconds"`       // until the answer began
	NoAnswer     string            `json:"no_answer,omitzero"` // why there was none
	Status       int               `json:"status,omitzero"`
	Header       map[string]string `json:"header,omitzero"`
	Body         jsontext.Value    `json:"body,omitzero"`
	InvalidBody  *invalid          `json:"invalid_body,omitzero"`
}

// An invalid is a body that is not JSON.
type invalid struct {
	Form  string `json:"form"` // empty, markup, cut, timeout, network, canceled or other
	Bytes int    `json:"bytes"`
}

// A body passes an answer on to the client, and captures it when it is closed.
// The client bounds its length.
type body struct {
	io.ReadCloser
	text     bytes.Buffer
	end      error // of reading; nil: it has not ended
	captured func()
}

// Read passes on a part of the answer.
func (b *body) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	b.text.Write(p[:n])
	if b.end == nil {
		b.end = err
	}
	return n, err
}

// Close captures the rest of an answer, too, that the client does not read.
func (b *body) Close() error {
	const rest = 1 << 20
	_, _ = io.CopyN(io.Discard, b, rest)
	if b.end == nil {
		b.end = io.ErrUnexpectedEOF
	}
	b.captured()
	return b.ReadCloser.Close()
}

// form says in one word what is wrong with an answer that could not be rewritten.
func (b *body) form(err error) string {
	switch {
	case !errors.Is(b.end, io.EOF):
		return cause(b.end)
	case b.text.Len() == 0:
		return "empty"
	case bytes.HasPrefix(bytes.TrimSpace(b.text.Bytes()), []byte("<")):
		return "markup"
	case errors.Is(err, io.ErrUnexpectedEOF):
		return "cut"
	}
	return "other"
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

func (t *transport) rewriter(req *http.Request) *rewriter {
	return &rewriter{values: t.capture.values, fields: t.fields, sent: req.Header}
}

// path returns the operation's path with made-up identifiers, and without what
// base_url has before it.
func (t *transport) path(req *http.Request) string {
	operation := httpx.Operation(req.Context())
	if !strings.HasPrefix(operation, "/") {
		return "/"
	}
	parts, sent := strings.Split(operation, "/"), strings.Split(req.URL.Path, "/")
	for i, part := range parts {
		if at := len(sent) - len(parts) + i; strings.HasPrefix(part, "{") && at >= 0 {
			parts[i] = t.capture.values.id(sent[at])
		}
	}
	return strings.Join(parts, "/")
}

func (t *transport) query(req *http.Request) string {
	out := url.Values{}
	for name, all := range req.URL.Query() {
		kind, documented := t.fields[name]
		if !documented {
			name, kind = t.capture.values.name(name), Text
		}
		for _, value := range all {
			out.Add(name, t.rewriter(req).string(kind, value))
		}
	}
	return out.Encode()
}

// request returns the body that was sent, or nil if it is not JSON.
func (t *transport) request(req *http.Request) jsontext.Value {
	if req.GetBody == nil {
		return nil
	}
	sent, err := req.GetBody()
	if err != nil {
		return nil
	}
	defer sent.Close()
	text, _ := io.ReadAll(sent) // from memory
	rewritten, err := t.rewriter(req).rewrite(text)
	if err != nil {
		return nil
	}
	return rewritten
}
