package source

import (
	"net/http"

	"github.com/cloudorg-exporter/cloudorg_exporter/internal/httpx"
)

// advice says what an operator can do about e.
func advice(e *httpx.Error) string {
	if e.API == "scp" {
		if text := adviceSCP(e); text != "" {
			return text
		}
	}
	switch e.Reason {
	case httpx.Auth:
		return "check access_key and secret_key: the key may be mistyped, disabled or of another environment"
	case httpx.NotMaster:
		if e.Code == "COMMON_201" {
			return "use a key of the organization's master account itself instead of a Sub Account's"
		}
		return "use a key of the account that owns the organization"
	case httpx.Forbidden:
		return "the key is right and may not read this: give its account the permission, or take the collector out of the configuration"
	case httpx.ClockSkew:
		return "set this machine's clock: a signature is valid for five minutes only"
	case httpx.Throttled:
		return "raise cache_ttl or lower rate_limit; look for others who use the same key"
	case httpx.Timeout:
		return "raise refresh_timeout, or look at the network and at rate_limit if the organization has many groups"
	case httpx.Network:
		return "check base_url, name service, firewall and proxy_url"
	case httpx.Decode:
		return "if base_url is right, the API has changed: please report this line"
	case httpx.Server:
		return "the cloud is at fault: wait, or tell its support the request's id"
	}
	return "check base_url"
}

// adviceSCP is the advice that only this cloud needs; empty if the common one
// will do.
func adviceSCP(e *httpx.Error) string {
	switch {
	case e.Reason == httpx.Auth && e.Status == http.StatusNotFound:
		return "check base_url and environment, and whether a proxy takes away the headers that begin with Scp-"
	case e.Reason == httpx.Auth:
		return "check access_key and secret_key, environment, and whether a proxy changes the host: the whole URL is signed"
	case e.Reason == httpx.Forbidden && e.Permission != "":
		return "give the key's account the permission " + e.Permission + "; a member account's key can read no more than collectors: [received_invitations, api_version]"
	case e.Reason == httpx.Forbidden:
		return "give the key's account the permission; a member account's key can read no more than collectors: [received_invitations, api_version]"
	case e.Reason == httpx.APIVersion:
		return `change api_version: the collector api_version shows what there is, and "" takes the newest`
	}
	return ""
}
