package web_test

import (
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/cloudorg-exporter/cloudorg_exporter/internal/org"
	"github.com/cloudorg-exporter/cloudorg_exporter/internal/web"
)

const nasty = `"><script>alert(1)</script>'&x=/../?#%41;` + "`\u202e" + `javascript:alert(1)`

// hostile has something nasty wherever a text comes from outside.
func hostile() org.Snapshot {
	s := good(nasty)
	s.Cloud = nasty
	s.Info = read(0, org.Info{ID: nasty, Name: nasty, MasterID: nasty})
	s.Known.Members = []string{nasty}
	s.Members = read(0, org.Member{ID: nasty, Status: nasty})
	s.Invitations = read(0, org.Invitation{MemberID: nasty, OrganizationID: nasty, Status: nasty, Pending: true})
	s.Received = s.Invitations
	s.Withdrawals = fails(read(0, org.Withdrawal{MemberID: nasty}), 0, nasty, nasty, nasty)
	return s
}

func TestStatusEscapesEverything(t *testing.T) {
	page := statusPage(t, "/?name="+url.QueryEscape(nasty), hostile(), good("acme"))
	for _, forbidden := range []string{"script", "img", "iframe", "object"} {
		if len(page.all(forbidden)) > 0 {
			t.Errorf("the page has an element %s", forbidden)
		}
	}
	for n := range page.Descendants() {
		for _, a := range n.Attr {
			if strings.HasPrefix(a.Key, "on") || a.Key == "style" {
				t.Errorf("%s has the attribute %s", n.Data, a.Key)
			}
		}
	}
	links := 0
	for _, a := range page.all("a") {
		u, err := url.Parse(a.attr("href"))
		if err != nil || u.Scheme != "" && u.Scheme != "https" {
			t.Errorf("the link %q leads astray", a.attr("href"))
		}
		if err == nil && u.Path == "./probe" {
			links++
			if have := u.Query(); len(have) != 1 || have.Get("target") != nasty {
				t.Errorf("the link to the metrics asks for %q", have)
			}
		}
	}
	if links != 1 {
		t.Errorf("links to the metrics: want 1, have %d", links)
	}
	if want := strings.Join(strings.Fields(nasty), " "); !strings.Contains(page.all("section")[0].text(), want) {
		t.Errorf("the name is not shown as it is: %s", page.all("section")[0].text())
	}
}

func TestStatusAllowsABrowserNothing(t *testing.T) {
	h := get(t, web.Status(statusConfig(good("acme"))), "/").Header()
	policy := strings.Split(h.Get("Content-Security-Policy"), "; ")
	for _, want := range []string{"default-src 'none'", "base-uri 'none'", "frame-ancestors 'none'", "form-action 'self'"} {
		if !slices.Contains(policy, want) {
			t.Errorf("the policy lacks %s: %q", want, policy)
		}
	}
	if strings.Contains(h.Get("Content-Security-Policy"), "unsafe") {
		t.Errorf("the policy is unsafe: %q", policy)
	}
	for name, want := range map[string]string{
		"X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer", "X-Frame-Options": "DENY",
		"Cache-Control": "no-store", "Content-Type": "text/html; charset=utf-8",
	} {
		if have := h.Get(name); have != want {
			t.Errorf("%s: want %q, have %q", name, want, have)
		}
	}
}

// Those who do not see the page, or use no mouse, find their way by these.
func TestStatusIsAccessible(t *testing.T) {
	page := statusPage(t, "/", representative()...)
	if page.all("html")[0].attr("lang") != "en" {
		t.Error("the page has no language")
	}
	for _, table := range page.all("table") {
		if len(table.all("caption")) != 1 {
			t.Error("a table has no caption")
		}
	}
	for _, th := range page.all("th") {
		if th.attr("scope") == "" {
			t.Errorf("the header %q has no scope", th.text())
		}
	}
	for _, kind := range []string{"input", "select"} {
		for _, control := range page.all(kind) {
			if control.Parent.Data != "label" {
				t.Errorf("the %s %s has no label", kind, control.attr("name"))
			}
		}
	}
	ids := map[string]bool{}
	last := 0
	for n := range page.Descendants() {
		if id := (node{n}).attr("id"); id != "" {
			if ids[id] {
				t.Errorf("the id %s stands twice", id)
			}
			ids[id] = true
		}
		if len(n.Data) == 2 && n.Data[0] == 'h' && n.Data[1] >= '1' && n.Data[1] <= '6' {
			level := int(n.Data[1] - '0')
			if level > last+1 {
				t.Errorf("after a heading of level %d comes %q of level %d", last, node{n}.text(), level)
			}
			last = level
		}
	}
	for _, a := range page.all("a") {
		if fragment, ok := strings.CutPrefix(a.attr("href"), "#"); ok && !ids[fragment] {
			t.Errorf("the link %q leads nowhere", a.text())
		}
	}
	if first := page.all("a")[0]; first.attr("href") != "#main" {
		t.Errorf("the first link is %q, not one that skips the rest", first.text())
	}
}
