package main

import (
	"crypto/rand"
	"fmt"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/cloudorg-exporter/cloudorg_exporter/internal/config"
	"github.com/cloudorg-exporter/cloudorg_exporter/internal/sim"
)

// The demo's world: a day passes every minute.
const (
	demoSpeed   = 24 * 60
	demoSeed    = 7
	demoGroups  = 6
	demoMembers = 40
)

// Now and then the demo's cloud is out of sorts, so that one sees what a
// failure looks like.
const (
	demoFaultEvery = 3 * time.Minute
	demoFaultFor   = 20 * time.Second
)

// A demo is simulated clouds on loopback, for the real clients to call.
type demo struct {
	ncp            *sim.NCP
	server         *http.Server
	address        string
	access, secret string
	stop           chan struct{}
	running        sync.WaitGroup
}

// startDemo starts the clouds.
func startDemo() (*demo, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	d := &demo{address: "http://" + listener.Addr().String(), access: rand.Text(), secret: rand.Text(), stop: make(chan struct{})}
	d.ncp = sim.NewNCP(sim.NCPConfig{
		AccessKey: d.access,
		SecretKey: d.secret,
		Company:   sim.Living(demoSeed, demoGroups, demoMembers),
		Clock:     sim.Clock{Start: time.Now(), Speed: demoSpeed},
	})
	d.server = &http.Server{Handler: d.ncp, ReadHeaderTimeout: time.Minute}
	d.running.Go(func() { _ = d.server.Serve(listener) }) // ends with Close
	d.running.Go(d.misbehave)
	return d, nil
}

// misbehave makes one listing fail from time to time.
func (d *demo) misbehave() {
	for {
		for _, f := range []struct {
			fault sim.Fault
			lasts time.Duration
		}{{sim.Fault{}, demoFaultEvery}, {sim.NCPError("COMMON_104"), demoFaultFor}} {
			d.ncp.SetFault("/policy/list", f.fault)
			select {
			case <-time.After(f.lasts):
			case <-d.stop:
				return
			}
		}
	}
}

// Config returns the configuration that exports the demo's organizations.
func (d *demo) Config() (*config.Config, error) {
	return config.Parse(strings.NewReader(fmt.Sprintf(`
defaults:
  cache_ttl: 5s
  error_ttl: 5s
  rate_limit: 100
organizations:
  - name: demo
    cloud: ncp
    base_url: %s
    access_key: %s
    secret_key: %s
    collectors: [organization, groups, members, invitations, withdrawals, policies]
`, d.address, d.access, d.secret)), "")
}

// Close stops the clouds.
func (d *demo) Close() {
	close(d.stop)
	d.ncp.Close()
	_ = d.server.Close()
	d.running.Wait()
}
