package sim

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/go-json-experiment/json/jsontext"
)

// A Capture serves the answers of one organization in a capture, which
// docs/captures.md describes. The answers to equal requests come in their order,
// the last one again and again. Keys are not checked.
type Capture struct {
	closed chan struct{}
	close  func()
	start  time.Time
	cloud  string

	mu      sync.Mutex
	answers map[string][]captured
}

// captured is the part of a file that is served.
type captured struct {
	Cloud        string         `json:"cloud"`
	Organization int            `json:"organization"`
	Operation    string         `json:"operation"`
	Method       string         `json:"method"`
	Path         string         `json:"path"`
	Query        string         `json:"query"`
	Request      jsontext.Value `json:"request"`
	At           time.Time      `json:"at"`
	NoAnswer     string         `json:"no_answer"`
	Status       int            `json:"status"`
	Header       map[string]string
	Body         json.RawMessage `json:"body"`
	InvalidBody  struct {
		Form string `json:"form"`
	} `json:"invalid_body"`
}

// OpenCapture returns a Capture of the files in a directory. It must be closed.
func OpenCapture(dir string, organization int) (*Capture, error) {
	files, err := filepath.Glob(filepath.Join(dir, "*.json")) // in the order of the calls
	if err != nil {
		return nil, err
	}
	closed := make(chan struct{})
	c := &Capture{closed: closed, close: sync.OnceFunc(func() { close(closed) }), answers: map[string][]captured{}}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			return nil, err
		}
		var a captured
		if err := json.Unmarshal(text, &a); err != nil {
			return nil, fmt.Errorf("%s: %w", file, err)
		}
		if a.Organization != organization {
			continue
		}
		if c.cloud == "" {
			c.start, c.cloud = a.At, a.Cloud
		}
		key := request(a.Method, a.Path, a.Query, a.Operation, a.Request)
		c.answers[key] = append(c.answers[key], a)
	}
	if c.cloud == "" {
		return nil, fmt.Errorf("%s has no calls of organization %d", dir, organization)
	}
	return c, nil
}

// Start returns the time of the first call, on the capture's shifted clock.
func (c *Capture) Start() time.Time { return c.start }

// Cloud returns the cloud's name.
func (c *Capture) Cloud() string { return c.cloud }

// Close ends all answers that hang.
func (c *Capture) Close() { c.close() }

// request returns what requests that get the same answers have in common. Only
// an operation that is not a path, as those of AWS, is part of it.
func request(method, path, query, operation string, body jsontext.Value) string {
	if strings.HasPrefix(operation, "/") {
		operation = ""
	}
	_ = body.Canonicalize() // one that is not JSON stays as it is
	return fmt.Sprintf("%s %s?%s %s %s", method, path, query, operation, body)
}

// ServeHTTP answers one request, or with 501 if it is not in the capture.
func (c *Capture) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	_, operation, _ := strings.Cut(r.Header.Get("X-Amz-Target"), ".")
	var body jsontext.Value
	if r.Method != http.MethodGet {
		if err := json.NewDecoder(r.Body).Decode((*json.RawMessage)(&body)); err != nil {
			body = nil
		}
	}
	key := request(r.Method, r.URL.Path, r.URL.Query().Encode(), operation, body)
	sender{w, r, c.closed}.send(c.take(key).fault(), nil)
}

// take returns the next answer to a request.
func (c *Capture) take(key string) captured {
	c.mu.Lock()
	defer c.mu.Unlock()
	all := c.answers[key]
	if len(all) == 0 {
		return captured{Status: http.StatusNotImplemented}
	}
	if len(all) > 1 {
		c.answers[key] = all[1:]
	}
	return all[0]
}

// fault returns the answer as a Fault that replaces every other one.
func (a captured) fault() Fault {
	f := Fault{Status: a.Status, Body: string(a.Body), Header: http.Header{}}
	for name, value := range a.Header {
		f.Header.Set(name, value)
	}
	switch a.NoAnswer {
	case "":
	case "timeout", "canceled":
		return Fault{Hang: true}
	default:
		return Fault{Reset: true}
	}
	const half = "[[" // one bracket is sent
	switch a.InvalidBody.Form {
	case "markup":
		f.Body = "<html>"
	case "cut":
		f.Body, f.Truncate = half, true
	case "timeout", "canceled":
		f.Body, f.HangBody = half, true
	case "network", "certificate":
		f.Body, f.ResetBody = half, true
	case "other":
		f.Body = "?"
	}
	return f
}
