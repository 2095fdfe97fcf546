package web

import (
	"fmt"
	"strings"
	"time"
)

const day = 24 * time.Hour

// stamp writes t in UTC and, if that differs, in zone.
func stamp(t time.Time, zone *time.Location) string {
	utc, local := t.UTC(), t.In(zone)
	text := utc.Format("2006-01-02 15:04 UTC")
	switch _, offset := local.Zone(); {
	case offset == 0:
		return text
	case local.Day() != utc.Day():
		return text + local.Format(" / 2 Jan 15:04 MST")
	}
	return text + local.Format(" / 15:04 MST")
}

// span writes a duration in its two largest units, or in days from ten days on.
// A negative one, which two clocks that differ can make, is 0 s.
func span(d time.Duration) string {
	write := func(n time.Duration, unit string, rest time.Duration, smaller string) string {
		if rest == 0 {
			return fmt.Sprintf("%d\u00a0%s", n, unit)
		}
		return fmt.Sprintf("%d\u00a0%s %d\u00a0%s", n, unit, rest, smaller)
	}
	switch d = max(0, d); {
	case d >= 10*day:
		return write(d/day, "d", 0, "")
	case d >= day:
		return write(d/day, "d", d%day/time.Hour, "h")
	case d >= time.Hour:
		return write(d/time.Hour, "h", d%time.Hour/time.Minute, "min")
	case d >= time.Minute:
		return write(d/time.Minute, "min", d%time.Minute/time.Second, "s")
	}
	return write(d/time.Second, "s", 0, "")
}

// clean makes a text from outside fit to be shown: it limits it to 600 bytes.
func clean(text string) string {
	const most = 600
	if len(text) > most {
		text = text[:most] + "…"
	}
	return strings.TrimSpace(strings.ToValidUTF8(text, ""))
}

// earlier compares two times. An unknown one is the latest.
func earlier(a, b time.Time) int {
	if a.IsZero() || b.IsZero() {
		return b.Compare(a)
	}
	return a.Compare(b)
}
