package sim_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/cloudorg-exporter/cloudorg_exporter/internal/sim"
)

func BenchmarkTree(b *testing.B) {
	benchmark(b, func(sim.Company) string { return "/group/tree" })
}

func BenchmarkGroup(b *testing.B) {
	benchmark(b, func(c sim.Company) string { return fmt.Sprintf("/account/group/%d", c.Groups[1].ID) })
}

func benchmark(b *testing.B, path func(sim.Company) string) {
	company := sim.Living(1, 100, 100_000)(time.Now())
	ncp := newNCP(b, sim.Config{Company: func(time.Time) sim.Company { return company }})
	for b.Loop() {
		b.SetBytes(int64(record(b, ncp, path(company)).Body.Len()))
	}
}

func BenchmarkLiving(b *testing.B) {
	living := sim.Living(1, 100, 100_000)
	for b.Loop() {
		living(time.Now())
	}
}
