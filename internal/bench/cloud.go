//go:build peers

package main

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/cloudorg-exporter/cloudorg_exporter/internal/sim"
)

// A cloud is a simulated NCP on loopback with an organization that never
// changes.
type cloud struct {
	api     *sim.NCP
	server  *http.Server
	address string
	latency time.Duration // of every call
	calls   atomic.Int64

	mu    sync.Mutex
	hangs chan struct{}            // closed when calls no longer hang; nil if they do not
	kept  map[string]*bytes.Buffer // the answers so far, which peers have at /kept/... without a signature; nil: none
}

// A tee is an answer of which a copy is made.
type tee struct {
	http.ResponseWriter
	to *bytes.Buffer
}

func (t tee) Write(p []byte) (int, error) {
	t.to.Write(p)
	return t.ResponseWriter.Write(p)
}

const (
	accessKey = "access"
	secretKey = "secret"
)

func newCloud(ctx context.Context, company sim.Company, latency time.Duration) (*cloud, error) {
	c := &cloud{latency: latency, api: sim.NewNCP(sim.Config{
		AccessKey: accessKey, SecretKey: secretKey,
		Company: func(time.Time) sim.Company { return company },
	})}
	l, err := new(net.ListenConfig).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	c.address = "http://" + l.Addr().String()
	c.server = &http.Server{Handler: c, ReadHeaderTimeout: time.Minute}
	go func() { _ = c.server.Serve(l) }() // ends with Close
	return c, nil
}

// ServeHTTP answers a call, late or never.
func (c *cloud) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if path, ok := strings.CutPrefix(r.URL.Path, "/kept"); ok {
		_, _ = w.Write(c.kept[path].Bytes())
		return
	}
	c.calls.Add(1)
	c.mu.Lock()
	hangs := c.hangs
	c.mu.Unlock()
	if hangs != nil {
		select {
		case <-hangs:
		case <-r.Context().Done():
			return
		}
	}
	time.Sleep(c.latency)
	if c.kept != nil {
		copied := new(bytes.Buffer)
		c.mu.Lock()
		c.kept[r.URL.Path] = copied
		c.mu.Unlock()
		w = tee{w, copied}
	}
	c.api.ServeHTTP(w, r)
}

// hang makes calls hang until the function that it returns is called.
func (c *cloud) hang() func() {
	c.mu.Lock()
	defer c.mu.Unlock()
	hangs := make(chan struct{})
	c.hangs = hangs
	return func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.hangs = nil
		close(hangs)
	}
}

func (c *cloud) Close() {
	c.server.Close()
	c.api.Close()
}

// config writes a configuration of n organizations of the cloud to a file in
// dir, with more settings as YAML, and returns its name.
func (c *cloud) config(dir string, n int, settings string) (string, error) {
	var b strings.Builder
	fmt.Fprintf(&b, "defaults: {rate_limit: 1000000, max_items: 100000, %s}\norganizations:\n", settings)
	for i := range n {
		fmt.Fprintf(&b, "- {name: organization-%d, cloud: ncp, access_key: %s, secret_key: %s, base_url: '%s'}\n", i, accessKey, secretKey, c.address)
	}
	f, err := os.CreateTemp(dir, "config-*.yml")
	if err != nil {
		return "", err
	}
	defer f.Close()
	_, err = f.WriteString(b.String())
	return filepath.Clean(f.Name()), err
}

// small is a company of sixty series.
func small() sim.Company {
	c := company(3, 12)
	now := time.Now()
	for i := range 2 {
		c.Invitations = append(c.Invitations, sim.Invitation{Account: sim.Account{ID: int64(9_100_000 + i)}, Sent: now.Add(-time.Duration(i+1) * time.Hour)})
	}
	return c
}

// company returns a company with so many groups, the root included, and so many
// members in its last group.
func company(groups, members int) sim.Company {
	founded := time.Now().AddDate(-1, 0, 0)
	c := sim.Company{ID: 5200, Name: "Bench", Master: 9_000_000, Founded: founded}
	for i := range groups {
		g := sim.Group{ID: int64(600 + i), Name: fmt.Sprintf("group-%d", i), Created: founded}
		if i > 0 {
			g.Parent = 600
		}
		c.Groups = append(c.Groups, g)
	}
	for i := range members {
		m := sim.Member{Account: sim.Account{ID: int64(9_000_000 + i), Name: fmt.Sprintf("member-%d", i), Login: "a@example.test"}, Group: int64(600 + groups - 1), Since: founded}
		if i == 0 {
			m.Group = 600
		}
		c.Members = append(c.Members, m)
	}
	return c
}
