// Package web serves everything but the metrics: the status page, one page per
// organization, health, reload, the configuration and service discovery. No handler
// waits for a cloud's API.
package web

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"fmt"
	"html/template"
	"maps"
	"net/http"
	"net/url"
	"slices"
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

// A Link is a link in the head of every page.
type Link struct {
	Text string
	Href string // a path of the exporter
}

// A StatusConfig is what the status pages need.
type StatusConfig struct {
	// Snapshots returns the latest snapshots at once.
	Snapshots func() []org.Snapshot
	// Start starts those refreshes of the named organizations that are due. It
	// does not wait for them. Nil: a view starts none.
	Start func(names []string)
	// Scraped returns when the latest scrape began, or when the process
	// started. Nil: the pages do not mention scrapes.
	Scraped func() time.Time
	// Reloaded returns when the configuration was last loaded or refused, and
	// why it was refused. Nil: it cannot be reloaded.
	Reloaded func() (time.Time, error)

	Version   string
	ProbePath string // of one organization's metrics
	// DocsURL is the URL of the directory docs, with a slash at its end. Empty:
	// the pages do not link to documentation and runbooks.
	DocsURL string
	Links   []Link
	Zone    *time.Location   // shown beside UTC; nil: time.Local
	Now     func() time.Time // nil: time.Now
	Logger  log.Logger       // nil: no logging
}

// pages serves the status pages.
type pages struct {
	StatusConfig
	templates *template.Template
	policy    string // Content-Security-Policy
}

func newPages(cfg StatusConfig) *pages {
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	cfg.Zone = cmp.Or(cfg.Zone, time.Local)
	cfg.Logger = cmp.Or(cfg.Logger, log.NewNopLogger())
	sum := sha256.Sum256([]byte(statusCSS))
	return &pages{
		StatusConfig: cfg,
		templates:    template.Must(template.New("").Funcs(functions(cfg)).Parse(statusHTML)),
		policy: "default-src 'none'; style-src 'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) +
			"'; img-src data:; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
	}
}

// functions returns what the templates call.
func functions(cfg StatusConfig) template.FuncMap {
	return template.FuncMap{
		"now":        cfg.Now,
		"age":        func(t time.Time) string { return span(cfg.Now().Sub(t)) },
		"until":      func(t time.Time) string { return span(t.Sub(cfg.Now())) },
		"stamp":      func(t time.Time) string { return stamp(t, cfg.Zone) },
		"round":      func(d time.Duration) time.Duration { return d.Round(time.Millisecond) },
		"join":       strings.Join,
		"facets":     func() []string { return []string{"state", "reason", "cloud"} },
		"kinds":      kinds,
		"pending":    pending,
		"invitation": func(i org.Invitation) kind { return sentKind(i, cfg.Now()) },
		"request":    func(w org.Withdrawal) kind { return requestKind(w, cfg.Now()) },
		"change":     changeKind,
		"docs":       func() string { return cfg.DocsURL },
		"style":      func() template.CSS { return template.CSS(statusCSS) }, //nolint:gosec // an embedded file
	}
}

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
	d = max(0, d)
	text := fmt.Sprintf("%d\u00a0s", d/time.Second)
	switch {
	case d >= 10*day:
		text = fmt.Sprintf("%d\u00a0d", d/day)
	case d >= day:
		text = fmt.Sprintf("%d\u00a0d %d\u00a0h", d/day, d%day/time.Hour)
	case d >= time.Hour:
		text = fmt.Sprintf("%d\u00a0h %d\u00a0min", d/time.Hour, d%time.Hour/time.Minute)
	case d >= time.Minute:
		text = fmt.Sprintf("%d\u00a0min %d\u00a0s", d/time.Minute, d%time.Minute/time.Second)
	}
	text, _, _ = strings.Cut(text, " 0\u00a0") // not 5 d 0 h
	return text
}

// clean makes a text from outside fit to be shown: it limits it to 600 bytes.
func clean(text string) string {
	const most = 600
	if len(text) > most {
		text = text[:most] + "…"
	}
	return strings.TrimSpace(strings.ToValidUTF8(text, ""))
}

// A page is what the templates of all pages read.
type page struct {
	Config  StatusConfig
	Query   query
	Ignored []string  // parameters without an effect
	Reload  int       // seconds until the browser loads the page again; 0: it does not
	Refused error     // why the configuration was refused; nil if it was not
	Tried   time.Time // when it was
}

// page returns the page for the given parameters. Those that are not known are
// Ignored.
func (p *pages) page(given url.Values, known ...string) page {
	made := page{Config: p.StatusConfig, Query: query{url.Values{}}}
	for _, key := range slices.Sorted(maps.Keys(given)) {
		switch value := clean(given.Get(key)); {
		case !slices.Contains(known, key):
			made.Ignored = append(made.Ignored, clean(key))
		case value != "":
			made.Query.Set(key, value)
		}
	}
	if p.Reloaded != nil {
		made.Tried, made.Refused = p.Reloaded()
	}
	return made
}

// handler serves the page that build makes of the parameters of a request: its
// status, its template and the template's data. A panic is a 500 and a log
// line.
func (p *pages) handler(build func(url.Values) (status int, name string, data any)) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer func() {
			if cause := recover(); cause != nil {
				p.fail(w, fmt.Errorf("panic: %v", cause))
			}
		}()
		status, name, data := build(r.URL.Query())
		var body bytes.Buffer
		if err := p.templates.ExecuteTemplate(&body, name, data); err != nil {
			p.fail(w, err)
			return
		}
		protect(w, "text/html; charset=utf-8", p.policy)
		w.WriteHeader(status)
		_, _ = w.Write(body.Bytes())
	})
}

func (p *pages) fail(w http.ResponseWriter, err error) {
	level.Error(p.Logger).Log("msg", "status page not rendered", "err", err)
	say(w, http.StatusInternalServerError, "internal error: the log of the exporter has the cause")
}
