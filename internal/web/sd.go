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

// A targetGroup is an element of the document that Prometheus expects.
type targetGroup struct {
	Targets []string          `json:"targets"`
	Labels  map[string]string `json:"labels"`
}

// Discovery serves the organizations for Prometheus' HTTP service discovery:
// one target group each, because labels belong to a group.
func Discovery(targets func() []Target) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		groups := []targetGroup{} // without organizations: [], not null
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
