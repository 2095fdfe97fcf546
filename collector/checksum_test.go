package collector

import (
	"hash/crc32"
	"testing"
)

func FuzzChecksum(f *testing.F) {
	f.Add([]byte("one"), []byte("another"))
	f.Add([]byte(nil), []byte("\x00"))
	f.Add(make([]byte, 70_000), make([]byte, 1))
	f.Fuzz(func(t *testing.T, a, b []byte) {
		have := multiply(crc32.ChecksumIEEE(a), shift(len(b))) ^ crc32.ChecksumIEEE(b)
		if want := crc32.ChecksumIEEE(append(a, b...)); have != want {
			t.Errorf("want %#x, have %#x", want, have)
		}
	})
}
