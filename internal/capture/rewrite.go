package capture

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// A rewriter copies JSON and replaces what could identify an account, a person or an
// organization.
type rewriter struct {
	*values
	fields Fields
	sent   http.Header // of the request
	dec    *jsontext.Decoder
	enc    *jsontext.Encoder
}

// options accept what the clients accept.
func options() jsontext.Options {
	return json.JoinOptions(jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true))
}

// rewrite copies the single JSON value of a body.
func (r *rewriter) rewrite(body []byte) (jsontext.Value, error) {
	var out bytes.Buffer
	r.dec, r.enc = jsontext.NewDecoder(bytes.NewReader(body), options()), jsontext.NewEncoder(&out, options())
	if err := r.value(Text, "", true); err != nil {
		return nil, err
	}
	if _, err := r.dec.ReadToken(); !errors.Is(err, io.EOF) {
		return nil, errors.Join(errors.New("data after the value"), err)
	}
	return bytes.TrimSpace(out.Bytes()), nil
}

// value copies a value of a field named in. All below an undocumented field is
// undocumented.
func (r *rewriter) value(kind Kind, in string, documented bool) error {
	switch r.dec.PeekKind() {
	case '{':
		return r.nested(func() error {
			raw, err := r.dec.ReadValue()
			if err != nil {
				return err
			}
			name := unquoted(raw)
			k, known := r.fields[in+"."+name]
			if !known {
				k, known = r.fields[name]
			}
			written := name
			if !known {
				written = r.name(name)
			}
			if err := r.enc.WriteToken(jsontext.String(written)); err != nil {
				return err
			}
			return r.value(k, name, documented && known)
		})
	case '[':
		return r.nested(func() error { return r.value(kind, in, documented) })
	}
	raw, err := r.dec.ReadValue()
	if err != nil {
		return err
	}
	if !documented {
		kind = Text
	}
	switch raw.Kind() {
	case '"':
		return r.enc.WriteToken(jsontext.String(r.string(kind, unquoted(raw))))
	case '0':
		return r.enc.WriteValue(jsontext.Value(r.number(kind, string(raw))))
	}
	return r.enc.WriteValue(raw)
}

// maxDepth limits the indentation, which would be megabytes per line.
const maxDepth = 100

// nested copies an object or an array, of which each copies one element.
func (r *rewriter) nested(each func() error) error {
	if r.dec.StackDepth() >= maxDepth {
		return errors.New("nested too deeply")
	}
	if err := r.bracket(); err != nil {
		return err
	}
	for kind := r.dec.PeekKind(); kind != '}' && kind != ']'; kind = r.dec.PeekKind() {
		if err := each(); err != nil {
			return err
		}
	}
	return r.bracket()
}

func (r *rewriter) bracket() error {
	token, err := r.dec.ReadToken()
	if err != nil {
		return err
	}
	return r.enc.WriteToken(token)
}

func unquoted(raw jsontext.Value) string {
	b, _ := jsontext.AppendUnquote(nil, raw) // the only error is bad UTF-8, which it replaces
	return string(b)
}

func (r *rewriter) string(kind Kind, s string) string {
	switch kind {
	case Keep:
		if s = s[strings.LastIndex(s, "#")+1:]; keep(s, r.sent) { // AWS has a namespace before it
			return s
		}
	case ID:
		return r.id(s)
	case Path:
		return r.path(s)
	case Time:
		if t, ok := r.time(s); ok {
			return t
		}
	case Text:
	}
	return text(s)
}

func (r *rewriter) number(kind Kind, n string) string {
	switch kind {
	case Keep:
		if code.MatchString(n) {
			return n
		}
	case ID, Path:
		if decimal.MatchString(n) {
			return r.id(n)
		}
	case Time:
		if t, ok := r.time(n); ok {
			return t
		}
	case Text:
	}
	return digits(n)
}
