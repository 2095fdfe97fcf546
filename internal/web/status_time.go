package web

import (
	"fmt"
	"time"
)

// span writes a length of time in its two largest units; a negative one, which
// only two clocks can make, is none. A unit stays with its number.
func span(d time.Duration) string {
	d = max(0, d).Truncate(time.Second)
	const day = 24 * time.Hour
	switch {
	case d >= 10*day:
		return fmt.Sprintf("%d\u00a0d", d/day)
	case d >= day:
		return two(d, day, time.Hour, "d", "h")
	case d >= time.Hour:
		return two(d, time.Hour, time.Minute, "h", "min")
	case d >= time.Minute:
		return two(d, time.Minute, time.Second, "min", "s")
	}
	return fmt.Sprintf("%d\u00a0s", d/time.Second)
}

// rough writes a length of time in its largest unit.
func rough(d time.Duration) string {
	for _, unit := range []struct {
		length time.Duration
		name   string
	}{{24 * time.Hour, "d"}, {time.Hour, "h"}, {time.Minute, "min"}} {
		if d >= unit.length {
			return fmt.Sprintf("%d\u00a0%s", d/unit.length, unit.name)
		}
	}
	return span(d)
}

func two(d, large, small time.Duration, largeUnit, smallUnit string) string {
	whole, rest := d/large, d%large/small
	if rest == 0 {
		return fmt.Sprintf("%d\u00a0%s", whole, largeUnit)
	}
	return fmt.Sprintf("%d\u00a0%s %d\u00a0%s", whole, largeUnit, rest, smallUnit)
}

// brief writes how long something took.
func brief(d time.Duration) string {
	switch {
	case d < time.Millisecond:
		return "<\u00a01\u00a0ms"
	case d < time.Second:
		return fmt.Sprintf("%d\u00a0ms", d.Milliseconds())
	case d < time.Minute:
		return fmt.Sprintf("%.1f\u00a0s", d.Seconds())
	}
	return span(d)
}
