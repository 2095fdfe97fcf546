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

	"github.com/cloudorg-exporter/cloudorg_exporter/internal/cloud"
	"github.com/cloudorg-exporter/cloudorg_exporter/internal/config"
	"github.com/cloudorg-exporter/cloudorg_exporter/internal/sim"
)

// In the demo a day passes every minute. One of its clouds fails from time to
// time, so that one sees what a failure looks like.
const (
	demoSpeed      = 24 * 60
	demoFaultEvery = 2 * time.Minute
	demoFaultFor   = 20 * time.Second
)

// A demoCloud is a simulated cloud with one organization.
type demoCloud struct {
	sim.Cloud
	operation string // that fails from time to time
	fault     sim.Fault
	yaml      string // of the organization, without address and keys
}

// demoClouds returns the clouds of the demo, whose keys are those of cfg.
func demoClouds(cfg sim.Config) []demoCloud {
	of := func(company func(time.Time) sim.Company) sim.Config {
		c := cfg
		c.Company = company
		return c
	}
	wide := of(sim.Living(13, 5, 30))
	wide.Wide = true
	return []demoCloud{{
		Cloud:     sim.NewNCP(of(sim.Living(7, 6, 40))),
		operation: "/policy/list",
		fault:     sim.NCPError("COMMON_104"),
		yaml: `
  - name: demo
    cloud: ncp
    collectors: [organization, groups, members, invitations, withdrawals, policies]`,
	}, {
		Cloud:     sim.NewNCP(wide),
		operation: fmt.Sprintf("/v2/organizations/%d/leave-requests", wide.Company(time.Now()).ID),
		fault:     sim.NCPErrorV2("MadeUpTooMany"),
		yaml: `
  - name: demo-v2
    cloud: ncp
    api_version: v2
    collectors: [organization, groups, members, invitations, received_invitations, withdrawals, policies]`,
	}, {
		Cloud:     sim.NewSCP(of(sim.Living(11, 4, 25))),
		operation: "/v1/account-invitations",
		fault:     sim.SCPError("ContactAdminForAssistance"),
		// SCP does not say how long an invitation lives. In the demo it is known.
		yaml: `
  - name: demo-scp
    cloud: scp
    page_size: 20
    collectors: [organization, members, invitations, received_invitations, api_version]
    invitation_lifetime: 30d`,
	}, {
		Cloud:     sim.NewAWS(of(sim.Living(13, 5, 60))),
		operation: "ListCreateAccountStatus",
		fault:     sim.AWSError("TooManyRequestsException"),
		yaml: `
  - name: demo-aws
    cloud: aws
    collectors: [organization, groups, members, invitations, received_invitations, policies, account_creations, delegations, service_access]`,
	}}
}

// A demo is simulated clouds on loopback.
type demo struct {
	yaml    strings.Builder // of the configuration that exports them
	clouds  []demoCloud
	servers []*http.Server
	stop    chan struct{}
	running sync.WaitGroup
}

// startDemo starts the clouds.
func startDemo(ctx context.Context) (*demo, error) {
	cfg := sim.Config{AccessKey: rand.Text(), SecretKey: rand.Text(), Clock: sim.Clock{Start: time.Now(), Speed: demoSpeed}}
	d := &demo{clouds: demoClouds(cfg), stop: make(chan struct{})}
	d.yaml.WriteString("defaults: {cache_ttl: 5s, error_ttl: 5s, rate_limit: 100}\norganizations:")
	for _, c := range d.clouds {
		address, err := d.serve(ctx, c)
		if err != nil {
			d.Close()
			return nil, err
		}
		fmt.Fprintf(&d.yaml, "%s\n    base_url: %s\n    access_key: %s\n    secret_key: %s", c.yaml, address, cfg.AccessKey, cfg.SecretKey)
	}
	d.running.Go(d.fail)
	return d, nil
}

// serve serves a cloud on a free port of loopback and returns its address.
func (d *demo) serve(ctx context.Context, simulator http.Handler) (string, error) {
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	server := &http.Server{Handler: simulator, ReadHeaderTimeout: time.Minute}
	d.servers = append(d.servers, server)
	d.running.Go(func() { _ = server.Serve(listener) }) // ends with Close
	return "http://" + listener.Addr().String(), nil
}

// fail makes an operation of each cloud fail for a while, one cloud after the
// other.
func (d *demo) fail() {
	for {
		for _, c := range d.clouds {
			for _, step := range []struct {
				after time.Duration
				fault sim.Fault
			}{{demoFaultEvery, c.fault}, {demoFaultFor, sim.Fault{}}} {
				select {
				case <-time.After(step.after):
					c.SetFault(c.operation, step.fault)
				case <-d.stop:
					return
				}
			}
		}
	}
}

// load returns the configuration that exports the demo's organizations.
func (d *demo) load() (*config.Config, error) {
	return config.Parse(strings.NewReader(d.yaml.String()), "", cloud.Configs())
}

// Close stops the clouds.
func (d *demo) Close() {
	close(d.stop)
	for _, c := range d.clouds {
		c.Close()
	}
	for _, s := range d.servers {
		_ = s.Close()
	}
	d.running.Wait()
}
