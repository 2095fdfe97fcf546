package cloud_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/go-kit/log"

	"github.com/cloudorg-exporter/cloudorg_exporter/collector"
	"github.com/cloudorg-exporter/cloudorg_exporter/internal/cloud"
	"github.com/cloudorg-exporter/cloudorg_exporter/internal/testutil"
)

// A refresh of 200 groups, with 50 ms per call and 8 calls at once, against
// the time of nothing but those calls.
func BenchmarkRefresh(b *testing.B) {
	const groups, concurrency, latency = 200, 8, 50 * time.Millisecond
	var tree strings.Builder
	for i := range groups {
		fmt.Fprintf(&tree, `,{"organizationGroupNo": %d, "groupYn": "Y", "upperOrganizationGroupNo": 1}`, i+1)
	}
	api := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		time.Sleep(latency)
		switch {
		case strings.HasSuffix(r.URL.Path, "/tree"):
			fmt.Fprint(w, "["+tree.String()[1:]+"]")
		case strings.Contains(r.URL.Path, "/account/group/"):
			fmt.Fprint(w, `[{"memberNo": 1, "memberStatusCode": "JOIN"}]`)
		default:
			fmt.Fprint(w, "null")
		}
	}))
	defer api.Close()
	load := parse(fmt.Sprintf(
		"organizations: [{name: a, cloud: ncp, access_key: a, secret_key: s, base_url: '%s', cache_ttl: 0s, concurrency: %d, rate_limit: 1000000}]",
		api.URL, concurrency))
	fleet := cloud.NewFleet(load, cloud.Deps{Logger: log.NewNopLogger(), Observer: collector.NewSelf(false)})
	if err := fleet.Reload(context.Background()); err != nil {
		b.Fatal(err)
	}
	defer fleet.Close()
	const calls = groups + 4 // default collectors
	ideal := (calls + concurrency - 1) / concurrency * latency
	for b.Loop() {
		if s := fleet.Caches()[0].Snapshot(b.Context()); s.Members.Err != nil || len(s.Groups.Items) != groups {
			b.Fatal(s.Members.Err)
		}
	}
	b.ReportMetric(float64(b.Elapsed())/float64(b.N)/float64(ideal), "×ideal")
}

// A oneGroup is a Transport to an organization of one group, with the list of
// its members in a file: in memory it would delay the garbage collector.
type oneGroup string

func (file oneGroup) RoundTrip(r *http.Request) (*http.Response, error) {
	body := io.NopCloser(strings.NewReader(`[{"organizationGroupNo": 611, "groupYn": "Y"}]`))
	if strings.HasSuffix(r.URL.Path, "/account/group/611") {
		var err error
		if body, err = os.Open(string(file)); err != nil {
			return nil, err
		}
	}
	return &http.Response{StatusCode: http.StatusOK, Header: http.Header{}, Body: body, Request: r}, nil
}

// A refresh of one group of 100,000 members, 25 MB, from the client's rows to
// what the cache keeps, against json.Unmarshal into a slice of structs.
func BenchmarkMembers(b *testing.B) {
	var list strings.Builder
	for i := range 100_000 {
		fmt.Fprintf(&list, `,{"memberNo": %d, "organizationNo": 4100, "organizationGroupNo": %d, "masterMemberNo": 9000001, "masterMemberYn": "N", "loginId": "a***@example.test", "memberName": "member-%d", "memberAlias": "-", "memberStatusCode": "JOIN", "memberStatusName": "가입 완료"}`+"\n", 9000000+i, 611+i%50, i)
	}
	file, size := filepath.Join(b.TempDir(), "list.json"), int64(list.Len())
	if err := os.WriteFile(file, []byte("["+list.String()[1:]+"]"), 0o600); err != nil {
		b.Fatal(err)
	}
	list.Reset()
	load := parse(
		"organizations: [{name: a, cloud: ncp, access_key: a, secret_key: s, cache_ttl: 0s, rate_limit: 1000000, collectors: [members]}]")
	for name, read := range map[string]func() int{
		"refresh": func() int {
			fleet := cloud.NewFleet(load, cloud.Deps{Logger: log.NewNopLogger(), Observer: collector.NewSelf(false), Transport: oneGroup(file)})
			if err := fleet.Reload(context.Background()); err != nil {
				b.Fatal(err)
			}
			defer fleet.Close()
			return len(fleet.Caches()[0].Snapshot(b.Context()).Members.Items)
		},
		"Unmarshal": func() int {
			var all []struct {
				Member int64  `json:"memberNo"`
				Group  int64  `json:"organizationGroupNo"`
				Status string `json:"memberStatusCode"`
			}
			f, err := os.Open(file)
			if err != nil {
				b.Fatal(err)
			}
			defer f.Close()
			body, err := io.ReadAll(f) // as it has to be done with a response
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
			b.SetBytes(size)
			b.ReportAllocs()
			for b.Loop() {
				if n := read(); n != 100_000 {
					b.Fatal(n)
				}
			}
			b.StopTimer()
			b.ReportMetric(testutil.HeapGrowth(func() { read() })/(1<<20), "peak-MiB")
		})
	}
}
