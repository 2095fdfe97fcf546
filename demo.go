package main

import (
	"context"
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

// Now and then the demo's clouds are out of sorts, so that one sees what a
// failure looks like.
const (
	demoFaultEvery = 3 * time.Minute
	demoFaultFor   = 20 * time.Second
)

// A demo is simulated clouds on loopback, for the real clients to call: one
// company that is on both.
type demo struct {
	ncp            *sim.NCP
	scp            *sim.SCP
	servers        []*http.Server
	access, secret string
	stop           chan struct{}
	running        sync.WaitGroup

	ncpAddress, scpAddress string
}

// startDemo starts the clouds.
func startDemo(ctx context.Context) (*demo, error) {
	d := &demo{access: rand.Text(), secret: rand.Text(), stop: make(chan struct{})}
	company, clock := sim.Living(demoSeed, demoGroups, demoMembers), sim.Clock{Start: time.Now(), Speed: demoSpeed}
	d.ncp = sim.NewNCP(sim.Config{AccessKey: d.access, SecretKey: d.secret, Company: company, Clock: clock})
	d.scp = sim.NewSCP(sim.Config{AccessKey: d.access, SecretKey: d.secret, Company: company, Clock: clock})
	var err error
	if d.ncpAddress, err = d.serve(ctx, d.ncp); err == nil {
		d.scpAddress, err = d.serve(ctx, d.scp)
	}
	if err != nil {
		d.Close()
		return nil, err
	}
	d.running.Go(d.misbehave)
	return d, nil
}

// serve serves a cloud on a free port of loopback and returns its address.
func (d *demo) serve(ctx context.Context, cloud http.Handler) (string, error) {
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	server := &http.Server{Handler: cloud, ReadHeaderTimeout: time.Minute}
	d.servers = append(d.servers, server)
	d.running.Go(func() { _ = server.Serve(listener) }) // ends with Close
	return "http://" + listener.Addr().String(), nil
}

// misbehave makes one listing of each cloud fail from time to time, the one
// after the other.
func (d *demo) misbehave() {
	for {
		for _, f := range []struct {
			ncp, scp sim.Fault
			lasts    time.Duration
		}{
			{lasts: demoFaultEvery},
			{ncp: sim.NCPError("COMMON_104"), lasts: demoFaultFor},
			{lasts: demoFaultEvery},
			{scp: sim.SCPError("ContactAdminForAssistance"), lasts: demoFaultFor},
		} {
			d.ncp.SetFault("/policy/list", f.ncp)
			d.scp.SetFault("/v1/account-invitations", f.scp)
			select {
			case <-time.After(f.lasts):
			case <-d.stop:
				return
			}
		}
	}
}

// Config returns the configuration that exports the demo's organizations. That
// of SCP has a lifetime of invitations, which that cloud does not publish: in
// the demo's world it is known to be that of the other.
func (d *demo) Config() (*config.Config, error) {
	return config.Parse(strings.NewReader(fmt.Sprintf(`
defaults:
  cache_ttl: 5s
  error_ttl: 5s
  rate_limit: 100
organizations:
  - name: demo
    cloud: ncp
    base_url: %[1]s
    access_key: %[3]s
    secret_key: %[4]s
    collectors: [organization, groups, members, invitations, withdrawals, policies]
  - name: demo-scp
    cloud: scp
    base_url: %[2]s
    access_key: %[3]s
    secret_key: %[4]s
    page_size: 20
    collectors: [organization, members, invitations, received_invitations, api_version]
    invitation_lifetime: 30d
`, d.ncpAddress, d.scpAddress, d.access, d.secret)), "")
}

// Close stops the clouds.
func (d *demo) Close() {
	close(d.stop)
	d.ncp.Close()
	d.scp.Close()
	for _, s := range d.servers {
		_ = s.Close()
	}
	d.running.Wait()
}
