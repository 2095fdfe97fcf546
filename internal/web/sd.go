package web

import (
	"encoding/json"
	"net/http"
)

// A Target is an organization that Prometheus can probe.
type Target struct {
	Name  string // as configured
	Cloud string
}

// A targetGroup is one element of the answer that Prometheus asks for.
type targetGroup struct {
	Targets []string          `json:"targets"`
	Labels  map[string]string `json:"labels"`
}

// Discovery serves the organizations for the HTTP service discovery of
// Prometheus: one target group each, so that each has labels of its own.
func Discovery(targets func() []Target) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		groups := []targetGroup{} // none is [], not null
		for _, t := range targets() {
			groups = append(groups, targetGroup{
				Targets: []string{t.Name},
				Labels:  map[string]string{"__meta_cloudorg_cloud": t.Cloud},
			})
		}
		body, err := json.Marshal(groups)
		if err != nil {
			say(w, http.StatusInternalServerError, err.Error())
			return
		}
		protect(w, typeJSON, noContent)
		_, _ = w.Write(append(body, '\n'))
	})
}
