package sim

import "time"

// A Clock relates real time to the company's world. Speed 1440 makes a day of
// the world of every real minute; Speed 0 with a Start makes the world stand
// still. A Clock without a Start is real time.
type Clock struct {
	Start time.Time // the moment at which both times agree
	Speed float64   // seconds of the world per real second
}

// World returns the world's time at the real time now.
func (c Clock) World(now time.Time) time.Time {
	if c.Start.IsZero() || c.Speed == 1 {
		return now
	}
	// Not Start.Add: at 1440 a Duration would overflow within three months.
	elapsed := float64(now.Sub(c.Start).Milliseconds()) * c.Speed
	return time.UnixMilli(c.Start.UnixMilli() + int64(elapsed)).UTC()
}

// Real returns what the API reports at the real time now for the moment t of
// the world: an age seen from real time is then the age in the world. What
// happened ten of the world's days ago is reported as ten days before now, so
// with a Speed other than 1 a reported time moves from answer to answer.
func (c Clock) Real(t, now time.Time) time.Time {
	return now.Add(t.Sub(c.World(now)))
}
