package sim

// dice is a stream of numbers that looks random and is fixed by what it was
// thrown for: what happens in a seat follows from seed, seat and cycle alone,
// and needs no history. (SplitMix64.)
type dice uint64

// throw returns the dice for the keys.
func throw(seed uint64, keys ...int64) *dice {
	d := dice(seed)
	for _, k := range keys {
		d = dice(d.next() ^ uint64(k))
	}
	return &d
}

// next returns the next number.
func (d *dice) next() uint64 {
	*d += 0x9e3779b97f4a7c15
	z := uint64(*d)
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	return z ^ z>>31
}

// below returns a number from 0 up to but not including n.
func (d *dice) below(n int64) int64 { return int64(d.next() % uint64(n)) }

// between returns a number from lo up to but not including hi.
func (d *dice) between(lo, hi int64) int64 { return lo + d.below(hi-lo) }

// stagger spreads cycles of the given length evenly: the one with index k is
// that far into its cycle at the epoch. Multiples of the golden ratio leave no
// large gaps, however many there are.
func stagger(seed uint64, k, length int64) int64 {
	const golden = 0x9e3779b97f4a7c15
	phase := throw(seed).next() + uint64(k)*golden
	return int64(float64(phase) / (1 << 64) * float64(length))
}
