// Package web is what the exporter serves beside metrics. Nothing in it calls
// an API or waits for one.
package web

import (
	"fmt"
	"net/http"

	"github.com/cloudorg-exporter/cloudorg_exporter/internal/org"
)

// The paths that tell an orchestrator how the exporter is.
const (
	PathHealthy = "/-/healthy"
	PathReady   = "/-/ready"
)

// Health serves the two health paths and nothing else: the one says 200 for as
// long as anything is served, the other 503 and the reason while notReady
// returns one.
func Health(notReady func() error) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET "+PathHealthy, func(w http.ResponseWriter, _ *http.Request) {
		say(w, http.StatusOK, "healthy")
	})
	mux.HandleFunc("GET "+PathReady, func(w http.ResponseWriter, _ *http.Request) {
		if err := notReady(); err != nil {
			say(w, http.StatusServiceUnavailable, err.Error())
			return
		}
		say(w, http.StatusOK, "ready")
	})
	return mux
}

// Starting returns an error that says how far the start has come, until each
// organization has had one refresh end.
func Starting(snapshots []org.Snapshot) error {
	refreshed := 0
	for _, s := range snapshots {
		if !s.Refreshed.IsZero() {
			refreshed++
		}
	}
	if refreshed < len(snapshots) {
		return fmt.Errorf("starting: %d of %d organizations refreshed", refreshed, len(snapshots))
	}
	return nil
}
