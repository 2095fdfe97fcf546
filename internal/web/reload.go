package web

import "net/http"

// Reload calls reload for a POST or a PUT, and says how it went. A page of
// another site cannot make a browser do it.
func Reload(reload func() error) http.Handler {
	h := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodPost && r.Method != http.MethodPut {
			w.Header().Set("Allow", "POST, PUT")
			say(w, http.StatusMethodNotAllowed, "POST or PUT to reload the configuration")
			return
		}
		if err := reload(); err != nil {
			say(w, http.StatusInternalServerError, "the configuration before it stays in force: "+err.Error())
			return
		}
		say(w, http.StatusOK, "reloaded")
	})
	return http.NewCrossOriginProtection().Handler(h)
}
