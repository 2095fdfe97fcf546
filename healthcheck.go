package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"time"

	webui "github.com/cloudorg-exporter/cloudorg_exporter/internal/web"
)

// healthTimeout is how long a running exporter may take to answer.
const healthTimeout = 5 * time.Second

// healthCheck checks the health of an exporter that runs with the same flags. It
// is the health check of a container without a shell.
func healthCheck(ctx context.Context, f *flags) error {
	ctx, cancel := context.WithTimeout(ctx, healthTimeout)
	defer cancel()
	url := f.address()
	if f.healthAddress != "" {
		url = browsable(f.healthAddress)
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url+webui.PathHealthy, nil)
	if err != nil {
		return fmt.Errorf("health check: %w", err)
	}
	client := http.Client{Transport: &http.Transport{DisableKeepAlives: true}} // no proxy
	resp, err := client.Do(req)
	if err != nil {
		return fmt.Errorf("health check: %w", err)
	}
	defer resp.Body.Close()
	if resp.StatusCode == http.StatusOK {
		return nil
	}
	body, _ := io.ReadAll(io.LimitReader(resp.Body, 200))
	return fmt.Errorf("health check: %s: %s: %.200q; if the main address needs TLS or a password, give --web.health-address to both", req.URL, resp.Status, body)
}
