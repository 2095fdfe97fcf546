package store

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"runtime"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"github.com/cloudorg-exporter/cloudorg_exporter/internal/org"
)

func TestMain(m *testing.M) {
	if path := os.Getenv(childPath); path != "" {
		child(path)
	}
	goleak.VerifyTestMain(m)
}

// open opens the directory at path until the test ends.
func open(t testing.TB, path string) *Dir {
	t.Helper()
	d, err := Open(t.Context(), path, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { d.Close() })
	return d
}

const secretKey = "wJalrXUtnFEMIK7MDENGbPxRfiCYEXAMPLEKEY"

func fingerprint() string { return secretKey }

// acme returns the file of an organization.
func acme(d *Dir) *File { return d.File("acme", "ncp https://cloud.example v1", fingerprint) }

// members returns a state with n members, as a Cache saves it.
func members(n int) org.Saved {
	now := time.Date(2026, 11, 26, 12, 0, 0, 123456789, time.UTC)
	s := org.Saved{Snapshot: org.Snapshot{Cloud: "ncp", Organization: "acme", Listings: org.Configure([]string{"members"})}}
	s.Refreshed, s.Next, s.Took = now, now.Add(5*time.Minute), time.Second
	s.Members.Present, s.Members.LastSuccess, s.Members.Expires, s.Members.At = true, now, now.Add(time.Hour), now
	s.Members.Items = make([]org.Member, n)
	for i := range s.Members.Items {
		s.Members.Items[i] = org.Member{ID: fmt.Sprintf("%08d", 7*i), GroupID: fmt.Sprintf("%06d", i/50), Status: "JOIN"}
	}
	s.Baseline.Members = s.Members.Items
	s.Transitions = map[org.Transition]uint64{{From: org.None, To: "JOIN"}: uint64(n), {From: "JOIN", To: org.None}: 0}
	return s
}

// diff compares two states: an error by what is told of it.
func diff(want, have *org.Saved) string {
	return cmp.Diff(want, have, cmp.Comparer(func(a, b *org.Error) bool {
		if a == nil || b == nil {
			return a == b
		}
		return a.Reason == b.Reason && a.RetryAfter == b.RetryAfter && a.Advice == b.Advice && a.Error() == b.Error()
	}))
}

// fill sets everything in v to values that are not zero and differ.
func fill(v reflect.Value, n *int64) {
	*n++
	switch v.Addr().Interface().(type) {
	case *time.Time:
		v.Set(reflect.ValueOf(time.Unix(1_700_000_000+*n, *n).UTC()))
		return
	case *error:
		v.Set(reflect.ValueOf(fmt.Errorf("error %d", *n)))
		return
	}
	switch v.Kind() {
	case reflect.Struct:
		for _, field := range v.Fields() {
			fill(field, n)
		}
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 2, 2))
		for i := range 2 {
			fill(v.Index(i), n)
		}
	case reflect.Map:
		v.Set(reflect.MakeMap(v.Type()))
		key, value := reflect.New(v.Type().Key()).Elem(), reflect.New(v.Type().Elem()).Elem()
		fill(key, n)
		fill(value, n)
		v.SetMapIndex(key, value)
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		fill(v.Elem(), n)
	case reflect.String:
		v.SetString(fmt.Sprintf("text %d \"\\\n한글", *n))
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Uint64:
		v.SetUint(uint64(*n))
	case reflect.Int, reflect.Int64:
		v.SetInt(*n)
	default:
		panic("fill: " + v.Type().String())
	}
}

// Everything in a state survives, but what the cache has from its
// configuration.
func TestRoundTrip(t *testing.T) {
	var full org.Saved
	var n int64
	fill(reflect.ValueOf(&full).Elem(), &n)
	full.Known, full.Version = org.Known{}, 0

	var zero int64
	odd := members(0)
	odd.Baseline = org.Baseline{Invitations: []org.Invitation{}} // read and empty; the others were never read
	odd.Invitations.Items = []org.Invitation{{MemberID: "1", ReportedDays: &zero}}
	odd.Transitions = nil

	for name, want := range map[string]org.Saved{"every field": full, "zero values": odd, "nothing": {}, "members": members(3)} {
		t.Run(name, func(t *testing.T) {
			f := acme(open(t, t.TempDir()))
			if err := f.Save(t.Context(), want); err != nil {
				t.Fatal(err)
			}
			have, err := f.Load(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if d := diff(&want, have); d != "" {
				t.Errorf("(-saved +loaded):\n%s", d)
			}
		})
	}
}

var update = flag.Bool("update", false, "write the golden files anew")

// A file of this version is read by every program that has the version: a field
// that gets another name or meaning needs another version, and another file.
func TestFormat(t *testing.T) {
	at := time.Date(2026, 11, 26, 12, 0, 0, 0, time.UTC)
	want := members(2)
	applied := int64(0)
	reading := org.Health{
		Reading: org.Reading{At: at, Took: time.Second, Unparsed: 1},
		State:   org.State{Configured: true, Present: true, Expires: at.Add(time.Hour), LastSuccess: at, DecodeWarnings: 2},
	}
	want.Info = org.Listing[org.Info]{Health: reading, Items: []org.Info{{ID: "1", Name: "acme", MasterID: "2", Joined: at}}}
	want.Groups = org.Listing[org.Group]{Health: reading, Items: []org.Group{{ID: "1", Name: "root"}, {ID: "2", ParentID: "1", PolicyID: "3", PolicyName: "quota"}}}
	want.Invitations = org.Listing[org.Invitation]{Health: reading, Items: []org.Invitation{
		{ID: "1", MemberID: "2", OrganizationID: "3", Status: "INVITING", Pending: true, Created: at, Expires: at.Add(time.Hour), ReportedDays: &applied},
	}}
	want.Withdrawals = org.Listing[org.Withdrawal]{Health: reading, Items: []org.Withdrawal{{MemberID: "1", Requested: at}}}
	want.Policies = org.Listing[org.Policy]{Health: reading, Items: []org.Policy{{ID: "3", Name: "quota", Applied: &applied}}}
	want.Versions = org.Listing[org.Version]{Health: reading, Items: []org.Version{{ID: "1.3", Status: "CURRENT", SupportEnd: at}}}
	want.Received.Health = org.Health{
		Reading: org.Reading{Err: &org.Error{Reason: org.Throttled, RetryAfter: time.Minute, Advice: "wait", Err: errors.New("too many requests")}},
		State:   org.State{Configured: true, FailingSince: at, Failures: 3},
	}
	want.Baseline.Invitations = want.Invitations.Items
	want.Baseline.Received = []org.Invitation{{ID: "4", OrganizationID: "5", Pending: true}}
	want.Baseline.Withdrawals = []org.Withdrawal{}
	want.Changes = []org.Change{{Time: at, What: org.MemberChanged, MemberID: "1", GroupID: "2", From: org.None, To: "JOIN"}}
	want.Transitions = map[org.Transition]uint64{{From: org.None, To: "JOIN"}: 1}
	want.Failures, want.MaxItems = 4, 1000

	golden := filepath.Join("testdata", "v1.state")
	if *update {
		f := acme(open(t, t.TempDir()))
		if err := f.Save(t.Context(), want); err != nil {
			t.Fatal(err)
		}
		data, err := os.ReadFile(f.path)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(golden, data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	data, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	have, err := decode(data, acme(new(Dir)).owner)
	if err != nil {
		t.Fatal(err)
	}
	if d := diff(&want, have); d != "" {
		t.Errorf("(-want +decoded):\n%s", d)
	}
}

// What a cloud says need not be fit for JSON: the rest is stored.
func TestOddValues(t *testing.T) {
	f := acme(open(t, t.TempDir()))
	s := members(2)
	s.Members.Items[0].ID = "\xff\xfe"
	s.Withdrawals.Items = []org.Withdrawal{{MemberID: "1", Requested: time.Unix(1<<40, 0)}}
	if err := f.Save(t.Context(), s); err != nil {
		t.Fatal(err)
	}
	have, err := f.Load(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if w := have.Withdrawals.Items[0]; w.MemberID != "1" || !w.Requested.IsZero() || have.Members.Items[1] != s.Members.Items[1] {
		t.Errorf("have %+v and %+v", w, have.Members.Items)
	}
}

// Members are not stored twice if they are the baseline, and are when they are
// not.
func TestBaselineIsStoredOnce(t *testing.T) {
	dir := t.TempDir()
	f := acme(open(t, dir))
	s := members(1000)
	size := func() int64 {
		t.Helper()
		if err := f.Save(t.Context(), s); err != nil {
			t.Fatal(err)
		}
		have, err := f.Load(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if d := diff(&s, have); d != "" {
			t.Errorf("(-saved +loaded):\n%s", d)
		}
		info, err := os.Stat(f.path)
		if err != nil {
			t.Fatal(err)
		}
		return info.Size()
	}
	once := size()
	s.Baseline.Members = slices.Clone(s.Members.Items)
	twice := size()
	s.Members.Items = nil // past max_stale
	expired := size()
	if twice < once*3/2 || expired > once*11/10 {
		t.Errorf("want %d bytes, have %d with two lists and %d with the baseline alone", once, twice, expired)
	}
}

// A file has no secret, and only its user can read it.
func TestFileIsPrivate(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "new")
	f := acme(open(t, dir))
	if err := f.Save(t.Context(), members(1)); err != nil {
		t.Fatal(err)
	}
	first, err := os.ReadFile(f.path)
	if err != nil {
		t.Fatal(err)
	}
	if bytes.Contains(first, []byte(secretKey)) || bytes.Contains(first, []byte("cloud.example")) {
		t.Error("the key or the address is in the file")
	}
	if err := f.Save(t.Context(), members(1)); err != nil {
		t.Fatal(err)
	}
	second, err := os.ReadFile(f.path)
	if err != nil {
		t.Fatal(err)
	}
	if i := bytes.Index(first, []byte(`"Fingerprint"`)); bytes.Equal(first[i:i+50], second[i:i+50]) {
		t.Error("the hash of the key is not salted")
	}
	for path, want := range map[string]os.FileMode{dir: 0o700 | os.ModeDir, f.path: 0o600, filepath.Join(dir, lockName): 0o600} {
		if info, err := os.Stat(path); err != nil || info.Mode() != want && runtime.GOOS != "windows" {
			t.Errorf("%s: want mode %s, have %s (%v)", filepath.Base(path), want, info.Mode(), err)
		}
	}
}

// Another key or configuration makes a refresh due; the file of another
// identity is not used, and not moved.
func TestOwner(t *testing.T) {
	d := open(t, t.TempDir())
	if err := d.File("acme", "ncp v1", func() string { return "key" }).Save(t.Context(), members(1)); err != nil {
		t.Fatal(err)
	}
	have, err := d.File("acme", "ncp v1", func() string { return "another key" }).Load(t.Context())
	if err != nil || !have.Next.IsZero() || len(have.Baseline.Members) != 1 {
		t.Errorf("another key: want the state and a refresh that is due, have %+v, %v", have, err)
	}
	have, err = d.File("acme", "ncp v2", func() string { return "key" }).Load(t.Context())
	if have != nil || !errors.Is(err, errIdentity) {
		t.Errorf("another identity: want none and why, have %+v, %v", have, err)
	}
	have, err = d.File("acme", "ncp v1", func() string { return "key" }).Load(t.Context())
	if err != nil || have == nil || have.Next.IsZero() {
		t.Errorf("the first one again: have %+v, %v", have, err)
	}
}

// The name of an organization may be any text.
func TestNames(t *testing.T) {
	path := t.TempDir()
	d := open(t, path)
	names := []string{"acme", "ACME", "Acme", "a/b", "../../etc/passwd", ".", "..", "", " ", "a\x00b", "한국 조직", strings.Repeat("long", 1000), strings.Repeat("long", 1001), "lock", "a\nb", "con"}
	for i, name := range names {
		if err := d.File(name, "", fingerprint).Save(t.Context(), members(i)); err != nil {
			t.Errorf("%q: %v", name, err)
		}
	}
	for i, name := range names {
		s, err := d.File(name, "", fingerprint).Load(t.Context())
		if err != nil || len(s.Members.Items) != i {
			t.Errorf("%q: want its own state, have %+v, %v", name, s, err)
		}
	}
	entries, err := os.ReadDir(path)
	if err != nil || len(entries) != len(names)+1 {
		t.Errorf("want %d files and the lock, have %d, %v", len(names), len(entries), err)
	}
	for _, e := range entries {
		if len(e.Name()) > 100 {
			t.Errorf("file name %q", e.Name())
		}
	}

	// Its own name is checked.
	one, another := d.File("one", "", fingerprint), d.File("another", "", fingerprint)
	if err := one.Save(t.Context(), members(1)); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(one.path, another.path); err != nil {
		t.Fatal(err)
	}
	if s, err := another.Load(t.Context()); s != nil || err == nil || !strings.Contains(err.Error(), `organization "one"`) {
		t.Errorf("want none and why, have %+v, %v", s, err)
	}
}

// entries returns the names of a directory.
func entries(t *testing.T, path string) []string {
	t.Helper()
	list, err := os.ReadDir(path)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, e := range list {
		names = append(names, e.Name())
	}
	return names
}

// A file that is not whole is moved aside and told of once. It is never read as
// another state.
func TestDamagedFile(t *testing.T) {
	path := t.TempDir()
	f := acme(open(t, path))
	if err := f.Save(t.Context(), members(2)); err != nil {
		t.Fatal(err)
	}
	whole, err := os.ReadFile(f.path)
	if err != nil {
		t.Fatal(err)
	}
	check := func(name, want string, put func() error) {
		t.Helper()
		if err := errors.Join(os.RemoveAll(f.path), put()); err != nil {
			t.Fatal(err)
		}
		if s, err := f.Load(t.Context()); s != nil || err == nil || !strings.Contains(err.Error(), want) {
			t.Fatalf("%s: want none and %q, have %+v, %v", name, want, s, err)
		}
		if s, err := f.Load(t.Context()); s != nil || err != nil {
			t.Fatalf("%s, again: want nothing, have %+v, %v", name, s, err)
		}
		base := fileName("acme")
		if d := cmp.Diff([]string{base + damagedSuffix, lockName}, entries(t, path)); d != "" {
			t.Fatalf("%s: files (-want +have):\n%s", name, d)
		}
	}
	content := func(data []byte) func() error { return func() error { return os.WriteFile(f.path, data, 0o600) } }
	for n := range len(whole) {
		check(fmt.Sprintf("cut at %d", n), "", content(whole[:n]))
	}
	for n := range len(whole) {
		flipped := slices.Clone(whole)
		flipped[n] ^= 4
		check(fmt.Sprintf("a bit of byte %d", n), "", content(flipped))
	}
	check("a byte more", "checksum", content(append(slices.Clone(whole), '\n')))
	check("newer", "version 2, this program reads version 1", content(bytes.Replace(whole, []byte("state 1"), []byte("state 2"), 1)))
	check("another file", "does not begin", content([]byte("#!/bin/sh\n")))
	check("a directory", "not a regular file", func() error { return os.MkdirAll(filepath.Join(f.path, "x"), 0o700) })
	if err := f.Save(t.Context(), members(3)); err != nil {
		t.Fatal(err)
	}
	if s, err := f.Load(t.Context()); err != nil || len(s.Members.Items) != 3 {
		t.Errorf("after all: want the new state, have %+v, %v", s, err)
	}
}

// At whatever point of a write the process ends, the next one reads the state
// before or the new one, and leaves no temporary file.
func TestInterruptedWrite(t *testing.T) {
	path := t.TempDir()
	d := open(t, path)
	f := acme(d)
	if err := f.Save(t.Context(), members(2)); err != nil {
		t.Fatal(err)
	}
	scratch := acme(open(t, t.TempDir()))
	if err := scratch.Save(t.Context(), members(1)); err != nil {
		t.Fatal(err)
	}
	next, err := os.ReadFile(scratch.path)
	if err != nil {
		t.Fatal(err)
	}
	for n := 0; n <= len(next); n += 9 { // bytes of the temporary file that were written
		d.Close()
		if err := os.WriteFile(f.path+tempSuffix, next[:n], 0o600); err != nil {
			t.Fatal(err)
		}
		d = open(t, path)
		f = acme(d)
		if s, err := f.Load(t.Context()); err != nil || len(s.Members.Items) != 2 {
			t.Fatalf("%d bytes written: want the state before, have %+v, %v", n, s, err)
		}
		if have := entries(t, path); len(have) != 2 {
			t.Fatalf("%d bytes written: want the file and the lock, have %q", n, have)
		}
	}
}

// A disk that hangs costs a write its limit, and not another one as long.
func TestHangingWrite(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var failures int
		d, err := Open(t.Context(), t.TempDir(), func() { failures++ })
		if err != nil {
			t.Fatal(err)
		}
		defer d.Close()
		release := make(chan struct{})
		hanging := d.File("acme", "", func() string { <-release; return "" }) // as a write does
		timed := func(f *File) (time.Duration, error) {
			ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
			defer cancel()
			start := time.Now()
			err := f.Save(ctx, members(1))
			return time.Since(start), err
		}
		if took, err := timed(hanging); err == nil || took != 10*time.Second {
			t.Errorf("want an error after 10s, have %v after %s", err, took)
		}
		f := d.File("acme", "", func() string { return "" })
		if took, err := timed(f); err == nil || took != 0 {
			t.Errorf("meanwhile: want an error at once, have %v after %s", err, took)
		}
		if _, err := timed(d.File("other", "", fingerprint)); err != nil {
			t.Errorf("another organization: %v", err)
		}
		close(release)
		synctest.Wait()
		if _, err := timed(f); err != nil || failures != 2 {
			t.Errorf("afterwards: want no error and 2 failures, have %v, %d", err, failures)
		}
	})
}

// A disk that hangs at the start costs its limit, and what comes back late moves
// nothing that was written since.
func TestHangingLoad(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := open(t, t.TempDir())
		f := d.File("acme", "", func() string { return "" })
		if err := f.Save(t.Context(), members(1)); err != nil {
			t.Fatal(err)
		}
		release := make(chan struct{})
		start := time.Now()
		s, err := d.File("acme", "", func() string { <-release; return "" }).Load(t.Context())
		if s != nil || err == nil || time.Since(start) != fileWait {
			t.Errorf("want an error after %s, have %+v, %v after %s", fileWait, s, err, time.Since(start))
		}
		if err := f.Save(t.Context(), members(2)); !errors.Is(err, errBusy) {
			t.Errorf("meanwhile: want an error, have %v", err)
		}
		close(release)
		synctest.Wait()
		if err := f.Save(t.Context(), members(2)); err != nil {
			t.Error(err)
		}
	})
}

// A panic while a state is encoded is an error.
func TestPanic(t *testing.T) {
	f := open(t, t.TempDir()).File("acme", "", func() string { panic("boom") })
	if err := f.Save(t.Context(), members(1)); err == nil || !strings.Contains(err.Error(), "boom") {
		t.Errorf("want an error, have %v", err)
	}
	if err := f.Save(t.Context(), members(1)); err == nil || !strings.Contains(err.Error(), "boom") {
		t.Errorf("again: want the same, have %v", err)
	}
}

// The second process waits for the first to end, and does not start if it does
// not.
func TestLock(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		path := t.TempDir()
		first := open(t, path)
		start := time.Now()
		_, err := Open(t.Context(), path, nil)
		if err == nil || !strings.Contains(err.Error(), "is used by another process") || time.Since(start) != lockWait {
			t.Errorf("want an error after %s, have %v after %s", lockWait, err, time.Since(start))
		}
		time.AfterFunc(5*time.Second, func() { first.Close() })
		if second, err := Open(t.Context(), path, nil); err != nil {
			t.Errorf("want the lock when the first has ended, have %v", err)
		} else {
			second.Close()
		}
		if err := acme(first).Save(t.Context(), members(1)); err == nil {
			t.Error("written after the lock was given back")
		}
	})
}

// What cannot be used is told at the start.
func TestOpenErrors(t *testing.T) {
	path := t.TempDir()
	file := filepath.Join(path, "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(t.Context(), file, nil); err == nil || !strings.Contains(err.Error(), "file is not a directory") {
		t.Errorf("a file: have %v", err)
	}
	if _, err := Open(t.Context(), filepath.Join(path, "a", "b"), nil); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("without a parent: have %v", err)
	}
}

// Organizations that are not configured any more lose their files; files of
// others stay.
func TestRetain(t *testing.T) {
	path := t.TempDir()
	d := open(t, path)
	for _, name := range []string{"acme", "gone"} {
		f := d.File(name, "", fingerprint)
		if err := f.Save(t.Context(), members(1)); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(strings.TrimSuffix(f.path, stateSuffix)+damagedSuffix, nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(filepath.Join(path, "notes.txt"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := d.Retain(t.Context(), []string{"acme", "new"}); err != nil {
		t.Fatal(err)
	}
	want := []string{fileName("acme") + stateSuffix, fileName("acme") + damagedSuffix, lockName, "notes.txt"}
	if d := cmp.Diff(want, entries(t, path)); d != "" {
		t.Errorf("files (-want +have):\n%s", d)
	}
}

// Whatever is in a file, decoding ends with a state or an error, and a state can
// be stored again.
func FuzzDecode(f *testing.F) {
	o := owner{"acme", "id", fingerprint}
	for _, n := range []int{0, 1, 3} {
		temp, err := os.CreateTemp(f.TempDir(), "")
		if err != nil {
			f.Fatal(err)
		}
		if err := encode(temp, o, members(n)); err != nil {
			f.Fatal(err)
		}
		temp.Close()
		data, err := os.ReadFile(temp.Name())
		if err != nil {
			f.Fatal(err)
		}
		_, body, _ := bytes.Cut(data, []byte("\n"))
		f.Add(data, false)
		f.Add(body, true)
	}
	path := f.TempDir()
	f.Fuzz(func(t *testing.T, data []byte, seal bool) {
		if seal {
			data = append(fmt.Appendf(nil, header, version, sha256.Sum256(data)), data...)
		}
		s, err := decode(data, o)
		if err != nil {
			return
		}
		out, err := os.Create(filepath.Join(path, "out"))
		if err != nil {
			t.Fatal(err)
		}
		defer out.Close()
		if err := encode(out, o, *s); err != nil {
			t.Errorf("decoded and not encoded: %v", err)
		}
	})
}

func BenchmarkFile(b *testing.B) {
	for _, n := range []int{40, 10_000, 100_000} {
		f := acme(open(b, b.TempDir()))
		s := members(n)
		b.Run(fmt.Sprintf("save/%d", n), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if err := f.Save(b.Context(), s); err != nil {
					b.Fatal(err)
				}
			}
			info, err := os.Stat(f.path)
			if err != nil {
				b.Fatal(err)
			}
			b.ReportMetric(float64(info.Size()), "bytes")
		})
		b.Run(fmt.Sprintf("load/%d", n), func(b *testing.B) {
			if err := f.Save(b.Context(), s); err != nil {
				b.Fatal(err)
			}
			b.ReportAllocs()
			for b.Loop() {
				if have, err := f.Load(b.Context()); err != nil || len(have.Members.Items) != n {
					b.Fatal(err)
				}
			}
		})
	}
}
