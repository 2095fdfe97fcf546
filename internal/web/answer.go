package web

import "net/http"

// The paths that cannot be configured.
const (
	PathOrganization = "/organization"
	PathDiscovery    = "/sd"
	PathConfig       = "/config"
	PathHealthy      = "/-/healthy"
	PathReady        = "/-/ready"
	PathReload       = "/-/reload"
)

const (
	typeHTML = "text/html; charset=utf-8"
	typeJSON = "application/json"
	typeText = "text/plain; charset=utf-8"
)

// noContent is the Content-Security-Policy of an answer that is not a page: a
// browser loads and runs nothing.
const noContent = "default-src 'none'; frame-ancestors 'none'"

// protect sets the content type and the headers that restrict a browser.
func protect(w http.ResponseWriter, contentType, policy string) {
	h := w.Header()
	h.Set("Content-Type", contentType)
	h.Set("Content-Security-Policy", policy)
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("X-Frame-Options", "DENY")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Cache-Control", "no-store")
}

// say answers with a line of text. An error of the write means that the client
// has gone.
func say(w http.ResponseWriter, status int, text string) {
	protect(w, typeText, noContent)
	w.WriteHeader(status)
	_, _ = w.Write([]byte(text + "\n"))
}
