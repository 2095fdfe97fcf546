//go:build peers

// Unmarshal reads listings as one does it first: all of an answer, and then
// json.Unmarshal into a slice of structs. It prints the seconds of CPU that
// took, by how many bytes the process grew, and how many rows there were.
//
//	unmarshal URL...
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log"
	"net/http"
	"os"
	"strconv"
	"strings"
	"syscall"
)

func main() {
	seconds, bytes, rows := cpu(), memory("VmRSS"), 0
	for _, url := range os.Args[1:] {
		rows += read(url)
	}
	fmt.Fprintln(os.Stdout, cpu()-seconds, memory("VmHWM")-bytes, rows)
}

func read(url string) int {
	r, err := http.NewRequestWithContext(context.Background(), http.MethodGet, url, nil)
	if err != nil {
		log.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		log.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		log.Fatal(err)
	}
	var all []struct {
		Member int64  `json:"memberNo"`
		Group  int64  `json:"organizationGroupNo"`
		Status string `json:"memberStatusCode"`
	}
	if err := json.Unmarshal(body, &all); err != nil {
		log.Fatal(err)
	}
	return len(all)
}

// cpu returns the seconds of CPU so far.
func cpu() float64 {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		log.Fatal(err)
	}
	return float64(u.Utime.Nano()+u.Stime.Nano()) / 1e9
}

// memory returns a line of the process's status, in bytes.
func memory(line string) int64 {
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		log.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(status), line+":")
	kB, err := strconv.ParseInt(strings.Fields(rest)[0], 10, 64)
	if err != nil {
		log.Fatal(err)
	}
	return kB << 10
}
