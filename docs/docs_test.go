// Package docs_test checks the documents against the program: links, flags, metric
// names, names of tests, example configurations and the output in the README.
package docs_test

import (
	"bufio"
	"context"
	"io"
	"io/fs"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
)

var (
	link     = regexp.MustCompile(`\]\(([^)\s]+)\)`)
	heading  = regexp.MustCompile(`(?m)^#+ (.+)$`)
	notWord  = regexp.MustCompile(`[^\p{L}\p{N} _-]`)
	fenced   = regexp.MustCompile("(?ms)^ *```.*?^ *```$")
	flag     = regexp.MustCompile("(?:`|cloudorg_exporter(?: [^`\n|]*?)? )(--[a-z][a-z.-]*[a-z])")
	metric   = regexp.MustCompile(`\bcloudorg_[a-z_]+[a-z]\b`)
	yamlText = regexp.MustCompile("(?ms)^( *)```yaml\n(.*?)^ *```$")
	shown    = regexp.MustCompile(`^cloudorg_(members|pending)`) // as in the README's command
	testName = regexp.MustCompile("`((?:Test|Fuzz)[A-Z][A-Za-z0-9]*)`")
	declared = regexp.MustCompile(`(?m)^func ((?:Test|Fuzz)\w+)\(`)
	number   = regexp.MustCompile(` [0-9.]+$`)
)

func documents(t *testing.T) map[string]string {
	t.Helper()
	texts := map[string]string{}
	for _, pattern := range []string{"../*.md", "*.md", "runbooks/*.md", "../dashboards/*.md", "../.github/*.md"} {
		files, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range files {
			text, err := os.ReadFile(f)
			if err != nil {
				t.Fatal(err)
			}
			texts[f] = string(text)
		}
	}
	if len(texts) < 20 {
		t.Fatalf("want at least 20 documents, have %d", len(texts))
	}
	return texts
}

// anchors returns the anchors of a document's headings, as GitHub makes them.
func anchors(text string) map[string]bool {
	all := map[string]bool{}
	for _, m := range heading.FindAllStringSubmatch(fenced.ReplaceAllString(text, ""), -1) {
		all[strings.ReplaceAll(strings.ToLower(notWord.ReplaceAllString(m[1], "")), " ", "-")] = true
	}
	return all
}

// Every relative link leads to a file, and to a heading of it.
func TestLinks(t *testing.T) {
	for file, text := range documents(t) {
		for _, m := range link.FindAllStringSubmatch(fenced.ReplaceAllString(text, ""), -1) {
			if strings.Contains(m[1], "://") {
				continue
			}
			path, anchor, _ := strings.Cut(m[1], "#")
			target := file
			if path != "" {
				target = filepath.Join(filepath.Dir(file), path)
			}
			if _, err := os.Stat(target); err != nil {
				t.Errorf("%s: %s: %v", file, m[1], err)
			}
			if anchor == "" {
				continue
			}
			if body, err := os.ReadFile(target); err != nil || !anchors(string(body))[anchor] {
				t.Errorf("%s: %s: no such heading", file, m[1])
			}
		}
	}
}

// Every test that a document names exists.
func TestNamesOfTests(t *testing.T) {
	exists := map[string]bool{}
	err := filepath.WalkDir("..", func(path string, _ fs.DirEntry, err error) error {
		if err != nil || !strings.HasSuffix(path, "_test.go") {
			return err
		}
		source, err := os.ReadFile(path)
		for _, m := range declared.FindAllStringSubmatch(string(source), -1) {
			exists[m[1]] = true
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	for file, text := range documents(t) {
		for _, m := range testName.FindAllStringSubmatch(text, -1) {
			if !exists[m[1]] {
				t.Errorf("%s: there is no test %s", file, m[1])
			}
		}
	}
}

// program builds the program, once for all tests that need it.
func program(t *testing.T) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "cloudorg_exporter")
	if out, err := exec.CommandContext(t.Context(), "go", "build", "-buildvcs=false", "-o", file, "..").CombinedOutput(); err != nil {
		t.Fatalf("build: %v\n%s", err, out)
	}
	return file
}

func TestProgram(t *testing.T) {
	exporter := program(t)
	t.Run("flags", func(t *testing.T) { testFlags(t, exporter) })
	t.Run("configurations", func(t *testing.T) { testConfigurations(t, exporter) })
	t.Run("demo", func(t *testing.T) { testDemo(t, exporter) })
}

// Every flag in a document is in the program's help.
func testFlags(t *testing.T, exporter string) {
	help, err := exec.CommandContext(t.Context(), exporter, "--help").CombinedOutput()
	if err != nil {
		t.Fatalf("--help: %v\n%s", err, help)
	}
	has := func(name string) bool {
		return regexp.MustCompile(`(?m)^ .*` + regexp.QuoteMeta(strings.Replace(name, "--", "--[no-]", 1)) + `\b|^ .*` + regexp.QuoteMeta(name) + `(=|\s)`).Match(help)
	}
	for file, text := range documents(t) {
		for _, m := range flag.FindAllStringSubmatch(text, -1) {
			if !has(m[1]) {
				t.Errorf("%s: the program has no flag %s", file, m[1])
			}
		}
	}
}

// Every configuration of the exporter in a document is valid.
func testConfigurations(t *testing.T, exporter string) {
	checked := 0
	for file, text := range documents(t) {
		for _, m := range yamlText.FindAllStringSubmatch(text, -1) {
			yaml := strings.ReplaceAll("\n"+m[2], "\n"+m[1], "\n")
			if !strings.HasPrefix(strings.TrimSpace(yaml), "organizations:") {
				continue
			}
			checked++
			dir := t.TempDir()
			for _, k := range regexp.MustCompile(`_key_file: (\S+)`).FindAllStringSubmatch(yaml, -1) {
				if err := os.WriteFile(filepath.Join(dir, filepath.Base(k[1])), []byte("EXAMPLEKEY"+filepath.Base(k[1])), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			config := filepath.Join(dir, "config.yml")
			if err := os.WriteFile(config, []byte(yaml), 0o600); err != nil {
				t.Fatal(err)
			}
			if out, err := exec.CommandContext(t.Context(), exporter, "--config.check", "--config.file="+config).CombinedOutput(); err != nil {
				t.Errorf("%s: %v\n%s\n%s", file, err, out, yaml)
			}
		}
	}
	if checked == 0 {
		t.Error("no document has a configuration")
	}
}

// The README shows the demo's log line and series as they are, but for the
// numbers, and names no metric that does not exist.
func testDemo(t *testing.T, exporter string) {
	readme, err := os.ReadFile("../README.md")
	if err != nil {
		t.Fatal(err)
	}
	reference, err := os.ReadFile("metrics.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range metric.FindAllString(strings.ReplaceAll(string(readme), "cloudorg_exporter", ""), -1) {
		if !strings.Contains(string(reference), name) {
			t.Errorf("README.md: there is no metric %s", name)
		}
	}

	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	demo := exec.CommandContext(ctx, exporter, "--demo", "--web.listen-address=127.0.0.1:0")
	stderr, err := demo.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := demo.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = demo.Process.Kill(); _ = demo.Wait() }()
	lines := bufio.NewScanner(stderr)
	address, announced := "", false
	for address == "" && lines.Scan() {
		announced = announced || strings.Contains(lines.Text(), `msg="demo: a day passes every minute" open=http://`)
		if _, after, ok := strings.Cut(lines.Text(), `msg="Listening on" address=`); ok {
			address = after
		}
	}
	if address == "" {
		t.Fatal("the demo does not listen")
	}
	if !announced {
		t.Error("README.md: the demo's first log line is another")
	}
	go func() { _, _ = io.Copy(io.Discard, stderr) }()

	var have map[string]bool
	want := regexp.MustCompile(`(?m)^cloudorg_\w+\{.*$`).FindAllString(string(readme), -1)
	if len(want) < 5 {
		t.Fatalf("README.md shows %d series", len(want))
	}
	complete := func() bool {
		have = scrape(ctx, t, "http://"+address+"/metrics")
		for _, line := range want {
			if !have[number.ReplaceAllString(line, "")] {
				return false
			}
		}
		return true
	}
	for deadline := time.Now().Add(20 * time.Second); !complete(); time.Sleep(100 * time.Millisecond) {
		if time.Now().After(deadline) {
			break
		}
	}
	for _, line := range want {
		if series := number.ReplaceAllString(line, ""); !have[series] {
			t.Errorf("README.md: the demo has no series %s", series)
		}
	}
	for series := range have {
		if shown.MatchString(series) && !strings.Contains(string(readme), series+" ") {
			t.Errorf("README.md: the demo also has the series %s", series)
		}
	}
}

// scrape returns the series at url, without their values.
func scrape(ctx context.Context, t *testing.T, url string) map[string]bool {
	t.Helper()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	series := map[string]bool{}
	for lines := bufio.NewScanner(resp.Body); lines.Scan(); {
		series[number.ReplaceAllString(lines.Text(), "")] = true
	}
	return series
}
