package sim

import (
	"net/http"
	"reflect"
	"strings"
	"time"
)

// A Fault is one way in which an operation can fail. Its fields combine: a
// response can be replaced, late and cut at the same time. A Fault that does not
// replace the response changes the original one.
type Fault struct {
	Times     int  // number of requests it applies to; 0 is all until it is removed
	AfterAuth bool // requests that are refused get their refusal instead of the fault

	// The response. Status, Body, Garbage, Endless and Redirect replace the
	// original one; Header alone is added to it.
	Status   int         // 200 if another of these is set, 302 for a Redirect
	Header   http.Header // Content-Type is application/json unless set here
	Body     string      // for Endless, what precedes the rows
	Garbage  bool        // HTML, status 200
	Endless  bool        // a list whose rows never end
	Redirect string      // URL to redirect to

	// How it is sent.
	Delay     time.Duration // before the headers
	Hang      bool          // send nothing and keep the connection
	Reset     bool          // reset the connection instead of responding
	HangBody  bool          // stop half-way through the body and keep the connection
	ResetBody bool          // reset the connection half-way through the body
	Truncate  bool          // close the connection normally half-way through the body
	CutJSON   bool          // half of the body, as a complete HTTP message
	Drip      time.Duration // time before each byte of the body
}

const garbage = "<html><head><title>Service</title></head><body>Please come back later.</body></html>\n"

// A response is an HTTP response before it is sent.
type response struct {
	status int
	header http.Header
	body   []byte
}

// response returns the fault's response, or the original one with the fault's
// changes.
func (f Fault) response(original func() response) response {
	var r response
	switch {
	case f.Redirect != "":
		r = response{status: http.StatusFound, header: http.Header{"Location": {f.Redirect}}, body: []byte(f.Body)}
	case f.Garbage:
		r = response{status: http.StatusOK, header: http.Header{"Content-Type": {"text/html"}}, body: []byte(garbage)}
	case f.Status != 0, f.Body != "", f.Endless:
		r = ok([]byte(f.Body))
	default:
		r = original()
	}
	if f.Status != 0 {
		r.status = f.Status
	}
	for k, v := range f.Header {
		r.header[http.CanonicalHeaderKey(k)] = v
	}
	if r.header.Get("Content-Type") == "" {
		r.header.Set("Content-Type", "application/json")
	}
	if f.CutJSON {
		r.body = r.body[:len(r.body)/2]
	}
	return r
}

// partial reports whether only half of the body is sent.
func (f Fault) partial() bool { return f.HangBody || f.ResetBody || f.Truncate }

func (f Fault) zero() bool { return reflect.ValueOf(f).IsZero() }

// faults are the current faults by operation.
type faults map[string]Fault

// set implements SetFault.
func (fs faults) set(pattern string, f Fault) {
	if !f.zero() {
		fs[pattern] = f
		return
	}
	for p := range fs {
		if matches(pattern, p) {
			delete(fs, p)
		}
	}
}

// take returns the fault of an operation or of its instance, or the zero one, and
// counts it as used. A refused request does not use a fault with AfterAuth.
func (fs faults) take(operation, instance string, refused bool) Fault {
	var (
		pattern string
		fault   Fault
	)
	for p, f := range fs {
		if len(p) > len(pattern) && (matches(p, operation) || matches(p, instance)) && (!refused || !f.AfterAuth) {
			pattern, fault = p, f
		}
	}
	switch fault.Times {
	case 0:
	case 1:
		delete(fs, pattern)
	default:
		remaining := fault
		remaining.Times--
		fs[pattern] = remaining
	}
	return fault
}

// matches reports whether a pattern matches an operation or another pattern.
func matches(pattern, operation string) bool {
	if prefix, ok := strings.CutSuffix(pattern, "*"); ok {
		return strings.HasPrefix(operation, prefix)
	}
	return pattern == operation
}
