//go:build e2e

package e2e_test

// What the exporter needs, logs and serves while a cloud sends too much, sends
// what is not HTTP, or does not answer. faults_test.go has the usual
// failures, faults_heavy_test.go the responses of one endpoint that are too
// large.

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

const mib = 1 << 20

// TestHostileCloud configures organizations whose cloud is hostile, some beside
// others that must be served as usual.
func TestHostileCloud(t *testing.T) {
	t.Run("rows of one organization", func(t *testing.T) { emptyRows(t, 1, false) })
	t.Run("rows of eight organizations and a good one", func(t *testing.T) { emptyRows(t, 8, true) })
	t.Run("valid rows of eight organizations and a good one", validRows)
	t.Run("account lists of 70 groups", accountLists)
	t.Run("in 128 MiB with ten good organizations", smallContainer)
	t.Run("headers of one organization", func(t *testing.T) { longHeaders(t, 1) })
	t.Run("headers of eight organizations", func(t *testing.T) { longHeaders(t, 8) })
	t.Run("long names", longNames)
	t.Run("text in errors", textInErrors)
	t.Run("organizations that hang", hangingOrganizations)
}

// hostile serves an API that is not a simulator's.
func hostile(t *testing.T, h http.HandlerFunc) (url string) {
	t.Helper()
	s := httptest.NewServer(h)
	t.Cleanup(func() {
		s.CloseClientConnections()
		s.Close()
	})
	return s.URL
}

// raw serves bytes in place of an HTTP response, and counts the calls.
func raw(t *testing.T, response func(r *http.Request) []byte) (url string, calls *atomic.Int64) {
	t.Helper()
	calls = &atomic.Int64{}
	return hostile(t, func(w http.ResponseWriter, r *http.Request) {
		calls.Add(1)
		conn, _, err := http.NewResponseController(w).Hijack()
		if err != nil {
			return
		}
		defer conn.Close()
		_, _ = conn.Write(response(r))
	}), calls
}

// organizationAt returns the configuration of an organization at a URL, with
// more keys, as ", cache_ttl: 1s".
func organizationAt(url, name, cloud, keys string) string {
	return fmt.Sprintf("  - {name: %s, cloud: %s, base_url: '%s', access_key: %s, secret_key: %s, rate_limit: 10000%s}\n",
		name, cloud, url, siteAccess, siteSecret, keys)
}

// reasonOf returns the reason why a collector fails. It is empty if the collector
// does not fail, or the exporter does not answer in time.
func (e *exporter) reasonOf(path, organization, collector string) string {
	r, err := e.tryScrape(path, scrapeTimeout)
	if err != nil {
		return ""
	}
	return r.healthOf(organization)[collector].reason
}

// checkPeak compares the most memory that the program has had with a limit, in
// MiB.
func (e *exporter) checkPeak(limit int) {
	e.t.Helper()
	have := e.memory("VmHWM")
	if have > limit {
		e.t.Errorf("memory: want at most %d MiB, have %d", limit, have)
	}
	e.t.Logf("memory: %d MiB at most", have)
}

const goodMembers = 100_000

// largeOrganization serves an NCP organization with one group of goodMembers
// members.
func largeOrganization(t *testing.T) (url string) {
	t.Helper()
	var list strings.Builder
	for i := range goodMembers {
		fmt.Fprintf(&list, `,{"memberNo": %d, "organizationGroupNo": 611, "memberName": "member-%d", "memberStatusCode": "JOIN"}`, 9_000_000+i, i)
	}
	body := "[" + list.String()[1:] + "]"
	return hostile(t, func(w http.ResponseWriter, r *http.Request) {
		if strings.HasSuffix(r.URL.Path, "/account/group/611") {
			_, _ = io.WriteString(w, body)
			return
		}
		fmt.Fprint(w, `[{"organizationGroupNo": 611, "groupYn": "Y"}]`)
	})
}

// waitGood waits until the large organization is served, which is called good.
func (e *exporter) waitGood() {
	e.t.Helper()
	waitFor(e.t, time.Minute, "the good organization is served", func() bool {
		r, err := e.tryScrape("/probe?target=good", scrapeTimeout)
		return err == nil && r["good"][`cloudorg_members{cloud="ncp",organization="good",status="JOIN"}`] == goodMembers
	})
}

const millions = 1_900_000 // rows of a response, not many fewer than are accepted

// writeRows writes a list: an empty row and n others between opening and closing.
func writeRows(w io.Writer, opening string, n int, row func(i int) string, closing string) {
	b := bufio.NewWriterSize(w, 64<<10)
	defer b.Flush()
	_, _ = b.WriteString(opening + "{}")
	for i := range n {
		_ = b.WriteByte(',')
		if _, err := b.WriteString(row(i)); err != nil {
			return // the exporter has closed the connection
		}
	}
	_, _ = b.WriteString(closing)
}

// manyRows serves a page of millions of equal rows.
func manyRows(t *testing.T, row string) (url string) {
	t.Helper()
	return hostile(t, func(w http.ResponseWriter, _ *http.Request) {
		writeRows(w, `{"count":999999999999,"size":1,"accounts":[`, millions, func(int) string { return row }, "]}")
	})
}

// hostileDefaults make the exporter refresh at once again.
const hostileDefaults = "defaults: {refresh_timeout: 1m, error_ttl: 1s, cache_ttl: 1s}\norganizations:\n"

// badOrganizations returns the configuration of n organizations, bad0 and so on.
func badOrganizations(n int, url, cloud, keys string) string {
	var yaml strings.Builder
	for i := range n {
		yaml.WriteString(organizationAt(url, fmt.Sprintf("bad%d", i), cloud, keys))
	}
	return yaml.String()
}

// waitRejected waits until the members of n organizations fail with reason
// decode.
func (e *exporter) waitRejected(n int) {
	e.t.Helper()
	for i := range n {
		name := fmt.Sprintf("bad%d", i)
		waitFor(e.t, 2*time.Minute, name+" is rejected", func() bool {
			return e.reasonOf("/probe?target="+name, name, "members") == "decode"
		})
	}
}

// emptyRows sends millions of empty rows, to be rejected.
func emptyRows(t *testing.T, organizations int, good bool) {
	yaml := hostileDefaults + badOrganizations(organizations, manyRows(t, "{}"), "scp", ", collectors: [members]")
	if good {
		yaml += organizationAt(largeOrganization(t), "good", "ncp", ", collectors: [members]")
	}
	e := startExporter(t, yaml)
	e.waitRejected(organizations)
	if good {
		e.waitGood()
	}
	time.Sleep(5 * time.Second) // more refreshes
	e.checkPeak(512)
}

// validRows sends a million valid accounts for each of eight organizations.
func validRows(t *testing.T) {
	const organizations, accounts = 8, 1_000_000
	url := hostile(t, func(w http.ResponseWriter, _ *http.Request) {
		writeRows(w, fmt.Sprintf(`{"count":%d,"size":%[1]d,"accounts":[`, accounts), accounts-1, func(i int) string {
			return fmt.Sprintf(`{"id":"account-of-a-hostile-organization-%d","state":"ACTIVE"}`, i)
		}, "]}")
	})
	e := startExporter(t, hostileDefaults+badOrganizations(organizations, url, "scp", ", collectors: [members], refresh_timeout: 20s")+
		organizationAt(largeOrganization(t), "good", "ncp", ", collectors: [members]"))
	e.waitGood()
	waitFor(t, 2*time.Minute, "a refresh of each has ended", func() bool {
		r, err := e.tryScrape("/metrics", scrapeTimeout)
		ended := 0
		for i := range organizations {
			name := fmt.Sprintf("bad%d", i)
			if r[name][fmt.Sprintf(`cloudorg_exporter_refreshes_total{cloud="scp",organization=%q}`, name)] > 0 {
				ended++
			}
		}
		return err == nil && ended == organizations
	})
	time.Sleep(10 * time.Second) // more refreshes
	e.checkPeak(512)
}

// accountLists sends millions of empty rows for each of 70 groups.
func accountLists(t *testing.T) {
	var tree strings.Builder
	for i := range 70 {
		fmt.Fprintf(&tree, `,{"organizationGroupNo": %d, "groupYn": "Y"}`, i+1)
	}
	url := hostile(t, func(w http.ResponseWriter, r *http.Request) {
		if strings.HasSuffix(r.URL.Path, "/tree") {
			fmt.Fprint(w, "["+tree.String()[1:]+"]")
			return
		}
		writeRows(w, "[", millions, func(int) string { return "{}" }, "]")
	})
	e := startExporter(t, "organizations:\n"+badOrganizations(1, url, "ncp", ", collectors: [members], error_ttl: 1s"))
	e.waitRejected(1)
	time.Sleep(3 * time.Second) // more refreshes
	e.checkPeak(512)
}

// smallContainer gives the exporter the limits that the chart sets. Ten good
// organizations must be served beside a hostile one.
func smallContainer(t *testing.T) {
	good := newSite(t, "ncp", 3100).url()
	yaml := hostileDefaults + badOrganizations(1, manyRows(t, `{"state":"ACTIVE"}`), "scp", ", collectors: [members], refresh_timeout: 30s")
	for i := range 10 {
		yaml += organizationAt(good, fmt.Sprintf("good%d", i), "ncp", ", refresh_timeout: 30s")
	}
	e := newExporter(t, yaml)
	cmd := e.command()
	cmd.Env = append(os.Environ(), "GOMEMLIMIT=128MiB")
	limitMemory(t, cmd, 128*mib)
	e.startWith(cmd)
	t.Cleanup(e.stop)
	e.waitRejected(1)
	for range 10 {
		time.Sleep(time.Second)
		r := e.scrape("/metrics")
		for i := range 10 {
			if name := fmt.Sprintf("good%d", i); !r.healthOf(name)["members"].success {
				t.Errorf("%s is not served", name)
			}
		}
	}
	e.checkPeak(128)
}

// limitMemory makes the kernel kill a process that takes more memory, as it does
// in a container. Where the test may not make a control group, it says so.
func limitMemory(t *testing.T, cmd *exec.Cmd, limit int) {
	t.Helper()
	for root, file := range map[string]string{"/sys/fs/cgroup/memory": "memory.limit_in_bytes", "/sys/fs/cgroup": "memory.max"} {
		group, err := os.MkdirTemp(root, "cloudorg")
		if err != nil {
			continue
		}
		t.Cleanup(func() { _ = os.Remove(group) })
		if err := os.WriteFile(filepath.Join(group, file), []byte(strconv.Itoa(limit)), 0); err != nil {
			continue
		}
		cmd.Args = append([]string{"sh", "-c", `echo $$ > "$0" && exec "$@"`, filepath.Join(group, "cgroup.procs")}, cmd.Args...)
		cmd.Path = "/bin/sh"
		t.Logf("hard limit of %d MiB", limit/mib)
		return
	}
	t.Log("no control group can be made: GOMEMLIMIT alone")
}

// longHeaders sends headers of 10 MiB.
func longHeaders(t *testing.T, organizations int) {
	var head bytes.Buffer
	head.WriteString("HTTP/1.1 200 OK\r\n")
	for i := 0; head.Len() < 10*mib-100; i++ {
		fmt.Fprintf(&head, "%x:\r\n", i)
	}
	head.WriteString("Content-Length: 4\r\n\r\nnull")
	url, calls := raw(t, func(*http.Request) []byte { return head.Bytes() })
	e := startExporter(t, "organizations:\n"+badOrganizations(organizations, url, "ncp", ""))
	e.waitReady()
	have := calls.Load()
	e.checkPeak(128)
	if reason := e.reasonOf("/metrics", "bad0", "organization"); reason != "decode" {
		t.Errorf("want reason decode, have %q", reason)
	}
	if want := int64(4 * organizations); have != want { // organization, tree, invitations, withdrawals
		t.Errorf("want %d calls and no retry, have %d", want, have)
	}
}

// longNames sends as many groups as are accepted, with the longest names.
func longNames(t *testing.T) {
	name := strings.Repeat("x", 4080)
	url := hostile(t, func(w http.ResponseWriter, _ *http.Request) {
		b := bufio.NewWriter(w)
		defer b.Flush()
		for i := range 20_000 {
			fmt.Fprintf(b, `%c{"organizationGroupNo": %d, "groupYn": "Y", "organizationGroupName": "%s", "policyName": "%[3]s"}`, "[,"[min(i, 1)], i+1, name)
		}
		fmt.Fprint(b, "]")
	})
	e := startExporter(t, hostileDefaults+badOrganizations(1, url, "ncp", ", collectors: [groups]"))
	e.waitReady()
	for range 6 {
		if _, body, _ := e.get("/metrics"); len(body) > 10*mib {
			t.Errorf("a scrape of %d MiB", len(body)/mib)
		}
		time.Sleep(time.Second)
	}
	if reason := e.reasonOf("/metrics", "bad0", "groups"); reason != "decode" {
		t.Errorf("want reason decode, have %q", reason)
	}
}

// textInErrors answers with what net/http quotes in its errors: the key that it
// was called with, and an address.
func textInErrors(t *testing.T) {
	long := strings.Repeat("x", mib/2)
	for _, tt := range []struct{ name, answer, reason string }{
		{"location", "HTTP/1.1 302 Found\r\nLocation: http://[%%zz/%s/person@example.com/" + long[:32<<10] + "\r\nContent-Length: 0\r\n\r\n", "other"},
		{"header", "HTTP/1.1 200 OK\r\nno colon %s person@example.com " + long + "\r\nContent-Length: 0\r\n\r\n", "decode"},
		{"status", "HTTP/1.1 2OO %s person@example.com " + long + "\r\n\r\n", "decode"},
		{"no HTTP", "SSH-2.0-%s person@example.com " + long + "\r\n\r\n", "decode"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			url, calls := raw(t, func(r *http.Request) []byte {
				return fmt.Appendf(nil, tt.answer, r.Header.Get("X-Ncp-Iam-Access-Key"))
			})
			e := startExporter(t, "organizations:\n"+badOrganizations(1, url, "ncp", ", collectors: [organization]"))
			e.waitReady()
			_, page, _ := e.get("/")
			if reason := e.reasonOf("/metrics", "bad0", "organization"); reason != tt.reason || calls.Load() != 1 {
				t.Errorf("want one call and reason %s, have %d calls and reason %q\n%s", tt.reason, calls.Load(), reason, e.log.end())
			}
			for where, text := range map[string]string{"log": e.log.String(), "page": string(page)} {
				for _, private := range []string{"person@example.com", siteAccess} {
					if strings.Contains(text, private) {
						t.Errorf("the %s shows %s", where, private)
					}
				}
			}
			lengths := []int{0}
			for line := range strings.Lines(e.log.String()) {
				lengths = append(lengths, len(line))
			}
			if longest := slices.Max(lengths); longest > 2000 {
				t.Errorf("a line of the log has %d bytes", longest)
			}
		})
	}
}

// hangingOrganizations is 100 organizations, 40 of which get no answer. The
// exporter must be ready after a refresh timeout or a few.
func hangingOrganizations(t *testing.T) {
	good, stop := newSite(t, "ncp", 3101).url(), make(chan struct{})
	silent := hostile(t, func(_ http.ResponseWriter, r *http.Request) {
		select {
		case <-r.Context().Done():
		case <-stop:
		}
	})
	defer close(stop)
	yaml := "defaults: {refresh_timeout: 2s}\norganizations:\n"
	for i := range 100 {
		url := good
		if i%5 < 2 {
			url = silent
		}
		yaml += organizationAt(url, fmt.Sprintf("org%d", i), "ncp", "")
	}
	start := time.Now()
	e := startExporter(t, yaml)
	e.waitReady()
	if took := time.Since(start); took > 15*time.Second {
		t.Errorf("ready after %s", took)
	}
}
