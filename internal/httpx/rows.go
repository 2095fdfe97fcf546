package httpx

import (
	"bytes"
	"slices"

	"github.com/go-json-experiment/json/jsontext"
)

// Rows reads a list of objects, which are decoded as Decode does, or by their
// method ReadRow.
func Rows[T any](r *Reader) []T {
	return slices.Concat(RowBlocks(r, func(*T) bool { return true })...)
}

// RowBlocks reads those rows of a list of objects for which want is true. They
// are in blocks: one slice would be copied each time that it grows, and there
// may be 100,000.
func RowBlocks[T any](r *Reader, want func(*T) bool) [][]T {
	const block = 1024
	var full [][]T
	var last []T
	row := new(T) // one for all
	read := r.Fields(row)
	own, readsItself := any(row).(interface{ ReadRow(*Reader) })
	r.Array(func() {
		*row = *new(T)
		if null := r.api.NullRows && r.Next() == 'n'; !null && !r.expect('{', "an object") {
			return
		}
		if readsItself {
			own.ReadRow(r)
		} else {
			r.Object(read)
		}
		if !want(row) {
			return
		}
		if len(last) == block {
			full, last = append(full, last), make([]T, 0, block)
		}
		last = append(last, *row)
	})
	return append(full, last)
}

// Envelope reads an object whose list of rows is named key. If there is none,
// and anyName, the only array of the object is the list. other decodes the other
// fields that it has.
func Envelope[T any](r *Reader, key string, anyName bool, other func(name string)) (rows []T) {
	listed := false
	var arrays []jsontext.Value
	r.Object(func(name string) {
		switch {
		case name == key:
			listed, rows = true, Rows[T](r)
		case anyName && r.Next() == '[' && !slices.Contains(r.api.ErrorFields, name):
			arrays = append(arrays, r.value().Clone())
		default:
			other(name)
		}
	})
	switch {
	case listed:
	case len(arrays) == 1:
		answer := r.dec
		r.dec = newDecoder(bytes.NewReader(arrays[0]))
		rows = Rows[T](r)
		r.dec = answer
	default:
		r.Fail("unexpected shape: no " + key)
	}
	return rows
}

// Distinct are rows, each once. Of two rows with the same key the later one
// counts.
type Distinct[T any, K comparable] struct {
	Rows []T
	Key  func(*T) K // the zero value: the row has none, and is always a new one

	at       map[K]int // index of a row by its key
	repeated bool      // a row was added twice
	again    bool      // rows without a key have been added before
}

// Add adds rows, which it may keep and change. It reports whether one is new.
func (d *Distinct[T, K]) Add(rows []T) bool {
	if d.at == nil {
		d.at = make(map[K]int, len(rows))
	}
	if d.Rows == nil {
		d.Rows = rows[:0] // no copy of a list that has one page
	}
	var none K
	before := len(d.Rows)
	for n, row := range rows {
		key := d.Key(&rows[n])
		if i, seen := d.at[key]; seen && key != none {
			d.Rows[i], d.repeated = row, true
			continue
		}
		if key == none && d.again {
			continue
		}
		d.at[key] = len(d.Rows)
		d.Rows = append(d.Rows, row)
	}
	return len(d.Rows) > before
}
