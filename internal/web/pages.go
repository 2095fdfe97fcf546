// Package web serves what the exporter has beside metrics: the status page,
// one page per organization, health, reload, the configuration and service
// discovery. No handler waits for a cloud's API.
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
		"invitation": func(i org.Invitation) kind { return sentKind(i, cfg.Now()) },
		"request":    func(w org.Withdrawal) kind { return requestKind(w, cfg.Now()) },
		"change":     changeKind,
		"docs":       func() string { return cfg.DocsURL },
		"style":      func() template.CSS { return template.CSS(statusCSS) }, //nolint:gosec // an embedded file
	}
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

// page returns the page for the parameters that are given, of which it has the
// known ones.
func (p *pages) page(given url.Values, known ...string) page {
	h := page{Config: p.StatusConfig, Query: query{url.Values{}}}
	for _, key := range slices.Sorted(maps.Keys(given)) {
		switch value := clean(given.Get(key)); {
		case !slices.Contains(known, key):
			h.Ignored = append(h.Ignored, clean(key))
		case value != "":
			h.Query.Set(key, value)
		}
	}
	if p.Reloaded != nil {
		h.Tried, h.Refused = p.Reloaded()
	}
	return h
}

// ignore drops a parameter whose value is not valid.
func (h *page) ignore(key string) {
	h.Ignored = append(h.Ignored, key+"="+h.Query.Get(key))
	h.Query.Del(key)
}

// A query is the parameters of a page that are not empty.
type query struct{ url.Values }

// Toggle returns a link to q with a value of a parameter, or without the value
// that it has.
func (q query) Toggle(key, value string) string {
	v := url.Values(maps.Clone(q.Values))
	if v.Set(key, value); q.Get(key) == value {
		v.Del(key)
	}
	return "?" + v.Encode()
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
