package capture

import (
	"math/rand/v2"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"time"
	"unicode/utf8"
)

// values replaces identifiers, names of fields, times and texts. An identifier, a
// name and the shift of times are the same in all files of one capture.
type values struct {
	offset time.Duration // whole seconds, added to every time

	mu    sync.Mutex
	ids   map[string]string // made-up identifiers by the real ones
	taken map[string]bool   // made-up identifiers
	names map[string]string // "field1", … by the undocumented name
}

func newValues() *values {
	const year = 365 * 24 * 60 * 60
	return &values{
		offset: -time.Duration(year+rand.IntN(3*year)) * time.Second,
		ids:    map[string]string{}, taken: map[string]bool{}, names: map[string]string{},
	}
}

// name returns what an undocumented field is called.
func (v *values) name(real string) string {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.names[real] == "" {
		v.names[real] = "field" + strconv.Itoa(len(v.names)+1)
	}
	return v.names[real]
}

// text returns as many x as s has characters, or as many é if s is not ASCII.
func text(s string) string {
	n := utf8.RuneCountInString(s)
	if n == len(s) && utf8.ValidString(s) {
		return strings.Repeat("x", n)
	}
	return strings.Repeat("é", n)
}

// digits replaces the digits of a number. Sign, point and exponent stay.
func digits(number string) string {
	mantissa, exponent := number, ""
	if i := strings.IndexAny(number, "eE"); i >= 0 {
		mantissa, exponent = number[:i], number[i:]
		if len(exponent) > 4 {
			exponent = "" // digits enough for a telephone number
		}
	}
	return randomized(mantissa) + exponent
}

var (
	// prefix is the prefix of an identifier of AWS or SCP, which says what it is of.
	prefix  = regexp.MustCompile(`^(o|r|ou|h|p|car)-`)
	hex     = regexp.MustCompile(`^[0-9a-f-]{8,}$`)
	decimal = regexp.MustCompile(`^[0-9]+$`)
)

// randomized returns a random text of the same form: digits for digits, letters
// for letters. A leading zero stays, and no other number begins with one.
func randomized(s string) string {
	letters := 26
	if hex.MatchString(s) && !decimal.MatchString(s) {
		letters = 6
	}
	first := true
	return strings.Map(func(r rune) rune {
		leading := first
		switch {
		case r >= '0' && r <= '9':
			first = false
			switch {
			case leading && r == '0':
				return r
			case leading:
				return '1' + rune(rand.IntN(9))
			}
			return '0' + rune(rand.IntN(10))
		case r >= 'a' && r <= 'z':
			return 'a' + rune(rand.IntN(letters))
		case r >= 'A' && r <= 'Z':
			return 'A' + rune(rand.IntN(letters))
		case r >= utf8.RuneSelf:
			return 'é'
		}
		return r
	}, s)
}

// id returns the made-up identifier that stands for a real one.
func (v *values) id(real string) string {
	if !strings.ContainsFunc(real, func(r rune) bool { return r >= '1' && r <= '9' || r >= 'A' && r <= 'Z' || r >= 'a' && r <= 'z' }) {
		return randomized(real) // nothing that could be told apart
	}
	const maxDigits = 19 // of an int64
	v.mu.Lock()
	defer v.mu.Unlock()
	if made, ok := v.ids[real]; ok {
		return made
	}
	start := prefix.FindString(real)
	for tries := 0; ; tries++ {
		made := start + randomized(real[len(start):])
		if tries > 1000 { // all of that form are taken
			made += strconv.Itoa(rand.IntN(1_000_000))
		}
		if made == real || v.taken[made] || v.ids[made] != "" || len(real) == maxDigits && isInt64(made) != isInt64(real) {
			continue
		}
		v.ids[real], v.taken[made] = made, true
		return made
	}
}

func isInt64(s string) bool {
	_, err := strconv.ParseInt(s, 10, 64)
	return err == nil
}

var part = regexp.MustCompile(`[^/:]+`)

// path replaces the identifiers of a path or of an ARN.
func (v *values) path(s string) string {
	return part.ReplaceAllStringFunc(s, func(p string) string {
		switch p { // the words of an ARN
		case "arn", "aws", "aws-cn", "aws-us-gov", "organizations",
			"account", "organization", "root", "ou", "handshake", "invite", "policy":
			return p
		}
		return v.id(p)
	})
}

var dateTime = regexp.MustCompile(`^(\d{4}-\d\d-\d\d|\d{8})(?:([Tt ])(\d\d:?\d\d:?\d\d)(\.\d{1,9})?(|[Zz]|[+-]\d\d:?\d\d))?$`)

// time shifts a time in one of the forms that the APIs use: a date, a date with
// a time of day, or seconds or milliseconds since 1970.
func (v *values) time(s string) (string, bool) {
	const tenDigits, seventeenDigits = 1e9, 1e17 // seconds after 2001; milliseconds before 5000
	whole, fraction, point := strings.Cut(s, ".")
	if n, err := strconv.ParseInt(whole, 10, 64); err == nil && n >= tenDigits && n < seventeenDigits && (!point || decimal.MatchString(fraction)) {
		if n >= 100*tenDigits {
			n += v.offset.Milliseconds()
		} else {
			n += int64(v.offset / time.Second)
		}
		return strconv.FormatInt(n, 10) + s[len(whole):], true
	}
	m := dateTime.FindStringSubmatch(s)
	if m == nil {
		return "", false
	}
	date, clock := time.DateOnly, time.TimeOnly
	if !strings.Contains(m[1], "-") {
		date = "20060102"
	}
	if m[3] == "" {
		day, err := time.Parse(date, m[1])
		return day.Add(v.offset.Round(24 * time.Hour)).Format(date), err == nil
	}
	if !strings.Contains(m[3], ":") {
		clock = "150405"
	}
	t, err := time.Parse(date+clock, m[1]+m[3]) // the zone does not matter for a shift
	t = t.Add(v.offset)
	return t.Format(date) + m[2] + t.Format(clock) + m[4] + m[5], err == nil
}

// date shifts an HTTP date.
func (v *values) date(s string) (string, bool) {
	t, err := http.ParseTime(s)
	return t.Add(v.offset).UTC().Format(http.TimeFormat), err == nil
}

var (
	code        = regexp.MustCompile(`^[A-Za-z0-9_.-]{1,40}$`)
	seconds     = regexp.MustCompile(`^[0-9]{1,6}(\.[0-9]{1,3})?$`)
	contentType = regexp.MustCompile(`(?i)^(application/(problem\+|x-amz-)?json(-1\.[01])?|(text|application)/xml|text/(html|plain))(; ?charset=utf-8)?$`)
)

// keep reports whether a string is a code, and neither a long number nor a key. sent
// has the headers of the request, the access key among them.
func keep(s string, sent http.Header) bool {
	const manyDigits, long = 7, 8
	n := 0
	for _, c := range s {
		if c >= '0' && c <= '9' {
			n++
		}
	}
	if !code.MatchString(s) || n >= manyDigits {
		return false
	}
	for _, all := range sent {
		for _, value := range all {
			if len(s) >= long && strings.Contains(value, s) {
				return false
			}
		}
	}
	return true
}

// header returns the headers of an answer that a capture has.
func (v *values) header(h http.Header) map[string]string {
	out := map[string]string{}
	for _, name := range []string{"Content-Type", "Retry-After", "Date"} {
		value := h.Get(name)
		if value == "" {
			continue
		}
		date, isDate := v.date(value)
		switch {
		case name == "Content-Type" && contentType.MatchString(value), name == "Retry-After" && seconds.MatchString(value):
			out[name] = value
		case name != "Content-Type" && isDate:
			out[name] = date
		default:
			out[name] = text(value)
		}
	}
	return out
}
