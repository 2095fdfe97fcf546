package httpx

import (
	"strings"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"
)

// A field of another type is empty and counts as not parsed; null is empty. The
// later of two fields with one name counts.
func TestDecode(t *testing.T) {
	type part struct {
		Name string `json:"name"`
	}
	type row struct {
		Text   string   `json:"text"`
		Flag   bool     `json:"flag"`
		Number Number   `json:"number"`
		Texts  []string `json:"texts"`
		Part   part     `json:"part"`
		Parts  []part   `json:"parts"`
	}
	for body, want := range map[string]struct {
		row      row
		unparsed int
	}{
		`{"text": "a", "flag": true, "number": "7", "texts": ["b", null, 8], "part": {"name": "c", "d": [1]}, "parts": [{"name": "e"}, {}]}`: {
			row{Text: "a", Flag: true, Number: Number{7, true}, Texts: []string{"b", "", "8"}, Part: part{"c"}, Parts: []part{{"e"}, {}}}, 0,
		},
		`{"text": null, "flag": null, "number": null, "texts": null, "part": null, "parts": null}`:    {row{}, 0},
		`{"text": [1], "flag": 1, "number": {}, "texts": "b", "part": [], "parts": {"name": "e"}}`:    {row{}, 6},
		`{"texts": [{}], "part": {"name": true}, "parts": [1, null]}`:                                 {row{Texts: []string{""}, Parts: []part{{}, {}}}, 3},
		`{"text": "a", "texts": ["b"], "part": {"name": "c"}, "text": {}, "texts": [], "part": null}`: {row{}, 1},
		`{"Text": "a", "TEXT": "a", "name": "a"}`:                                                     {row{}, 0},
	} {
		rows, unparsed, err := DecodeBody(strings.NewReader("["+body+"]"), API{}, Rows[row])
		if err != nil || len(rows) != 1 || unparsed != want.unparsed {
			t.Fatalf("%s: %d rows, %d not parsed, want %d, error %v", body, len(rows), unparsed, want.unparsed, err)
		}
		if diff := gocmp.Diff(want.row, rows[0]); diff != "" {
			t.Errorf("%s (-want +have):\n%s", body, diff)
		}
	}
}
