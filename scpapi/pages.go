package scpapi

import (
	"context"
	"fmt"

	"github.com/cloudorg-exporter/cloudorg_exporter/internal/httpx"
)

// maxPages ends a list that does not end by itself.
const maxPages = 1000

// maxRepeats is how many full pages without a new row are believed to be rows
// that move while they are read. After that, the API does not turn pages.
const maxRepeats = 3

// A page is one answer. The zero size or count is one that it did not give.
type page[T any] struct {
	rows  []T
	size  int64 // rows on a full page, as the API has it
	count int64 // rows on all pages
}

// A listing is the rows of all pages, each once.
type listing[T any] struct {
	rows     []T
	at       map[string]int // where a row stands, by key
	repeated bool           // a row came twice: rows moved while they were read
	again    bool           // the rows without a key have been added before
}

// add adds a row that has not come before, and reports whether it has not. Of
// two with the same key the later one counts. One without a key cannot be told
// from another.
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

// pages reads all pages of path. A page that cannot be read fails the whole:
// a partial listing would be a lie.
//
// There is no cursor. A row that moves to an earlier page while the pages are
// read is missed, and another comes twice in its place. Where that shows, the
// pages are read once more.
func pages[T any, R row[T]](ctx context.Context, c *Client, path, key string) ([]T, int, error) {
	var l listing[T]
	missing, unreadable, err := walk[T, R](ctx, c, path, key, &l)
	if err == nil && missing && l.repeated {
		l.again = true
		_, unreadable, err = walk[T, R](ctx, c, path, key, &l)
	}
	if err != nil {
		return nil, 0, err
	}
	return l.rows, unreadable, nil
}

// walk adds the rows of all pages to l. It reports whether there should be
// more of them by the API's count.
//
// A page is short by the size that the API says it has, which may be less than
// what was asked for. If rows are missing then, one page more confirms the end:
// a size may have been cut without a word, and a count may be wrong.
func walk[T any, R row[T]](ctx context.Context, c *Client, path, key string, l *listing[T]) (bool, int, error) {
	unreadable, repeats := 0, 0
	for n := range maxPages {
		p, bad, err := httpx.Get(ctx, c.http, path, c.url(path, n), envelope[T, R](key))
		if err != nil {
			return false, 0, fmt.Errorf("page %d: %w", n, err)
		}
		unreadable += bad
		news := false
		for _, t := range p.rows {
			if l.add(R(&t).key(), t) {
				news = true
			}
		}
		size := int64(c.cfg.PageSize)
		if p.size > 0 {
			size = p.size
		}
		have, short := int64(len(l.rows)), int64(len(p.rows)) < size
		if len(p.rows) == 0 || have == p.count || short && (have > p.count || !news) {
			return have < p.count, unreadable, nil
		}
		if repeats++; news || l.again {
			repeats = 0
		}
		if repeats == maxRepeats {
			return false, 0, fmt.Errorf("get %s: %w", path, &Error{
				API: "scp", Reason: httpx.Decode, Err: fmt.Errorf("page %d has the rows of pages before it again", n),
			})
		}
	}
	return false, 0, fmt.Errorf("get %s: %w", path, &Error{
		API: "scp", Reason: httpx.Decode, Err: fmt.Errorf("the list does not end within %d pages: is page_size too small?", maxPages),
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
					p.rows = append(p.rows, t)
				})
			case "size":
				p.size, _ = r.Int()
			case "count":
				p.count, _ = r.Int()
			}
		})
		if !listed {
			r.Fail("unexpected shape: an answer without " + key)
		}
		return p
	}
}
