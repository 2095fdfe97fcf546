package httpx

import "encoding/json"

// Fields is the JSON object of an error. Its types are not certain: a field of
// another type is absent.
type Fields map[string]json.RawMessage

// ParseFields reads a body. A body that is not a JSON object has no fields.
func ParseFields(body []byte) Fields {
	var f Fields
	_ = json.Unmarshal(body, &f)
	return f
}

// Text returns a string, or a number as it is written, or "".
func (f Fields) Text(name string) string {
	var s string
	var n json.Number
	if json.Unmarshal(f[name], &s) == nil {
		return s
	}
	_ = json.Unmarshal(f[name], &n)
	return n.String()
}

// Object returns an object, or nil.
func (f Fields) Object(name string) Fields { return ParseFields(f[name]) }

// First returns the first object of an array, or nil.
func (f Fields) First(name string) Fields {
	var all []json.RawMessage
	_ = json.Unmarshal(f[name], &all)
	if len(all) == 0 {
		return nil
	}
	return ParseFields(all[0])
}
