package sim

import (
	"fmt"
	"net/http"
)

// SCPError returns the fault of answering with an error of the Organization
// service: Forbidden, ValidationError, NotFound, Conflict,
// ContactAdminForAssistance, NoSuchVersion, or "" for an error that says
// nothing. Any other code gets 400.
func SCPError(code string) Fault {
	switch code {
	case "Forbidden":
		return forbidden("ListOrganizationInvitations")
	case "ValidationError":
		return serviceError(http.StatusBadRequest, "400", code, "Bad Request", `["made-up: size is too large", "made-up: page is negative"]`, 3, "null")
	case "NotFound":
		return serviceError(http.StatusNotFound, "404", code, "Not Found", `"made-up: no such organization"`, 5, "null")
	case "Conflict":
		return serviceError(http.StatusConflict, `"409"`, code, "Conflict", `"made-up: busy"`, 7, "null")
	case "ContactAdminForAssistance":
		return serviceError(http.StatusInternalServerError, "500", code, "Internal Server Error", `"made-up: backend fault"`, 9, "null")
	case "NoSuchVersion":
		return noVersion("9.9")
	case "":
		return Fault{Status: http.StatusBadRequest, Body: `{"errors": []}`}
	}
	return serviceError(http.StatusBadRequest, "400", code, "Bad Request", `"made-up: something new"`, 13, "null")
}

// SCPGateway returns the fault of answering as the gateway does to a key or a
// signature that it refuses: "HmacValidFail" is the one word of it that has
// been seen.
func SCPGateway(message string) Fault {
	if message != badSignature {
		message = "made-up: " + message
	}
	return Fault{
		Status: http.StatusUnauthorized,
		Body:   fmt.Sprintf(`{"status": "UNAUTHORIZED", "name": "made-up: rejected by the gateway", "message": %q}`, message),
	}
}

// SCPNoCredentials returns the fault of answering as the gateway does to a
// request without credentials for a path.
func SCPNoCredentials(path string) Fault {
	return Fault{
		Status: http.StatusNotFound,
		Body: fmt.Sprintf(`{"timestamp": "2026-11-15T00:00:00.000+00:00", "path": %q, "status": 404, "error": "Not Found", "requestId": "0a1b2c3d-1"}`,
			path),
	}
}

func forbidden(operation string) Fault {
	response := fmt.Sprintf(`{"access_level": "List", "action_name": "organization:%s", "caused_auths": [], "message": "made-up: not allowed"}`, operation)
	return serviceError(http.StatusForbidden, "403", "Forbidden", "Forbidden", `"made-up: not allowed"`, 1, response)
}

func noVersion(version string) Fault {
	detail := fmt.Sprintf("%q", "made-up: organization "+version)
	return serviceError(http.StatusNotAcceptable, "406", "NoSuchVersion", "Not Acceptable", detail, 11, "null")
}

// serviceError returns an error in shape A; what is JSON already is so because
// its type is not certain.
func serviceError(status int, statusJSON, code, title, detailJSON string, request int, responseJSON string) Fault {
	return Fault{
		Status: status,
		Body: fmt.Sprintf(`{"errors": [{"code": %q, "title": %q, "status": %s, "detail": %s, "request_id": "req-%04d", "global_request_id": "req-%04d", `+
			`"links": [], "related_resources": [], "response": %s}]}`, code, title, statusJSON, detailJSON, request, request+1, responseJSON),
	}
}
