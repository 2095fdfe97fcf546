package awsapi

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"net/http"

	"github.com/cloudorg-exporter/cloudorg_exporter/internal/httpx"
)

const (
	pageSize = 20      // the API's largest
	maxPages = 100_000 // most may be without rows
)

// pages reads all pages of an operation. name is that of the list in the answers.
// A page that cannot be read fails the listing: partial listings are never
// returned. How long a token is valid is not documented: if one is refused, all
// pages are read once more.
func pages[T any](ctx context.Context, c *Client, operation, name string, p parameters, key func(*T) string) ([]T, int, error) {
	rows, unparsed, err := walk(ctx, c, operation, name, p, key)
	if errors.Is(err, errToken) {
		rows, unparsed, err = walk(ctx, c, operation, name, p, key)
	}
	return rows, unparsed, err
}

// walk reads all pages.
func walk[T any](ctx context.Context, c *Client, operation, name string, p parameters, key func(*T) string) ([]T, int, error) {
	list := httpx.Distinct[T, string]{Key: key} // rows may move while the pages are read
	request := httpx.Request{Operation: operation, Method: http.MethodPost}
	unparsed := 0
	tokens := map[[sha256.Size]byte]bool{}
	p.MaxResults = pageSize
	for n := range maxPages {
		answer, bad, err := get(ctx, c, operation, p, func(r *httpx.Reader) page[T] { return readPage[T](r, name) })
		if err != nil {
			return nil, 0, fmt.Errorf("page %d: %w", n, err)
		}
		unparsed += bad
		list.Add(answer.rows)
		if answer.next == "" {
			return list.Rows, unparsed, nil
		}
		token := sha256.Sum256([]byte(answer.next)) // a token may have 100,000 characters
		if tokens[token] {
			return nil, 0, c.Undecodable(request, "page %d has the token of an earlier page: the list does not end", n)
		}
		tokens[token], p.NextToken = true, answer.next
	}
	return nil, 0, c.Undecodable(request, "more than %d pages", maxPages)
}

// A page is one answer.
type page[T any] struct {
	rows []T
	next string // token of the next page; empty on the last
}

// readPage reads an answer whose list has a name.
func readPage[T any](r *httpx.Reader, name string) (p page[T]) {
	p.rows = httpx.Envelope[T](r, name, false, func(field string) {
		if field == "NextToken" {
			p.next = r.Token()
		}
	})
	return p
}
