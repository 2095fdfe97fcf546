package web

import (
	"encoding/json"
	"net/http"

	"github.com/cloudorg-exporter/cloudorg_exporter/internal/org"
)

// The paths that cannot be configured.
const (
	PathOrganization = "/organization"
	PathDiscovery    = "/sd"
	PathConfig       = "/config"
	PathHealthy      = "/-/healthy"
	PathReady        = "/-/ready"
	PathReload       = "/-/reload"
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
func say(w http.ResponseWriter, status int, line string) {
	protect(w, "text/plain; charset=utf-8", noContent)
	w.WriteHeader(status)
	_, _ = w.Write([]byte(line + "\n"))
}

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

// Reload calls reload for a POST or a PUT and answers 200, or 500 with the
// error. Requests that a browser sends for another site's page are refused.
func Reload(reload func() error) http.Handler {
	h := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodPost && r.Method != http.MethodPut {
			w.Header().Set("Allow", "POST, PUT")
			say(w, http.StatusMethodNotAllowed, "use POST or PUT to reload the configuration")
			return
		}
		if err := reload(); err != nil {
			say(w, http.StatusInternalServerError, "reload failed, previous configuration still active: "+err.Error())
			return
		}
		say(w, http.StatusOK, "reloaded")
	})
	return http.NewCrossOriginProtection().Handler(h)
}

// ReloadDisabled answers PathReload while reloading over HTTP is not enabled.
func ReloadDisabled() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		say(w, http.StatusForbidden, "reload over HTTP is disabled: start the exporter with --web.enable-lifecycle, or send it SIGHUP")
	})
}

// Config serves the active configuration. What yaml returns must hold no
// secret.
func Config(yaml func() ([]byte, error)) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		body, err := yaml()
		if err != nil {
			say(w, http.StatusInternalServerError, "cannot show the configuration: "+err.Error())
			return
		}
		protect(w, "text/plain; charset=utf-8", noContent) // not a YAML type: browsers save that to a file
		_, _ = w.Write(body)
	})
}

// Discovery serves the organizations of snapshots for Prometheus' HTTP service
// discovery: one target group each, because labels belong to a group.
func Discovery(snapshots func() []org.Snapshot) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		groups := []map[string]any{} // without organizations: [], not null
		for _, s := range snapshots() {
			groups = append(groups, map[string]any{
				"targets": []string{s.Organization},
				"labels":  map[string]string{"__meta_cloudorg_cloud": s.Cloud},
			})
		}
		protect(w, "application/json", noContent)
		_ = json.NewEncoder(w).Encode(groups)
	})
}
