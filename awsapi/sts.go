package awsapi

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"time"

	awsmiddleware "github.com/aws/aws-sdk-go-v2/aws/middleware"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/feature/ec2/imds"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/aws/smithy-go"
	"github.com/aws/smithy-go/middleware"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"github.com/cloudorg-exporter/cloudorg_exporter/internal/httpx"
)

const (
	// stsTimeout limits a call of STS. Without it, one call that hangs would hold up
	// all later ones: the library's cache waits for it whatever the context of a
	// caller says.
	stsTimeout = 30 * time.Second
	maxSTSBody = 1 << 20
)

// carry makes the calls of a client of AWS's library go through our transport,
// with its limits, proxy and observation. The endpoint of the instance's
// metadata is not behind a proxy, and is left to the library.
func (c *Credentials) carry(stack *middleware.Stack) error {
	return stack.Deserialize.Add(middleware.DeserializeMiddlewareFunc("cloudorg", func(
		ctx context.Context, in middleware.DeserializeInput, next middleware.DeserializeHandler,
	) (out middleware.DeserializeOutput, metadata middleware.Metadata, err error) {
		request, ok := in.Request.(*smithyhttp.Request)
		service, operation := awsmiddleware.GetServiceID(ctx), awsmiddleware.GetOperationName(ctx)
		if !ok || service == imds.ServiceID {
			return next.HandleDeserialize(ctx, in)
		}
		prefix := "sso:"
		if service == sts.ServiceID {
			prefix = "sts:"
		}
		response, err := c.roundTrip(httpx.WithOperation(ctx, prefix+operation), request) //nolint:bodyclose // it is in memory
		if err != nil {
			return out, metadata, &smithyhttp.RequestSendError{Err: err}
		}
		out.RawResponse = &smithyhttp.Response{Response: response}
		return out, metadata, nil
	}), middleware.After)
}

// roundTrip makes one call and reads its answer.
func (c *Credentials) roundTrip(ctx context.Context, request *smithyhttp.Request) (*http.Response, error) {
	ctx, cancel := context.WithTimeout(ctx, stsTimeout)
	defer cancel()
	response, err := c.cfg.Transport.RoundTrip(request.Build(ctx))
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(io.LimitReader(response.Body, maxSTSBody))
	if err != nil {
		return nil, err
	}
	response.Body = io.NopCloser(bytes.NewReader(body))
	return response, nil
}

// A cause is why there are no credentials, in words that can be shown.
type cause struct {
	text     string
	metadata bool // the provider is the instance metadata, the last of the chain
}

func (c cause) Error() string { return c.text }

// Is makes a cause ErrCredentials, and perhaps ErrNoCredentials.
func (c cause) Is(target error) bool {
	return target == ErrCredentials || target == ErrNoCredentials && c.metadata
}

// explainCredentials returns the Error of a failure to get keys. Only a refusal is
// Auth or Forbidden: a transient fault keeps its own kind.
func explainCredentials(err error) error {
	e := &Error{API: "aws", Kind: httpx.Other}
	var operation *smithy.OperationError
	if errors.As(err, &operation) {
		e.Message = operation.ServiceID + " " + operation.OperationName + " failed"
	}
	if response, ok := errors.AsType[*smithyhttp.ResponseError](err); ok {
		e.Status = response.HTTPStatusCode()
		if r := response.HTTPResponse(); r != nil {
			e.RequestID = httpx.Clean(r.Header.Get("X-Amzn-RequestId"))
			if date, err := http.ParseTime(r.Header.Get("Date")); err == nil {
				e.Offset = time.Until(date)
			}
		}
	}
	var refusal smithy.APIError
	var timeout net.Error
	var noProfile config.SharedConfigProfileNotExistError
	var undecodable *smithy.DeserializationError
	var unsent *smithyhttp.RequestSendError
	text := innermost(err).Error()
	switch {
	case errors.As(err, &refusal):
		e.Code, text = httpx.Clean(refusal.ErrorCode()), refusal.ErrorMessage()
		e.Kind = refusalKind(e)
	case errors.As(err, &noProfile):
		text = fmt.Sprintf("no profile %q in the shared configuration", noProfile.Profile)
	case errors.Is(err, context.DeadlineExceeded), errors.As(err, &timeout) && timeout.Timeout():
		e.Kind = httpx.Timeout
	case errors.As(err, &undecodable):
		e.Kind = httpx.Decode
	case e.Status >= http.StatusInternalServerError:
		e.Kind = httpx.Server
	case errors.As(err, &unsent):
		e.Kind = httpx.Network
	}
	e.Err = cause{
		text:     httpx.Clean(arn.ReplaceAllString(text, "<arn>")),
		metadata: operation != nil && operation.ServiceID == imds.ServiceID,
	}
	e.Message = cmp.Or(e.Message, "no credentials")
	return e
}

// refusalKind returns the kind of a refusal by a code, or else by its status.
func refusalKind(e *Error) httpx.Kind {
	k := kind(e.Code, e.Status)
	switch {
	case e.Status >= http.StatusInternalServerError:
		return httpx.Server
	case k == httpx.ClockSkew && e.Offset.Abs() <= httpx.MaxSkew:
		return httpx.Auth
	case k == httpx.Other && (e.Status == http.StatusUnauthorized || e.Status == http.StatusForbidden):
		return httpx.Auth
	}
	return k
}

// innermost returns the last error of a chain: the others of AWS's library name its
// layers.
func innermost(err error) error {
	for next := err; next != nil; next = errors.Unwrap(next) {
		err = next
	}
	return err
}
