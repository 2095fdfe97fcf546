package config

import (
	"fmt"
	"regexp"
	"time"

	"github.com/prometheus/common/model"
)

// A Duration is a duration in Prometheus' notation. An invalid value keeps its
// error until validation, where the organization is known.
type Duration struct {
	time.Duration
	err error
}

// UnmarshalYAML reads a text such as 5m or 30d.
func (d *Duration) UnmarshalYAML(unmarshal func(any) error) error {
	var text string
	if err := unmarshal(&text); err != nil {
		return err
	}
	parsed, err := model.ParseDuration(text)
	if err != nil && bareNumber.MatchString(text) {
		err = fmt.Errorf("%q has no unit: write %ss, %sm or %sh", text, text, text, text)
	}
	*d = Duration{time.Duration(parsed), err}
	return nil
}

var bareNumber = regexp.MustCompile(`^[0-9]+$`)

// MarshalYAML writes a text such as 5m or 30d.
func (d Duration) MarshalYAML() (any, error) { return model.Duration(d.Duration).String(), nil }

// IsZero makes omitempty leave out a duration of 0.
func (d Duration) IsZero() bool { return d.Duration == 0 }

// Check returns the error of an invalid value with its key.
func (d Duration) Check(key string) error {
	if d.err == nil {
		return nil
	}
	return fmt.Errorf("%s: %w", key, d.err)
}

// An Integer is an integer. The YAML library would drop a fraction.
type Integer int

// UnmarshalYAML reads a number without a fraction.
func (i *Integer) UnmarshalYAML(unmarshal func(any) error) error {
	var n float64
	if err := unmarshal(&n); err != nil {
		return err
	}
	*i = Integer(n)
	if float64(*i) != n {
		return unmarshal(new(integer)) // fails, with an error that has the line
	}
	return nil
}

// integer is a type that no number can be decoded into. The error has its name.
type integer struct{}
