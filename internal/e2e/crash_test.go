//go:build e2e

package e2e_test

// SIGKILL at any moment loses no change and counts none twice.

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/cloudorg-exporter/cloudorg_exporter/internal/sim"
)

// kills is how often TestCrashes kills the exporter.
const kills = 300

// TestCrashes kills an exporter again and again while its company changes all
// the time. It must count each change once and log it, as its twin does that
// runs all the time and reads the same company.
//
// Both count the same although they do not read at the same moments. Let R be
// the company at a revision, and R+1 at the next. The test advances the company
// to R+1 when both exporters have served R: each listing has a marker, and the
// members' lists are read after the tree, which has the groups' marker. So
// between two served readings R and R+1 of an exporter there are only readings,
// stored or lost in a crash, in which each account is as in R or as in R+1: a
// call sees R before the advance and R+1 after it. An account changes once at
// most from R to R+1, and a later reading never shows an older state. So
// whichever of these readings were stored, the stored sequence shows each change
// from R to R+1 once. The sum over all revisions is what the company has
// counted by itself.
//
// A change that is counted and not stored with the reading that shows it would
// be counted twice, one that is stored and not counted would be lost: either
// breaks the equality, which is checked at each revision.
func TestCrashes(t *testing.T) {
	began := time.Now()
	company := newEvolving()
	s := startSite(t, newSimulator(t, apiNamed("ncp"), sim.Config{Company: company.at}), apiNamed("ncp"), 3000)
	twinSite := startSite(t, s.truth, apiNamed("ncp"), 3001)
	s.delay = 2 * time.Millisecond // so that kills hit the reading, too
	const yaml = "defaults: {cache_ttl: 0s, rate_limit: 10000}\norganizations:\n"
	twin := startExporter(t, yaml+organization("acme", twinSite))
	twin.waitReady()
	callsPerRefresh := twinSite.count()
	dir := filepath.Join(t.TempDir(), "state")
	killed := newExporter(t, yaml+organization("acme", s), "--storage.path="+dir)

	// served reports whether both exporters serve the present revision. It
	// compares what they serve.
	served := func() bool {
		for _, e := range []*exporter{killed, twin} {
			r, err := e.tryScrape("/metrics", scrapeTimeout)
			if err != nil || !company.shownIn(r) {
				return false // killed, or the revision before
			}
			if diff := cmp.Diff(company.transitions, transitionsOf(r)); diff != "" {
				t.Errorf("revision %d: transitions (-want +have):\n%s", company.revision, diff)
			}
		}
		return true
	}
	stop, stopped := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(stopped)
		for !t.Failed() {
			if served() {
				company.advance()
			}
			select {
			case <-stop:
				return
			case <-time.After(time.Millisecond):
			}
		}
	}()

	random := rand.New(rand.NewPCG(1, uint64(time.Now().UnixNano()))) // no seed makes the moments the same
	reading, writing := 0, 0
	for i := range kills {
		calls := s.count()
		killed.launch()
		switch i % 3 {
		case 0: // while it starts or serves
			time.Sleep(upTo(random, 300*time.Millisecond))
		case 1: // about the reading
			poll(func() bool { return s.count() > calls })
			time.Sleep(upTo(random, 30*time.Millisecond))
		case 2: // about the write
			poll(func() bool { return interrupted(t, dir) })
			time.Sleep(upTo(random, 2*time.Millisecond))
		}
		killed.kill()
		killed.client.CloseIdleConnections()
		if interrupted(t, dir) {
			writing++
		} else if (s.count()-calls)%callsPerRefresh != 0 {
			reading++
		}
		checkFiles(t, dir)
		if t.Failed() {
			break
		}
	}
	close(stop)
	<-stopped
	killed.start()
	waitFor(t, 20*time.Second, "both serve the last revision", served)
	killed.stop()

	if reading < kills/20 || writing < kills/20 {
		t.Errorf("%d kills in a reading and %d in a write, of %d: too few", reading, writing, kills)
	}
	if interrupted(t, dir) {
		t.Error("a temporary file is left")
	}
	if lines := killed.log.lines("stored data not used"); len(lines) > 0 {
		t.Errorf("a file could not be read: %q", lines)
	}
	if diff := cmp.Diff(company.changes, changeLines(twin.log)); diff != "" {
		t.Errorf("lines of the log (-want +twin):\n%s", diff)
	}
	logged := changeLines(killed.log)
	for line, times := range company.changes {
		if logged[line] < times {
			t.Errorf("log: %q: want %d times or more, have %d", line, times, logged[line])
		}
	}
	for line := range logged {
		if company.changes[line] == 0 {
			t.Errorf("log: %q did not happen", line)
		}
	}
	total := 0.0
	for _, n := range company.transitions {
		total += n
	}
	t.Logf("%d kills, of which %d in a reading and %d in a write; %d lives began with stored data", kills, reading, writing, len(killed.log.lines("msg=restored")))
	t.Logf("%d revisions; %.0f transitions of %d pairs and %d different lines of the log, the same as in the twin; %s",
		company.revision, total, len(company.transitions), len(company.changes), time.Since(began).Round(time.Second))
}

// poll waits until reached returns true, two seconds at most.
func poll(reached func() bool) {
	for deadline := time.Now().Add(2 * time.Second); !reached() && time.Now().Before(deadline); {
		time.Sleep(50 * time.Microsecond)
	}
}

// upTo returns a random duration below limit.
func upTo(random *rand.Rand, limit time.Duration) time.Duration {
	return time.Duration(random.Int64N(int64(limit)))
}

// interrupted reports whether the directory has a file that was being written.
func interrupted(t *testing.T, dir string) bool {
	temporary, err := filepath.Glob(filepath.Join(dir, "*.tmp"))
	if err != nil {
		t.Fatal(err)
	}
	return len(temporary) > 0
}

// checkFiles checks that every file in the directory is whole, by its checksum.
func checkFiles(t *testing.T, dir string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		t.Fatal(err)
	}
	for _, entry := range entries {
		switch filepath.Ext(entry.Name()) {
		case ".tmp", "": // interrupted; the lock
		case ".state":
			data, err := os.ReadFile(filepath.Join(dir, entry.Name()))
			if err != nil {
				t.Fatal(err)
			}
			header, body, _ := bytes.Cut(data, []byte("\n"))
			if want := fmt.Sprintf("%x", sha256.Sum256(body)); !strings.HasSuffix(string(header), want) {
				t.Errorf("%s: want the checksum %s, have the header %.200q", entry.Name(), want, header)
			}
		default:
			t.Errorf("%s is in the directory", entry.Name())
		}
	}
}

// changeLines returns how often a log has the line of each change.
func changeLines(log *logBuffer) map[string]int {
	found := map[string]int{}
	line := regexp.MustCompile(`msg="((?:invitation|withdrawal|member) \w+)" member_id=(\d+)(?: group_id=\d+ from=(\w+) to=(\w+))?`)
	for _, m := range line.FindAllStringSubmatch(log.String(), -1) {
		found[strings.TrimSpace(strings.Join(m[1:], " "))]++
	}
	return found
}
