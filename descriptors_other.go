//go:build !unix

package main

// descriptorLimit returns how many files the process may open, if there is a
// limit.
func descriptorLimit() (uint64, bool) { return 0, false }
