package httpx

import (
	"encoding/json"
	"strconv"
	"strings"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/cloudorg-exporter/cloudorg_exporter/internal/testutil"
)

// samples adds the bodies of both clouds' samples.
func samples(f *testing.F) {
	f.Helper()
	for _, s := range testutil.Samples(f, "../../ncpapi/testdata/*.json", "../../scpapi/testdata/*.json") {
		f.Add(s.Body)
	}
}

// A row is one in which each kind of field is read.
type fuzzed struct {
	n    Number
	text string
	at   time.Time
	more struct {
		Flag  bool     `json:"a"`
		Texts []string `json:"b"`
	}
}

// ReadRow reads fields by the length of their names.
func (f *fuzzed) ReadRow(r *Reader) {
	r.Object(func(name string) {
		switch len(name) % 5 {
		case 0:
			r.Decode(&f.n)
		case 1:
			r.Decode(&f.text)
		case 2:
			r.Decode(&f.at)
		case 3:
			r.Decode(&f.more)
		}
	})
}

func readFuzzed(r *Reader) []fuzzed { return Rows[fuzzed](r) }

// fuzzedAPI has times in seconds since 1970.
func fuzzedAPI() API {
	return API{Time: func(text string) (time.Time, bool) {
		n, err := strconv.ParseInt(text, 10, 64)
		t := time.Unix(n, 0).UTC()
		return t, err == nil && n > 0 && t.Year() <= 9999
	}}
}

// What we read as a list of objects is one, and every such list is read, as the
// standard library has it.
func FuzzReader(f *testing.F) {
	samples(f)
	for _, body := range []string{`null`, `[]`, `[{}]`, `[{"a": 1, "a": 2}]`, "[{\"\xff\": \"\xff\"}]", `[{"a": "\ud800"}]`, `[] []`, `[{"aa": 1e400}]`} {
		f.Add(body)
	}
	f.Fuzz(func(t *testing.T, body string) {
		rows, unparsed, err := DecodeBody(strings.NewReader(body), fuzzedAPI(), readFuzzed)
		var want []map[string]json.RawMessage
		wantErr := json.Unmarshal([]byte(body), &want)
		for _, row := range want {
			if row == nil && wantErr == nil {
				return // a null among the rows is an error here, and none there
			}
		}
		if (err == nil) != (wantErr == nil) || err == nil && len(rows) != len(want) {
			t.Fatalf("%d rows, error %v; the standard library has %d, %v", len(rows), err, len(want), wantErr)
		}
		if unparsed < 0 {
			t.Error(unparsed)
		}
		for _, row := range rows {
			if !utf8.ValidString(row.text) || len(row.text) > 3*maxField || row.n.Value != 0 && !row.n.Valid || !row.at.IsZero() && (row.at.Year() < 1970 || row.at.Year() > 9999) {
				t.Errorf("%+v", row)
			}
		}
	})
}

// An integer is read as the standard library reads it, quoted or not; what
// else there is reads as none.
func FuzzInt(f *testing.F) {
	for _, text := range []string{`1`, `-1`, `"12"`, `" 12 "`, `9.000001e6`, `12.0`, `1e400`, `9223372036854775807`, `9223372036854775808`, `"-"`, `""`, `null`, `true`, `{}`, `[1]`, `"0x10"`, `"1_000"`, `"NaN"`, `"Inf"`, `-0`} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		have, unparsed, err := DecodeBody(strings.NewReader(text), API{}, func(r *Reader) (n Number) {
			r.Decode(&n)
			return n
		})
		if valid := json.Valid([]byte(text)); valid != (err == nil) {
			t.Fatalf("%v, though valid JSON is %t", err, valid)
		}
		if err != nil {
			return
		}
		if unparsed > 1 || have.Valid && unparsed > 0 || !have.Valid && have.Value != 0 {
			t.Errorf("%+v, %d unparsed", have, unparsed)
		}
		var n int64
		if len(text) < maxField && json.Unmarshal([]byte(text), &n) == nil && strings.TrimSpace(text) != "null" && (!have.Valid || have.Value != n) {
			t.Errorf("want %d, have %+v", n, have)
		}
	})
}

// The fields of an error are read or are nothing.
func FuzzFields(f *testing.F) {
	samples(f)
	f.Fuzz(func(t *testing.T, body string) {
		b := ParseFields([]byte(body))
		for name := range b {
			for _, text := range []string{b.Text(name), b.Object(name).Text(name), b.First(name).Text(name)} {
				if !utf8.ValidString(text) {
					t.Errorf("%q is not UTF-8", text)
				}
			}
		}
	})
}

// Whatever a text is, it becomes one bounded line without an address.
func FuzzClean(f *testing.F) {
	for _, text := range []string{"", "a\nb\x00c", "to k***@example.test, now", strings.Repeat("한", 100), strings.Repeat("a@b ", 100), "\u202e\xff\u2028", "@", "a@", "@b"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		have := Clean(text)
		switch {
		case !utf8.ValidString(have), len(have) > maxText+len("…"), strings.ContainsFunc(have, unicode.IsControl), address.MatchString(strings.TrimSuffix(have, "…")):
			t.Errorf("%q is not fit for a log", have)
		case strings.ContainsFunc(have, func(r rune) bool { return !unicode.IsPrint(r) }):
			t.Errorf("%q does not print", have)
		}
	})
}

// A Retry-After never is below nothing.
func FuzzRetryAfter(f *testing.F) {
	for _, text := range []string{"", "3", "-3", "99999999999", "3.5", "Sun, 15 Nov 2026 00:00:00 GMT", "Sun, 15 Nov 9999 00:00:00 GMT", "Sunday, 15-Nov-26 00:00:00 GMT"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if d := retryAfter(text); d < 0 {
			t.Error(d)
		}
	})
}

// Seconds may have a fraction, which is rounded up.
func TestRetryAfter(t *testing.T) {
	for text, want := range map[string]time.Duration{
		"": 0, "0": 0, "3": 3 * time.Second, "1.5": 2 * time.Second, "0.001": time.Second, "-1.5": 0, "NaN": 0, "soon": 0,
		"1e400": (1<<31 - 1) * time.Second, "99999999999999999999": (1<<31 - 1) * time.Second,
	} {
		if have := retryAfter(text); have != want {
			t.Errorf("%q: want %s, have %s", text, want, have)
		}
	}
}

// A text that is too long for a label is none; its row stays.
func TestLongText(t *testing.T) {
	for _, length := range []int{10, maxField - 2, maxField - 1, 1 << 19} {
		body := `[{"a": "` + strings.Repeat("x", length) + `"}]`
		rows, unparsed, err := DecodeBody(strings.NewReader(body), fuzzedAPI(), readFuzzed)
		want := length
		if length > maxField-2 {
			want = 0
		}
		if err != nil || len(rows) != 1 || len(rows[0].text) != want || (unparsed == 1) != (want == 0) {
			t.Errorf("%d: %d rows, %d unparsed, %v", length, len(rows), unparsed, err)
		}
	}
}
