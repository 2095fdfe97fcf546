package org

import "time"

// An Error is why a listing could not be read, in terms that a metric and an
// operator can use.
type Error struct {
	Reason     string        // one word, the value of the label "reason"
	Lasting    bool          // it will not pass by itself: a key or the configuration has to change
	RetryAfter time.Duration // how long the cloud asked to be left alone; 0 if it did not
	Advice     string        // what an operator can do; empty if nothing but wait
	Err        error
}

// Error says what went wrong.
func (e *Error) Error() string { return e.Err.Error() }

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }
