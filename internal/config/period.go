package config

import (
	"fmt"
	"time"

	"github.com/prometheus/common/model"
)

// A period is a duration in Prometheus' notation. One that makes no sense keeps
// its error until somebody can say whose it is.
type period struct {
	length model.Duration
	err    error
}

// UnmarshalYAML reads a text like 5m or 30d.
func (p *period) UnmarshalYAML(unmarshal func(any) error) error {
	var text string
	if err := unmarshal(&text); err != nil {
		return err
	}
	p.length, p.err = model.ParseDuration(text)
	return nil
}

// MarshalYAML writes such a text.
func (p period) MarshalYAML() (any, error) { return p.length.String(), nil }

// ofLength returns the period d.
func ofLength(d time.Duration) *period { return &period{length: model.Duration(d)} }

// problem returns p's error with its key.
func (p *period) problem(key string) error {
	if p == nil || p.err == nil {
		return nil
	}
	return fmt.Errorf("%s: %w", key, p.err)
}

// problems returns the errors of the durations in s, and of its
// http_client_config.
func (s *settings) problems() (errs []error) {
	for _, err := range []error{
		s.HTTP.problem("http_client_config"),
		s.CacheTTL.problem("cache_ttl"),
		s.ErrorTTL.problem("error_ttl"),
		s.MaxStale.problem("max_stale"),
		s.RefreshTimeout.problem("refresh_timeout"),
	} {
		if err != nil {
			errs = append(errs, err)
		}
	}
	return errs
}

// length returns the last of the periods that is given.
func length(fallback time.Duration, given ...*period) time.Duration {
	return time.Duration(pick(period{length: model.Duration(fallback)}, given...).length)
}
