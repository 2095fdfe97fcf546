package collector

import (
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

// packed is text that is compressed once, when somebody first asks for that.
type packed struct {
	text    []byte
	deflate func() []byte
}

func newPacked(text []byte) *packed {
	return &packed{text, sync.OnceValue(func() []byte {
		w, _ := flate.NewWriter(nil, flate.DefaultCompression) // the level exists
		return deflate(w, text)
	})}
}

// deflate compresses text so that other text, compressed like it, can follow.
func deflate(w *flate.Writer, text []byte) []byte {
	var b bytes.Buffer
	w.Reset(&b)
	_, _ = w.Write(text) // a buffer takes everything
	_ = w.Flush()
	return b.Bytes()
}

// An output is the answer to one scrape, in pieces: as they are, or deflated one
// by one into a single gzip member. Not every client reads more than one.
type output struct {
	pieces   [][]byte
	gzip     bool
	writers  *sync.Pool // of *flate.Writer
	checksum uint32     // of the text
	size     uint32     // of the text, modulo 2³²: what gzip wants to know
}

func newOutput(gzip bool, writers *sync.Pool) *output {
	o := &output{gzip: gzip, writers: writers}
	if gzip {
		o.pieces = append(o.pieces, []byte{0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff}) // RFC 1952, section 2.3
	}
	return o
}

// addPacked adds text that stays as it is for a while.
func (o *output) addPacked(p *packed) {
	if !o.gzip {
		o.pieces = append(o.pieces, p.text)
		return
	}
	o.addDeflated(p.text, p.deflate())
}

// add adds text that is different at every scrape.
func (o *output) add(text []byte) {
	if !o.gzip {
		o.pieces = append(o.pieces, text)
		return
	}
	w := o.writers.Get().(*flate.Writer)
	o.addDeflated(text, deflate(w, text))
	o.writers.Put(w)
}

func (o *output) addDeflated(text, deflated []byte) {
	o.pieces = append(o.pieces, deflated)
	o.checksum = crc32.Update(o.checksum, crc32.IEEETable, text)
	o.size += uint32(len(text))
}

// serve sends the text. Nothing can be added after that.
func (o *output) serve(w http.ResponseWriter) {
	if o.gzip {
		end := []byte{3, 0} // an empty block, the last: RFC 1951, section 3.2.6
		end = binary.LittleEndian.AppendUint32(end, o.checksum)
		end = binary.LittleEndian.AppendUint32(end, o.size)
		o.pieces = append(o.pieces, end)
		w.Header().Set("Content-Encoding", "gzip")
	}
	size := 0
	for _, p := range o.pieces {
		size += len(p)
	}
	w.Header().Set("Content-Length", strconv.Itoa(size))
	for _, p := range o.pieces {
		if _, err := w.Write(p); err != nil {
			return // the client has gone
		}
	}
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
