package web

import (
	"bytes"
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"html/template"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/go-kit/log"
	"github.com/go-kit/log/level"

	"github.com/cloudorg-exporter/cloudorg_exporter/internal/org"
)

//go:embed status.html
var statusHTML string

//go:embed status.css
var statusCSS string

// A Link is a link in the head of the status page.
type Link struct {
	Text string
	Href string // a path of the exporter, or a URL
}

// A StatusConfig is what the status page needs.
type StatusConfig struct {
	// Snapshots returns what is known now, without any wait.
	Snapshots func() []org.Snapshot
	Version   string
	ProbePath string // of one organization's metrics
	Links     []Link
	// Reloaded returns when the configuration was last loaded, or refused,
	// and why it was refused. Nil if nobody knows.
	Reloaded func() (time.Time, error)
	Now      func() time.Time // nil: time.Now
	Logger   log.Logger       // nil: no logging
}

// perPage is how many organizations a page shows.
const perPage = 25

// A page is what the template shows.
type page struct {
	Style   template.CSS
	Version string
	Links   []Link
	At      time.Time
	Query   query
	Refused *refusal
	Title   string
	Icon    template.URL
	Tallies []tally
	Found   int // organizations that the filter lets through
	Shown   []organization
	Pager   pager
}

// A refusal is a configuration that could not be loaded.
type refusal struct {
	Ago string
	Err string
}

// Status serves the status page: every organization and collector, the worst
// first. It shows ids and never an e-mail address or a person's name.
func Status(cfg StatusConfig) http.Handler {
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Logger == nil {
		cfg.Logger = log.NewNopLogger()
	}
	cfg.Links = slices.Clone(cfg.Links)
	for i, l := range cfg.Links {
		cfg.Links[i].Href = relative(l.Href)
	}
	page := template.Must(template.New("status").Parse(statusHTML))
	policy := statusPolicy(statusCSS)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var body bytes.Buffer
		if err := page.Execute(&body, newPage(cfg, r.URL.Query())); err != nil {
			level.Error(cfg.Logger).Log("msg", "status page not rendered", "err", err)
			say(w, http.StatusInternalServerError, "the status page could not be rendered")
			return
		}
		protect(w, typeHTML, policy)
		_, _ = w.Write(body.Bytes())
	})
}

// statusPolicy allows the page its own style and the icon in it, and to send
// its form to where it came from.
func statusPolicy(css string) string {
	sum := sha256.Sum256([]byte(css))
	return "default-src 'none'; style-src 'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) +
		"'; img-src data:; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
}

// relative makes a path one that is found behind a proxy's prefix, too.
func relative(href string) string {
	if strings.HasPrefix(href, "/") {
		return "." + href
	}
	return href
}

func newPage(cfg StatusConfig, params map[string][]string) page {
	now := cfg.Now()
	p := page{
		Style: template.CSS(statusCSS), Version: cfg.Version, Links: cfg.Links, //nolint:gosec // our own file
		At: now.UTC(), Query: parseQuery(params),
	}
	if cfg.Reloaded != nil {
		if at, err := cfg.Reloaded(); err != nil {
			p.Refused = &refusal{Ago: span(now.Sub(at)), Err: err.Error()}
		}
	}
	ranked := rank(cfg.Snapshots(), now)
	p.Title, p.Icon = headline(ranked)
	p.Tallies = p.Query.tallies(ranked)
	found := p.Query.filter(ranked)
	p.Found = len(found)
	p.Pager, found = p.Query.cut(found)
	for _, r := range found {
		p.Shown = append(p.Shown, newOrganization(r, relative(cfg.ProbePath), now))
	}
	return p
}

// headline says in a line, and in the tab's icon, how it all stands.
func headline(all []ranked) (string, template.URL) {
	const (
		well = `data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 16 16'%3E%3Ccircle cx='8' cy='8' r='7' fill='%231a7f37'/%3E%3C/svg%3E`
		ill  = `data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 16 16'%3E%3Cpath d='M8 1l7.5 14h-15z' fill='%23cf222e'/%3E%3C/svg%3E`
	)
	n, starting := 0, 0
	for _, r := range all {
		switch {
		case r.state.ill():
			n++
		case r.state == waiting:
			starting++
		}
	}
	switch {
	case len(all) == 0:
		return "No organization is served here", well
	case n == 1:
		return "1 of " + organizations(len(all)) + " needs attention", ill
	case n > 1:
		return strconv.Itoa(n) + " of " + organizations(len(all)) + " need attention", ill
	case starting > 0:
		return "Starting: " + strconv.Itoa(starting) + " of " + organizations(len(all)) + " not read yet", well
	case len(all) == 1:
		return "The organization is well", well
	}
	return "All " + organizations(len(all)) + " are well", well
}

func organizations(n int) string {
	if n == 1 {
		return "1 organization"
	}
	return strconv.Itoa(n) + " organizations"
}
