package sim

import (
	"net/http"
	"reflect"
	"time"
)

// A Fault is one way to misbehave. Its fields combine: an answer of its own can
// be late, cut and dripping all at once. A Fault without an answer of its own
// spoils the true one.
type Fault struct {
	Times     int  // how many requests it applies to; 0 is until it is healed
	AfterAuth bool // spare the requests that are refused anyway; otherwise even those get the fault

	// The answer. Status, Body, Garbage, Endless and Redirect replace the true
	// one; Header alone is added to it.
	Status   int         // 200 if there is another of these, 302 for a Redirect
	Header   http.Header // Content-Type is application/json unless it is here
	Body     string      // sent as it is; what precedes the rows of an Endless one
	Garbage  bool        // HTML, status 200
	Endless  bool        // a list whose rows never end
	Redirect string      // to this URL

	// The way it is sent.
	Delay     time.Duration // before the headers
	Hang      bool          // never answer
	Reset     bool          // reset the connection instead of answering
	HangBody  bool          // stop within the body, and keep the connection
	ResetBody bool          // reset the connection within the body
	Truncate  bool          // end the connection in good order within the body
	CutJSON   bool          // half of the body, in a complete HTTP message
	Chunked   bool          // do not declare the length
	Drip      time.Duration // one byte of the body per interval
}

const garbage = "<html><head><title>Service</title></head><body>Please come back later.</body></html>\n"

// An answer is an HTTP response before a Fault has spoiled it.
type answer struct {
	status int
	header http.Header
	body   []byte
}

// answer returns the fault's answer, or the true one.
func (f Fault) answer(truth func() answer) answer {
	var a answer
	switch {
	case f.Redirect != "":
		a = answer{status: http.StatusFound, header: http.Header{"Location": {f.Redirect}}, body: []byte(f.Body)}
	case f.Garbage:
		a = answer{status: http.StatusOK, header: http.Header{"Content-Type": {"text/html"}}, body: []byte(garbage)}
	case f.Status != 0, f.Body != "", f.Endless:
		a = answer{status: http.StatusOK, header: http.Header{}, body: []byte(f.Body)}
	default:
		a = truth()
	}
	if f.Status != 0 {
		a.status = f.Status
	}
	for k, v := range f.Header {
		a.header[http.CanonicalHeaderKey(k)] = v
	}
	if a.header.Get("Content-Type") == "" {
		a.header.Set("Content-Type", "application/json")
	}
	if f.CutJSON {
		a.body = a.body[:len(a.body)/2]
	}
	return a
}

// partial says whether only half of the body is sent.
func (f Fault) partial() bool { return f.HangBody || f.ResetBody || f.Truncate }

// zero says whether there is no fault.
func (f Fault) zero() bool { return reflect.ValueOf(f).IsZero() }
