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

// UnmarshalText reads an integer, such as 12, 12.0 or 9.000001e6. "" and "-" are
// absent.
func (n *Number) UnmarshalText(text []byte) error {
	*n = Number{}
	s := strings.TrimSpace(string(text))
	if s == "" || s == "-" {
		return nil
	}
	i, err := strconv.ParseInt(s, 10, 64)
	if err != nil {
		f, notFloat := strconv.ParseFloat(s, 64)
		if notFloat != nil || f != float64(int64(f)) || f <= -1<<53 || f >= 1<<53 {
			return errors.New("not an integer")
		}
		i = int64(f)
	}
	*n = Number{Value: i, Valid: true}
	return nil
}
