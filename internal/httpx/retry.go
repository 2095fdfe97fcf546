package httpx

import (
	"context"
	"errors"
	"net/http"
	"strconv"
	"time"

	"github.com/cenkalti/backoff/v5"
)

// retry puts err into backoff's words.
func retry(err error) error {
	var e *Error
	switch {
	case !errors.As(err, &e):
		return err
	case !e.Reason.Temporary():
		return backoff.Permanent(err)
	case e.RetryAfter > 0:
		return &backoff.RetryAfterError{Duration: e.RetryAfter}
	}
	return err
}

// retryAfter reads a Retry-After header: seconds, or a date.
func retryAfter(s string) time.Duration {
	const longest = 1<<31 - 1 // seconds; nobody waits as long, and no duration overflows
	if n, err := strconv.ParseUint(s, 10, 64); err == nil || errors.Is(err, strconv.ErrRange) {
		return time.Duration(min(n, longest)) * time.Second
	}
	if t, err := http.ParseTime(s); err == nil {
		return max(0, time.Until(t))
	}
	return 0
}

// left returns the time until ctx ends, for backoff: it must not wait for an
// attempt that cannot be made.
func left(ctx context.Context) time.Duration {
	if deadline, ok := ctx.Deadline(); ok {
		return max(time.Until(deadline), time.Nanosecond) // 0 would be no limit
	}
	return 0
}
