package web

import "net/http"

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
