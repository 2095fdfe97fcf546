package config

import (
	"slices"
	"strconv"

	"github.com/cespare/xxhash/v2"
)

// Shard keeps the organizations that belong to one of several replicas, by
// rendezvous hashing of their names: another replica takes over its share of
// them and moves no other.
func (c *Config) Shard(shard, total int) {
	c.Organizations = slices.DeleteFunc(c.Organizations, func(o Organization) bool {
		name := o.Base().Name
		best, most := 0, uint64(0)
		for i := range total {
			if h := xxhash.Sum64String(strconv.Itoa(i) + "/" + name); h > most {
				best, most = i, h
			}
		}
		return best != shard
	})
}
