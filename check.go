package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"time"

	"github.com/go-kit/log"
	"github.com/prometheus/exporter-toolkit/web"

	"github.com/cloudorg-exporter/cloudorg_exporter/collector"
	"github.com/cloudorg-exporter/cloudorg_exporter/internal/cloud"
)

// check says whether the configuration is valid, down to the files that it
// names. It calls no API.
func check(ctx context.Context, flags *flags, load loader, stdout, stderr io.Writer) error {
	if err := checkWebConfig(flags.web); err != nil {
		return err
	}
	fleet := cloud.NewFleet(load, cloud.Deps{Logger: log.NewNopLogger(), UserAgent: userAgent(), Observer: collector.NewSelf(false)})
	defer fleet.Close()
	if err := fleet.Reload(ctx); err != nil {
		return err
	}
	for _, w := range fleet.Config().Warnings {
		fmt.Fprintln(stderr, "warning:", w)
	}
	fmt.Fprintf(stdout, "the configuration is valid: %s\n", counted(len(fleet.Caches()), "organization"))
	return nil
}

// counted returns a number and what it counts.
func counted(n int, what string) string {
	if n != 1 {
		what += "s"
	}
	return fmt.Sprintf("%d %s", n, what)
}

// checkWebConfig returns what keeps a server from starting with the file of
// --web.config.file.
func checkWebConfig(flags *web.FlagConfig) error {
	name := *flags.WebConfigFile
	if name == "" {
		return nil
	}
	if info, err := os.Stat(name); err == nil && !info.Mode().IsRegular() {
		return fmt.Errorf("--web.config.file: %s is not a regular file", name) // a pipe would be waited for
	}
	// web.Validate does not find what net/http rejects when a server starts.
	err := web.Serve(noListener{}, &http.Server{ReadHeaderTimeout: time.Second}, flags, slog.New(slog.DiscardHandler))
	if !errors.Is(err, errNoListener) {
		return fmt.Errorf("--web.config.file: %w", err)
	}
	return nil
}

var errNoListener = errors.New("no listener")

// A noListener ends a server when it begins to accept connections.
type noListener struct{}

// Accept fails.
func (noListener) Accept() (net.Conn, error) { return nil, errNoListener }

// Close does nothing.
func (noListener) Close() error { return nil }

// Addr returns no address.
func (noListener) Addr() net.Addr { return &net.TCPAddr{} }
