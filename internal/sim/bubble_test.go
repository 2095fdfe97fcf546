package sim_test

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cloudorg-exporter/cloudorg_exporter/internal/sim"
)

// pipes is a listener for in-memory connections: in a synctest bubble a network
// connection would count as running.
type pipes struct {
	conns  chan net.Conn
	closed chan struct{}
	close  func()
}

func newPipes() *pipes {
	closed := make(chan struct{})
	return &pipes{make(chan net.Conn), closed, sync.OnceFunc(func() { close(closed) })}
}

func (p *pipes) Accept() (net.Conn, error) {
	select {
	case c := <-p.conns:
		return c, nil
	case <-p.closed:
		return nil, net.ErrClosed
	}
}

func (p *pipes) Close() error   { p.close(); return nil }
func (p *pipes) Addr() net.Addr { return &net.IPAddr{} }

func (p *pipes) dial(context.Context, string, string) (net.Conn, error) {
	client, server := net.Pipe()
	p.conns <- server
	return client, nil
}

// bubble runs f in a synctest bubble with a simulator behind pipes. The bubble
// fails if a goroutine is left at the end.
func bubble(t *testing.T, fault sim.Fault, f func(t *testing.T, get func(context.Context) (*http.Response, error))) {
	synctest.Test(t, func(t *testing.T) {
		var (
			ncp       = newNCP(t, sim.Config{})
			listener  = newPipes()
			server    = &http.Server{Handler: ncp}
			transport = &http.Transport{DialContext: listener.dial}
			wg        sync.WaitGroup
		)
		ncp.SetFault("/org", fault)
		wg.Go(func() {
			if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
				t.Error(err)
			}
		})
		f(t, func(ctx context.Context) (*http.Response, error) {
			req := signed(ctx, "http://sim.example.test", prefix+"/org", access, secret, time.Now())
			return transport.RoundTrip(req)
		})
		ncp.Close()
		transport.CloseIdleConnections()
		if err := server.Shutdown(t.Context()); err != nil {
			t.Error(err)
		}
		wg.Wait()
	})
}

func TestDrip(t *testing.T) {
	bubble(t, sim.Fault{Drip: time.Second, Body: "[null]"}, func(t *testing.T, get func(context.Context) (*http.Response, error)) {
		start := time.Now()
		resp, err := get(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		if took := time.Since(start); took != 0 {
			t.Errorf("headers: want at once, have %v", took)
		}
		body, err := io.ReadAll(resp.Body)
		if took := time.Since(start); took != 6*time.Second || err != nil || string(body) != "[null]" {
			t.Errorf("have %s, %v after %v", body, err, took)
		}
	})
}

// No fault leaves a goroutine, whether or not the client cancels its request.
func TestFaultsLeaveNoGoroutine(t *testing.T) {
	for name, fault := range map[string]sim.Fault{
		"none":       {},
		"delay":      {Delay: time.Hour},
		"hang":       {Hang: true},
		"hang body":  {HangBody: true},
		"drip":       {Drip: time.Hour},
		"reset":      {Reset: true},
		"reset body": {ResetBody: true},
		"truncate":   {Truncate: true},
		"endless":    {Endless: true},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, fault, func(t *testing.T, get func(context.Context) (*http.Response, error)) {
				ctx, cancel := context.WithTimeout(t.Context(), time.Second)
				defer cancel()
				resp, err := get(ctx)
				if err != nil {
					return
				}
				defer resp.Body.Close()
				_, _ = io.CopyN(io.Discard, resp.Body, 1<<20)
			})
		})
	}
}
