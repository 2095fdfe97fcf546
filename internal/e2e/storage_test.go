//go:build e2e

package e2e_test

// A state directory that is damaged, full, read-only or of another user. The
// outcomes are in testdata/storage.md.

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/cloudorg-exporter/cloudorg_exporter/internal/sim"
)

// nobody is the user who owns nothing.
const nobody = 65534

// What an exporter serves after something was done to its directory.
const (
	countersKept  = "new data, counters go on"
	countersFrom0 = "new data, counters start at 0"
	doesNotStart  = "nothing, exit code 1"
)

// A storage is a directory for state, and an exporter that has counted some
// changes and stored them.
type storage struct {
	t       *testing.T
	company *evolving
	site    *site
	dir     string
	other   *exporter // that uses the directory; nil: none
	*exporter
}

const storageDefaults = "defaults: {cache_ttl: 0s, rate_limit: 10000}\norganizations:\n"

// newStorage starts an exporter that reads the site with a number.
func newStorage(t *testing.T, disk bool, number int) *storage {
	t.Helper()
	parent := t.TempDir()
	if disk {
		mountDisk(t, parent)
	}
	s := &storage{t: t, company: newEvolving(), dir: filepath.Join(parent, "state")}
	s.site = startSite(t, newSimulator(t, apiNamed("ncp"), sim.Config{Company: s.company.at}), apiNamed("ncp"), number)
	s.exporter = newExporter(t, storageDefaults+organization("acme", s.site), "--storage.path="+s.dir)
	s.start()
	s.read()
	s.change()
	return s
}

// read returns a reading of the company's present revision.
func (s *storage) read() (r reading) {
	s.t.Helper()
	waitFor(s.t, 20*time.Second, "the present revision is served", func() bool {
		r = s.scrape("/metrics")
		return s.company.shownIn(r)
	})
	return r
}

// change advances the company and returns a reading of the new revision.
func (s *storage) change() reading {
	s.t.Helper()
	s.company.advance()
	return s.read()
}

// file returns the path of the state.
func (s *storage) file() string {
	s.t.Helper()
	found, err := filepath.Glob(filepath.Join(s.dir, "*.state"))
	if err != nil || len(found) != 1 {
		s.t.Fatalf("want one file, have %q, %v", found, err)
	}
	return found[0]
}

// rewrite changes the state.
func (s *storage) rewrite(change func([]byte) []byte) {
	s.t.Helper()
	data, err := os.ReadFile(s.file())
	if err == nil {
		err = os.WriteFile(s.file(), change(data), 0o600)
	}
	if err != nil {
		s.t.Fatal(err)
	}
}

// served compares what a reading has counted with the company's counters.
func (s *storage) served(r reading) string {
	switch have := transitionsOf(r); {
	case cmp.Equal(s.company.transitions, have):
		return countersKept
	case len(have) == 0:
		return countersFrom0
	default:
		return "other counters: " + cmp.Diff(s.company.transitions, have)
	}
}

// writeFailures returns the value of the counter.
func writeFailures(r reading) float64 {
	value, ok := r[""]["cloudorg_exporter_storage_write_failures_total"]
	if !ok {
		return -1
	}
	return value
}

// A damage is something done to the directory between two runs, and what comes
// of it.
type damage struct {
	name   string
	disk   bool // the directory is on a disk of its own
	do     func(t *testing.T, s *storage)
	served string
	log    string // of the second run
	files  int    // in the directory afterwards
}

func damages() []damage {
	unreadable := func(why string) string {
		return fmt.Sprintf(`msg="stored data not used" err="%s; moved to acme-HASH.state.damaged" serving="nothing until the first refresh"`, why)
	}
	return []damage{
		{"nothing", false, func(*testing.T, *storage) {}, countersKept, "msg=restored", 2},
		{"the file is overwritten with noise", false, func(_ *testing.T, s *storage) {
			s.rewrite(func([]byte) []byte { return bytes.Repeat([]byte{0xff, 0, '\n'}, 1000) })
		}, countersFrom0, unreadable("it does not begin as a stored state"), 3},
		{"the file is empty", false, func(_ *testing.T, s *storage) {
			s.rewrite(func([]byte) []byte { return nil })
		}, countersFrom0, unreadable("it does not begin as a stored state"), 3},
		{"the file is cut in half", false, func(_ *testing.T, s *storage) {
			s.rewrite(func(b []byte) []byte { return b[:len(b)/2] })
		}, countersFrom0, unreadable("its checksum does not match"), 3},
		{"one byte of the file is changed", false, func(_ *testing.T, s *storage) {
			s.rewrite(func(b []byte) []byte { b[len(b)/2] ^= 1; return b })
		}, countersFrom0, unreadable("its checksum does not match"), 3},
		{"the file is of a newer version", false, func(_ *testing.T, s *storage) {
			s.rewrite(func(b []byte) []byte { return bytes.Replace(b, []byte("state 1 "), []byte("state 2 "), 1) })
		}, countersFrom0, unreadable("its format has version 2, this program reads version 1"), 3},
		{"the file is a directory", false, func(t *testing.T, s *storage) {
			file := s.file()
			if err := os.Remove(file); err != nil {
				t.Fatal(err)
			}
			if err := os.Mkdir(file, 0o700); err != nil {
				t.Fatal(err)
			}
		}, countersFrom0, unreadable("acme-HASH.state is not a regular file"), 3},
		{"a temporary file is left over", false, func(t *testing.T, s *storage) {
			writeFile(t, s.dir, filepath.Base(s.file())+".tmp", "cloudorg_exporter state 1 sha")
		}, countersKept, "msg=restored", 2},
		{"base_url is another one", false, func(t *testing.T, s *storage) {
			other := startSite(t, s.site.truth, apiNamed("ncp"), 3099)
			s.configure(storageDefaults + organization("acme", other))
		}, countersFrom0, `msg="stored data not used" err="it is of another cloud, base_url or api_version" serving="nothing until the first refresh"`, 2},
		{"the keys are other ones", false, func(_ *testing.T, s *storage) {
			s.site.truth.SetKeys("ANOTHERACCESSKEY0002", siteSecret)
			s.configure(storageDefaults + strings.Replace(organization("acme", s.site), siteAccess, "ANOTHERACCESSKEY0002", 1))
		}, countersKept, "msg=restored", 2},
		{"the directory is removed", false, func(t *testing.T, s *storage) {
			if err := os.RemoveAll(s.dir); err != nil {
				t.Fatal(err)
			}
		}, countersFrom0, `msg="first good reading"`, 2},
		{"the directory is a file", false, func(t *testing.T, s *storage) {
			if err := os.RemoveAll(s.dir); err != nil {
				t.Fatal(err)
			}
			writeFile(t, filepath.Dir(s.dir), "state", "")
		}, doesNotStart, `msg=exiting err="--storage.path: storage: DIR is not a directory"`, 0},
		{"the directory's parent is missing", false, func(t *testing.T, s *storage) {
			if err := os.RemoveAll(filepath.Dir(s.dir)); err != nil {
				t.Fatal(err)
			}
		}, doesNotStart, `msg=exiting err="--storage.path: storage: mkdir DIR: no such file or directory"`, 0},
		{"the directory is read-only", true, func(t *testing.T, s *storage) {
			remount(t, s, syscall.MS_RDONLY)
		}, doesNotStart, `msg=exiting err="--storage.path: storage: cannot be written: open DIR/probe-N.tmp: read-only file system"`, 2},
		{"the disk is full", true, func(t *testing.T, s *storage) {
			fill(t, s.dir)
		}, doesNotStart, `msg=exiting err="--storage.path: storage: cannot be written: write DIR/probe-N.tmp: no space left on device"`, 3},
		{"the directory is another user's", false, func(_ *testing.T, s *storage) { s.runAsNobody() }, doesNotStart, `msg=exiting err="--storage.path: storage: cannot be written: open DIR/probe-N.tmp: permission denied"`, 2},
		{"the file is another user's", false, func(t *testing.T, s *storage) {
			s.runAsNobody()
			for _, path := range []string{s.dir, filepath.Join(s.dir, "lock")} {
				if err := os.Chown(path, nobody, nobody); err != nil {
					t.Fatal(err)
				}
			}
		}, countersFrom0, unreadable("open DIR/acme-HASH.state: permission denied"), 3},
		{"another process uses the directory", false, func(t *testing.T, s *storage) {
			s.other = startExporter(t, storageDefaults+organization("acme", s.site), "--storage.path="+s.dir)
		}, doesNotStart, `msg=exiting err="--storage.path: storage: DIR is used by another process; each process and each shard needs a directory of its own"`, 2},
	}
}

// An outage is something that makes writes fail while the exporter runs.
type outage struct {
	name       string
	disk       bool
	begin, end func(t *testing.T, s *storage)
	log        string
}

func outages() []outage {
	const failed = `msg="storage write failed" err="%s" serving="new data; a restart continues from what was stored last"`
	return []outage{
		{
			"the disk is full", true,
			func(t *testing.T, s *storage) { fill(t, s.dir) },
			func(t *testing.T, s *storage) {
				if err := os.Remove(filepath.Join(s.dir, "big")); err != nil {
					t.Fatal(err)
				}
			},
			fmt.Sprintf(failed, "jsontext: write error: write DIR/acme-HASH.state.tmp: no space left on device"),
		},
		{
			"the directory is read-only", true,
			func(t *testing.T, s *storage) { remount(t, s, syscall.MS_RDONLY) },
			func(t *testing.T, s *storage) { remount(t, s, 0) },
			fmt.Sprintf(failed, "remove DIR/acme-HASH.state.tmp: read-only file system"),
		},
		{
			"the directory is removed", false,
			func(t *testing.T, s *storage) {
				if err := os.RemoveAll(s.dir); err != nil {
					t.Fatal(err)
				}
			},
			func(t *testing.T, s *storage) {
				if err := os.Mkdir(s.dir, 0o700); err != nil {
					t.Fatal(err)
				}
			},
			fmt.Sprintf(failed, "open DIR/acme-HASH.state.tmp: no such file or directory"),
		},
	}
}

// TestStorageFailures damages the directory between two runs, or makes writes
// fail in a run. testdata/storage.md has what comes of it.
func TestStorageFailures(t *testing.T) {
	var table strings.Builder
	table.WriteString("| what was done | when | served | log | write failures |\n| --- | --- | --- | --- | --- |\n")
	rows, all := 0, damages()
	for i, d := range all {
		t.Run("before a start, "+d.name, func(t *testing.T) {
			s := newStorage(t, d.disk, 3040+i)
			s.stop()
			s.log.reset()
			d.do(t, s)
			served, failures := d.restart(t, s)
			if served != d.served {
				t.Errorf("want %s, have %s", d.served, served)
			}
			if !strings.Contains(s.messages(), d.log) {
				t.Errorf("the log does not contain %s:\n%s", d.log, s.messages())
			}
			if entries, _ := os.ReadDir(s.dir); len(entries) != d.files {
				t.Errorf("want %d files, have %v", d.files, entries)
			}
			if s.other != nil && s.served(s.other.scrape("/metrics")) != countersKept {
				t.Error("the other process does not serve the stored counters")
			}
			rows++
			fmt.Fprintf(&table, "| %s | before a start | %s | `%s` | %s |\n", d.name, served, d.log, failures)
		})
	}
	for i, o := range outages() {
		t.Run("in a run, "+o.name, func(t *testing.T) {
			s := newStorage(t, o.disk, 3040+len(all)+i)
			o.begin(t, s)
			s.change()
			r := s.change()
			served, failures := s.served(r), writeFailures(r)
			if served != countersKept || failures < 2 {
				t.Errorf("have %s, %v failures", served, failures)
			}
			o.end(t, s)
			if served := s.served(s.change()); served != countersKept {
				t.Errorf("after the outage: %s", served)
			}
			s.stop()
			for _, line := range []string{o.log, `msg="storage write recovered"`} {
				if have := strings.Count(s.messages(), line); have != 1 {
					t.Errorf("log: want one line with %s, have %d:\n%s", line, have, s.messages())
				}
			}
			s.start()
			if served := s.served(s.read()); served != countersKept {
				t.Errorf("after a restart: %s", served)
			}
			s.stop()
			rows++
			fmt.Fprintf(&table, "| %s | in a run | %s | `%s`, once | 1 per refresh |\n", o.name, served, o.log)
		})
	}
	t.Log("\n" + table.String())
	if rows == len(all)+len(outages()) { // else rows have been skipped
		checkTable(t, "storage", table.String())
	}
}

// restart starts the exporter again, and returns what it serves and the value
// of the counter of write failures.
func (d *damage) restart(t *testing.T, s *storage) (served, failures string) {
	t.Helper()
	if d.served == doesNotStart {
		s.launch()
		select {
		case <-s.ended:
		case <-time.After(30 * time.Second):
			t.Fatal("the exporter runs")
		}
		if code := s.cmd.ProcessState.ExitCode(); code != 1 {
			t.Errorf("want exit code 1, have %d", code)
		}
		return doesNotStart, ""
	}
	s.start()
	defer s.stop()
	r := s.read()
	if have := writeFailures(r); have != 0 {
		t.Errorf("write failures: want 0, have %v", have)
	}
	return s.served(r), "0"
}

// messages returns the log without what differs from run to run.
func (s *storage) messages() string {
	text := strings.ReplaceAll(s.log.String(), s.dir, "DIR")
	text = regexp.MustCompile(`acme-[0-9a-f]{16}`).ReplaceAllString(text, "acme-HASH")
	return regexp.MustCompile(`probe-\d+`).ReplaceAllString(text, "probe-N")
}

const diskSize = "size=4m"

// mountDisk mounts a small file system until the test ends.
func mountDisk(t *testing.T, path string) {
	t.Helper()
	if err := syscall.Mount("tmpfs", path, "tmpfs", 0, diskSize); err != nil {
		t.Skipf("mount is not allowed here: %v", err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(path, syscall.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
}

// remount changes the flags of the file system that has the directory.
func remount(t *testing.T, s *storage, flags uintptr) {
	t.Helper()
	if err := syscall.Mount("", filepath.Dir(s.dir), "", syscall.MS_REMOUNT|flags, diskSize); err != nil {
		t.Fatal(err)
	}
}

// fill leaves no space in the directory's file system.
func fill(t *testing.T, dir string) {
	t.Helper()
	err := os.WriteFile(filepath.Join(dir, "big"), make([]byte, 4<<20), 0o600)
	if !errors.Is(err, syscall.ENOSPC) {
		t.Fatalf("want no space, have %v", err)
	}
}

// runAsNobody makes a user without files of its own run the exporter.
func (s *storage) runAsNobody() {
	s.t.Helper()
	if os.Getuid() != 0 {
		s.t.Skip("needs root to run a process as another user")
	}
	parent := filepath.Dir(s.dir)
	for path, mode := range map[string]os.FileMode{parent: 0o755, filepath.Dir(parent): 0o755, filepath.Dir(s.config): 0o755, s.config: 0o644} {
		if err := os.Chmod(path, mode); err != nil {
			s.t.Fatal(err)
		}
	}
	s.user = nobody
}
