package collector

import (
	"bufio"
	"compress/gzip"
	"io"
	"mime"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"
)

// An output writes one response after another, and keeps the buffers.
type output struct {
	io.Writer // of the response that is being written

	sent *bufio.Writer
	gzip *gzip.Writer
	days []byte
}

func newOutput() any {
	o := &output{sent: bufio.NewWriterSize(nil, 64<<10)} // net/http would send few KiB at a time
	o.gzip, _ = gzip.NewWriterLevel(o.sent, gzip.BestSpeed)
	return o
}

// begin begins a response to w.
func (o *output) begin(w io.Writer, compressed bool) {
	o.sent.Reset(w)
	o.Writer = o.sent
	if compressed {
		o.gzip.Reset(o.sent)
		o.Writer = o.gzip
	}
}

// end sends what is still in the buffers. An error means that the client is
// gone.
func (o *output) end() {
	if o.Writer == o.gzip {
		_ = o.gzip.Close()
	}
	_ = o.sent.Flush()
	o.sent.Reset(nil)
}

// acceptsGzip reports whether the client prefers gzip to plain text.
func acceptsGzip(header http.Header) bool {
	weight := map[string]float64{}
	for coding := range strings.SplitSeq(strings.Join(header.Values("Accept-Encoding"), ","), ",") {
		name, params, err := mime.ParseMediaType(coding)
		if err != nil {
			continue
		}
		weight[name] = 1
		if q, ok := params["q"]; ok {
			weight[name], _ = strconv.ParseFloat(q, 64)
		}
	}
	return max(weight["gzip"], weight["*"]) > max(weight["identity"], weight["*"])
}

// A timedWriter gives the client until its deadline to read the response.
type timedWriter struct {
	http.ResponseWriter
	deadline time.Time
	once     sync.Once
}

// WriteHeader sends the status.
func (w *timedWriter) WriteHeader(status int) {
	w.once.Do(func() {
		w.ResponseWriter.WriteHeader(status)
		// After the header: the server may set a deadline of its own with it.
		_ = http.NewResponseController(w.ResponseWriter).SetWriteDeadline(w.deadline)
	})
}

// Write sends b, after the status 200 if none was sent.
func (w *timedWriter) Write(b []byte) (int, error) {
	w.WriteHeader(http.StatusOK)
	return w.ResponseWriter.Write(b)
}
