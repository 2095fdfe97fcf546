//go:build e2e

package web_test

import (
	"bytes"
	"flag"
	"image"
	"image/color"
	"image/png"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/cloudorg-exporter/cloudorg_exporter/internal/org"
	"github.com/cloudorg-exporter/cloudorg_exporter/internal/web"
)

// go test -tags e2e -run Screenshots ./internal/web -screenshots ../../docs/img
var screenshots = flag.String("screenshots", "", "directory for pictures of the status page")

// serve serves the status page, and a word for everything that it links to.
func serve(t *testing.T, snapshots ...org.Snapshot) string {
	t.Helper()
	mux := http.NewServeMux()
	mux.Handle("GET /{$}", web.Status(statusConfig(snapshots...)))
	mux.HandleFunc("GET /", func(w http.ResponseWriter, r *http.Request) { _, _ = w.Write([]byte("here is " + r.URL.String())) })
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	return server.URL
}

func TestScreenshots(t *testing.T) {
	if *screenshots == "" {
		t.Skip("no -screenshots")
	}
	c := startChromium(t)
	c.open(serve(t, representative()...))
	for _, screen := range []struct {
		name          string
		width, height int
	}{{"desktop", 1280, 1480}, {"phone", 390, 1500}} {
		for _, scheme := range []string{"light", "dark"} {
			c.look(screen.width, scheme)
			path := filepath.Join(*screenshots, "status-"+screen.name+"-"+scheme+".png")
			if err := os.WriteFile(path, smaller(t, c.shoot(screen.height)), 0o644); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// smaller returns a picture with no more colours than a palette takes. A page
// of text needs few: each is put to the nearest of the most frequent ones.
func smaller(t *testing.T, picture []byte) []byte {
	t.Helper()
	in, err := png.Decode(bytes.NewReader(picture))
	if err != nil {
		t.Fatal(err)
	}
	b := in.Bounds()
	count := map[color.Color]int{}
	for y := b.Min.Y; y < b.Max.Y; y++ {
		for x := b.Min.X; x < b.Max.X; x++ {
			count[in.At(x, y)]++
		}
	}
	palette := color.Palette(slices.SortedFunc(maps.Keys(count), func(p, q color.Color) int { return count[q] - count[p] }))
	palette = palette[:min(len(palette), 256)]
	out := image.NewPaletted(b, palette)
	nearest := map[color.Color]uint8{}
	for c := range count {
		nearest[c] = uint8(palette.Index(c))
	}
	for y := b.Min.Y; y < b.Max.Y; y++ {
		for x := b.Min.X; x < b.Max.X; x++ {
			out.SetColorIndex(x, y, nearest[in.At(x, y)])
		}
	}
	var buf bytes.Buffer
	encoder := png.Encoder{CompressionLevel: png.BestCompression}
	if err := encoder.Encode(&buf, out); err != nil {
		t.Fatal(err)
	}
	return buf.Bytes()
}
