package awsapi

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"

	"github.com/cloudorg-exporter/cloudorg_exporter/internal/httpx"
)

const (
	pageSize = 20        // the API's largest
	maxRows  = 2_000_000 // of all pages
	// maxPages limits pages without rows. The API may return some.
	maxPages = maxRows / pageSize
)

// A page is one answer.
type page[T any] struct {
	rows []T
	next string // token of the next page; empty on the last
}

// pages reads all pages of an operation. A page that cannot be read fails the
// listing: partial listings are never returned. How long a token is valid is not
// documented: if one is refused, all pages are read once more.
func pages[T any, R row[T]](ctx context.Context, c *Client, operation, key string, p parameters) ([]T, int, error) {
	rows, unparsed, err := walk[T, R](ctx, c, operation, key, p)
	if errors.Is(err, errToken) {
		rows, unparsed, err = walk[T, R](ctx, c, operation, key, p)
	}
	return rows, unparsed, err
}

// walk reads all pages. Rows may move while the pages are read: of two rows with
// the same key the later one counts.
func walk[T any, R row[T]](ctx context.Context, c *Client, operation, key string, p parameters) ([]T, int, error) {
	var rows []T
	unparsed := 0
	at := map[string]int{}
	tokens := map[[sha256.Size]byte]bool{}
	p.MaxResults = pageSize
	for n := range maxPages {
		answer, bad, err := get(ctx, c, operation, p, envelope[T, R](key))
		if err != nil {
			return nil, 0, fmt.Errorf("page %d: %w", n, err)
		}
		unparsed += bad
		for _, row := range answer.rows {
			id := R(&row).key()
			if i, seen := at[id]; seen && id != "" {
				rows[i] = row
				continue
			}
			at[id] = len(rows)
			rows = append(rows, row)
		}
		if answer.next == "" {
			return rows, unparsed, nil
		}
		token := sha256.Sum256([]byte(answer.next)) // a token may have 100,000 characters
		switch {
		case tokens[token]:
			return nil, 0, endless(operation, fmt.Sprintf("page %d has the token of an earlier page: the list does not end", n))
		case len(rows) > maxRows:
			return nil, 0, endless(operation, fmt.Sprintf("more than %d rows", maxRows))
		}
		tokens[token], p.NextToken = true, answer.next
	}
	return nil, 0, endless(operation, fmt.Sprintf("more than %d pages", maxPages))
}

func endless(operation, why string) error {
	return fmt.Errorf("post %s: %w", operation, &Error{API: "aws", Kind: httpx.Decode, Err: errors.New(why)})
}

// envelope returns the reader of an answer whose list is named key. An element
// that is null is a row without fields.
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
					r.Object(func(name string) { R(&t).read(name, r) })
					p.rows = append(p.rows, t)
				})
			case "NextToken":
				p.next = r.Token()
			}
		})
		if !listed {
			r.Fail("unexpected shape: no " + key)
		}
		return p
	}
}
