package capture

import "strings"

// A Kind says what becomes of the value of a field. Booleans and null stay as
// they are in every field.
type Kind int

// The kinds of documented fields.
const (
	Text Kind = iota + 1 // as many x as it has characters; the digits of a number are replaced
	Keep                 // stays as it is if it looks like a code or a number, else as Text
	ID                   // an identifier of the same form, the same one wherever it occurs
	Path                 // identifiers between slashes and colons
	Time                 // shifted by the capture's offset
)

// Fields are the documented fields of a cloud's API by name, those of its
// queries and of its requests included. A name that is documented for two things
// is preceded by the field around it and a dot, as in "versions.id".
type Fields map[string]Kind

// Documented returns Fields of names that are separated by white space.
func Documented(names map[Kind]string) Fields {
	all := Fields{}
	for kind, list := range names {
		for name := range strings.FieldsSeq(list) {
			all[name] = kind
		}
	}
	return all
}
