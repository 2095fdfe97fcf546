package sim

import (
	"fmt"
	"net/http"
)

// NCPError returns the fault of answering with an error of the Organization
// service (doc organization-overview): COMMON_101 to COMMON_104, COMMON_201,
// ACCOUNT_101 to ACCOUNT_104. GROUP_404 is invented; any other code gets 403, as
// one from the part of the table that is not known.
func NCPError(code string) Fault {
	status, word, message := http.StatusForbidden, "FORBIDDEN", "something new"
	switch code {
	case "COMMON_101":
		message = "caller is not the master"
	case "COMMON_102":
		message = "mail could not be sent"
	case "COMMON_103":
		message = "internal fault"
	case "COMMON_104":
		message = "slow down"
	case "COMMON_201":
		status, word, message = http.StatusUnauthorized, "UNAUTHORIZED", "main account required"
	case "ACCOUNT_101":
		message = "charges are unpaid"
	case "ACCOUNT_102":
		message = "different country"
	case "ACCOUNT_103":
		message = "already invited"
	case "ACCOUNT_104":
		message = "already in an organization"
	case "GROUP_404":
		status, word, message = http.StatusNotFound, "NOT_FOUND", "no such group"
	}
	return Fault{
		Status: status,
		Body: fmt.Sprintf(`{"timestamp": "2026-11-15T00:00:00Z", "status": %d, "error": %q, "message": %q, "code": %q}`,
			status, word, message, code),
	}
}

// NCPNotFound returns the fault of answering as for a group that does not
// exist, which is not documented; only the status is to be relied on.
func NCPNotFound() Fault { return NCPError("GROUP_404") }

// NCPGateway returns the fault of answering with an error of the API gateway
// (page api-call-lgc-errorhandling). A code that it does not have gets 500.
func NCPGateway(code string) Fault {
	switch code {
	case "100":
		return gateway(http.StatusBadRequest, `"100"`, "Bad Request Exception", `, "details": null`)
	case "200":
		return gateway(http.StatusUnauthorized, `"200"`, "Authentication Failed", `, "details": "made-up detail: signature does not match"`)
	case "210":
		return gateway(http.StatusUnauthorized, `"210"`, "Permission Denied", `, "details": "made-up detail: not subscribed"`)
	case "300":
		return gateway(http.StatusNotFound, `"300"`, "Not Found Exception", `, "details": "made-up detail: no such url"`)
	case "400":
		return gateway(http.StatusTooManyRequests, `"400"`, "Quota Exceeded", `, "details": ""`)
	case "410":
		return gateway(http.StatusTooManyRequests, `"410"`, "Throttle Limited", `, "details": ""`)
	case "420": // the code has been seen as a number, too
		return gateway(http.StatusTooManyRequests, `420`, "Rate Limited", "")
	case "430":
		return gateway(http.StatusRequestEntityTooLarge, `"430"`, "Request Entity Too Large", "")
	case "500":
		return gateway(http.StatusServiceUnavailable, `"500"`, "Endpoint Error", `, "details": "made-up detail: connection refused"`)
	case "510":
		return gateway(http.StatusGatewayTimeout, `"510"`, "Endpoint Timeout", "")
	}
	return gateway(http.StatusInternalServerError, fmt.Sprintf("%q", code), "Unexpected Error", "")
}

// gateway returns an error of the gateway; details is what follows the message.
func gateway(status int, code, message, details string) Fault {
	return Fault{
		Status: status,
		Body:   fmt.Sprintf(`{"error": {"errorCode": %s, "message": %q%s}}`, code, message, details),
	}
}

// unauthorized returns the gateway's refusal with a hint for whoever debugs a
// client. The real gateway's words are not documented.
func unauthorized(hint string) Fault {
	return gateway(http.StatusUnauthorized, `"200"`, "Authentication Failed", fmt.Sprintf(`, "details": %q`, "made-up detail: "+hint))
}
