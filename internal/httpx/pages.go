package httpx

import (
	"context"
	"fmt"
)

// maxRepeats is the number of full pages without a new row that rows moving
// between pages can explain. After that, the API ignores the page number.
const maxRepeats = 3

// A Page is one answer of a list with page numbers. What the API does not say
// is absent.
type Page[T any] struct {
	Rows  []T
	Total Number // rows on all pages
	Size  Number // rows on a full page, which may be fewer than requested
	Pages Number
}

// A List is the rows of all pages of a list, each once.
type List[T any] struct {
	Rows  []T
	Total int64 // rows there are, according to the last page; -1 if it did not say
	// Complete says that no row is missing, as far as the API says: there are as
	// many as Total, which was the same on all pages.
	Complete bool
}

// Pages says how a list with page numbers is read.
type Pages[T any, K comparable] struct {
	Operation string
	URL       func(page int) string // from 0
	Read      func(*Reader) Page[T]
	Key       func(*T) K // as in Distinct
	Size      int        // rows that are requested per page
	Max       int        // pages of a list; more are an error
	Advice    string     // what an operator can do about that error
}

// A listReading is a List that is being read.
type listReading[T any, K comparable] struct {
	Distinct[T, K]
	total   int64
	changed bool // total was not the same on all pages
	pages   int  // read so far
	filled  int  // pages of the first reading, up to the last that had rows
}

// List reads all pages. A page that cannot be read fails the list: partial lists
// are never returned.
//
// There is no cursor. While the pages are read, a row that moves to an earlier
// page is missed, and another row is read twice. If a row was read twice and
// rows are missing, all pages are read once more.
func (p Pages[T, K]) List(ctx context.Context, c *Client) (List[T], int, error) {
	l := listReading[T, K]{Distinct: Distinct[T, K]{Key: p.Key}, total: -1}
	unparsed, err := p.walk(ctx, c, &l)
	if err == nil && l.repeated && int64(len(l.Rows)) < l.total && 2*l.pages <= p.Max {
		l.again = true
		unparsed, err = p.walk(ctx, c, &l)
	}
	if err != nil {
		return List[T]{}, 0, err
	}
	complete := !l.changed && (l.total < 0 || l.total == int64(len(l.Rows)))
	return List[T]{Rows: l.Rows, Total: l.total, Complete: complete}, unparsed, nil
}

// walk adds the rows of all pages to l.
//
// The last page is the one with which as many rows as there are in all have
// been read, an empty one, or one with fewer rows than a full page. If rows are
// missing there, and it is not the last according to the number of pages, one
// more page is read to confirm the end: a full page may have fewer rows than the
// API says, and the total may be wrong. The second reading does not end before
// the rows of the first did: most of its pages have no new row.
func (p Pages[T, K]) walk(ctx context.Context, c *Client, l *listReading[T, K]) (int, error) {
	unparsed, repeats := 0, 0
	for n := 0; l.pages < p.Max; n++ {
		request := Request{Operation: p.Operation, URL: p.URL(n)}
		page, bad, err := Get(ctx, c, request, p.Read)
		if err != nil {
			return 0, fmt.Errorf("page %d: %w", n, err)
		}
		l.pages++
		unparsed += bad
		if page.Total.Valid && page.Total.Value >= 0 {
			l.changed = l.changed || l.total >= 0 && l.total != page.Total.Value
			l.total = page.Total.Value
		}
		rows := int64(len(page.Rows))
		if rows > 0 && !l.again {
			l.filled = n + 1
		}
		news := l.Add(page.Rows)
		have := int64(len(l.Rows))
		if have > maxRows {
			return 0, c.Undecodable(request, "more than %d rows", maxRows)
		}
		size := int64(p.Size)
		if page.Size.Value > 0 {
			size = min(size, page.Size.Value)
		}
		short := rows < size
		last := page.Pages.Value > 0 && int64(n+1) >= page.Pages.Value
		if rows == 0 || have == l.total || short && (have > l.total || !news && n+1 >= l.filled || last) {
			return unparsed, nil
		}
		if repeats++; news || l.again {
			repeats = 0
		}
		if repeats == maxRepeats {
			return 0, c.Undecodable(request, "page %d has only rows of earlier pages", n)
		}
	}
	return 0, c.Undecodable(Request{Operation: p.Operation}, "more than %d pages: %s", p.Max, p.Advice)
}
