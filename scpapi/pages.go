package scpapi

import (
	"context"
	"fmt"
	"iter"

	"github.com/cloudorg-exporter/cloudorg_exporter/internal/httpx"
)

// maxPages limits a list that does not end.
const maxPages = 1000

// maxRepeats is the number of full pages without a new row that rows moving
// between pages can explain. After that, the API ignores the page number.
const maxRepeats = 3

// A page is one answer.
type page[T any] struct {
	rows  [][]T // in blocks: one slice would be copied each time that it grows
	size  int64 // rows on a full page, according to the API; 0 if it did not say
	count int64 // rows on all pages; 0 if the API did not say
}

func (p *page[T]) add(t T) {
	const block = 1024
	last := len(p.rows) - 1
	if last < 0 || len(p.rows[last]) == block {
		// The first block grows, for most pages are short.
		p.rows = append(p.rows, make([]T, 0, min(block, 16+(last+1)*block)))
		last++
	}
	p.rows[last] = append(p.rows[last], t)
}

func (p *page[T]) len() (n int64) {
	for _, block := range p.rows {
		n += int64(len(block))
	}
	return n
}

// all returns the rows. A block is let go when its rows have been taken.
func (p *page[T]) all() iter.Seq[T] {
	return func(yield func(T) bool) {
		for i, block := range p.rows {
			for _, t := range block {
				if !yield(t) {
					return
				}
			}
			p.rows[i] = nil
		}
	}
}

// A listing is the rows of all pages, each once.
type listing[T any] struct {
	rows     []T
	at       map[string]int // index of a row by its key
	repeated bool           // a row was read twice: rows moved meanwhile
	again    bool           // second reading: rows without a key have been added before
}

// add adds a row and reports whether it is new. Of two rows with the same key
// the later one counts. A row without a key is always new.
func (l *listing[T]) add(key string, t T) bool {
	if key == "" {
		if !l.again {
			l.rows = append(l.rows, t)
		}
		return !l.again
	}
	if i, seen := l.at[key]; seen {
		l.rows[i], l.repeated = t, true
		return false
	}
	if l.at == nil {
		l.at = map[string]int{}
	}
	l.at[key] = len(l.rows)
	l.rows = append(l.rows, t)
	return true
}

// pages reads all pages of path. A page that cannot be read fails the listing:
// partial listings are never returned.
//
// There is no cursor. While the pages are read, a row that moves to an earlier
// page is missed, and another row is read twice. If a row was read twice and
// rows are missing, all pages are read once more.
func pages[T any, R row[T]](ctx context.Context, c *Client, path, key string) ([]T, int, error) {
	var l listing[T]
	missing, unparsed, err := walk[T, R](ctx, c, path, key, &l)
	if err == nil && missing && l.repeated {
		l.again = true
		_, unparsed, err = walk[T, R](ctx, c, path, key, &l)
	}
	if err != nil {
		return nil, 0, err
	}
	return l.rows, unparsed, nil
}

// walk adds the rows of all pages to l. It reports whether rows are missing
// according to the API's count.
//
// The last page is the first one with fewer rows than a full page. The API says
// how many rows a full page has, which may be fewer than requested. If rows are
// missing there, one more page is read to confirm the end: the size may be
// lower than stated, and the count may be wrong.
func walk[T any, R row[T]](ctx context.Context, c *Client, path, key string, l *listing[T]) (bool, int, error) {
	unparsed, repeats := 0, 0
	for n := range maxPages {
		p, bad, err := httpx.Get(ctx, c.http, httpx.Request{Operation: path, URL: c.url(path, n)}, envelope[T, R](key))
		if err != nil {
			return false, 0, fmt.Errorf("page %d: %w", n, err)
		}
		unparsed += bad
		news, rows := false, p.len()
		for t := range p.all() {
			if l.add(R(&t).key(), t) {
				news = true
			}
		}
		size := int64(c.cfg.PageSize)
		if p.size > 0 {
			size = p.size
		}
		have, short := int64(len(l.rows)), rows < size
		if rows == 0 || have == p.count || short && (have > p.count || !news) {
			return have < p.count, unparsed, nil
		}
		if repeats++; news || l.again {
			repeats = 0
		}
		if repeats == maxRepeats {
			return false, 0, fmt.Errorf("get %s: %w", path, &Error{
				API: "scp", Kind: httpx.Decode, Err: fmt.Errorf("page %d has only rows of earlier pages", n),
			})
		}
	}
	return false, 0, fmt.Errorf("get %s: %w", path, &Error{
		API: "scp", Kind: httpx.Decode, Err: fmt.Errorf("more than %d pages: is page_size too small?", maxPages),
	})
}

// envelope returns the reader of an answer whose list is named key.
func envelope[T any, R row[T]](key string) func(r *httpx.Reader) page[T] {
	return func(r *httpx.Reader) page[T] {
		var p page[T]
		listed := false
		r.Object(func(name string) {
			switch name {
			case key:
				listed = true
				r.Array(func() {
					var t T
					r.Row(func(name string) { R(&t).read(name, r) })
					p.add(t)
				})
			case "size":
				p.size, _ = r.Int()
			case "count":
				p.count, _ = r.Int()
			}
		})
		if !listed {
			r.Fail("unexpected shape: no " + key)
		}
		return p
	}
}
