package web

import "net/http"

// Health serves the two health paths and nothing else. PathHealthy answers 200.
// PathReady answers 503 with the error of notReady while it returns one.
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
