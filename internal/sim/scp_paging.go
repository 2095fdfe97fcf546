package sim

import (
	"net/http"
	"strconv"
)

// A Paging is a way in which the pages of a list are not what they should be.
type Paging struct {
	MaxSize int  // greatest size, whatever is asked for; 0 is any
	Silent  bool // the answer repeats the size that was asked for all the same
	// Moves is how often a row moves: when a page that is not the first is asked
	// for, its first row is on the page before by then, and the last of that page
	// has come here.
	Moves    int
	CountOff int  // added to the count, which lies; it is never below 0
	Endless  bool // there is always one page more
}

// SetPaging makes a list behave like p from the next request on.
func (s *SCP) SetPaging(path string, p Paging) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.pagings[path] = p
}

// A slice is the part of a list that an answer has.
type slice struct {
	page, size int
	count      int
	order      []int // index of each row; in an endless list they repeat
	endless    bool
}

// slice cuts the page that a request asks for out of n rows. It reports false
// where the request cannot be understood.
func (s *SCP) slice(r *http.Request, path string, n int) (slice, bool) {
	page, ok := queryInt(r, "page", 0, 0)
	size, ok2 := queryInt(r, "size", 20, 1)
	if !ok || !ok2 {
		return slice{}, false
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	p := s.pagings[path]
	out := slice{page: page, size: size, count: max(0, n+p.CountOff), endless: p.Endless}
	if p.MaxSize > 0 && size > p.MaxSize {
		size = p.MaxSize
		if !p.Silent {
			out.size = size
		}
	}
	from, to := min(page*size, n), min((page+1)*size, n)
	if p.Endless && n > 0 {
		from, to, out.count = page*size, (page+1)*size, (page+2)*size
	}
	for i := from; i < to; i++ {
		out.order = append(out.order, i)
	}
	if p.Moves > 0 && page > 0 && from < to {
		out.order[0] = from - 1
		p.Moves--
		s.pagings[path] = p
	}
	return out, true
}

// queryInt returns a parameter that is a number of at least lowest.
func queryInt(r *http.Request, name string, fallback, lowest int) (int, bool) {
	text := r.URL.Query().Get(name)
	if text == "" {
		return fallback, true
	}
	n, err := strconv.ParseUint(text, 10, 20)
	return int(n), err == nil && int(n) >= lowest
}
