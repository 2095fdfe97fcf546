package awsapi

import (
	"bytes"
	"cmp"
	"errors"
	"net/http"
	"regexp"
	"strings"

	"github.com/cloudorg-exporter/cloudorg_exporter/internal/httpx"
)

// Error is why a call failed. It has the API's code, the request's ID and the
// name of a missing permission.
type Error = httpx.Error

// The errors in the chain of an Error.
var (
	// ErrNoOrganization says that the key's account is in no organization.
	ErrNoOrganization = errors.New("the account is in no organization")
	// ErrNotFound says that a unit or policy does not exist any more.
	ErrNotFound = errors.New("not found")
	// ErrMember says that the key belongs to a member account, which may read
	// almost nothing.
	ErrMember = errors.New("not a key of the management account or of a delegated administrator")
	// ErrCredentials says that there are no credentials to sign with. The Error is
	// that of their provider, such as STS.
	ErrCredentials = errors.New("no credentials")
	// ErrNoCredentials says that the last provider of the default chain, the
	// instance metadata, has no credentials either.
	ErrNoCredentials = errors.New("no credentials were found")

	errExpired = errors.New("the temporary credentials have expired")
	errToken   = errors.New("the token of a page was refused")
)

var (
	missing = regexp.MustCompile(`not authorized to perform: ([a-z-]+:[A-Za-z]+)`)
	xmlCode = regexp.MustCompile(`<Code>([A-Za-z0-9._]{1,100})</Code>`)
	// An ARN may have the name of a session, which may be a person's.
	arn = regexp.MustCompile(`arn:[^\s"']*`)
)

// explain returns the error of a response, by its code: the status of almost every
// error is 400.
// Source: https://docs.aws.amazon.com/organizations/latest/APIReference/CommonErrors.html.
func explain(status int, header http.Header, body []byte) httpx.Error {
	f := httpx.ParseFields(body)
	e := httpx.Error{
		Code:      code(f, header, body),
		Detail:    arn.ReplaceAllString(cmp.Or(f.Text("Message"), f.Text("message")), "<arn>"),
		RequestID: header.Get("X-Amzn-RequestId"),
	}
	reason := f.Text("Reason")
	if reason != "" {
		e.Detail = strings.TrimSpace(e.Detail + " (reason " + reason + ")")
	}
	e.Kind = kind(e.Code, status)
	switch e.Code {
	case "":
		e.Detail = strings.ToLower(http.StatusText(status))
		if bytes.HasPrefix(bytes.TrimSpace(body), []byte("<")) {
			e.Detail += ", not an answer of the API"
		}
	case "AWSOrganizationsNotInUseException":
		e.Err, e.Detail = ErrNoOrganization, ""
	case "ParentNotFoundException", "PolicyNotFoundException", "AccountNotFoundException", "OrganizationalUnitNotFoundException":
		e.Err, e.Detail = ErrNotFound, ""
	case "ExpiredTokenException", "ExpiredToken":
		e.Err, e.Detail = errExpired, ""
	case "InvalidInputException":
		if reason == "INVALID_PAGINATION_TOKEN" || reason == "INVALID_NEXT_TOKEN" {
			e.Err = errToken
		}
	case "AccessDeniedException", "NotAuthorized", "AccessDenied":
		if m := missing.FindSubmatch(body); m != nil {
			e.Permission = string(m[1])
		} else {
			e.Err = ErrMember
		}
		e.Detail = "" // it names the caller, perhaps by an address
	}
	return e
}

// code returns the code of an error: in the body, or else in a header.
func code(f httpx.Fields, header http.Header, body []byte) string {
	inHeader, _, _ := strings.Cut(header.Get("X-Amzn-Errortype"), ":")
	text := cmp.Or(f.Text("__type"), f.Text("code"), inHeader)
	if m := xmlCode.FindSubmatch(body); m != nil && text == "" {
		text = string(m[1])
	}
	return text[strings.LastIndexByte(text, '#')+1:]
}

// kind returns the kind of a code, or of a status if there is no code.
func kind(code string, status int) httpx.Kind {
	switch code {
	case "UnrecognizedClientException", "InvalidClientTokenId", "MissingAuthenticationToken", "MissingAuthenticationTokenException",
		"IncompleteSignature", "IncompleteSignatureException", "OptInRequired", "ExpiredTokenException", "ExpiredToken", "InvalidIdentityToken":
		return httpx.Auth
	case "InvalidSignatureException", "SignatureDoesNotMatch", "RequestExpired", "RequestTimeTooSkewed":
		return httpx.ClockSkew // or a wrong secret key, if the clock is right
	case "AccessDeniedException", "NotAuthorized", "AccessDenied":
		return httpx.Forbidden
	case "TooManyRequestsException", "ThrottlingException", "Throttling", "RequestLimitExceeded":
		return httpx.Throttled
	case "ServiceException", "InternalFailure", "ServiceUnavailable", "ConcurrentModificationException", "IDPCommunicationError":
		return httpx.Server
	case "AWSOrganizationsNotInUseException", "ParentNotFoundException", "PolicyNotFoundException", "AccountNotFoundException",
		"OrganizationalUnitNotFoundException", "UnsupportedAPIEndpointException", "InvalidInputException", "ConstraintViolationException":
		return httpx.Other
	case "":
		if status == http.StatusForbidden {
			return httpx.Auth
		}
		return httpx.ByStatus(status)
	}
	if status == http.StatusTooManyRequests {
		return httpx.Throttled
	}
	if status/100 == 2 {
		return httpx.Decode // an undocumented error in place of an answer
	}
	return httpx.Other
}
