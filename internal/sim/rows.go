package sim

import (
	"slices"
	"strconv"
	"time"
)

// rows writes JSON objects, one after the other. With drift it writes them as
// the clouds' documentation now and then does: every other one with its numbers
// quoted, and the texts that nobody depends on there, null or absent by turns.
type rows struct {
	buf   []byte
	drift bool
	n     int // objects so far
}

// list writes an array of n objects.
func (b *rows) list(n int, row func(i int)) {
	b.buf = append(slices.Grow(b.buf, n*400), '[') // a row is that long at most, as a rule
	for i := range n {
		if i > 0 {
			b.buf = append(b.buf, ",\n "...)
		}
		b.object(func() { row(i) })
	}
	b.buf = append(b.buf, "]\n"...)
}

// object writes an object of the fields that the function writes.
func (b *rows) object(fields func()) {
	b.n++
	b.buf = append(b.buf, '{')
	fields()
	if b.drift && b.n%3 == 0 {
		b.key("newField")
		b.buf = append(b.buf, `{"nested": [1, 2]}`...)
	}
	b.buf = append(b.buf, '}')
}

func (b *rows) key(key string) {
	if b.buf[len(b.buf)-1] != '{' {
		b.buf = append(b.buf, ", "...)
	}
	b.buf = append(b.buf, '"')
	b.buf = append(b.buf, key...)
	b.buf = append(b.buf, `": `...)
}

// number writes an integer.
func (b *rows) number(key string, v int64) {
	if b.drift && b.n%2 == 1 {
		b.quoted(key, v)
		return
	}
	b.key(key)
	b.buf = strconv.AppendInt(b.buf, v, 10)
}

// quoted writes an integer as a string.
func (b *rows) quoted(key string, v int64) { b.text(key, strconv.FormatInt(v, 10)) }

// millis writes a time in epoch milliseconds.
func (b *rows) millis(key string, t time.Time) { b.number(key, t.UnixMilli()) }

// text writes a string.
func (b *rows) text(key, v string) {
	b.key(key)
	b.str(v)
}

// texts writes an array of strings.
func (b *rows) texts(key string, all []string) {
	b.key(key)
	b.buf = append(b.buf, '[')
	for i, v := range all {
		if i > 0 {
			b.buf = append(b.buf, ", "...)
		}
		b.str(v)
	}
	b.buf = append(b.buf, ']')
}

// mention writes a string that nobody depends on.
func (b *rows) mention(key, v string) {
	switch {
	case !b.drift || b.n%3 == 0:
		b.text(key, v)
	case b.n%3 == 2:
		b.null(key)
	}
}

// null writes a null.
func (b *rows) null(key string) {
	b.key(key)
	b.buf = append(b.buf, "null"...)
}

// nothing writes a field that does not apply: not at all, or with drift now and
// then as null.
func (b *rows) nothing(key string) {
	if b.drift && b.n%2 == 0 {
		b.null(key)
	}
}

// yes writes Y or N. With drift an N may be left out.
func (b *rows) yes(key string, v bool) {
	switch {
	case v:
		b.text(key, "Y")
	default:
		b.mention(key, "N")
	}
}

// str writes a JSON string. Bytes that are not UTF-8 are sent as they are,
// as a careless server would.
func (b *rows) str(v string) {
	const hex = "0123456789abcdef"
	b.buf = append(b.buf, '"')
	done := 0
	for i := range len(v) {
		c := v[i]
		if c >= ' ' && c != '"' && c != '\\' {
			continue
		}
		b.buf = append(b.buf, v[done:i]...)
		b.buf = append(b.buf, `\u00`...)
		b.buf = append(b.buf, hex[c>>4], hex[c&15])
		done = i + 1
	}
	b.buf = append(b.buf, v[done:]...)
	b.buf = append(b.buf, '"')
}
