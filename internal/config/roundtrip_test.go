//go:build unix

package config

import (
	"encoding/pem"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"go.yaml.in/yaml/v2"
)

// A file that was valid at the start and is a pipe now fails a call at once,
// whichever part of http_client_config names it.
func TestFilesThatBecomePipes(t *testing.T) {
	server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		fmt.Fprint(w, `{"access_token": "token"}`)
	}))
	defer server.Close()
	ca := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})
	for _, text := range []string{
		"tls_config: {ca_file: FILE}",
		"authorization: {credentials_file: FILE}",
		"basic_auth: {username: x, password_file: FILE}",
		"http_headers: {X-A: {files: [FILE]}}",
		"oauth2: {client_id: x, client_secret_file: FILE, token_url: URL}",
		"oauth2: {client_id: x, client_secret: y, token_url: URL, tls_config: {ca_file: FILE}}",
	} {
		file := filepath.Join(t.TempDir(), "file")
		if err := os.WriteFile(file, ca, 0o600); err != nil {
			t.Fatal(err)
		}
		var h HTTPClient
		if err := yaml.UnmarshalStrict([]byte(strings.NewReplacer("FILE", file, "URL", server.URL).Replace(text)), &h); err != nil {
			t.Fatal(err)
		}
		rt, err := h.RoundTripper("", func() *http.Transport { return new(http.Transport) })
		if err != nil {
			t.Fatalf("%s: %v", text, err)
		}
		if err := os.Remove(file); err != nil {
			t.Fatal(err)
		}
		if err := syscall.Mkfifo(file, 0o600); err != nil {
			t.Fatal(err)
		}
		failed := make(chan error, 1)
		go func() {
			resp, err := (&http.Client{Transport: rt}).Get(server.URL)
			if err == nil {
				resp.Body.Close()
			}
			failed <- err
		}()
		select {
		case err := <-failed:
			if err == nil || !strings.Contains(err.Error(), "is not a regular file") {
				t.Errorf("%s: want the file named as no regular one, have %v", text, err)
			}
		case <-time.After(5 * time.Second):
			t.Errorf("%s: the call hangs", text)
		}
	}
}
