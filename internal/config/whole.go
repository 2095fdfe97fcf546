package config

import "math"

// whole is a whole number. The YAML library would cut off a fraction.
type whole int

// UnmarshalYAML reads a number without a fraction.
func (w *whole) UnmarshalYAML(unmarshal func(any) error) error {
	var n int
	if err := unmarshal(&n); err != nil {
		return err
	}
	var f float64
	if unmarshal(&f) == nil && f != math.Trunc(f) {
		return unmarshal(new(wholeNumber)) // which nothing is; the error has the line
	}
	*w = whole(n)
	return nil
}

// wholeNumber is what an error says was wanted.
type wholeNumber struct{}
