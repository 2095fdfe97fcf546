package config

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"net/netip"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/prometheus/common/config"
)

// complete fills in what f leaves out and validates the whole. All that is
// wrong is in the error, not just the first.
func complete(f file) (*Config, error) {
	if len(f.Organizations) == 0 {
		return nil, errors.New("organizations: at least one is needed")
	}
	var c Config
	var errs []error
	for _, err := range f.Defaults.problems() {
		errs = append(errs, fmt.Errorf("defaults: %w", err))
	}
	seen := map[string]bool{}
	for i, o := range f.Organizations {
		where := fmt.Sprintf("organization %q", o.Name)
		switch {
		case o.Name == "":
			where = fmt.Sprintf("organizations[%d]", i)
			errs = append(errs, fmt.Errorf("%s: name is missing", where))
		case !utf8.ValidString(o.Name):
			errs = append(errs, fmt.Errorf("%s: name is not UTF-8", where))
		case strings.ContainsFunc(o.Name, unicode.IsControl):
			errs = append(errs, fmt.Errorf("%s: name has a control character", where))
		case seen[o.Name]:
			errs = append(errs, fmt.Errorf("%s: the name stands twice", where))
		}
		seen[o.Name] = true
		out, problems := o.complete(f.Defaults)
		for _, err := range problems {
			errs = append(errs, fmt.Errorf("%s: %w", where, err))
		}
		c.Organizations = append(c.Organizations, out)
	}
	if len(errs) > 0 {
		return nil, errors.Join(errs...)
	}
	return &c, nil
}

// A cloud is what differs between the clouds.
type cloud struct {
	collectors []string // all that it has
	defaults   []string
	complete   func(o organization, out *Organization) []error
}

func clouds() map[string]cloud {
	return map[string]cloud{
		NCP: {
			collectors: []string{"organization", "groups", "members", "invitations", "withdrawals", "policies"},
			defaults:   []string{"organization", "groups", "members", "invitations", "withdrawals"},
			complete:   organization.completeNCP,
		},
		SCP: {
			collectors: []string{"organization", "members", "invitations", "received_invitations", "api_version"},
			defaults:   []string{"members", "invitations", "received_invitations", "api_version"},
			complete:   organization.completeSCP,
		},
	}
}

func (o organization) complete(defaults settings) (out Organization, errs []error) {
	out = Organization{
		Name: o.Name, Cloud: o.Cloud, InsecureHTTP: o.InsecureHTTP,
		CacheTTL:       length(5*time.Minute, defaults.CacheTTL, o.CacheTTL),
		ErrorTTL:       length(time.Minute, defaults.ErrorTTL, o.ErrorTTL),
		MaxStale:       length(time.Hour, defaults.MaxStale, o.MaxStale),
		RefreshTimeout: length(time.Minute, defaults.RefreshTimeout, o.RefreshTimeout),
		Concurrency:    int(pick(4, defaults.Concurrency, o.Concurrency)),
		RateLimit:      pick(10, defaults.RateLimit, o.RateLimit),
		MaxItems:       int(pick(1000, defaults.MaxItems, o.MaxItems)),
		HTTP:           pick(httpClient{HTTPClientConfig: config.DefaultHTTPClientConfig}, defaults.HTTP, o.HTTP).HTTPClientConfig,
	}
	errs = append(o.problems(), o.InvitationLifetime.problem("invitation_lifetime"))
	errs = slices.DeleteFunc(errs, func(err error) bool { return err == nil })
	bad := func(format string, args ...any) { errs = append(errs, fmt.Errorf(format, args...)) }
	if len(errs) == 0 && out.RefreshTimeout == 0 {
		bad("refresh_timeout must be above 0")
	}
	if out.Concurrency < 1 || out.Concurrency > 1000 {
		bad("concurrency must be 1 to 1000, not %d", out.Concurrency)
	}
	if !(out.RateLimit > 0) || math.IsInf(out.RateLimit, 0) {
		bad("rate_limit must be above 0, not %v", out.RateLimit)
	}
	if out.MaxItems < 0 {
		bad("max_items must not be below 0, not %d", out.MaxItems)
	}
	var err error
	if out.AccessKey, err = key("access_key", o.AccessKey, o.AccessKeyFile); err != nil {
		errs = append(errs, err)
	}
	if out.SecretKey, err = key("secret_key", o.SecretKey, o.SecretKeyFile); err != nil {
		errs = append(errs, err)
	}
	cloud, ok := clouds()[o.Cloud]
	if !ok {
		bad("cloud must be %s or %s, not %q", NCP, SCP, o.Cloud)
		return out, errs
	}
	out.Collectors, err = collectors(o.Collectors, cloud)
	if err != nil {
		bad("collectors: %w", err)
	}
	errs = append(errs, cloud.complete(o, &out)...)
	if err := checkURL(out.BaseURL, o.InsecureHTTP); err != nil {
		bad("base_url: %w", err)
	}
	return out, errs
}

func (o organization) completeNCP(out *Organization) (errs []error) {
	errs = foreign(NCP, map[string]bool{
		"environment": o.Environment != nil, "api_version": o.APIVersion != nil,
		"organization_id": o.OrganizationID != nil, "page_size": o.PageSize != nil,
	})
	// The public environment's gateway, the only one that has this API.
	out.BaseURL = cmp.Or(o.BaseURL, "https://organization.apigw.ntruss.com")
	out.MembersFrom = pick(FromGroups, o.MembersFrom)
	if out.MembersFrom != FromGroups && out.MembersFrom != FromTree {
		errs = append(errs, fmt.Errorf("members_from must be %s or %s, not %q", FromGroups, FromTree, out.MembersFrom))
	}
	// An invitation lives 30 days. Source: guide organization-spec.
	out.InvitationLifetime = length(30*24*time.Hour, o.InvitationLifetime)
	return errs
}

var (
	versionNumber = regexp.MustCompile(`^([0-9]+(\.[0-9]+)*)?$`)
	// What would have to be escaped in a URL cannot be signed with certainty.
	plainID = regexp.MustCompile(`^[A-Za-z0-9_.-]*$`)
)

func (o organization) completeSCP(out *Organization) (errs []error) {
	errs = foreign(SCP, map[string]bool{"members_from": o.MembersFrom != nil})
	bad := func(format string, args ...any) { errs = append(errs, fmt.Errorf(format, args...)) }
	out.Environment = pick("e", o.Environment)
	if !slices.Contains([]string{"s", "g", "e"}, out.Environment) {
		bad("environment must be s, g or e, not %q", out.Environment)
	}
	out.BaseURL = cmp.Or(o.BaseURL, "https://organization."+out.Environment+".samsungsdscloud.com")
	out.APIVersion = pick("1.3", o.APIVersion)
	if !versionNumber.MatchString(out.APIVersion) {
		bad(`api_version must be a number like "1.3", or "" for the newest, not %q`, out.APIVersion)
	}
	out.OrganizationID = pick("", o.OrganizationID)
	if !plainID.MatchString(out.OrganizationID) {
		bad("organization_id may have letters, digits, _, . and -, not %q", out.OrganizationID)
	}
	out.PageSize = int(pick(100, o.PageSize))
	if out.PageSize < 1 || out.PageSize > 1000 {
		bad("page_size must be 1 to 1000, not %d", out.PageSize)
	}
	out.InvitationLifetime = length(0, o.InvitationLifetime)
	return errs
}

// foreign returns an error for each key that is given and belongs to another
// cloud.
func foreign(cloud string, given map[string]bool) (errs []error) {
	for name, ok := range given {
		if ok {
			errs = append(errs, fmt.Errorf("%s has no meaning for cloud %s", name, cloud))
		}
	}
	slices.SortFunc(errs, func(a, b error) int { return strings.Compare(a.Error(), b.Error()) })
	return errs
}

// key returns the key given as text or as file, but not both, and checks that
// it can be read now.
func key(name string, text config.Secret, file string) (Key, error) {
	k := Key{text: strings.TrimSpace(string(text)), file: file}
	switch {
	case k.text == "" && file == "":
		return k, fmt.Errorf("%s or %s_file is missing", name, name)
	case k.text != "" && file != "":
		return k, fmt.Errorf("%s and %s_file are both given: one is enough", name, name)
	case !isKey(k.text):
		return k, fmt.Errorf("%s must be one line of printable text", name)
	}
	if _, err := k.Read(); err != nil {
		return k, fmt.Errorf("%s_file: %w", name, err)
	}
	return k, nil
}

func collectors(given []string, c cloud) ([]string, error) {
	switch {
	case given == nil:
		return c.defaults, nil
	case len(given) == 0:
		return nil, errors.New("the list is empty: leave the key out for the default")
	}
	for i, name := range given {
		if !slices.Contains(c.collectors, name) {
			return nil, fmt.Errorf("there is no %q here, only %s", name, strings.Join(c.collectors, ", "))
		}
		if slices.Contains(given[:i], name) {
			return nil, fmt.Errorf("%q stands twice", name)
		}
	}
	return given, nil
}

// checkURL refuses what could carry the signed headers to somebody else.
func checkURL(s string, insecure bool) error {
	u, err := url.Parse(s)
	switch {
	case err != nil:
		return errors.New("not a URL")
	case u.Scheme != "https" && u.Scheme != "http" || u.Host == "":
		return errors.New("must begin with https:// and name a host")
	case u.User != nil || u.RawQuery != "" || u.Fragment != "":
		return errors.New("must have no user, query or fragment")
	case u.Scheme == "http" && !insecure && !loopback(u.Hostname()):
		return errors.New("plain http to another machine shows it what is signed: use https, or set insecure_http: true")
	}
	return nil
}

func loopback(host string) bool {
	ip, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && ip.IsLoopback()
}

// pick returns the last value that is given.
func pick[T any](fallback T, given ...*T) T {
	for _, v := range given {
		if v != nil {
			fallback = *v
		}
	}
	return fallback
}
