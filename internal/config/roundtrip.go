package config

import (
	"context"
	"crypto/tls"
	"fmt"
	"net/http"
	"strings"

	"github.com/prometheus/common/config"
)

// RoundTripper returns the http.RoundTripper of a configuration, whose files can
// be read. newTransport returns the http.Transport that it uses, without proxy
// and TLS. prometheus/common would make one that does not bound what it reads,
// and would wait for a file that is a pipe.
func (h *HTTPClient) RoundTripper(userAgent string, newTransport func() *http.Transport) (http.RoundTripper, error) {
	manager := config.WithSecretManager(fileSecrets{})
	t := byReference(h.TLSConfig)
	tlsConfig, err := config.NewTLSConfig(&t, manager)
	if err != nil {
		return nil, err
	}
	var s secrets
	files := config.TLSRoundTripperSettings{
		CA:   s.reader(t.CA, "", t.CARef),
		Cert: s.reader(t.Cert, "", t.CertRef),
		Key:  s.reader(string(t.Key), "", t.KeyRef),
	}
	// Reads the files again for each call.
	rt, err := config.NewTLSRoundTripper(tlsConfig, files, func(tlsConfig *tls.Config) (http.RoundTripper, error) {
		t := newTransport()
		t.Proxy, t.ProxyConnectHeader, t.TLSClientConfig = h.Proxy(), h.GetProxyConnectHeader(), tlsConfig
		t.Protocols = new(http.Protocols)
		t.Protocols.SetHTTP1(true)
		t.Protocols.SetHTTP2(h.EnableHTTP2)
		return t, nil
	})
	if err != nil {
		return nil, err
	}
	if a := h.Authorization; a != nil {
		rt = config.NewAuthorizationCredentialsRoundTripper(a.Type, s.reader(string(a.Credentials), a.CredentialsFile, a.CredentialsRef), rt)
	}
	if a := h.BasicAuth; a != nil {
		username := s.reader(a.Username, a.UsernameFile, a.UsernameRef)
		rt = config.NewBasicAuthRoundTripper(username, s.reader(string(a.Password), a.PasswordFile, a.PasswordRef), rt)
	}
	if h.OAuth2 != nil {
		a := *h.OAuth2
		a.TLSConfig = byReference(a.TLSConfig)
		if _, err := config.NewTLSConfig(&a.TLSConfig, manager); err != nil {
			return nil, err
		}
		credential := s.reader(string(a.ClientSecret), a.ClientSecretFile, a.ClientSecretRef)
		if a.ClientCertificateKey != "" || a.ClientCertificateKeyFile != "" {
			credential = s.reader(string(a.ClientCertificateKey), a.ClientCertificateKeyFile, a.ClientCertificateKeyRef)
		}
		rt = config.NewOAuth2RoundTripper(credential, &a, rt, manager)
	}
	if h.HTTPHeaders != nil {
		if err := checkFiles(h.HTTPHeaders); err != nil {
			return nil, err
		}
		rt = regularFiles{config.NewHeadersRoundTripper(h.HTTPHeaders, rt), h.HTTPHeaders}
	}
	return config.NewUserAgentRoundTripper(userAgent, rt), s.err
}

// regularFiles checks the files of http_headers before they are read without a
// limit.
type regularFiles struct {
	http.RoundTripper
	headers *config.Headers
}

// RoundTrip makes a call.
func (r regularFiles) RoundTrip(req *http.Request) (*http.Response, error) {
	if err := checkFiles(r.headers); err != nil {
		if req.Body != nil {
			_ = req.Body.Close()
		}
		return nil, err
	}
	return r.RoundTripper.RoundTrip(req)
}

// CloseIdleConnections closes the connections that are kept for later calls.
func (r regularFiles) CloseIdleConnections() {
	if next, ok := r.RoundTripper.(interface{ CloseIdleConnections() }); ok {
		next.CloseIdleConnections()
	}
}

// checkFiles returns the error of a file that cannot be read.
func checkFiles(headers *config.Headers) error {
	for _, h := range headers.Headers {
		for _, name := range h.Files {
			if _, err := readSmallFile(name); err != nil {
				return err
			}
		}
	}
	return nil
}

// secrets makes the readers of secrets. It keeps the first error.
type secrets struct{ err error }

// reader returns the reader of a text, a file or a reference, or nil if there is
// none.
func (s *secrets) reader(text, file, ref string) config.SecretReader {
	if text != "" {
		return config.NewInlineSecret(text)
	}
	r := reference(fileReference(file, ref))
	if r == "" {
		return nil
	}
	if _, err := r.read(); err != nil && s.err == nil {
		s.err = err
	}
	return r
}

// A reference is a secret in a regular file of at most 1 MiB. It is the name of
// the file after filePrefix.
type reference string

const filePrefix = "file "

// read returns the text of the file, without white space around it.
func (r reference) read() (string, error) {
	file, ok := strings.CutPrefix(string(r), filePrefix)
	if !ok {
		return "", fmt.Errorf("cannot use %q: there is no secret manager", string(r))
	}
	b, err := readSmallFile(file)
	if err != nil {
		return "", err
	}
	return strings.TrimSpace(withoutMark(b)), nil
}

// Fetch reads the file.
func (r reference) Fetch(context.Context) (string, error) { return r.read() }

// Description names the file.
func (r reference) Description() string { return string(r) }

// Immutable is false: a file can change.
func (r reference) Immutable() bool { return false }

// fileSecrets is the SecretManager of references.
type fileSecrets struct{}

// Fetch reads the file that ref names.
func (fileSecrets) Fetch(_ context.Context, ref string) (string, error) { return reference(ref).read() }

// fileReference returns the reference to file, or else ref.
func fileReference(file, ref string) string {
	if file == "" {
		return ref
	}
	return filePrefix + file
}

// byReference returns t with references to its files.
func byReference(t config.TLSConfig) config.TLSConfig {
	t.CARef, t.CAFile = fileReference(t.CAFile, t.CARef), ""
	t.CertRef, t.CertFile = fileReference(t.CertFile, t.CertRef), ""
	t.KeyRef, t.KeyFile = fileReference(t.KeyFile, t.KeyRef), ""
	return t
}
