package httpx

import (
	"errors"
	"strconv"
	"strings"
)

// A Number is an integer that comes as a number or a string, or is absent. The
// zero Number is absent.
type Number struct {
	Value int64
	Valid bool
}

var errNoInteger = errors.New("not an integer")

// UnmarshalText reads an integer. "" and "-" are absent.
func (n *Number) UnmarshalText(text []byte) error {
	*n = Number{}
	if i, err := strconv.ParseInt(string(text), 10, 64); err == nil { // the usual case, without an allocation
		*n = Number{i, true}
		return nil
	}
	s := strings.TrimSpace(string(text))
	if s == "" || s == "-" {
		return nil
	}
	if i, err := strconv.ParseInt(s, 10, 64); err == nil {
		*n = Number{i, true}
		return nil
	}
	// 9.000001e6 and 12.0 are integers too.
	if f, err := strconv.ParseFloat(s, 64); err == nil && f == float64(int64(f)) && f > -1<<53 && f < 1<<53 {
		*n = Number{int64(f), true}
		return nil
	}
	return errNoInteger
}
