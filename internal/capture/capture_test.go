package capture

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"github.com/cloudorg-exporter/cloudorg_exporter/internal/httpx"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func fields() Fields {
	return Documented(map[Kind]string{
		Keep: "status count versions.id code page",
		ID:   "id owner",
		Path: "wholePath Paths Arn",
		Time: "at until",
		Text: "name rows versions error",
	})
}

// dayLater is values whose times are a day and a second later.
func dayLater() *values {
	v := newValues()
	v.offset = 24*time.Hour + time.Second
	return v
}

func rewritten(v *values, body string) (string, error) {
	r := &rewriter{values: v, fields: fields(), sent: http.Header{"Key": {"ACCESSKEY7"}}}
	out, err := r.rewrite([]byte(body))
	return string(out), err
}

// What becomes of a value does not depend on chance, but for identifiers and
// numbers of undocumented fields.
func TestValues(t *testing.T) {
	for body, want := range map[string]string{
		`{"status": "LEAVE_REQUESTED", "code": "COMMON_104", "count": 7}`:          `{"status":"LEAVE_REQUESTED","code":"COMMON_104","count":7}`,
		`{"status": "com.amazonaws.organizations#NotInUse"}`:                       `{"status":"NotInUse"}`,
		`{"status": "to k@example.test"}`:                                          `{"status":"xxxxxxxxxxxxxxxxx"}`,
		`{"status": "010-1234-5678", "code": "ACCESSKEY7"}`:                        `{"status":"xxxxxxxxxxxxx","code":"xxxxxxxxxx"}`,
		`{"status": ["A", null, true], "count": 12345678901234567890, "code": ""}`: `{"status":["A",null,true],"count":12345678901234567890,"code":""}`,
		`{"name": "Kim Example", "rows": "한빛", "error": ""}`:                       `{"name":"xxxxxxxxxxx","rows":"éé","error":""}`,
		`{"phone": "1", "name": {"phone": false, "status": "A", "more": {"status": "A", "at": "2026-11-15"}}}`: `` +
			`{"field1":"x","name":{"field1":false,"status":"A","field2":{"status":"x","at":"xxxxxxxxxx"}}}`,
		`{"versions": [{"id": "v1.3"}]}`:                                     `{"versions":[{"id":"v1.3"}]}`,
		`{"at": 1794700800000, "until": "1794700800123"}`:                    `{"at":1794787201000,"until":"1794787201123"}`,
		`{"at": 1794700800.25, "until": 1794700800}`:                         `{"at":1794787201.25,"until":1794787201}`,
		`{"at": "2026-11-15T00:00:00Z"}`:                                     `{"at":"2026-11-16T00:00:01Z"}`,
		`{"at": "2026-12-31 23:59:59.120"}`:                                  `{"at":"2027-01-02 00:00:00.120"}`,
		`{"at": "2026-11-01t11:03:04.5+09:00", "until": "20261115T000000Z"}`: `{"at":"2026-11-02t11:03:05.5+09:00","until":"20261116T000001Z"}`,
		`{"at": "2026-11-15", "until": "2026-13-40"}`:                        `{"at":"2026-11-16","until":"xxxxxxxxxx"}`,
		`{"at": "yesterday", "until": null}`:                                 `{"at":"xxxxxxxxx","until":null}`,
		`{"at": 0, "until": ""}`:                                             `{"at":0,"until":""}`,
		`{"id": "", "owner": "-"}`:                                           `{"id":"","owner":"-"}`,
		`null`:                                                               `null`,
		`[[], {}, "a"]`:                                                      `[[],{},"x"]`,
		`{"name": "a", "name": "b"}`:                                         `{"name":"x","name":"x"}`,
		"{\"name\": \"\xff\xfe\"}":                                           `{"name":"éé"}`,
	} {
		have, err := rewritten(dayLater(), body)
		if diff := cmp.Diff(want, have); diff != "" || err != nil {
			t.Errorf("%s: %v (-want +have):\n%s", body, err, diff)
		}
	}
}

// Identifiers keep their form and stay the same wherever they occur.
func TestIdentifiers(t *testing.T) {
	const body = `{"rows": [
		{"id": 9000001, "owner": "9000001", "wholePath": "610/611/9000001"},
		{"id": "o-acme01", "owner": "o-acme01", "Arn": "arn:aws:organizations::111111111111:account/o-acme01/111111111111", "Paths": ["o-acme01/r-ac01/ou-ac01-resear01/022222222222/"]},
		{"id": "0123456789abcdef0123456789abcdef", "owner": "kim@example.test"},
		{"id": 9223372036854775807, "owner": 92233720368547758070},
		{"id": "611", "owner": "o-acme01"}
	]}`
	form := regexp.MustCompile(`^{"rows":\[` +
		`{"id":([1-9]\d{6}),"owner":"([1-9]\d{6})","wholePath":"([1-9]\d\d/[1-9]\d\d)/([1-9]\d{6})"},` +
		`{"id":"(o-[a-z]{4}0\d)","owner":"(o-[a-z]{4}0\d)","Arn":"arn:aws:organizations::([1-9]\d{11}):account/(o-[a-z]{4}0\d)/([1-9]\d{11})",` +
		`"Paths":\["(o-[a-z]{4}0\d)/r-[a-z]{2}0\d/ou-[a-z]{2}0\d-[a-z]{6}\d\d/0\d{11}/"\]},` +
		`{"id":"0[0-9]{9}[a-f]{6}[0-9]{10}[a-f]{6}","owner":"[a-z]{3}@[a-z]{7}\.[a-z]{4}"},` +
		`{"id":([1-9]\d{18}),"owner":[1-9]\d{19}},` +
		`{"id":"([1-9]\d\d)","owner":"(o-[a-z]{4}0\d)"}\]}$`)
	for range 200 {
		have, err := rewritten(newValues(), body)
		m := form.FindStringSubmatch(have)
		if err != nil || m == nil {
			t.Fatalf("%v\n%s", err, have)
		}
		if m[1] != m[2] || m[1] != m[4] || m[5] != m[6] || m[5] != m[8] || m[5] != m[10] || m[5] != m[13] || m[7] != m[9] || !strings.HasSuffix(m[3], "/"+m[12]) {
			t.Fatalf("an identifier has become two:\n%s", have)
		}
		if m[1] == "9000001" || m[5] == "o-acme01" || !isInt64(m[11]) {
			t.Fatalf("an identifier is as it was, or of another form:\n%s", have)
		}
	}
}

// Two identifiers stay two, even if there are as many as the form allows.
func TestIdentifiersStayApart(t *testing.T) {
	v := newValues()
	made := map[string]string{}
	for real := range strings.FieldsSeq("1 2 3 4 5 6 7 8 9 10 a b c o-1 o-2 00 0") {
		for range 2 {
			id := v.id(real)
			if other, taken := made[id]; taken && other != real {
				t.Errorf("%s and %s are both %s", real, other, id)
			}
			made[id] = real
		}
	}
}

// carrier answers calls.
type carrier func(*http.Request) (*http.Response, error)

func (c carrier) RoundTrip(r *http.Request) (*http.Response, error) { return c(r) }

// broken is a body that ends with an error.
type broken struct {
	io.Reader
	err error
}

func (b *broken) Read(p []byte) (int, error) {
	n, err := b.Reader.Read(p)
	if err == io.EOF {
		err = b.err
	}
	return n, err
}

// captured makes one call and returns what is in its file.
func captured(t *testing.T, url string, next carrier) map[string]any {
	t.Helper()
	dir := t.TempDir()
	c, err := New(dir)
	if err != nil {
		t.Fatal(err)
	}
	const path = "/v1/group/{no}"
	req, err := http.NewRequestWithContext(httpx.WithOperation(t.Context(), path), http.MethodPost, url, strings.NewReader(`{"id": "o-1234567", "page": 3}`))
	if err != nil {
		t.Fatal(err)
	}
	if resp, err := c.Transport(next, "test", fields()).RoundTrip(req); err == nil {
		_, _ = io.ReadFull(resp.Body, make([]byte, 3)) // a client that gives up early
		resp.Body.Close()
	}
	if n, err := c.Files(); n != 1 || err != nil {
		t.Fatalf("want one file, have %d and %v", n, err)
	}
	text, err := os.ReadFile(filepath.Join(dir, "0001.json"))
	if err != nil {
		t.Fatal(err)
	}
	var out map[string]any
	if err := json.Unmarshal(text, &out); err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	return out
}

// What is not JSON is told by its form and its length, and so is a call without
// an answer.
func TestForms(t *testing.T) {
	for _, tt := range []struct {
		name string
		body io.Reader
		err  error
		want string // of no_answer, or form and bytes of invalid_body; empty: it is JSON
	}{
		{name: "good", body: strings.NewReader(` {"count": 1} `)},
		{name: "empty", body: strings.NewReader(""), want: "empty 0"},
		{name: "HTML", body: strings.NewReader("\n<html>Kim</html>"), want: "markup 17"},
		{name: "text", body: strings.NewReader("Kim"), want: "other 3"},
		{name: "cut", body: strings.NewReader(`{"name": "Ki`), want: "cut 12"},
		{name: "more", body: strings.NewReader(`{"count": 1} "Kim"`), want: "other 18"},
		{name: "reset", body: &broken{strings.NewReader(`{"name": "Ki`), errors.New("reset by 10.1.2.3")}, want: "network 12"},
		{name: "late", body: &broken{strings.NewReader(`{"name": "Ki`), os.ErrDeadlineExceeded}, want: "timeout 12"},
		{name: "ended early", body: &broken{strings.NewReader(`{"name": "Ki`), io.ErrUnexpectedEOF}, want: "cut 12"},
		{name: "deep", body: strings.NewReader(strings.Repeat("[", 20_000)), want: "other 20000"},
		{name: "deep and valid", body: strings.NewReader(strings.Repeat("[", maxDepth+1) + strings.Repeat("]", maxDepth+1)), want: "other 202"},
		{name: "a long value", body: strings.NewReader(`"` + strings.Repeat("Kim", 1_000_000)), want: "cut"},
		{name: "no answer", err: errors.New("dial tcp 10.1.2.3:443: refused"), want: "network"},
		{name: "no answer in time", err: os.ErrDeadlineExceeded, want: "timeout"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			file := captured(t, "https://host.example.test/prefix/v1/group/4711?page=2&id=o-1234567&who=Kim", func(*http.Request) (*http.Response, error) {
				if tt.err != nil {
					return nil, tt.err
				}
				return &http.Response{StatusCode: 200, Header: http.Header{"Content-Type": {"application/json"}, "Set-Cookie": {"Kim"}}, Body: io.NopCloser(tt.body)}, nil
			})
			have := ""
			if wrong, ok := file["invalid_body"].(map[string]any); ok {
				have = strings.TrimSpace(wrong["form"].(string) + " " + jsonText(wrong["bytes"]))
			} else if text, ok := file["no_answer"].(string); ok {
				have = text
			}
			if tt.want == "" && jsonText(file["body"]) != `{"count":1}` || !strings.HasPrefix(have, tt.want) {
				t.Errorf("want %q, have %q:\n%v", tt.want, have, file)
			}
			text := jsonText(file)
			for _, secret := range []string{"Kim", "host", "prefix", "4711", "1234567", "10.1.2.3", "Cookie", "who"} {
				if strings.Contains(text, secret) {
					t.Errorf("%q is in %s", secret, text)
				}
			}
			request := file["request"].(map[string]any)
			if q := file["query"].(string); !strings.Contains(q, "id="+request["id"].(string)) || !strings.Contains(q, "page=2") || request["page"] != 3.0 {
				t.Errorf("want the same identifier in query and request: %s, %v", q, request)
			}
			if !regexp.MustCompile(`^/v1/group/[1-9]\d{3}$`).MatchString(file["path"].(string)) {
				t.Errorf("path %s", file["path"])
			}
		})
	}
}

func jsonText(v any) string {
	b, _ := json.Marshal(v)
	return string(b)
}

func TestDirectory(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "file")
	if _, err := New(dir); err != nil {
		t.Errorf("an empty directory: %v", err)
	}
	if _, err := New(filepath.Join(dir, "made")); err != nil {
		t.Errorf("a new directory: %v", err)
	}
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, bad := range []string{dir, file, filepath.Join(dir, "no", "parent"), ""} {
		if _, err := New(bad); err == nil {
			t.Errorf("%q: want an error", bad)
		}
	}
}

// A file that cannot be written does not stop the call, and is reported.
func TestFileError(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "gone")
	c, err := New(dir)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(dir); err != nil {
		t.Fatal(err)
	}
	req, _ := http.NewRequestWithContext(t.Context(), http.MethodGet, "https://host.example.test/", nil)
	resp, err := c.Transport(carrier(func(*http.Request) (*http.Response, error) {
		return &http.Response{StatusCode: 200, Body: io.NopCloser(strings.NewReader("[]"))}, nil
	}), "test", fields()).RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	if body, err := io.ReadAll(resp.Body); string(body) != "[]" || err != nil {
		t.Errorf("want the answer, have %q and %v", body, err)
	}
	if _, err := c.Files(); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("want the error of the file, have %v", err)
	}
}

// Headers are kept if they cannot name anybody.
func TestHeader(t *testing.T) {
	for _, tt := range []struct{ name, value, want string }{
		{"Content-Type", "application/json;charset=UTF-8", "application/json;charset=UTF-8"},
		{"Content-Type", "application/x-amz-json-1.1", "application/x-amz-json-1.1"},
		{"Content-Type", "text/plain; name=kim", "xxxxxxxxxxxxxxxxxxxx"},
		{"Retry-After", "7", "7"},
		{"Retry-After", "1.5", "1.5"},
		{"Retry-After", "821012345678", "xxxxxxxxxxxx"},
		{"Retry-After", "Sun, 15 Nov 2026 00:00:00 GMT", "Mon, 16 Nov 2026 00:00:01 GMT"},
		{"Date", "Sun, 15 Nov 2026 00:00:00 GMT", "Mon, 16 Nov 2026 00:00:01 GMT"},
		{"Date", "kim", "xxx"},
		{"X-Request-Id", "kim", ""},
	} {
		if have := dayLater().header(http.Header{tt.name: {tt.value}})[tt.name]; have != tt.want {
			t.Errorf("%s: %s: want %q, have %q", tt.name, tt.value, tt.want, have)
		}
	}
}

// secrets are texts that no code can be.
var secrets = []string{"PLANTED@KEY", "+82 10-1234-5678", "Kim Planted", "한빛PLANTED"}

// No secret survives, whatever is around it, and what is written is JSON of the
// same shape.
func FuzzRewrite(f *testing.F) {
	for _, s := range secrets {
		for _, body := range []string{
			`{"name": "S", "status": "S", "id": "S", "at": "S", "wholePath": "a/S/b", "S": "S", "unknown": {"S": ["S", 1]}, "count": "S"}`,
			`[["S"], "S", {"versions": [{"id": "S"}]}]`, `{"code": "a#S"}`, `"S`, `{"name": "S`, `<S>`, `{"error": {"error": {"S": {"S": "S"}}}}`,
			`{"at": "2026-11-15T00:00:00S"}`, `{"Arn": "arn:aws:S:account/S"}`, "\xff\"S\"", `{"a": 1e999, "b": -0.0, "id": 1e5, "at": 1e12}`,
		} {
			f.Add(strings.ReplaceAll(body, "S", s))
		}
	}
	f.Fuzz(func(t *testing.T, body string) {
		have, err := rewritten(newValues(), body)
		for _, s := range secrets {
			if strings.Contains(have, s) {
				t.Errorf("%q is in %s", s, have)
			}
		}
		kinds, valid := shape(body)
		if valid != (err == nil) {
			t.Fatalf("%v, though valid JSON is %t", err, valid)
		}
		if err != nil {
			return
		}
		if have, ok := shape(have); !ok || have != kinds {
			t.Errorf("want %s, have %s", kinds, have)
		}
	})
}

// shape returns the kinds of all tokens of a single JSON value.
func shape(body string) (string, bool) {
	dec := jsontext.NewDecoder(strings.NewReader(body), jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true))
	var kinds strings.Builder
	for n := 0; ; n++ {
		ended := n > 0 && dec.StackDepth() == 0
		token, err := dec.ReadToken()
		if dec.StackDepth() > maxDepth {
			return "", false
		}
		if err != nil || ended {
			return kinds.String(), errors.Is(err, io.EOF) && ended
		}
		kinds.WriteString(token.Kind().String())
	}
}
