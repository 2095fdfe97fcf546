package web

import (
	"bytes"
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"fmt"
	"html/template"
	"net/http"
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
	Href string // a path of the exporter, or a URL
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
	policy    string
}

func newPages(cfg StatusConfig) *pages {
	words := meanings()
	p := &pages{StatusConfig: cfg, templates: template.Must(template.New("").Funcs(template.FuncMap{"meaning": func(code string) string { return words[code] }}).Parse(statusHTML))}
	if p.Now == nil {
		p.Now = time.Now
	}
	if p.Zone == nil {
		p.Zone = time.Local
	}
	if p.Logger == nil {
		p.Logger = log.NewNopLogger()
	}
	p.ProbePath = relative(cfg.ProbePath)
	p.Links = nil
	for _, l := range cfg.Links {
		p.Links = append(p.Links, Link{l.Text, relative(l.Href)})
	}
	if cfg.DocsURL != "" {
		p.Links = append(p.Links, Link{"Documentation", cfg.DocsURL}, Link{"Alerts", cfg.DocsURL + "alerts.md"})
	}
	sum := sha256.Sum256([]byte(statusCSS))
	p.policy = "default-src 'none'; style-src 'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) +
		"'; img-src data:; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
	return p
}

// relative makes a path relative, so that it works behind a proxy's prefix.
func relative(href string) string {
	if strings.HasPrefix(href, "/") {
		return "." + href
	}
	return href
}

// serve answers with a page that build returns. A panic is a 500 and a log
// line.
func (p *pages) serve(w http.ResponseWriter, build func() (status int, page string, data any)) {
	defer func() {
		if cause := recover(); cause != nil {
			p.fail(w, fmt.Errorf("panic: %v", cause))
		}
	}()
	status, page, data := build()
	var body bytes.Buffer
	if err := p.templates.ExecuteTemplate(&body, page, data); err != nil {
		p.fail(w, err)
		return
	}
	protect(w, typeHTML, p.policy)
	w.WriteHeader(status)
	_, _ = w.Write(body.Bytes())
}

func (p *pages) fail(w http.ResponseWriter, err error) {
	level.Error(p.Logger).Log("msg", "status page not rendered", "err", err)
	say(w, http.StatusInternalServerError, "internal error: the log of the exporter has the cause")
}

// A head is what all pages show, and what their templates call.
type head struct {
	clock
	Docs    string
	Style   template.CSS
	Title   string
	Version string
	Links   []Link
	Probe   string // path of an organization's metrics
	Now     time.Time
	Local   bool // times have one of the zone beside UTC
	Reload  int  // seconds until the browser loads the page again; 0: it does not
	Refused error
	Tried   time.Time // when the configuration was refused
}

func (p *pages) head(c clock) head {
	h := head{clock: c, Now: c.now, Docs: p.DocsURL, Style: template.CSS(statusCSS), Version: p.Version, Links: p.Links, Probe: p.ProbePath} //nolint:gosec // an embedded file
	_, offset := c.now.In(c.zone).Zone()
	h.Local = offset != 0
	if p.Reloaded != nil {
		h.Tried, h.Refused = p.Reloaded()
	}
	return h
}

// Runbook returns the URL of an alert's runbook, or "" without documentation.
func (h head) Runbook(alert string) string {
	if h.Docs == "" {
		return ""
	}
	return h.Docs + "runbooks/" + alert + ".md"
}

// RunbookOf returns the URL of the runbook of the alert for a reason.
func (h head) RunbookOf(reason string) string {
	switch org.Reason(reason) {
	case org.Auth, org.NotMaster, org.Forbidden:
		return h.Runbook("CloudOrgCredentialsRefused")
	case org.Throttled:
		return h.Runbook("CloudOrgThrottled")
	case org.ClockSkew:
		return h.Runbook("CloudOrgClockOffset")
	}
	return h.Runbook("CloudOrgCollectorFailing")
}
