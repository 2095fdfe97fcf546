package cloud

import (
	"crypto/tls"
	"errors"
	"os"

	"github.com/cloudorg-exporter/cloudorg_exporter/internal/httpx"
)

// networkAdvice says what to do about a call without an answer.
func networkAdvice(e *httpx.Error) string {
	if _, untrusted := errors.AsType[*tls.CertificateVerificationError](e); untrusted {
		return "if a proxy inspects TLS, put its CA certificate into http_client_config.tls_config.ca_file; else check base_url"
	}
	if _, refused := errors.AsType[*httpx.ProxyError](e); refused {
		return "check the user and the password of proxy_url, and whether the proxy lets this host through"
	}
	advice := "check base_url, DNS, firewall and proxy_url"
	if os.Getenv("HTTPS_PROXY")+os.Getenv("https_proxy") != "" {
		advice += "; HTTPS_PROXY is set and used only with http_client_config.proxy_from_environment: true"
	}
	return advice
}
