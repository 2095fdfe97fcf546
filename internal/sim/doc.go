// Package sim plays the clouds' organization APIs, for tests and for the demo.
//
// A Company is a made-up organization at one moment. Sample is the one of the
// documentation samples; Living returns one in which people are invited, join
// and leave. NCP serves a Company in the shapes of the NAVER Cloud Platform,
// checks every request as its gateway does, and misbehaves on demand: see
// Fault. SCP does the same in the shapes of the Samsung Cloud Platform, whose
// pages can misbehave as well: see Paging.
//
// The package is written from what the clouds document and imports none of our
// clients, so that it disagrees when they are wrong.
package sim
