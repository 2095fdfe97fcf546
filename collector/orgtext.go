package collector

import "github.com/cloudorg-exporter/cloudorg_exporter/internal/org"

// An orgText is the text of one organization at one edition, family by family.
type orgText struct {
	edition    org.Edition
	text       [][]byte // of the families that are no countdowns
	countdowns [][]line // of the countdowns, whose values are made at each scrape
}

func newOrgText(s org.Snapshot, layouts []layout) *orgText {
	v := newView(s, func(string) bool { return true })
	t := &orgText{edition: s.Edition(), text: make([][]byte, len(layouts)), countdowns: make([][]line, len(layouts))}
	for i, l := range layouts {
		lines := l.lines(v)
		if l.countdown {
			t.countdowns[i] = lines
			continue
		}
		for _, line := range lines {
			t.text[i] = appendLine(t.text[i], line.series, line.value)
		}
	}
	return t
}
