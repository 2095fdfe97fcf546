package config

import (
	"errors"
	"fmt"
	"io"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"go.yaml.in/yaml/v2"
)

// Parse reads and validates one YAML document, and the key files that it
// names. Relative file names are relative to dir.
func Parse(r io.Reader, dir string, clouds []Cloud) (*Config, error) {
	c, errs := parse(r, dir, clouds)
	return c, errors.Join(errs...)
}

// file is the whole file. What its parts mean depends on the cloud.
type file struct {
	Defaults      node   `yaml:"defaults"`
	Organizations []node `yaml:"organizations"`
}

// A node is a part of the file that is decoded later, perhaps more than once.
type node struct{ decode func(into any) error }

// UnmarshalYAML keeps the node.
func (n *node) UnmarshalYAML(decode func(any) error) error {
	n.decode = decode
	return nil
}

func parse(r io.Reader, dir string, clouds []Cloud) (*Config, []error) {
	dec := yaml.NewDecoder(r)
	dec.SetStrict(true)
	var f file
	if err := dec.Decode(&f); err != nil && !errors.Is(err, io.EOF) {
		return nil, readable(err, yamlKeys(reflect.TypeFor[file]()))
	}
	var second any
	if err := dec.Decode(&second); !errors.Is(err, io.EOF) {
		return nil, []error{errors.New("the file must contain a single YAML document")}
	}
	if len(f.Organizations) == 0 {
		return nil, []error{errors.New("organizations: at least one is needed")}
	}
	var c Config
	var errs []error
	if problems := checkDefaults(f.Defaults); len(problems) > 0 {
		errs = append(errs, located("defaults", problems)...)
		f.Defaults.decode = nil // reported once, and not for each organization
	}
	names := map[string]bool{}
	for i, n := range f.Organizations {
		o, name, problems := organization(n, f.Defaults, dir, clouds)
		where := fmt.Sprintf("organization %q", name)
		if name == "" {
			where = fmt.Sprintf("organizations[%d]", i)
		}
		if err := checkName(name, names); err != nil {
			problems = slices.Insert(problems, 0, err)
		}
		names[name] = true
		errs = append(errs, located(where, problems)...)
		c.Organizations = append(c.Organizations, o)
	}
	if len(errs) > 0 {
		return nil, errs
	}
	return &c, nil
}

// checkDefaults returns the errors of the defaults themselves.
func checkDefaults(defaults node) []error {
	if defaults.decode == nil {
		return nil
	}
	var s Settings
	if err := defaults.decode(&s); err != nil {
		return readable(err, yamlKeys(reflect.TypeFor[Settings]()))
	}
	return s.checkSyntax()
}

// organization decodes and validates one organization.
func organization(n, defaults node, dir string, clouds []Cloud) (o Organization, name string, errs []error) {
	if n.decode == nil {
		return nil, "", nil // null
	}
	var head struct {
		Name  string         `yaml:"name"`
		Cloud string         `yaml:"cloud"`
		Rest  map[string]any `yaml:",inline"`
	}
	headErr := n.decode(&head)
	i := slices.IndexFunc(clouds, func(c Cloud) bool { return c.Name == head.Cloud })
	if i < 0 {
		if head.Cloud == "" && headErr != nil {
			return nil, head.Name, readable(headErr, nil)
		}
		return nil, head.Name, []error{fmt.Errorf("cloud must be %s, not %q", cloudNames(clouds), head.Cloud)}
	}
	o = clouds[i].Keys()
	if defaults.decode != nil {
		_ = defaults.decode(&o.Base().Settings) // checked by checkDefaults
	}
	o.Base().Collectors = slices.Clone(clouds[i].Defaults)
	if err := n.decode(o); err != nil {
		errs = readable(err, yamlKeys(reflect.TypeOf(o)))
	}
	for key, value := range head.Rest {
		if value == nil {
			errs = append(errs, fmt.Errorf("%s has no value: give one or remove the key", key))
		}
	}
	slices.SortFunc(errs, func(a, b error) int { return strings.Compare(a.Error(), b.Error()) })
	errs = slices.Concat(errs, o.Base().validate(dir, clouds[i]), o.Validate(dir))
	if err := checkURL(o.Base().BaseURL, o.Base().InsecureHTTP); err != nil {
		errs = append(errs, fmt.Errorf("base_url: %w", err))
	}
	return o, head.Name, errs
}

// checkName returns what is wrong with the name of an organization.
func checkName(name string, taken map[string]bool) error {
	switch {
	case name == "":
		return errors.New("name is missing")
	case taken[name]:
		return errors.New("duplicate organization name")
	case !utf8.ValidString(name):
		return errors.New("name is not valid UTF-8")
	case strings.ContainsFunc(name, unicode.IsControl):
		return errors.New("name has a control character")
	}
	return nil
}

func cloudNames(clouds []Cloud) string {
	var names []string
	for _, c := range clouds {
		names = append(names, c.Name)
	}
	last := len(names) - 1
	if last < 1 {
		return strings.Join(names, "")
	}
	return strings.Join(names[:last], ", ") + " or " + names[last]
}

// The errors of the YAML library that show a value or a Go type.
var (
	unknownKey   = regexp.MustCompile(`field (\S+) not found in type \S+`)
	duplicateKey = regexp.MustCompile(`field (\S+) already set in type \S+`)
	wrongType    = regexp.MustCompile("(?s)cannot unmarshal (\\S+)( `.*`)? into (\\S+)$")
)

// readable returns the errors of the YAML library without Go types, and without
// the values: one may be a secret. It suggests one of keys for an unknown key.
func readable(err error, keys []string) []error {
	var types *yaml.TypeError
	if !errors.As(err, &types) {
		return []error{errors.New(wrongType.ReplaceAllString(strings.TrimPrefix(err.Error(), "yaml: "), "cannot read $1"))}
	}
	var errs []error
	for _, line := range types.Errors {
		if m := unknownKey.FindStringSubmatch(line); m != nil {
			line = strings.Replace(line, m[0], fmt.Sprintf("unknown key %q", m[1]), 1)
			if name := suggest(m[1], keys); name != "" {
				line += ", did you mean " + name + "?"
			}
		}
		line = duplicateKey.ReplaceAllString(line, `duplicate key "$1"`)
		if m := wrongType.FindStringSubmatchIndex(line); m != nil {
			line = line[:m[0]] + "cannot read " + line[m[2]:m[3]] + " as " + kind(line[m[6]:m[7]])
		}
		errs = append(errs, errors.New(line))
	}
	return errs
}

// kind names a Go type as the reader of a YAML file would.
func kind(goType string) string {
	switch {
	case strings.HasPrefix(goType, "[]"):
		return "a list"
	case goType == "config.integer":
		return "an integer"
	case goType == "float64":
		return "a number"
	case goType == "bool":
		return "true or false"
	case goType == "string", strings.HasSuffix(goType, "Secret"):
		return "a text"
	}
	return "what belongs here"
}
