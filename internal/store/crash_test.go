package store

import (
	"bufio"
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// childPath is the variable that makes the test program a process that saves
// one state after another in the directory it names.
const childPath = "CLOUDORG_STORE_TEST_PATH"

// child saves states of 0, 1, 2, … members and prints the number of each that
// has been saved.
func child(path string) {
	d, err := Open(context.Background(), path, nil)
	for n := 0; err == nil; n++ {
		if err = acme(d).Save(context.Background(), members(n%1000)); err == nil {
			fmt.Println(n % 1000)
		}
	}
	fmt.Fprintln(os.Stderr, err)
	os.Exit(1)
}

// startChild starts a child, and returns the lines that it prints after its
// first state.
func startChild(t *testing.T, path string) (*exec.Cmd, *bufio.Scanner) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), os.Args[0])
	cmd.Env = append(os.Environ(), childPath+"="+path)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(out)
	if !lines.Scan() {
		t.Fatal("the child has saved nothing")
	}
	return cmd, lines
}

// A process that is killed at any moment leaves the state that it saved last,
// or the one that it was saving, and the directory unlocked.
func TestKilledProcess(t *testing.T) {
	path := t.TempDir()
	for round := range 30 {
		cmd, lines := startChild(t, path)
		time.AfterFunc(time.Duration(rand.IntN(20_000))*time.Microsecond, func() { cmd.Process.Kill() })
		saved, _ := strconv.Atoi(lines.Text())
		for lines.Scan() {
			saved, _ = strconv.Atoi(lines.Text())
		}
		_ = cmd.Wait() // killed

		d := open(t, path)
		s, err := acme(d).Load(t.Context())
		if err != nil {
			t.Fatalf("round %d: %v", round, err)
		}
		if n := len(s.Members.Items); n != saved && n != (saved+1)%1000 {
			t.Errorf("round %d: want the state with %d members or the next, have %d", round, saved, n)
		}
		d.Close()
	}
}

// A second process does not start.
func TestTwoProcesses(t *testing.T) {
	path := t.TempDir()
	cmd, _ := startChild(t, path)
	synctest.Test(t, func(t *testing.T) { // in which 10 seconds are none
		if _, err := Open(t.Context(), path, nil); err == nil || !strings.Contains(err.Error(), "is used by another process") {
			t.Errorf("want an error that says why, have %v", err)
		}
	})
	cmd.Process.Kill()
	_ = cmd.Wait() // killed
}
