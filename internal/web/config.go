package web

import "net/http"

// Config serves the active configuration. What yaml returns must hold no
// secret.
func Config(yaml func() ([]byte, error)) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		body, err := yaml()
		if err != nil {
			say(w, http.StatusInternalServerError, "cannot show the configuration: "+err.Error())
			return
		}
		protect(w, typeText, noContent) // not a YAML type: browsers save that to a file
		_, _ = w.Write(body)
	})
}
