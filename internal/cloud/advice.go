package cloud

import (
	"cmp"
	"crypto/tls"
	"errors"
	"os"

	"github.com/cloudorg-exporter/cloudorg_exporter/internal/httpx"
	"github.com/cloudorg-exporter/cloudorg_exporter/internal/org"
)

// Advice that several errors have.
const (
	reportAdvice = "if base_url is right, the API has changed: please report this message"
	ownerAdvice  = "use a key of the account that owns the organization"
)

// explain turns a client's error into the domain's, with the advice that fits
// all clouds. It also returns the client's error itself, or an empty one if err
// is none.
func explain(err error) (*org.Error, *httpx.Error) {
	call, ok := errors.AsType[*httpx.Error](err)
	if !ok {
		return &org.Error{Reason: org.Other, Err: err}, new(httpx.Error)
	}
	advice := map[httpx.Kind]string{
		httpx.Auth:      "check access_key and secret_key: the key may be mistyped, disabled or of another environment",
		httpx.Forbidden: "give the key's account the missing permission, or remove the collector from the configuration",
		httpx.ClockSkew: "set this machine's clock: a signature is valid for five minutes",
		httpx.Throttled: "raise cache_ttl or lower rate_limit; check whether other programs use the same key",
		httpx.Timeout:   "raise refresh_timeout; check the network, and rate_limit if the organization has many groups",
		httpx.Network:   networkAdvice(call),
		httpx.Decode:    reportAdvice,
		httpx.Server:    "server error in the cloud: retry later, or give its support the request ID",
	}
	return &org.Error{
		Reason: org.Reason(call.Kind), RetryAfter: call.RetryAfter, Err: err, Advice: cmp.Or(advice[call.Kind], "check base_url"),
	}, call
}

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
