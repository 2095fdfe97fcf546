package dashboards_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v2"

	"github.com/cloudorg-exporter/cloudorg_exporter/collector"
)

// update reports whether the tests write the files that they would otherwise
// compare.
func update() bool {
	f := flag.Lookup("update")
	return f != nil && f.Value.String() == "true"
}

// withPromtool reports whether the tests that need promtool run.
func withPromtool() bool {
	f := flag.Lookup("promtool")
	return f != nil && f.Value.String() == "true"
}

func TestMain(m *testing.M) {
	flag.Bool("promtool", false, "run the tests that need promtool and amtool")
	flag.Bool("update", false, "write docs/metrics.md and docs/alerts.md")
	flag.Parse()
	os.Exit(m.Run())
}

// A group is a group of rules.
type group struct {
	Name     string `yaml:"name"`
	Interval string `yaml:"interval"`
	Rules    []rule `yaml:"rules"`
}

// A rule is a recording or an alerting rule.
type rule struct {
	Record      string            `yaml:"record"`
	Alert       string            `yaml:"alert"`
	Expr        string            `yaml:"expr"`
	For         string            `yaml:"for"`
	Labels      map[string]string `yaml:"labels"`
	Annotations map[string]string `yaml:"annotations"`
}

// groups returns all groups in the order in which they depend on each other.
func groups(t *testing.T) (all []group) {
	t.Helper()
	for _, file := range []string{"thresholds.yml", "rules.yml", "alerts.yml"} {
		var f struct {
			Groups []group `yaml:"groups"`
		}
		if err := yaml.UnmarshalStrict(read(t, file), &f); err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		all = append(all, f.Groups...)
	}
	return all
}

func groupNames(t *testing.T) (all []string) {
	t.Helper()
	for _, g := range groups(t) {
		all = append(all, g.Name)
	}
	return all
}

func rules(t *testing.T) (all []rule) {
	t.Helper()
	for _, g := range groups(t) {
		all = append(all, g.Rules...)
	}
	return all
}

func alerts(t *testing.T) []rule {
	t.Helper()
	return slices.DeleteFunc(rules(t), func(r rule) bool { return r.Alert == "" })
}

// A dashboard has the parts of Grafana's dashboard model that the tests check.
type dashboard struct {
	file          string
	ID            *int     `json:"id"`
	UID           string   `json:"uid"`
	Title         string   `json:"title"`
	Description   string   `json:"description"`
	SchemaVersion int      `json:"schemaVersion"`
	Tags          []string `json:"tags"`
	Links         []struct {
		Type        string `json:"type"`
		URL         string `json:"url"`
		IncludeVars bool   `json:"includeVars"`
		AsDropdown  bool   `json:"asDropdown"`
	} `json:"links"`
	Panels      []panel `json:"panels"`
	Annotations struct {
		List []annotation `json:"list"`
	} `json:"annotations"`
	Templating struct {
		List []variable `json:"list"`
	} `json:"templating"`
}

type annotation struct {
	Name       string     `json:"name"`
	BuiltIn    int        `json:"builtIn"`
	Datasource datasource `json:"datasource"`
	Expr       string     `json:"expr"`
	Step       string     `json:"step"`
	Title      string     `json:"titleFormat"`
	Text       string     `json:"textFormat"`
	Target     struct {
		Expr string `json:"expr"`
	} `json:"target"`
}

type variable struct {
	Name       string     `json:"name"`
	Type       string     `json:"type"`
	Datasource datasource `json:"datasource"`
	Definition string     `json:"definition"`
	Query      any        `json:"query"`
	Refresh    int        `json:"refresh"`
	IncludeAll bool       `json:"includeAll"`
	Multi      bool       `json:"multi"`
}

type datasource struct {
	Type string `json:"type"`
	UID  string `json:"uid"`
}

type panel struct {
	ID          int        `json:"id"`
	Type        string     `json:"type"`
	Title       string     `json:"title"`
	Description string     `json:"description"`
	Datasource  datasource `json:"datasource"`
	Collapsed   bool       `json:"collapsed"` // of a row
	Panels      []panel    `json:"panels"`    // of a collapsed row
	GridPos     struct {
		H, W, X, Y int
	} `json:"gridPos"`
	FieldConfig struct {
		Defaults struct {
			Unit       string   `json:"unit"`
			NoValue    string   `json:"noValue"`
			Min        *float64 `json:"min"`
			Thresholds struct {
				Steps []step `json:"steps"`
			} `json:"thresholds"`
			Custom struct {
				DrawStyle string `json:"drawStyle"`
			} `json:"custom"`
		} `json:"defaults"`
		Overrides []override `json:"overrides"`
	} `json:"fieldConfig"`
	Options struct {
		GraphMode string `json:"graphMode"`
		SortBy    []struct {
			DisplayName string `json:"displayName"`
			Desc        bool   `json:"desc"`
		} `json:"sortBy"`
	} `json:"options"`
	Targets         []target `json:"targets"`
	Transformations []struct {
		ID      string `json:"id"`
		Options struct {
			RenameByName  map[string]string `json:"renameByName"`
			ExcludeByName map[string]bool   `json:"excludeByName"`
		} `json:"options"`
	} `json:"transformations"`

	inRow bool // in a collapsed row
}

type step struct {
	Color string   `json:"color"`
	Value *float64 `json:"value"`
}

type override struct {
	Matcher struct {
		ID      string `json:"id"`
		Options string `json:"options"`
	} `json:"matcher"`
	Properties []struct {
		ID    string `json:"id"`
		Value any    `json:"value"`
	} `json:"properties"`
}

// property returns the value of an override's property, or nil.
func (o override) property(id string) any {
	for _, p := range o.Properties {
		if p.ID == id {
			return p.Value
		}
	}
	return nil
}

// A target is a query of a panel.
type target struct {
	Datasource datasource `json:"datasource"`
	Expr       string     `json:"expr"`
	Format     string     `json:"format"`
	Interval   string     `json:"interval"`
	Legend     string     `json:"legendFormat"`
	RefID      string     `json:"refId"`
	Instant    bool       `json:"instant"`
	Range      bool       `json:"range"`
}

// columns returns the displayed columns of a table by the label, or the value,
// that each shows.
func (p panel) columns() map[string]string {
	all := map[string]string{}
	for _, tr := range p.Transformations {
		for from, to := range tr.Options.RenameByName {
			if !tr.Options.ExcludeByName[from] {
				all[from] = to
			}
		}
	}
	return all
}

// all returns the panels of a dashboard, those in collapsed rows included, and
// no rows.
func (d dashboard) all() (all []panel) {
	for _, p := range d.Panels {
		if p.Type != "row" {
			all = append(all, p)
			continue
		}
		for _, inner := range p.Panels {
			inner.inRow = p.Collapsed
			all = append(all, inner)
		}
	}
	return all
}

func (d dashboard) variable(name string) (variable, bool) {
	i := slices.IndexFunc(d.Templating.List, func(v variable) bool { return v.Name == name })
	if i < 0 {
		return variable{}, false
	}
	return d.Templating.List[i], true
}

func dashboards(t *testing.T) (all []dashboard) {
	t.Helper()
	files, err := filepath.Glob("*.json")
	if err != nil || len(files) != 3 {
		t.Fatalf("dashboards: want 3, have %v, %v", files, err)
	}
	for _, file := range files {
		d := dashboard{file: file}
		if err := json.Unmarshal(read(t, file), &d); err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		all = append(all, d)
	}
	return all
}

// reference returns the exporter's metrics by name.
func reference(t *testing.T) map[string]collector.Metric {
	t.Helper()
	all, err := collector.Reference()
	if err != nil {
		t.Fatal(err)
	}
	byName := map[string]collector.Metric{}
	for _, m := range all {
		byName[m.Name] = m
	}
	return byName
}

func read(t *testing.T, file string) []byte {
	t.Helper()
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// golden compares a file with what it should be, or writes it.
func golden(t *testing.T, file string, want []byte) {
	t.Helper()
	if update() {
		if err := os.WriteFile(file, want, 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	have, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(have, want) {
		t.Errorf("%s is out of date: go test ./dashboards -update", strings.TrimPrefix(file, "../"))
	}
}
