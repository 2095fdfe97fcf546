package ncpapi

import (
	"bytes"
	"context"
	"fmt"
	"strconv"

	"github.com/cloudorg-exporter/cloudorg_exporter/internal/httpx"
)

const (
	pageSize = 100    // the largest that is documented
	maxPages = 10_000 // of one list
	maxRows  = 2_000_000
	// maxRepeats is the number of full pages without a new row that rows moving
	// between pages can explain. After that, the API ignores the page number.
	maxRepeats = 3
)

// A List is the rows of all pages of a listing, each once.
type List[T any] struct {
	Rows  []T
	Total int64 // rows there are, according to the last page; -1 if it did not say
	// Complete says that no row is missing, as far as the API says: there are as
	// many as Total, which was the same on all pages.
	Complete bool
}

// A keyed is a row that can tell whether it is another one again.
type keyed[T any] interface {
	row[T]
	key() (k key, ok bool)
}

// A key identifies a row of a list.
type key [2]int64

// A page is one answer.
type page[T any] struct {
	rows  []T
	total int64 // totalElements; -1 if it did not say
	size  int64 // pageSize: rows on a full page; 0 if it did not say
	pages int64 // totalPages; 0 if it did not say
}

// A reading is a List that is being read.
type reading[T any] struct {
	rows     []T
	total    int64
	changed  bool        // total was not the same on all pages
	at       map[key]int // index of a row by its key
	repeated bool        // a row was read twice: rows moved meanwhile
	again    bool        // second reading: rows without a key have been added before
	pages    int         // read so far
	first    int         // pages of the first reading; 0 during it
}

// add adds a row and reports whether it is new. Of two rows with the same key
// the later one counts. A row without a key is always new.
func (l *reading[T]) add(k key, keyed bool, t T) bool {
	if !keyed {
		if !l.again {
			l.rows = append(l.rows, t)
		}
		return !l.again
	}
	if i, seen := l.at[k]; seen {
		l.rows[i] = t
		l.repeated = l.repeated || !l.again
		return false
	}
	l.at[k] = len(l.rows)
	l.rows = append(l.rows, t)
	return true
}

// pages reads all pages of a list. A page that cannot be read fails it.
//
// There is no cursor. While the pages are read, a row that moves to an earlier
// page is missed, and another row is read twice. If a row was read twice and
// rows are missing, all pages are read once more.
func pages[T any, R keyed[T]](ctx context.Context, c *ClientV2, path list, read func(*httpx.Reader) page[T]) (List[T], int, error) {
	l := reading[T]{total: -1, at: map[key]int{}}
	unparsed, err := walk[T, R](ctx, c, path, read, &l)
	if err == nil && l.repeated && int64(len(l.rows)) < l.total && 2*l.pages <= c.maxPages {
		l.again, l.first = true, l.pages
		unparsed, err = walk[T, R](ctx, c, path, read, &l)
	}
	if err != nil {
		return List[T]{}, 0, err
	}
	whole := !l.changed && (l.total < 0 || l.total == int64(len(l.rows)))
	return List[T]{Rows: l.rows, Total: l.total, Complete: whole}, unparsed, nil
}

// walk adds the rows of all pages to l.
//
// The last page is the one with which as many rows as there are in all have
// been read, an empty one, or one with fewer rows than a full page. If rows are
// missing there, and it is not the last according to totalPages, one more page
// is read to confirm the end: the API may have fewer rows on a full page than
// requested, and not say so. The second reading does not end before the first
// did: most of its pages have no new row.
func walk[T any, R keyed[T]](ctx context.Context, c *ClientV2, path list, read func(*httpx.Reader) page[T], l *reading[T]) (int, error) {
	unparsed, repeats := 0, 0
	undecodable := func(format string, args ...any) error {
		return fmt.Errorf("get %s: %w", path.template, &Error{API: "ncp", Kind: httpx.Decode, Err: fmt.Errorf(format, args...)})
	}
	for n := 0; l.pages < c.maxPages; n++ {
		p, bad, err := httpx.Get(ctx, c.http, httpx.Request{
			Operation: path.template,
			URL:       c.base + path.path + "?pageNo=" + strconv.Itoa(n) + "&pageSize=" + strconv.Itoa(pageSize),
		}, read)
		if err != nil {
			return 0, fmt.Errorf("page %d: %w", n, err)
		}
		l.pages++
		unparsed += bad
		if p.total >= 0 {
			l.changed = l.changed || l.total >= 0 && l.total != p.total
			l.total = p.total
		}
		if n == 0 && len(p.rows) == 0 && p.total > 0 {
			return 0, undecodable("page 0 is empty, and totalElements is %d", p.total)
		}
		news := false
		for _, t := range p.rows {
			k, ok := R(&t).key()
			if l.add(k, ok, t) {
				news = true
			}
		}
		if len(l.rows) > maxRows {
			return 0, undecodable("more than %d rows", maxRows)
		}
		size := int64(pageSize)
		if p.size > 0 {
			size = min(size, p.size)
		}
		have, short := int64(len(l.rows)), int64(len(p.rows)) < size
		last := p.pages > 0 && int64(n+1) >= p.pages
		if len(p.rows) == 0 || have == l.total || short && (have > l.total || !news && n+1 >= l.first || last) {
			return unparsed, nil
		}
		if repeats++; news || l.again {
			repeats = 0
		}
		if repeats == maxRepeats {
			return 0, undecodable("page %d has only rows of earlier pages", n)
		}
	}
	return 0, undecodable("more than %d pages: if there are that many rows, raise refresh_timeout or rate_limit", c.maxPages)
}

// envelope returns the reader of an answer whose list is named key. If there is
// no such list, and anyName, the only array of the answer is the list.
func envelope[T any, R row[T]](key string, anyName bool) func(*httpx.Reader) page[T] {
	return func(r *httpx.Reader) page[T] {
		p := page[T]{total: -1}
		listed := false
		var arrays [][]byte
		r.Object(func(name string) {
			switch name {
			case key:
				listed = true
				p.rows = rows[T, R](r)
			case "totalElements":
				if n, ok := r.Int(); ok {
					p.total = max(n, -1)
				}
			case "pageSize":
				p.size, _ = r.Int()
			case "totalPages":
				p.pages, _ = r.Int()
			default:
				if anyName && name != "errors" && r.Next() == '[' {
					arrays = append(arrays, r.Raw())
				}
			}
		})
		switch {
		case listed:
		case len(arrays) == 1:
			p.rows = decoded(r, arrays[0], rows[T, R])
		default:
			r.Fail("unexpected shape: no " + key)
		}
		return p
	}
}

// decoded reads a part of the answer that has been read as it is written.
func decoded[T any](r *httpx.Reader, raw []byte, read func(*httpx.Reader) T) T {
	out, unparsed, err := httpx.DecodeBody(bytes.NewReader(raw), read)
	for range unparsed {
		r.Unparsed()
	}
	if err != nil {
		r.Fail(err.Error())
	}
	return out
}
