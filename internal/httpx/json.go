package httpx

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/go-json-experiment/json/jsontext"
)

// A Reader reads an answer's JSON from a stream, value by value. It is strict
// about the shape and lenient about the type of a single field. The methods
// that read a field consume exactly one value.
type Reader struct {
	dec      *jsontext.Decoder
	err      error // the first one; nothing is read after it
	unparsed int   // fields whose value could not be parsed
	texts    map[string]string
	rows     int
	maxRows  int
	bounds   *bounds // of the listing; nil: none

	// What says that the answer is an error:
	errorFields []string // names, see API
	refused     bool     // the answer's object has such a field
	unread      Fields   // of the answer's object, those that are not documented
}

// A shapeError says how an answer of valid JSON differs from its documentation.
type shapeError string

func (e shapeError) Error() string { return string(e) }

// DecodeBody reads a whole body with read, as Get does. It returns the number of
// fields that could not be parsed.
func DecodeBody[T any](body io.Reader, read func(*Reader) T) (T, int, error) {
	r := newReader(body, maxRows)
	out := read(r)
	r.end()
	return out, r.unparsed, r.err
}

const (
	maxRows  = 2_000_000 // of one listing
	maxValue = 1 << 20   // bytes between two tokens
	maxField = 4 << 10   // bytes of a text or number that is used
)

func newReader(body io.Reader, maxRows int) *Reader {
	r := &Reader{texts: map[string]string{}, maxRows: maxRows}
	b := &boundedValues{body: body}
	// A duplicate name, or bytes that are not UTF-8, spoil their field and not the listing.
	r.dec = jsontext.NewDecoder(b, jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true))
	b.consumed = r.dec.InputOffset
	return r
}

// boundedValues ends a body with a value that is too long to be buffered.
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

// Array calls each at the start of every element. Null is an empty array; any
// other value is an error.
func (r *Reader) Array(each func()) {
	if !r.open('[', "array") {
		return
	}
	for r.err == nil && r.dec.PeekKind() != ']' {
		if r.rows++; r.rows > r.maxRows {
			r.tooManyRows()
			return
		}
		r.hold(1, rowCost)
		each()
	}
	r.token()
}

// Object calls field with the name of every member, and skips what field does
// not read. It reports whether there was an object: null is none, and any other
// value is an error.
func (r *Reader) Object(field func(name string)) bool {
	if !r.open('{', "object") {
		return false
	}
	top := r.dec.StackDepth() == 1
	for r.err == nil && r.dec.PeekKind() != '}' {
		name := r.text(r.value())
		at := r.dec.InputOffset()
		field(name)
		switch {
		case r.err != nil || r.dec.InputOffset() != at:
		case top:
			r.keep(name)
		default:
			r.skip()
		}
	}
	r.token()
	return true
}

// keep consumes a field of the answer's object that is not documented: it may
// say that the answer is an error. Only what an error can have is kept.
func (r *Reader) keep(name string) {
	const fields = 32
	refuses := slices.Contains(r.errorFields, name)
	if kind := r.peek(); !refuses && (kind == '{' || kind == '[') {
		r.skip()
		return
	}
	v := r.value()
	r.refused = r.refused || refuses && !slices.Contains([]string{"", "null", `""`, "[]", "{}", "false", "0"}, string(v))
	if r.unread == nil {
		r.unread = Fields{}
	}
	if refuses || len(v) <= maxField && len(r.unread) < fields {
		r.unread[name] = json.RawMessage(v.Clone())
	}
}

// Row is Object for an element of a list, where null is an error.
func (r *Reader) Row(field func(name string)) {
	if r.peek() == 'n' {
		r.fail(shapeError("unexpected shape: null instead of an object"))
		return
	}
	r.Object(field)
}

// Int reads an integer, which may be quoted. Null, "" and "-" are no integer;
// any other value is none either, and counts as not parsed.
func (r *Reader) Int() (n int64, ok bool) {
	v := r.value()
	switch v.Kind() {
	case '0': // the usual case, without an allocation
		if n, err := strconv.ParseInt(string(v), 10, 64); err == nil {
			return n, true
		}
	case '"':
	case 'n', 0:
		return 0, false
	default:
		r.unparsed++
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
	r.unparsed++
	return 0, false
}

// Text reads a string, or a number as it is written. Null is empty. Any other
// value, and one that is too long for a label, is empty and counts as not
// parsed.
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
	r.unparsed++
	return ""
}

// Millis reads a time in milliseconds since 1970, as Int does. It is zero if
// there is none.
func (r *Reader) Millis() time.Time {
	n, ok := r.Int()
	if !ok {
		return time.Time{}
	}
	t := time.UnixMilli(n).UTC()
	if n <= 0 || t.Year() > 9999 {
		r.unparsed++
		return time.Time{}
	}
	return t
}

// Flag reads a boolean. Null is false; so is any other value, which counts as
// not parsed.
func (r *Reader) Flag() bool {
	v := r.value()
	switch v.Kind() {
	case 't':
		return true
	case 'f', 'n', 0:
	default:
		r.unparsed++
	}
	return false
}

// Token reads what continues a list, a string of any length. Null is empty. Any
// other value is an error: as an empty one, it would end the list too early.
func (r *Reader) Token() string {
	v := r.value()
	switch v.Kind() {
	case '"':
		b, err := jsontext.AppendUnquote(nil, v)
		if err != nil {
			r.fail(errors.New("unexpected shape: a page token that is not UTF-8"))
		}
		return string(b)
	case 'n', 0:
	default:
		r.fail(fmt.Errorf("unexpected shape: %s instead of a page token", kindName(v.Kind())))
	}
	return ""
}

// FieldArray is Array for a field of a row: a value of another type is an empty
// array, and counts as not parsed.
func (r *Reader) FieldArray(each func()) {
	if r.fieldIs('[') {
		r.Array(each)
	}
}

// FieldObject is Object for a field of a row, as FieldArray is.
func (r *Reader) FieldObject(field func(name string)) {
	if r.fieldIs('{') {
		r.Object(field)
	}
}

// fieldIs reports whether the next value is of a kind, and else consumes it.
func (r *Reader) fieldIs(kind jsontext.Kind) bool {
	switch r.peek() {
	case kind:
		return true
	case 'n', 0:
	default:
		r.unparsed++
	}
	if r.err == nil {
		r.skip()
	}
	return false
}

// Next returns the first byte of the next value: one of [ { " 0 n t f, where 0
// is any number, or 0 if there is none.
func (r *Reader) Next() byte { return byte(r.peek()) }

// Raw reads any value as it is written. It is for small values.
func (r *Reader) Raw() []byte { return slices.Clone(r.value()) }

// Unparsed counts the field just read as one that could not be parsed.
func (r *Reader) Unparsed() { r.unparsed++ }

// Fail makes the answer one that cannot be decoded, with the reason.
func (r *Reader) Fail(why string) { r.fail(shapeError(why)) }

func (r *Reader) tooManyRows() { r.fail(fmt.Errorf("more than %d rows", r.maxRows)) }

// hold counts rows, and the memory that they or a text take.
func (r *Reader) hold(rows, bytes int) {
	if r.bounds == nil {
		return
	}
	r.bounds.rows += int64(rows)
	r.bounds.bytes += int64(bytes)
	if r.bounds.bytes >= takeAtOnce {
		r.settle()
	}
}

// settle applies the bounds of the listing and of the process.
func (r *Reader) settle() {
	if r.bounds == nil || r.err != nil {
		return
	}
	rows, err := r.bounds.settle()
	if err != nil {
		r.fail(err)
	} else if rows > int64(r.maxRows) {
		r.tooManyRows()
	}
}

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
		if have == '{' && r.dec.StackDepth() == 0 {
			r.Object(func(string) {})
		}
		r.fail(shapeError(fmt.Sprintf("unexpected shape: %s instead of an %s", kindName(have), name)))
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
			err = errors.New("trailing data after JSON value")
		}
		r.fail(err)
	}
	r.settle()
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

// skip consumes one value without buffering it.
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

// text returns the string or number in v. Short ones recur in every row, and
// are kept once.
func (r *Reader) text(v jsontext.Value) string {
	const short, many = 32, 256
	if v.Kind() != '"' {
		return string(v)
	}
	if s, ok := r.texts[string(v)]; ok {
		return s
	}
	b, _ := jsontext.AppendUnquote(nil, v) // the only error is bad UTF-8, which it replaces
	s := string(b)
	r.hold(0, len(s))
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
