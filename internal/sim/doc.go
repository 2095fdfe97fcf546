// Package sim simulates the clouds' organization APIs, for tests and for the
// demo.
//
// A Company is an invented organization at one moment. Sample returns the one
// of the documentation samples; Living returns one that changes over time. NCP
// serves a Company as the API of the NAVER Cloud Platform does, SCP as that of
// the Samsung Cloud Platform. Both check every request as the real gateway does,
// and both are a Cloud, whose operations can be made to fail: see Fault.
//
// The package is written from the clouds' documentation and imports none of our
// clients, so that a mistake in a client shows.
package sim
