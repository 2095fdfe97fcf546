package web_test

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/cloudorg-exporter/cloudorg_exporter/internal/org"
	"github.com/cloudorg-exporter/cloudorg_exporter/internal/web"
)

const nasty = `"><script>alert(1)</script>'&x=/../?#%41;` + "`\u202e" + `javascript:alert(1)`

// hostile has a hostile text wherever a text comes from outside.
func hostile() org.Snapshot {
	s := good(nasty)
	s.Cloud = nasty
	s.Info = read(0, org.Info{ID: nasty, Name: nasty, MasterID: nasty})
	s.Known.Members = []string{nasty}
	s.Members = read(0, org.Member{ID: nasty, Status: nasty}, org.Member{ID: nasty, Status: "another " + nasty})
	s.Invitations = read(0, org.Invitation{MemberID: nasty, OrganizationID: nasty, Status: nasty, Pending: true})
	s.Received = s.Invitations
	s.Withdrawals = failed(read(0, org.Withdrawal{MemberID: nasty}), 0, nasty, nasty, nasty)
	s.Changes = []org.Change{
		{What: org.MemberChanged, MemberID: nasty, GroupID: nasty, From: nasty, To: nasty, Time: noon()},
		{What: org.InvitationGone, OrganizationID: nasty, Status: nasty},
	}
	return s
}

func pagesOf(name string) []string {
	name = url.QueryEscape(name)
	return []string{"/?reason=" + name + "&name=" + name, "/organization?name=" + name, "/organization?name=x" + name}
}

func TestStatusEscapesEverything(t *testing.T) {
	for _, address := range pagesOf(nasty) {
		page := parse(t, get(t, handler(statusConfig(hostile(), good("acme"))), address).Body.String())
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
		for _, a := range page.all("a") {
			u, err := url.Parse(a.attr("href"))
			if err != nil || u.Scheme != "" && u.Scheme != "https" {
				t.Errorf("link to %q", a.attr("href"))
				continue
			}
			key, path := "target", u.Path == "./probe"
			if u.Path == "./organization" {
				key, path = "name", true
			}
			if have := u.Query(); path && (len(have) != 1 || have.Get(key) != nasty) {
				t.Errorf("the link to %s asks for %q", u.Path, have)
			}
		}
		if want := strings.Join(strings.Fields(nasty), " "); !strings.Contains(page.text(), want) {
			t.Errorf("the name is not shown as it is: %s", page.text())
		}
	}
}

func TestStatusAllowsABrowserNothing(t *testing.T) {
	for _, address := range pagesOf("acme") {
		h := get(t, handler(statusConfig(good("acme"))), address).Header()
		policy := strings.Split(h.Get("Content-Security-Policy"), "; ")
		for _, want := range []string{"default-src 'none'", "base-uri 'none'", "frame-ancestors 'none'", "form-action 'self'"} {
			if !slices.Contains(policy, want) {
				t.Errorf("the policy lacks %s: %q", want, policy)
			}
		}
		if strings.Contains(h.Get("Content-Security-Policy"), "unsafe") || strings.Contains(h.Get("Content-Security-Policy"), "script") {
			t.Errorf("the policy allows too much: %q", policy)
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
}

// A screen reader and a keyboard depend on these.
func TestStatusIsAccessible(t *testing.T) {
	addresses := []string{"/", "/?name=nobody", "/organization?name=nobody"}
	for _, s := range world() {
		addresses = append(addresses, "/organization?name="+url.QueryEscape(s.Organization))
	}
	for _, address := range addresses {
		page := parse(t, get(t, handler(statusConfig(world()...)), address).Body.String())
		if page.all("html")[0].attr("lang") != "en" {
			t.Errorf("%s: no language", address)
		}
		for _, table := range page.all("table") {
			if len(table.all("caption")) != 1 {
				t.Errorf("%s: a table has no caption", address)
			}
		}
		for _, th := range page.all("th") {
			if th.attr("scope") == "" {
				t.Errorf("%s: the header %q has no scope", address, th.text())
			}
		}
		ids, labels := map[string]bool{}, map[string]bool{}
		for _, l := range page.all("label") {
			labels[l.attr("for")] = true
		}
		for _, input := range page.all("input") {
			if input.attr("type") != "hidden" && !labels[input.attr("id")] {
				t.Errorf("%s: the input %s has no label", address, input.attr("name"))
			}
		}
		last := 0
		for n := range page.Descendants() {
			if id := (node{n}).attr("id"); id != "" {
				if ids[id] {
					t.Errorf("%s: duplicate id %s", address, id)
				}
				ids[id] = true
			}
			if len(n.Data) == 2 && n.Data[0] == 'h' && n.Data[1] >= '1' && n.Data[1] <= '6' {
				level := int(n.Data[1] - '0')
				if level > last+1 {
					t.Errorf("%s: after a heading of level %d comes %q of level %d", address, last, node{n}.text(), level)
				}
				last = level
			}
		}
		for _, section := range page.all("section") {
			if !ids[section.attr("aria-labelledby")] {
				t.Errorf("%s: a section is labelled by %q, which does not exist", address, section.attr("aria-labelledby"))
			}
		}
		if first := page.all("a")[0]; first.attr("href") != "#main" || !ids["main"] {
			t.Errorf("%s: the first link is %q, not one that skips the rest", address, first.text())
		}
	}
}

// A page is bounded, whatever a cloud sends: of members it has only counts.
func TestOrganizationIsBounded(t *testing.T) {
	s := good("acme")
	s.Members = read(0, members("JOIN", 100_000)...)
	for i := range s.Members.Items[:20_000] {
		s.Listings.Members.Items[i].Status = fmt.Sprint("status", i)
	}
	s.Invitations = read(0, slices.Repeat([]org.Invitation{invited(2, day)}, 20_000)...)
	s.Received = s.Invitations
	s.Withdrawals = read(0, slices.Repeat([]org.Withdrawal{leaving(2, day)}, 20_000)...)
	s.Changes = slices.Repeat([]org.Change{{Time: noon().Add(-time.Hour), What: org.MemberChanged, From: "JOIN", To: org.None}}, 20_000)
	s.Groups = failed(s.Groups, 0, org.Other, "", long("x", 100_000))
	w := get(t, web.Organization(statusConfig(s)), "/organization?name=acme")
	if w.Code != http.StatusOK || w.Body.Len() > 6<<20 {
		t.Errorf("status %d, %d bytes", w.Code, w.Body.Len())
	}
	for _, want := range []string{
		`Members <span class="total">100000</span>`, `Pending invitations <span class="total">20000</span>`,
		`Requests to leave <span class="total">20000</span>`, "the first 5000",
	} {
		if !strings.Contains(w.Body.String(), want) { // to parse it takes seconds
			t.Errorf("the page lacks %q", want)
		}
	}
}
