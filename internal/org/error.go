package org

import "time"

// A Reason says in one word why a listing could not be read.
type Reason string

// The reasons. Each is a value of the label "reason" of
// cloudorg_collector_error.
const (
	Auth       Reason = "auth"        // the key or its signature was refused
	NotMaster  Reason = "not_master"  // the key does not belong to the organization's master account
	Forbidden  Reason = "forbidden"   // the key is valid and lacks a permission
	Throttled  Reason = "throttled"   // too many calls
	Server     Reason = "server"      // a fault of the cloud
	Timeout    Reason = "timeout"     // no answer in time
	Network    Reason = "network"     // no answer: name resolution, connection, TLS
	Decode     Reason = "decode"      // an answer that does not match the documentation
	APIVersion Reason = "api_version" // the cloud does not have the requested version
	ClockSkew  Reason = "clock_skew"  // refused, and our clock differs from the cloud's
	Other      Reason = "other"
)

// Permanent reports whether only another key or configuration can help.
func (r Reason) Permanent() bool {
	switch r {
	case Auth, NotMaster, Forbidden, APIVersion:
		return true
	}
	return false
}

// An Error is why a listing could not be read.
type Error struct {
	Reason     Reason
	RetryAfter time.Duration // how long the cloud asked not to be called; 0 if it did not
	Advice     string        // what an operator can do; empty if nothing but wait
	Err        error
}

// Error returns the text of the cause.
func (e *Error) Error() string { return e.Err.Error() }

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }
