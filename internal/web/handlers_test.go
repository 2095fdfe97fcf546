package web_test

import (
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/cloudorg-exporter/cloudorg_exporter/internal/org"
	"github.com/cloudorg-exporter/cloudorg_exporter/internal/web"
)

func TestDiscovery(t *testing.T) {
	odd := "a \"b\"\\<c>&\u2028한국"
	targets := []org.Snapshot{{Organization: "acme", Cloud: "ncp"}, {Organization: odd, Cloud: "scp"}}
	w := get(t, web.Discovery(func() []org.Snapshot { return targets }), "/sd")
	if have := w.Header().Get("Content-Type"); have != "application/json" {
		t.Errorf("content type: %q", have) // Prometheus insists on it
	}
	type group struct {
		Targets []string
		Labels  map[string]string
	}
	var have []group
	if err := json.Unmarshal(w.Body.Bytes(), &have); err != nil {
		t.Fatal(err)
	}
	want := []group{
		{[]string{"acme"}, map[string]string{"__meta_cloudorg_cloud": "ncp"}},
		{[]string{odd}, map[string]string{"__meta_cloudorg_cloud": "scp"}},
	}
	if diff := cmp.Diff(want, have); diff != "" {
		t.Errorf("(-want +have):\n%s", diff)
	}
	targets = nil
	if have := get(t, web.Discovery(func() []org.Snapshot { return targets }), "/sd").Body.String(); have != "[]\n" {
		t.Errorf("without organizations: want an empty list, have %q", have)
	}
}

func TestConfig(t *testing.T) {
	var failure error
	h := web.Config(func() ([]byte, error) { return []byte("organizations: []\n"), failure })
	w := get(t, h, "/config")
	if w.Code != http.StatusOK || w.Body.String() != "organizations: []\n" {
		t.Errorf("have %d %q", w.Code, w.Body)
	}
	if w.Header().Get("X-Content-Type-Options") != "nosniff" || !strings.HasPrefix(w.Header().Get("Content-Type"), "text/plain") {
		t.Errorf("a browser may take it for something else: %v", w.Header())
	}
	failure = errors.New("cannot encode")
	if w := get(t, h, "/config"); w.Code != http.StatusInternalServerError || !strings.Contains(w.Body.String(), "cannot encode") {
		t.Errorf("have %d %q", w.Code, w.Body)
	}
}

func TestReload(t *testing.T) {
	reloads := 0
	var failure error
	h := web.Reload(func() error { reloads++; return failure })
	ask := func(method, origin string) *httptest.ResponseRecorder {
		r := httptest.NewRequestWithContext(t.Context(), method, "http://exporter.example/-/reload", nil)
		if origin != "" {
			r.Header.Set("Origin", origin)
		}
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		return w
	}
	for _, method := range []string{http.MethodPost, http.MethodPut} {
		if w := ask(method, ""); w.Code != http.StatusOK || w.Body.String() != "reloaded\n" {
			t.Errorf("%s: have %d %q", method, w.Code, w.Body)
		}
	}
	if reloads != 2 {
		t.Fatalf("reloads: want 2, have %d", reloads)
	}
	for _, method := range []string{http.MethodGet, http.MethodHead, http.MethodDelete, http.MethodOptions} {
		if w := ask(method, ""); w.Code != http.StatusMethodNotAllowed || w.Header().Get("Allow") != "POST, PUT" {
			t.Errorf("%s: have %d, %v", method, w.Code, w.Header())
		}
	}
	if w := ask(http.MethodPost, "https://elsewhere.example"); w.Code != http.StatusForbidden {
		t.Errorf("another site's page can reload: %d", w.Code)
	}
	if w := ask(http.MethodPost, "http://exporter.example"); w.Code != http.StatusOK {
		t.Errorf("our own page cannot reload: %d", w.Code)
	}
	if reloads != 3 {
		t.Errorf("reloads: want 3, have %d", reloads)
	}
	failure = errors.New(`config.yml: line 3: unknown key "colour"`)
	if w := ask(http.MethodPost, ""); w.Code != http.StatusInternalServerError || !strings.Contains(w.Body.String(), `unknown key "colour"`) {
		t.Errorf("have %d %q", w.Code, w.Body)
	}
}

func TestReloadDisabled(t *testing.T) {
	for _, method := range []string{http.MethodPost, http.MethodPut, http.MethodGet} {
		w := httptest.NewRecorder()
		web.ReloadDisabled().ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), method, web.PathReload, nil))
		if w.Code != http.StatusForbidden || !strings.Contains(w.Body.String(), "--web.enable-lifecycle") {
			t.Errorf("%s: have %d %q", method, w.Code, w.Body)
		}
	}
}

func TestHealth(t *testing.T) {
	var reason error
	h := web.Health(func() error { return reason })
	for _, step := range []struct {
		reason error
		code   int
		body   string
	}{
		{errors.New("starting: 1 of 2 organizations refreshed"), 503, "starting: 1 of 2 organizations refreshed\n"},
		{nil, 200, "ready\n"},
		{errors.New("stopping"), 503, "stopping\n"},
	} {
		reason = step.reason
		if w := get(t, h, web.PathReady); w.Code != step.code || w.Body.String() != step.body {
			t.Errorf("want %d %q, have %d %q", step.code, step.body, w.Code, w.Body)
		}
		if w := get(t, h, web.PathHealthy); w.Code != 200 {
			t.Errorf("not healthy while %v: %d", step.reason, w.Code)
		}
	}
	if w := get(t, h, "/metrics"); w.Code != http.StatusNotFound {
		t.Errorf("it serves more than health: %d", w.Code)
	}
}
