//go:build unix

package main

import "syscall"

// descriptorLimit returns how many files the process may open.
func descriptorLimit() (uint64, bool) {
	var limit syscall.Rlimit
	err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit)
	return uint64(limit.Cur), err == nil //nolint:unconvert // signed on FreeBSD
}
