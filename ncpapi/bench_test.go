package ncpapi

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/cloudorg-exporter/cloudorg_exporter/internal/httpx"
	"github.com/cloudorg-exporter/cloudorg_exporter/internal/testutil"
)

// listing is a group's list of a hundred thousand accounts, 25 MB.
func listing() string {
	var b strings.Builder
	for i := range 100_000 {
		fmt.Fprintf(&b, `,{"memberNo": %d, "organizationNo": 4100, "organizationGroupNo": %d, "masterMemberNo": 9000001, "masterMemberYn": "N", "loginId": "a***@example.test", "memberName": "member-%d", "memberAlias": "-", "memberStatusCode": "JOIN", "memberStatusName": "가입 완료"}`+"\n", 9000000+i, 611+i%50, i)
	}
	return "[" + b.String()[1:] + "]"
}

// BenchmarkListing compares the client's decoding of a large listing with a
// program that only reads the tokens, and with json.Unmarshal.
func BenchmarkListing(b *testing.B) {
	text := listing()
	for name, decode := range map[string]func() int{
		"client": func() int {
			all, _, err := httpx.DecodeBody(strings.NewReader(text), testAPI(), httpx.Rows[Account])
			if err != nil {
				b.Fatal(err)
			}
			return len(all)
		},
		"tokens": func() int {
			d := jsontext.NewDecoder(strings.NewReader(text))
			n := 0
			for {
				t, err := d.ReadToken()
				if errors.Is(err, io.EOF) {
					return n
				}
				if err != nil {
					b.Fatal(err)
				}
				if t.Kind() == '{' {
					n++
				}
			}
		},
		"Unmarshal": func() int {
			var all []struct {
				Member int64  `json:"memberNo"`
				Group  int64  `json:"organizationGroupNo"`
				Status string `json:"memberStatusCode"`
			}
			body, err := io.ReadAll(strings.NewReader(text)) // as it has to be done with a response
			if err == nil {
				err = json.Unmarshal(body, &all)
			}
			if err != nil {
				b.Fatal(err)
			}
			return len(all)
		},
	} {
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(len(text)))
			b.ReportAllocs()
			for b.Loop() {
				if n := decode(); n != 100_000 {
					b.Fatal(n)
				}
			}
			b.StopTimer()
			b.ReportMetric(testutil.HeapGrowth(func() { decode() })/(1<<20), "peak-MiB")
		})
	}
}
