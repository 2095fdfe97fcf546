package web

import "net/http"

// Config serves the configuration in force as text. What yaml returns must
// hold no secret.
func Config(yaml func() ([]byte, error)) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		body, err := yaml()
		if err != nil {
			say(w, http.StatusInternalServerError, "show the configuration: "+err.Error())
			return
		}
		protect(w, typeText, noContent) // browsers show text, and would save YAML
		_, _ = w.Write(body)
	})
}
