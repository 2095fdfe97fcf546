// Command cloudorg_exporter exports the state of cloud organizations to
// Prometheus: members, invitations, withdrawals, groups and policies.
package main

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/prometheus/common/version"
)

// released is the version of the source, for programs that make has not built.
//
//go:embed VERSION
var released string

func main() {
	signal.Ignore(syscall.SIGHUP) // until serve reloads on it
	if version.Version == "" {
		version.Version = strings.TrimSpace(released)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	err := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	if err == nil {
		return
	}
	if !errors.As(err, new(loggedError)) {
		fmt.Fprintln(os.Stderr, "cloudorg_exporter:", err)
	}
	os.Exit(1)
}

// A loggedError has been logged.
type loggedError struct{ error }

// run is the whole program except signals and the exit code.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	flags, err := parseFlags(args, stdout)
	if err != nil || flags == nil {
		return err
	}
	if flags.healthCheck {
		return healthCheck(ctx, flags)
	}
	load := flags.load
	if flags.demo {
		demo, err := startDemo(ctx)
		if err != nil {
			return fmt.Errorf("demo: %w", err)
		}
		defer demo.Close()
		load = demo.load
	}
	switch {
	case flags.configCheck:
		return check(ctx, flags, load, stdout, stderr)
	case flags.once:
		return once(ctx, flags, load, stdout, stderr)
	}
	return serve(ctx, flags, load, stderr)
}
