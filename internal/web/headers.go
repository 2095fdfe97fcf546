package web

import "net/http"

// The paths that are the same everywhere. Those of metrics can be chosen.
const (
	PathDiscovery = "/sd"
	PathConfig    = "/config"
	PathReload    = "/-/reload"
)

// The content types of what is served beside metrics.
const (
	typeHTML = "text/html; charset=utf-8"
	typeJSON = "application/json"
	typeText = "text/plain; charset=utf-8"
)

// noContent is the policy of an answer that is no page: a browser that shows
// it must load and run nothing.
const noContent = "default-src 'none'; frame-ancestors 'none'"

// protect sets the headers that keep a browser from doing more with the answer
// than to show it.
func protect(w http.ResponseWriter, contentType, policy string) {
	h := w.Header()
	h.Set("Content-Type", contentType)
	h.Set("Content-Security-Policy", policy)
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("X-Frame-Options", "DENY")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Cache-Control", "no-store")
}

// say answers with a line of text.
func say(w http.ResponseWriter, status int, text string) {
	protect(w, typeText, noContent)
	w.WriteHeader(status)
	_, _ = w.Write([]byte(text + "\n")) // the client has gone; nobody is left to tell
}
