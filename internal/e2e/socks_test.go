//go:build e2e

package e2e_test

// A SOCKS5 proxy: with it, the name of a host need not resolve, or can fail to.

import (
	"context"
	"io"
	"net"
	"sync/atomic"
	"testing"
)

// A socks is a SOCKS5 proxy that resolves every name to one address, or none.
type socks struct {
	address string
	target  string
	unknown atomic.Bool // no name resolves
}

// newSocks starts a proxy in front of a site.
func newSocks(t *testing.T, s *site) *socks {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { listener.Close() })
	p := &socks{address: listener.Addr().String(), target: s.address}
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			go p.serve(t.Context(), conn)
		}
	}()
	return p
}

func (p *socks) serve(ctx context.Context, conn net.Conn) {
	defer conn.Close()
	const found, noHost = 0, 4
	read := func(n int) []byte {
		b := make([]byte, n)
		if _, err := io.ReadFull(conn, b); err != nil {
			return make([]byte, n)
		}
		return b
	}
	reply := func(code byte) { _, _ = conn.Write([]byte{5, code, 0, 1, 0, 0, 0, 0, 0, 0}) }
	read(int(read(2)[1])) // the ways to log in
	_, _ = conn.Write([]byte{5, 0})
	read(int(read(5)[4]) + 2) // version, command, blank, kind and length; name and port
	if p.unknown.Load() {
		reply(noHost)
		return
	}
	out, err := new(net.Dialer).DialContext(ctx, "tcp", p.target)
	if err != nil {
		reply(noHost)
		return
	}
	defer out.Close()
	reply(found)
	go func() {
		_, _ = io.Copy(out, conn)
		out.Close()
	}()
	_, _ = io.Copy(conn, out)
}
