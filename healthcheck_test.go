package main

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

func TestHealthCheck(t *testing.T) {
	_, url := simulate(t, nil)
	health := free(t)
	p := start(t, "--config.file="+write(t, "config.yml", "organizations:\n"+organization("acme", url)), "--web.health-address="+health)
	silent := httptest.NewUnstartedServer(http.NotFoundHandler())
	silent.StartTLS()
	defer silent.Close()
	main, refuses, nobody := strings.TrimPrefix(p.url, "http://"), silent.Listener.Addr().String(), free(t)
	for name, c := range map[string]struct {
		args []string
		want string // of the error; empty for none
	}{
		"alive":                             {[]string{"--web.listen-address=" + main}, ""},
		"alive at its health address":       {[]string{"--web.listen-address=" + nobody, "--web.health-address=" + health}, ""},
		"nobody there":                      {[]string{"--web.listen-address=" + nobody}, "connection refused"},
		"nobody at the health address":      {[]string{"--web.listen-address=" + main, "--web.health-address=" + nobody}, "connection refused"},
		"something else, behind a password": {[]string{"--web.listen-address=" + refuses}, "give --web.health-address to both"},
	} {
		t.Run(name, func(t *testing.T) {
			err := run(t.Context(), append(c.args, "--web.health-check"), io.Discard, io.Discard)
			switch {
			case c.want == "" && err != nil:
				t.Fatal(err)
			case c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)):
				t.Fatalf("want …%s…, have %v", c.want, err)
			}
		})
	}
}
