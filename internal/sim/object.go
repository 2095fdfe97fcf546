package sim

import (
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/go-json-experiment/json/jsontext"
)

// An object is a JSON object of a response. A value is one of the types that
// encoder.value handles.
type object []field

type field struct {
	key   string
	value any
}

// An optional is a string that a client does not need.
type optional string

// absent is the value of a field that is left out.
type absent struct{}

// inapplicable is the value of a field that does not apply to the row. It is left
// out, or with drift null.
type inapplicable struct{}

// yesNo returns Y, or an N that may also be absent.
func yesNo(v bool) any {
	if v {
		return "Y"
	}
	return optional("N")
}

// orNull returns a text, or null for an empty one.
func orNull(v string) any {
	if v == "" {
		return nil
	}
	return v
}

// An encoder writes objects as JSON. With drift it varies how: every other
// object has its numbers quoted, optional texts are present, null and absent in
// turn, inapplicable fields are null in every other object, and every third
// object has a new field.
type encoder struct {
	drift bool
	// time returns the text for a time in the n'th object; nil if there are none.
	time func(key string, t time.Time, n int) string

	buf []byte
	n   int // objects so far
}

// list writes an array of objects.
func (e *encoder) list(rows []object) {
	e.buf = append(slices.Grow(e.buf, len(rows)*400), '[') // usually enough for a row
	for i, row := range rows {
		if i > 0 {
			e.buf = append(e.buf, ",\n "...)
		}
		e.object(row)
	}
	e.buf = append(e.buf, ']')
}

// object writes an object.
func (e *encoder) object(o object) {
	e.n++
	n := e.n
	e.buf = append(e.buf, '{')
	start := len(e.buf)
	for _, f := range o {
		v := f.value
		if e.drift {
			v = drift(v, n)
		}
		switch v.(type) {
		case absent, inapplicable:
		default:
			e.key(f.key, start)
			e.value(f.key, v, n)
		}
	}
	if e.drift && e.n%3 == 0 { // also in the envelope of a list, by its length
		e.key("newField", start)
		e.buf = append(e.buf, `{"nested": [1, 2]}`...)
	}
	e.buf = append(e.buf, '}')
}

// drift returns the value that the n'th object has instead of v.
func drift(v any, n int) any {
	switch x := v.(type) {
	case int64:
		if n%2 == 1 {
			return strconv.FormatInt(x, 10)
		}
	case optional:
		return [...]any{v, absent{}, nil}[n%3]
	case inapplicable:
		if n%2 == 0 {
			return nil
		}
	}
	return v
}

// key writes a key of the object whose fields begin at start.
func (e *encoder) key(key string, start int) {
	if len(e.buf) > start {
		e.buf = append(e.buf, ", "...)
	}
	e.text(key)
	e.buf = append(e.buf, ": "...)
}

// value writes the value of a key in the n'th object.
func (e *encoder) value(key string, v any, n int) {
	switch v := v.(type) {
	case nil:
		e.buf = append(e.buf, "null"...)
	case bool:
		e.buf = strconv.AppendBool(e.buf, v)
	case int64:
		e.buf = strconv.AppendInt(e.buf, v, 10)
	case string:
		e.text(v)
	case optional:
		e.text(string(v))
	case time.Time:
		e.text(e.time(key, v, n))
	case []string:
		e.buf = append(e.buf, '[')
		for i, text := range v {
			if i > 0 {
				e.buf = append(e.buf, ", "...)
			}
			e.text(text)
		}
		e.buf = append(e.buf, ']')
	case []object:
		e.list(v)
	default:
		panic(fmt.Sprintf("%s has the type %T", key, v))
	}
}

// text writes a string. Invalid UTF-8 is replaced.
func (e *encoder) text(v string) { e.buf, _ = jsontext.AppendQuote(e.buf, v) }
