package main

import (
	"encoding/json"
	"fmt"
	"regexp"
	"strings"
	"testing"
)

// Replicas share the organizations: each is exported by exactly one, as
// metrics and as a target; another replica takes over its share of them, and
// no other moves.
func TestShards(t *testing.T) {
	const organizations = 100
	_, url := simulate(t, nil)
	var text strings.Builder
	text.WriteString("organizations:\n")
	for i := range organizations {
		text.WriteString(organization(fmt.Sprintf("company-%02d", i), url, "collectors: [organization]"))
	}
	config := write(t, "config.yml", text.String())

	exported := regexp.MustCompile(`(?m)^cloudorg_collector_success\{.*organization="([^"]+)"\} 1$`)
	// owners returns which of so many replicas has each organization.
	owners := func(total int) map[string]int {
		owner := map[string]int{}
		for shard := range total {
			p := start(t, "--config.file="+config, fmt.Sprintf("--shard=%d", shard), fmt.Sprintf("--total-shards=%d", total))
			p.ready()
			found := exported.FindAllStringSubmatch(p.get("/metrics"), -1)
			for _, m := range found {
				if other, twice := owner[m[1]]; twice {
					t.Errorf("%d replicas: %s is exported by %d and by %d", total, m[1], other, shard)
				}
				owner[m[1]] = shard
			}
			var groups []struct{ Targets []string }
			if err := json.Unmarshal([]byte(p.get("/sd")), &groups); err != nil {
				t.Fatal(err)
			}
			for _, g := range groups {
				for _, name := range g.Targets {
					if have, ok := owner[name]; !ok || have != shard {
						t.Errorf("%d replicas: %d discovers %s, and does not export it", total, shard, name)
					}
				}
			}
			if len(groups) != len(found) {
				t.Errorf("%d replicas: %d discovers %d organizations and exports %d", total, shard, len(groups), len(found))
			}
			if err := p.stop(); err != nil {
				t.Error(err)
			}
		}
		if len(owner) != organizations {
			t.Errorf("%d replicas: want %d organizations, have %d", total, organizations, len(owner))
		}
		return owner
	}

	three, four := owners(3), owners(4)
	moved := 0
	for name, shard := range four {
		if shard == three[name] {
			continue
		}
		moved++
		if shard != 3 {
			t.Errorf("%s has moved from %d to %d, which was there before", name, three[name], shard)
		}
	}
	t.Logf("a fourth replica takes over %d of %d organizations", moved, organizations)
	if moved < 15 || moved > 35 {
		t.Errorf("a fourth replica takes over %d of %d: not about a quarter", moved, organizations)
	}
}
