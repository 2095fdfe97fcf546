package awsapi

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"time"

	awsmiddleware "github.com/aws/aws-sdk-go-v2/aws/middleware"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/feature/ec2/imds"
	"github.com/aws/smithy-go"
	"github.com/aws/smithy-go/middleware"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"github.com/cloudorg-exporter/cloudorg_exporter/internal/httpx"
)

const (
	// stsTimeout limits a call of STS. Without a limit of its own, one call that
	// hangs would make all later ones hang: the library's cache waits for it
	// whatever the caller's context says.
	stsTimeout = 30 * time.Second
	maxSTSBody = 1 << 20
)

type stackOption = func(*middleware.Stack) error

func apiOptions(all ...stackOption) []stackOption { return all }

// carry makes the calls of a client of AWS's library go through our transport,
// with its limits, proxy and observation. The endpoint of the instance's
// metadata is not behind a proxy, and is left to the library.
func (c *Credentials) carry(stack *middleware.Stack) error {
	return stack.Deserialize.Add(middleware.DeserializeMiddlewareFunc("cloudorg", func(
		ctx context.Context, in middleware.DeserializeInput, next middleware.DeserializeHandler,
	) (out middleware.DeserializeOutput, metadata middleware.Metadata, err error) {
		request, ok := in.Request.(*smithyhttp.Request)
		if service := awsmiddleware.GetServiceID(ctx); !ok || service == imds.ServiceID {
			return next.HandleDeserialize(ctx, in)
		}
		operation := "sts:" + awsmiddleware.GetOperationName(ctx)
		if service := awsmiddleware.GetServiceID(ctx); service != "STS" {
			operation = "sso:" + awsmiddleware.GetOperationName(ctx)
		}
		response, err := c.roundTrip(httpx.WithOperation(ctx, operation), request)
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

// explainCredentials makes an Error of a failure to get keys. Only a refusal is
// Auth or Forbidden: a passing fault keeps its own kind.
func explainCredentials(err error) error {
	e := &Error{API: "aws", Kind: httpx.Other, Err: ErrCredentials}
	var refusal smithy.APIError
	var response *smithyhttp.ResponseError
	var timeout net.Error
	var noProfile config.SharedConfigProfileNotExistError
	var operation *smithy.OperationError
	var undecodable *smithy.DeserializationError
	if errors.As(err, &response) {
		e.Status = response.HTTPStatusCode()
		if r := response.HTTPResponse(); r != nil {
			e.RequestID = httpx.Clean(r.Header.Get("X-Amzn-RequestId"))
			if date, err := http.ParseTime(r.Header.Get("Date")); err == nil {
				e.Offset = time.Until(date)
			}
		}
	}
	named := errors.As(err, &operation)
	switch {
	case errors.As(err, &refusal):
		e.Code = httpx.Clean(refusal.ErrorCode())
		e.Kind = kind(e.Code, e.Status)
		skewed := e.Offset.Abs() > httpx.MaxSkew
		switch {
		case e.Kind == httpx.ClockSkew && !skewed:
			e.Kind = httpx.Auth
		case e.Status >= http.StatusInternalServerError:
			e.Kind = httpx.Server
		case e.Kind == httpx.Other && (e.Status == http.StatusUnauthorized || e.Status == http.StatusForbidden):
			e.Kind = httpx.Auth
		}
		e.Message = fmt.Sprintf("%s %s was refused", operationService(operation), operationName(operation))
		e.Err = fmt.Errorf("%w: %s", ErrCredentials, httpx.Clean(arn.ReplaceAllString(refusal.ErrorMessage(), "<arn>")))
	case errors.As(err, &noProfile):
		e.Message = fmt.Sprintf("no profile %q in the shared configuration", noProfile.Profile)
	case errors.Is(err, context.DeadlineExceeded), errors.As(err, &timeout) && timeout.Timeout():
		e.Kind, e.Message = httpx.Timeout, "no answer in time"
	case errors.As(err, &undecodable):
		e.Kind = httpx.Decode
	case errors.Is(err, context.Canceled):
	case errors.Is(err, os.ErrNotExist):
	case e.Status >= http.StatusInternalServerError:
		e.Kind = httpx.Server
	case named && e.Status == 0:
		e.Kind = httpx.Network
	}
	if e.Message == "" && named {
		e.Message = fmt.Sprintf("%s %s failed", operationService(operation), operationName(operation))
	}
	if refusal == nil {
		e.Err = fmt.Errorf("%w: %s", ErrCredentials, httpx.Clean(arn.ReplaceAllString(innermost(err).Error(), "<arn>")))
	}
	return e
}

func operationService(o *smithy.OperationError) string {
	if o == nil {
		return "credential endpoint"
	}
	return o.ServiceID
}

func operationName(o *smithy.OperationError) string {
	if o == nil {
		return ""
	}
	return o.OperationName
}

// innermost returns the cause at the end of the chain: those of the library
// name every layer of it.
func innermost(err error) error {
	for {
		next := errors.Unwrap(err)
		if next == nil {
			return err
		}
		err = next
	}
}
