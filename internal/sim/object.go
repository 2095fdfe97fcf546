package sim

import (
	"strconv"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// An object is a JSON object of a response. Its values are JSON values, time.Time
// and the types below.
type object []field

type field struct {
	key   string
	value any
}

// fields returns an object of alternating keys and values.
func fields(keysAndValues ...any) object {
	o := make(object, len(keysAndValues)/2)
	for i := range o {
		o[i] = field{keysAndValues[2*i].(string), keysAndValues[2*i+1]}
	}
	return o
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

// MarshalJSONTo writes the fields in their order.
func (o object) MarshalJSONTo(e *jsontext.Encoder) error {
	if err := e.WriteToken(jsontext.BeginObject); err != nil {
		return err
	}
	for _, f := range o {
		if err := json.MarshalEncode(e, f.key); err != nil {
			return err
		}
		if err := json.MarshalEncode(e, f.value); err != nil {
			return err
		}
	}
	return e.WriteToken(jsontext.EndObject)
}

// An encoder writes objects as JSON. With drift it varies how: every other
// object has its numbers quoted, optional texts are present, null and absent in
// turn, inapplicable fields are null in every other object, and every third
// object has a new field.
type encoder struct {
	drift bool
	// time returns what is written for a time in the n'th object; nil if there are none.
	time func(key string, t time.Time, n int) any

	n int // objects so far
}

// encode returns an object or a list of objects as JSON.
func (e *encoder) encode(v any) []byte {
	body, err := json.Marshal(e.value("", v, 0), jsontext.SpaceAfterColon(true), jsontext.SpaceAfterComma(true))
	if err != nil {
		panic(err) // a value that JSON does not have
	}
	return body
}

// value returns what is written as the value of a key in the n'th object.
func (e *encoder) value(key string, v any, n int) any {
	if e.drift {
		v = drift(v, n)
	}
	switch v := v.(type) {
	case time.Time:
		return e.time(key, v, n)
	case object:
		return e.object(v)
	case []object:
		rows := make([]object, len(v))
		for i, row := range v {
			rows[i] = e.object(row)
		}
		return rows
	}
	return v
}

// object returns what is written for an object.
func (e *encoder) object(o object) object {
	e.n++
	n := e.n
	written := make(object, 0, len(o))
	for _, f := range o {
		switch v := e.value(f.key, f.value, n).(type) {
		case absent, inapplicable:
		default:
			written = append(written, field{f.key, v})
		}
	}
	if e.drift && e.n%3 == 0 { // also in the envelope of a list, depending on its length
		written = append(written, field{"newField", fields("nested", []int{1, 2})})
	}
	return written
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
