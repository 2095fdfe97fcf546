package httpx

import (
	"cmp"
	"encoding"
	"errors"
	"fmt"
	"io"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/go-json-experiment/json/jsontext"
)

// A Reader reads an answer's JSON from a stream, value by value. It is strict
// about the shape and lenient about the type of a single field: a field of
// another type is empty, and counts as not parsed.
type Reader struct {
	api      *API
	dec      *jsontext.Decoder
	err      error // the first one; nothing is read after it
	unparsed int   // fields whose value could not be parsed
	texts    map[string]string
	unquoted []byte // the latest text
	rows     int    // elements of arrays
	maxRows  int
	bounds   *bounds // of the listing; nil: none

	// What says that the answer is an error:
	refused bool   // the answer's object has one of the API's ErrorFields
	unread  Fields // of the answer's object, those that are not documented
}

// A shapeError says how an answer of valid JSON differs from its documentation.
type shapeError string

func (e shapeError) Error() string { return string(e) }

// DecodeBody reads a whole body of an API with read, as Get does. It returns the
// number of fields that could not be parsed.
func DecodeBody[T any](body io.Reader, api API, read func(*Reader) T) (T, int, error) {
	r := newReader(body, &api, maxRows)
	out := read(r)
	r.end()
	return out, r.unparsed, r.err
}

const (
	maxRows  = 2_000_000 // of one listing
	maxValue = 1 << 20   // bytes between two tokens
	maxField = 4 << 10   // bytes of a text or number that is used
)

func newReader(body io.Reader, api *API, maxRows int) *Reader {
	r := &Reader{api: api, texts: map[string]string{}, maxRows: maxRows}
	b := &boundedValues{body: body}
	r.dec = newDecoder(b)
	b.consumed = r.dec.InputOffset
	return r
}

func newDecoder(body io.Reader) *jsontext.Decoder {
	// A duplicate name, or bytes that are not UTF-8, spoil their field and not the listing.
	return jsontext.NewDecoder(body, jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true))
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

// Decode reads one value into v, a pointer to one of these types:
//
//   - string: a string, or a number as it is written
//   - bool
//   - time.Time, by the API's Time
//   - an encoding.TextUnmarshaler, such as Number, by the text of a string or number
//   - a struct whose fields have such types, and their names in the tag json
//   - a slice of such a type
//
// Null is the zero value. So is a value of another JSON type, and one that
// cannot be parsed or is too long for a label; those count as not parsed.
func (r *Reader) Decode(v any) {
	switch v := v.(type) {
	case *string:
		*v = r.kept(r.text())
	case *bool:
		kind := r.value().Kind()
		*v = kind == 't'
		if !slices.Contains([]jsontext.Kind{'t', 'f', 'n', 0}, kind) {
			r.unparsed++
		}
	case *time.Time:
		*v = r.time()
	case encoding.TextUnmarshaler:
		if v.UnmarshalText(r.text()) != nil {
			r.unparsed++
		}
	default:
		r.structOrSlice(reflect.ValueOf(v).Elem())
	}
}

// structOrSlice reads an object or array.
func (r *Reader) structOrSlice(v reflect.Value) {
	v.SetZero()
	switch have := r.Next(); {
	case have == '{' && v.Kind() == reflect.Struct:
		r.Object(r.Fields(v.Addr().Interface()))
	case have == '[' && v.Kind() == reflect.Slice:
		element := reflect.New(v.Type().Elem())
		r.Array(func() {
			r.Decode(element.Interface())
			v.Set(reflect.Append(v, element.Elem()))
		})
	default:
		if have != 'n' {
			r.unparsed++
		}
		r.skip()
	}
}

// Fields returns a function for Object that decodes the fields of a struct, to
// which pointer points, as Decode does.
func (r *Reader) Fields(pointer any) func(name string) {
	v := reflect.ValueOf(pointer).Elem()
	fields := make(map[string]any, v.NumField())
	for i := range v.NumField() {
		if name := v.Type().Field(i).Tag.Get("json"); name != "" {
			fields[name] = v.Field(i).Addr().Interface()
		}
	}
	return func(name string) {
		if field := fields[name]; field != nil {
			r.Decode(field)
		}
	}
}

// text reads a string, or a number as it is written. It is valid until the next
// call. Null is empty. Any other value, and one that is too long for a label, is
// empty and counts as not parsed.
func (r *Reader) text() []byte {
	v := r.value()
	switch kind := v.Kind(); {
	case kind == 'n', kind == 0:
		return nil
	case kind != '"' && kind != '0', len(v) > maxField:
		r.unparsed++
		return nil
	case kind == '0':
		return v
	}
	r.unquoted, _ = jsontext.AppendUnquote(r.unquoted[:0], v) // the only error is bad UTF-8, which it replaces
	return r.unquoted
}

// kept returns a text that is kept. Short ones recur in every row, and are kept
// once.
func (r *Reader) kept(text []byte) string {
	const short, many = 32, 256
	if s, ok := r.texts[string(text)]; ok {
		return s
	}
	s := string(text)
	r.hold(0, len(s))
	if len(s) <= short && len(r.texts) < many {
		r.texts[s] = s
	}
	return s
}

// time reads a time by the API's Time. A text that is empty is no time.
func (r *Reader) time() time.Time {
	text := strings.TrimSpace(string(r.text()))
	if text == "" {
		return time.Time{}
	}
	t, ok := r.api.Time(strings.ToUpper(text)) // RFC 3339 allows t and z
	if !ok {
		r.unparsed++
		return time.Time{}
	}
	return t
}

// Token reads what continues a list, a string of any length. Null is empty. Any
// other value is an error: as an empty one, it would end the list too early.
func (r *Reader) Token() string {
	if r.null() || !r.expect('"', "a page token") {
		return ""
	}
	token, err := jsontext.AppendUnquote(nil, r.value())
	if err != nil {
		r.Fail("unexpected shape: a page token that is not UTF-8")
	}
	return string(token)
}

// Array calls each at the start of every element. Null is an empty array; any
// other value is an error.
func (r *Reader) Array(each func()) {
	if !r.open('[', "an array") {
		return
	}
	for r.err == nil && r.dec.PeekKind() != ']' {
		if r.element(); r.err == nil {
			each()
		}
	}
	r.token()
}

// Object calls field with the name of every member, and skips what field does
// not read. It reports whether there was an object: null is none, and any other
// value is an error.
func (r *Reader) Object(field func(name string)) bool {
	if !r.open('{', "an object") {
		return false
	}
	top := r.dec.StackDepth() == 1
	for r.err == nil && r.dec.PeekKind() != '}' {
		name := r.kept(r.text())
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
	refuses := slices.Contains(r.api.ErrorFields, name)
	if kind := r.Next(); !refuses && (kind == '{' || kind == '[') {
		r.skip()
		return
	}
	v := r.value()
	r.refused = r.refused || refuses && !slices.Contains([]string{"", "null", `""`, "[]", "{}", "false", "0"}, string(v))
	if r.unread == nil {
		r.unread = Fields{}
	}
	if refuses || len(v) <= maxField && len(r.unread) < fields {
		r.unread[name] = []byte(v.Clone())
	}
}

// Fail makes the answer one that cannot be decoded, with the reason.
func (r *Reader) Fail(why string) { r.fail(shapeError(why)) }

// element counts an element of an array.
func (r *Reader) element() {
	if r.rows++; r.rows > r.maxRows {
		r.tooManyRows()
		return
	}
	r.hold(1, rowCost)
}

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

// open consumes the start of an array or object. There is none if the value is
// null.
func (r *Reader) open(kind jsontext.Kind, name string) bool {
	if r.null() || !r.expect(kind, name) {
		return false
	}
	r.token()
	return r.err == nil
}

// null consumes a null, if the next value is one.
func (r *Reader) null() bool {
	if r.Next() != 'n' {
		return false
	}
	r.token()
	return true
}

// expect fails unless the next value is of a kind.
func (r *Reader) expect(kind jsontext.Kind, name string) bool {
	switch have := r.Next(); have {
	case kind:
		return true
	case 0:
		r.token() // for its error
	default:
		if have == '{' && r.dec.StackDepth() == 0 {
			r.Object(func(string) {}) // it may be an error
		}
		r.fail(shapeError(fmt.Sprintf("unexpected shape: %s instead of %s", kindName(have), name)))
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

// Next returns the kind of the next value, or 0 if there is none.
func (r *Reader) Next() jsontext.Kind {
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
	if r.err != nil {
		return
	}
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
	return cmp.Or(map[jsontext.Kind]string{
		'[': "an array", '{': "an object", '"': "a string", '0': "a number", 't': "a boolean", 'f': "a boolean", 'n': "null",
	}[k], "no JSON")
}
