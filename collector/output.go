package collector

import (
	"bufio"
	"bytes"
	"compress/flate"
	"encoding/binary"
	"hash/crc32"
	"mime"
	"net/http"
	"strconv"
	"strings"
	"sync"
)

// packed is text that is deflated once, when somebody first asks for that.
type packed struct {
	text []byte

	once     sync.Once
	deflated []byte
	checksum uint32
	shift    uint32
}

// An output is the answer to one scrape, in pieces: as they are, or deflated one
// by one into a single gzip member. Not every client reads more than one.
type output struct {
	pieces   [][]byte
	gzip     bool
	checksum uint32 // of the text
	size     int    // of the text

	sent     *bufio.Writer
	deflater *flate.Writer
	text     []byte       // of this scrape alone
	deflated bytes.Buffer // the same
}

func newOutput() any { return &output{sent: bufio.NewWriterSize(nil, 64<<10)} }

// begin begins an answer.
func (o *output) begin(gzip bool) {
	o.pieces, o.gzip, o.checksum, o.size, o.text = o.pieces[:0], gzip, 0, 0, o.text[:0]
	o.deflated.Reset()
	if gzip {
		if o.deflater == nil { // it is large, and not every client wants it
			o.deflater, _ = flate.NewWriter(nil, flate.BestSpeed) // the level exists; higher ones save a twentieth
		}
		o.pieces = append(o.pieces, []byte{0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff}) // RFC 1952, section 2.3
	}
}

// addPacked adds text that stays as it is for a while.
func (o *output) addPacked(p *packed) {
	if !o.gzip {
		o.pieces = append(o.pieces, p.text)
		return
	}
	p.once.Do(func() {
		var b bytes.Buffer
		o.deflate(&b, p.text)
		p.deflated, p.checksum, p.shift = b.Bytes(), crc32.ChecksumIEEE(p.text), shift(len(p.text))
	})
	o.pieces = append(o.pieces, p.deflated)
	o.checksum = multiply(o.checksum, p.shift) ^ p.checksum
	o.size += len(p.text)
}

// add adds the text that appendText appends, which is different at every
// scrape.
func (o *output) add(appendText func([]byte) []byte) {
	from := len(o.text)
	o.text = appendText(o.text)
	text := o.text[from:]
	if !o.gzip {
		o.pieces = append(o.pieces, text)
		return
	}
	from = o.deflated.Len()
	o.deflate(&o.deflated, text)
	o.pieces = append(o.pieces, o.deflated.Bytes()[from:])
	o.checksum = crc32.Update(o.checksum, crc32.IEEETable, text)
	o.size += len(text)
}

// deflate compresses text so that other text, compressed like it, can follow.
func (o *output) deflate(b *bytes.Buffer, text []byte) {
	o.deflater.Reset(b)
	_, _ = o.deflater.Write(text) // a buffer takes everything
	_ = o.deflater.Flush()
}

// send sends the answer, and ends it.
func (o *output) send(w http.ResponseWriter) {
	if o.gzip {
		end := []byte{3, 0} // an empty block, the last: RFC 1951, section 3.2.6
		end = binary.LittleEndian.AppendUint32(end, o.checksum)
		end = binary.LittleEndian.AppendUint32(end, uint32(o.size))
		o.pieces = append(o.pieces, end)
		w.Header().Set("Content-Encoding", "gzip")
	}
	size := 0
	for _, p := range o.pieces {
		size += len(p)
	}
	w.Header().Set("Content-Length", strconv.Itoa(size))
	o.sent.Reset(w) // net/http would send few KiB at a time
	for _, p := range o.pieces {
		if _, err := o.sent.Write(p); err != nil {
			break // the client has gone
		}
	}
	_ = o.sent.Flush()
	o.sent.Reset(nil)
	clear(o.pieces) // of which some are large
}

// wantsGzip reports whether the client prefers gzip to plain text.
func wantsGzip(header http.Header) bool {
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
	return weight["gzip"] > weight["identity"]
}
