package httpx

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"sync"
)

// A ProxyError is the refusal of a proxy: the call did not reach the cloud.
type ProxyError struct {
	Host   string // of the proxy, with its port
	Status int
}

func (e *ProxyError) Error() string {
	return fmt.Sprintf("proxy %s refused the connection: %d %s", e.Host, e.Status, http.StatusText(e.Status))
}

// final reports whether another attempt would be refused, too. A wrong password
// that is repeated may lock the account.
func (e *ProxyError) final() bool {
	switch e.Status {
	case http.StatusUnauthorized, http.StatusForbidden, http.StatusProxyAuthRequired:
		return true
	}
	return false
}

// OnProxyConnectResponse is for the field of that name of an http.Transport. It
// returns a ProxyError if the proxy refused: the Transport's own error could not be
// told from a cloud's.
func OnProxyConnectResponse(_ context.Context, proxy *url.URL, _ *http.Request, resp *http.Response) error {
	if resp.StatusCode == http.StatusOK {
		return nil
	}
	return &ProxyError{Host: proxy.Host, Status: resp.StatusCode}
}

// A proxyGate lets the calls of a refresh connect one after another, and none
// after a refusal that is final: the proxy is asked once per refresh.
type proxyGate struct {
	turn    chan struct{} // holds one element while a call connects
	refused *ProxyError   // guarded by turn
}

func newProxyGate() proxyGate { return proxyGate{turn: make(chan struct{}, 1)} }

// roundTrip makes a call through a proxy.
func (g *proxyGate) roundTrip(req *http.Request, proxy *url.URL, next http.RoundTripper) (*http.Response, error) {
	ctx := req.Context()
	select {
	case g.turn <- struct{}{}:
	case <-ctx.Done():
		return nil, fmt.Errorf("%w: %w", errLimited, ctx.Err())
	}
	leave := sync.OnceFunc(func() { <-g.turn })
	defer leave()
	if g.refused != nil {
		return nil, g.refused
	}
	if req.URL.Scheme == "https" { // otherwise the proxy refuses in its answer to the call
		req = req.WithContext(httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{GotConn: func(httptrace.GotConnInfo) { leave() }}))
	}
	resp, err := next.RoundTrip(req)
	resp, err = refusal(resp, err, proxy)
	if refused, ok := errors.AsType[*ProxyError](err); ok && refused.final() {
		g.refused = refused // before leave: without a connection it has not been called
	}
	return resp, err
}

// refusal returns a ProxyError in place of an answer that only a proxy gives.
func refusal(resp *http.Response, err error, proxy *url.URL) (*http.Response, error) {
	if err != nil || resp.StatusCode != http.StatusProxyAuthRequired {
		return resp, err
	}
	_ = resp.Body.Close()
	return nil, &ProxyError{Host: proxy.Host, Status: resp.StatusCode}
}
