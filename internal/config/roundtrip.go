package config

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/prometheus/common/config"
)

// RoundTripper returns the http.RoundTripper of a validated configuration.
// newTransport returns the http.Transport that it uses, without proxy and TLS.
// prometheus/common would make one that does not bound what it reads, and would
// wait for a file that is a pipe.
func (h *HTTPClient) RoundTripper(userAgent string, newTransport func() *http.Transport) (http.RoundTripper, error) {
	newRT := func(tlsConfig *tls.Config) (http.RoundTripper, error) {
		t := newTransport()
		t.Proxy, t.ProxyConnectHeader, t.TLSClientConfig = h.Proxy(), h.GetProxyConnectHeader(), tlsConfig
		t.Protocols = new(http.Protocols)
		t.Protocols.SetHTTP1(true)
		t.Protocols.SetHTTP2(h.EnableHTTP2)
		return h.authenticated(t, userAgent)
	}
	withFiles := h.TLSConfig
	withFiles.CARef, withFiles.CAFile = fileRef(h.TLSConfig.CAFile, h.TLSConfig.CARef), ""
	withFiles.CertRef, withFiles.CertFile = fileRef(h.TLSConfig.CertFile, h.TLSConfig.CertRef), ""
	withFiles.KeyRef, withFiles.KeyFile = fileRef(h.TLSConfig.KeyFile, h.TLSConfig.KeyRef), ""
	tlsConfig, err := config.NewTLSConfig(&withFiles, config.WithSecretManager(fileSecrets{}))
	if err != nil {
		return nil, err
	}
	var files config.TLSRoundTripperSettings
	if files.CA, err = secret(h.TLSConfig.CA, h.TLSConfig.CAFile, h.TLSConfig.CARef); err != nil {
		return nil, err
	}
	if files.Cert, err = secret(h.TLSConfig.Cert, h.TLSConfig.CertFile, h.TLSConfig.CertRef); err != nil {
		return nil, err
	}
	if files.Key, err = secret(string(h.TLSConfig.Key), h.TLSConfig.KeyFile, h.TLSConfig.KeyRef); err != nil {
		return nil, err
	}
	if h.TLSConfig.CAFile+h.TLSConfig.CertFile+h.TLSConfig.KeyFile == "" {
		return newRT(tlsConfig)
	}
	return config.NewTLSRoundTripper(tlsConfig, files, newRT) // reads the files again for each call
}

// authenticated adds what authenticates a call, besides the API's own keys.
func (h *HTTPClient) authenticated(next http.RoundTripper, userAgent string) (http.RoundTripper, error) {
	if a := h.Authorization; a != nil {
		credentials, err := secret(string(a.Credentials), a.CredentialsFile, a.CredentialsRef)
		if err != nil {
			return nil, err
		}
		next = config.NewAuthorizationCredentialsRoundTripper(a.Type, credentials, next)
	}
	if a := h.BasicAuth; a != nil {
		username, err1 := secret(a.Username, a.UsernameFile, a.UsernameRef)
		password, err2 := secret(string(a.Password), a.PasswordFile, a.PasswordRef)
		if err := errors.Join(err1, err2); err != nil {
			return nil, err
		}
		next = config.NewBasicAuthRoundTripper(username, password, next)
	}
	if a := h.OAuth2; a != nil {
		text, file, ref := string(a.ClientSecret), a.ClientSecretFile, a.ClientSecretRef
		if a.ClientCertificateKey != "" || a.ClientCertificateKeyFile != "" {
			text, file, ref = string(a.ClientCertificateKey), a.ClientCertificateKeyFile, a.ClientCertificateKeyRef
		}
		credential, err := secret(text, file, ref)
		if err != nil {
			return nil, err
		}
		next = config.NewOAuth2RoundTripper(credential, a, next)
	}
	if h.HTTPHeaders != nil {
		next = regularFiles{config.NewHeadersRoundTripper(h.HTTPHeaders, next), h}
	}
	return config.NewUserAgentRoundTripper(userAgent, next), nil
}

// regularFiles checks the files of http_headers before they are read without a
// limit.
type regularFiles struct {
	http.RoundTripper
	client *HTTPClient
}

// RoundTrip makes a call.
func (r regularFiles) RoundTrip(req *http.Request) (*http.Response, error) {
	for _, h := range r.client.HTTPHeaders.Headers {
		for _, name := range h.Files {
			if _, err := readSmallFile(name); err != nil {
				if req.Body != nil {
					_ = req.Body.Close()
				}
				return nil, err
			}
		}
	}
	return r.RoundTripper.RoundTrip(req)
}

// CloseIdleConnections closes the connections that are kept for later calls.
func (r regularFiles) CloseIdleConnections() {
	if next, ok := r.RoundTripper.(interface{ CloseIdleConnections() }); ok {
		next.CloseIdleConnections()
	}
}

// secret returns the reader of a text or a file, or nil if there is neither.
func secret(text, file, ref string) (config.SecretReader, error) {
	switch {
	case text != "":
		return config.NewInlineSecret(text), nil
	case file != "":
		return fileSecret(file), nil
	case ref != "":
		return nil, fmt.Errorf("cannot use %q: there is no secret manager", ref)
	}
	return nil, nil
}

// A fileSecret is the name of a file, which is read for each call.
type fileSecret string

// Fetch returns the text of the file, without white space around it.
func (f fileSecret) Fetch(context.Context) (string, error) {
	b, err := readSmallFile(string(f))
	if err != nil {
		return "", err
	}
	return strings.TrimSpace(withoutMark(b)), nil
}

// Description names the file.
func (f fileSecret) Description() string { return "file " + string(f) }

// Immutable is false: a file can change.
func (f fileSecret) Immutable() bool { return false }

// fileSecrets is a SecretManager in which the name of a secret is that of a
// file.
type fileSecrets struct{}

// Fetch returns the text of the file ref.
func (fileSecrets) Fetch(ctx context.Context, ref string) (string, error) {
	file, ok := strings.CutPrefix(ref, filePrefix)
	if !ok {
		return "", fmt.Errorf("cannot use %q: there is no secret manager", ref)
	}
	return fileSecret(file).Fetch(ctx)
}

const filePrefix = "file "

// fileRef returns the name under which fileSecrets has a file, or else ref.
func fileRef(file, ref string) string {
	if file == "" {
		return ref
	}
	return filePrefix + file
}
