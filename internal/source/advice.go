package source

import "github.com/cloudorg-exporter/cloudorg_exporter/internal/httpx"

// advice says what an operator can do about e.
func advice(e *httpx.Error) string {
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
