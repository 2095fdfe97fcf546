//go:build peers

// Static serves a file of metrics, plain and compressed beforehand: the least
// that an exporter can cost.
//
//	static ADDRESS FILE
//
// The compressed one is FILE.gz.
package main

import (
	"log"
	"net/http"
	"os"
	"strings"
)

func main() {
	serve := func(w http.ResponseWriter, r *http.Request) {
		name := os.Args[2]
		w.Header().Set("Content-Type", "text/plain; version=0.0.4")
		if strings.Contains(r.Header.Get("Accept-Encoding"), "gzip") {
			name += ".gz"
			w.Header().Set("Content-Encoding", "gzip")
		}
		f, err := os.Open(name)
		if err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		defer f.Close()
		info, err := f.Stat()
		if err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		http.ServeContent(w, r, "", info.ModTime(), f)
	}
	log.Fatal(http.ListenAndServe(os.Args[1], http.HandlerFunc(serve)))
}
