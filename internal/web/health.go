// Package web is what the exporter serves beside metrics.
package web

import (
	"fmt"
	"net/http"
)

// The paths that tell an orchestrator how the exporter is.
const (
	PathHealthy = "/-/healthy"
	PathReady   = "/-/ready"
)

// HandleHealth serves the two health paths: the one says 200 for as long as
// anything is served, the other while ready says so.
func HandleHealth(mux *http.ServeMux, ready func() bool) {
	mux.HandleFunc("GET "+PathHealthy, func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprintln(w, "healthy")
	})
	mux.HandleFunc("GET "+PathReady, func(w http.ResponseWriter, _ *http.Request) {
		if !ready() {
			http.Error(w, "not ready", http.StatusServiceUnavailable)
			return
		}
		fmt.Fprintln(w, "ready")
	})
}
