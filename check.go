package main

import (
	"context"
	"fmt"
	"io"

	"github.com/go-kit/log"
	"github.com/prometheus/exporter-toolkit/web"

	"github.com/cloudorg-exporter/cloudorg_exporter/collector"
	"github.com/cloudorg-exporter/cloudorg_exporter/internal/cloud"
)

// check says whether the configuration is valid, down to the files that it
// names. It calls no API.
func check(ctx context.Context, flags *flags, load loader, stdout, stderr io.Writer) error {
	if err := web.Validate(*flags.web.WebConfigFile); err != nil {
		return fmt.Errorf("--web.config.file: %w", err)
	}
	fleet := cloud.NewFleet(load, cloud.Deps{Logger: log.NewNopLogger(), UserAgent: userAgent(), Observer: collector.NewSelf(false)})
	defer fleet.Close()
	if err := fleet.Reload(ctx); err != nil {
		return err
	}
	for _, w := range fleet.Config().Warnings() {
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
