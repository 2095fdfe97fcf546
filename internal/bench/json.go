//go:build peers

package main

import (
	"bytes"
	"context"
	"encoding/json"
	"net"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"
)

// modules makes a series of each row.
const modules = `
modules:
  default:
    metrics:
    - name: row
      type: object
      path: '{ .rows[*] }'
      labels: {id: '{ .id }'}
      values: {value: '{ .value }'}
`

// addJSON adds json_exporter to all, which reads as many rows as text has
// series at every scrape.
func (b *bench) addJSON(ctx context.Context, all *[]*process, text []byte) error {
	type row struct {
		ID    string `json:"id"`
		Value int    `json:"value"`
	}
	var rows []row
	for line := range bytes.Lines(text) {
		if !bytes.HasPrefix(line, []byte("#")) {
			rows = append(rows, row{strings.TrimSpace(string(line)), len(rows)})
		}
	}
	body, err := json.Marshal(map[string]any{"rows": rows})
	if err != nil {
		return err
	}
	l, err := new(net.ListenConfig).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	api := &http.Server{ReadHeaderTimeout: time.Minute, Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = w.Write(body)
	})}
	go func() { _ = api.Serve(l) }() // ends with the program
	config := b.path("json.yml")
	if err := os.WriteFile(config, []byte(modules), 0o600); err != nil {
		return err
	}
	p, err := start(ctx, "json_exporter", "/probe?module=default&target="+url.QueryEscape("http://"+l.Addr().String()),
		b.jsonExporter, "--config.file="+config, "--web.listen-address=ADDRESS")
	if err == nil {
		*all = append(*all, p)
	}
	return err
}
