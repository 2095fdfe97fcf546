package httpx

import (
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/go-json-experiment/json/jsontext"
)

// A Reader reads an answer's JSON from a stream, value by value: strictly as
// to its shape, leniently as to the types of single fields. The methods that
// read a field consume exactly one value.
type Reader struct {
	dec        *jsontext.Decoder
	err        error // the first that ended the reading
	unreadable int   // fields whose value made no sense
	texts      map[string]string
}

// DecodeBody reads a whole body with read, as Get does. It returns the number of
// fields that could not be read.
func DecodeBody[T any](body io.Reader, read func(*Reader) T) (T, int, error) {
	r := newReader(body)
	out := read(r)
	r.end()
	return out, r.unreadable, r.err
}

const (
	maxRows  = 2_000_000 // of one listing
	maxValue = 1 << 20   // bytes between two tokens
	maxField = 4 << 10   // bytes of a text or number that we need
)

func newReader(body io.Reader) *Reader {
	r := &Reader{texts: map[string]string{}}
	b := &boundedValues{body: body}
	// A name that stands twice, or bytes that are no UTF-8, cost their field and not the listing.
	r.dec = jsontext.NewDecoder(b, jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true))
	b.consumed = r.dec.InputOffset
	return r
}

// boundedValues ends a body in which a single value is so long that buffering
// it would cost more memory than it can be worth.
type boundedValues struct {
	body     io.Reader
	read     int64
	consumed func() int64
}

func (b *boundedValues) Read(p []byte) (int, error) {
	if b.read-b.consumed() > maxValue {
		return 0, fmt.Errorf("a single value of more than %d bytes", maxValue)
	}
	n, err := b.body.Read(p)
	b.read += int64(n)
	return n, err
}

// Array calls each at the start of every element. A null is an empty array.
// Anything else is an error.
func (r *Reader) Array(each func()) {
	if !r.open('[', "array") {
		return
	}
	for n := 0; r.err == nil && r.dec.PeekKind() != ']'; n++ {
		if n == maxRows {
			r.fail(fmt.Errorf("more than %d rows", maxRows))
			return
		}
		each()
	}
	r.token()
}

// Object calls field with the name of every member; whatever field does not
// read is skipped. It reports whether there was an object: null is none, and
// anything else is an error.
func (r *Reader) Object(field func(name string)) bool {
	if !r.open('{', "object") {
		return false
	}
	for r.err == nil && r.dec.PeekKind() != '}' {
		name := r.text(r.value())
		at := r.dec.InputOffset()
		field(name)
		if r.err == nil && r.dec.InputOffset() == at {
			r.skip()
		}
	}
	r.token()
	return true
}

// Row is Object for an element of a list, where a null is an error too.
func (r *Reader) Row(field func(name string)) {
	if r.peek() == 'n' {
		r.fail(errors.New("unexpected shape: null where an object belongs"))
		return
	}
	r.Object(field)
}

// Int reads an integer: a number or a quoted one. Null, "" and "-" are none;
// so is anything else, and counts as unreadable.
func (r *Reader) Int() (n int64, ok bool) {
	v := r.value()
	switch v.Kind() {
	case '0': // most often; without a string that outlives the line
		if n, err := strconv.ParseInt(string(v), 10, 64); err == nil {
			return n, true
		}
	case '"':
	case 'n', 0:
		return 0, false
	default:
		r.unreadable++
		return 0, false
	}
	s := strings.TrimSpace(r.text(v))
	if s == "" || s == "-" {
		return 0, false
	}
	if n, err := strconv.ParseInt(s, 10, 64); err == nil {
		return n, true
	}
	// 9.000001e6 and 12.0 are integers too.
	if f, err := strconv.ParseFloat(s, 64); err == nil && f == float64(int64(f)) && f > -1<<53 && f < 1<<53 {
		return int64(f), true
	}
	r.unreadable++
	return 0, false
}

// Text reads a string, or a number as it is written. Null is empty; so is
// anything else, and what is too long for a label, and counts as unreadable.
func (r *Reader) Text() string {
	v := r.value()
	switch v.Kind() {
	case '"', '0':
		if len(v) <= maxField {
			return r.text(v)
		}
	case 'n', 0:
		return ""
	}
	r.unreadable++
	return ""
}

// Millis reads a time in epoch milliseconds, as Int does. It is zero where
// there is none.
func (r *Reader) Millis() time.Time {
	n, ok := r.Int()
	if !ok {
		return time.Time{}
	}
	t := time.UnixMilli(n).UTC()
	if n <= 0 || t.Year() > 9999 {
		r.unreadable++
		return time.Time{}
	}
	return t
}

// Unreadable counts the field just read as one that made no sense.
func (r *Reader) Unreadable() { r.unreadable++ }

// Fail makes the answer one that cannot be decoded, and says why.
func (r *Reader) Fail(why string) { r.fail(errors.New(why)) }

// open consumes the start of an array or object.
func (r *Reader) open(kind jsontext.Kind, name string) bool {
	switch have := r.peek(); have {
	case kind:
		r.token()
		return r.err == nil
	case 'n':
		r.token()
	case 0:
		r.token() // for its error
	default:
		r.fail(fmt.Errorf("unexpected shape: %s where an %s belongs", kindName(have), name))
	}
	return false
}

// end fails unless the whole answer has been read.
func (r *Reader) end() {
	if r.err != nil {
		return
	}
	if _, err := r.dec.ReadToken(); !errors.Is(err, io.EOF) {
		if err == nil || isSyntax(err) {
			err = errors.New("something stands after the JSON")
		}
		r.fail(err)
	}
}

func (r *Reader) peek() jsontext.Kind {
	if r.err != nil {
		return 0
	}
	return r.dec.PeekKind()
}

func (r *Reader) token() {
	if r.err != nil {
		return
	}
	if _, err := r.dec.ReadToken(); err != nil {
		r.fail(err)
	}
}

// skip consumes one value without holding it.
func (r *Reader) skip() {
	if err := r.dec.SkipValue(); err != nil {
		r.fail(err)
	}
}

// value consumes one value; it is valid until the next call.
func (r *Reader) value() jsontext.Value {
	if r.err != nil {
		return nil
	}
	v, err := r.dec.ReadValue()
	if err != nil {
		r.fail(err)
		return nil
	}
	return v
}

// text returns the string or number that v holds. Short ones recur, row after
// row, and are kept once.
func (r *Reader) text(v jsontext.Value) string {
	const short, many = 32, 256
	if v.Kind() != '"' {
		return string(v)
	}
	if s, ok := r.texts[string(v)]; ok {
		return s
	}
	b, _ := jsontext.AppendUnquote(nil, v) // its only error is bad UTF-8, and it has mended that
	s := string(b)
	if len(v) <= short && len(r.texts) < many {
		r.texts[string(v)] = s
	}
	return s
}

func (r *Reader) fail(err error) {
	if r.err == nil {
		r.err = err
	}
}

func isSyntax(err error) bool {
	var syntax *jsontext.SyntacticError
	return errors.As(err, &syntax)
}

func kindName(k jsontext.Kind) string {
	switch k {
	case '[':
		return "an array"
	case '{':
		return "an object"
	case '"':
		return "a string"
	case '0':
		return "a number"
	case 'n':
		return "null"
	case 't', 'f':
		return "a boolean"
	}
	return "no JSON"
}
