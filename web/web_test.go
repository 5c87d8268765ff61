package web

import (
	"io/fs"
	"os/exec"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"sensevoice/internal/golden"
)

// sizes are the most bytes that a page may load, all its files together: they go over slow lines, and are read by people.
var sizes = map[string]int{Index: 64 << 10, Docs: 60 << 10}

// served are addresses of the server that pages name and that are no files.
var served = []string{".", "docs", "ws-test", "openapi.json"}

var (
	attribute  = regexp.MustCompile(`(?:href|src)="([^"#?]*)[^"]*"`)
	imported   = regexp.MustCompile(`(?m)^import [^"]*"(\./[^"]+)"`)
	addressed  = regexp.MustCompile(`address\("(static/[^"]+)"\)`)
	refresh    = regexp.MustCompile(`url=([^"]+)"`)
	identified = regexp.MustCompile(`\bid="([^"]+)"`)
	sought     = regexp.MustCompile(`\$\("([^"]+)"\)`)
)

// files reads all files.
func files(t *testing.T) map[string]string {
	t.Helper()
	all := map[string]string{}
	err := fs.WalkDir(Files(), ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		data, err := fs.ReadFile(Files(), name)
		all[name] = string(data)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(all) < 10 {
		t.Fatalf("only %d files", len(all))
	}
	return all
}

// references are the files that a file names, as they are called in Files, and addresses that are no files.
func references(name, text string) []string {
	var found []string
	add := func(base string, matches [][]string) {
		for _, m := range matches {
			if m[1] != "" {
				found = append(found, strings.TrimPrefix(path.Join(base, m[1]), "static/"))
			}
		}
	}
	switch {
	case name == "ws_test.html": // lies at /static/, the other pages at /
		add("static", attribute.FindAllStringSubmatch(text, -1))
		add("static", refresh.FindAllStringSubmatch(text, -1))
	case path.Ext(name) == ".html":
		add("", attribute.FindAllStringSubmatch(text, -1))
	case path.Ext(name) == ".js":
		add("static", imported.FindAllStringSubmatch(text, -1))
		add("", addressed.FindAllStringSubmatch(text, -1))
	}
	return found
}

// loads are all files that a page needs, itself included.
func loads(all map[string]string, page string) []string {
	needed := []string{page}
	for i := 0; i < len(needed); i++ {
		for _, name := range references(needed[i], all[needed[i]]) {
			if _, file := all[name]; file && !slices.Contains(needed, name) && path.Ext(name) != ".html" {
				needed = append(needed, name)
			}
		}
	}
	return needed
}

func TestWhatPagesNameIsThere(t *testing.T) {
	all := files(t)
	named := []string{Index, Docs, "ws_test.html"}
	for name, text := range all {
		for _, reference := range references(name, text) {
			_, file := all[reference]
			if !file && !slices.Contains(served, reference) {
				t.Errorf("%s names %s, which is neither a file nor an address of the server", name, reference)
			}
			named = append(named, reference)
		}
	}
	for name := range all {
		if !slices.Contains(named, name) {
			t.Errorf("nothing names %s", name)
		}
	}
}

func TestScriptsFindTheirElements(t *testing.T) {
	all := files(t)
	for _, page := range []string{Index, Docs} {
		var ids []string
		for _, m := range identified.FindAllStringSubmatch(all[page], -1) {
			ids = append(ids, m[1])
		}
		for _, name := range loads(all, page) {
			for _, m := range sought.FindAllStringSubmatch(all[name], -1) {
				if !slices.Contains(ids, m[1]) {
					t.Errorf("%s looks for #%s, which %s does not have", name, m[1], page)
				}
			}
		}
	}
}

func TestNothingComesFromElsewhere(t *testing.T) {
	outside := regexp.MustCompile(`(?i)(?:https?:|wss?:|["'(])//[^\s"'<>]+`)
	harmless := regexp.MustCompile(`^http://(www\.w3\.org/2000/svg|HOST:50000/|localhost:\$\{port\}/)`) // names, not requests
	for name, text := range files(t) {
		if path.Ext(name) == ".css" && regexp.MustCompile(`url\(|@import`).MatchString(text) {
			t.Errorf("%s loads more files", name)
		}
		for _, found := range outside.FindAllString(text, -1) {
			if !harmless.MatchString(found) {
				t.Errorf("%s asks for %s", name, found)
			}
		}
	}
}

func TestNothingIsInline(t *testing.T) {
	banned := map[string]*regexp.Regexp{
		".html": regexp.MustCompile(`(?i)\son\w+\s*=|<style|\sstyle\s*=|javascript:|<script(?:\s+type="module")?>`),
		".svg":  regexp.MustCompile(`(?i)\son\w+\s*=|<script|<style`),
		".js":   regexp.MustCompile(`innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|new Function|setAttribute\("style"|cssText`),
	}
	for name, text := range files(t) {
		if rule := banned[path.Ext(name)]; rule != nil {
			if found := rule.FindString(text); found != "" {
				t.Errorf("%s has %q, which the content security policy forbids or which makes markup of text", name, found)
			}
		}
	}
	if strings.Contains(ContentSecurityPolicy, "unsafe") {
		t.Errorf("the policy allows what is unsafe: %s", ContentSecurityPolicy)
	}
}

func TestPagesAreSmall(t *testing.T) {
	all := files(t)
	for page, most := range sizes {
		needed, size := loads(all, page), 0
		for _, name := range needed {
			size += len(all[name])
		}
		t.Logf("%s: %d bytes in %d files", page, size, len(needed))
		if size > most || len(needed) < 5 {
			t.Errorf("%s loads %d bytes in %d files, more than %d or too few", page, size, len(needed), most)
		}
	}
}

func TestEveryTextIsTranslated(t *testing.T) {
	all := files(t)
	translated := map[string]bool{}
	for _, m := range regexp.MustCompile(`(?m)^  "([^"]+)": "[^"]+",$`).FindAllStringSubmatch(all["zh.js"], -1) {
		translated[m[1]] = true
	}
	if len(translated) < 50 || len(translated) != strings.Count(all["zh.js"], "\n")-3 {
		t.Fatalf("%d translations in %d lines", len(translated), strings.Count(all["zh.js"], "\n"))
	}
	texts := map[string]*regexp.Regexp{
		".html": regexp.MustCompile(`data-t>([^<]+)<|aria-label="([^"]+)" data-t-label`),
		".js":   regexp.MustCompile(`\b(?:t|hint|label): \[?"([^"]+)"|\bsay\([^"]*?, "([^"]+)"|\b(?:add|titled|new Problem)\("([^"]+)"`),
	}
	sources, count := "", 0
	for name, text := range all {
		if name == "zh.js" {
			continue
		}
		sources += text
		if texts[path.Ext(name)] == nil {
			continue
		}
		for _, m := range texts[path.Ext(name)].FindAllStringSubmatch(text, -1) {
			count++
			if english := strings.Join(m[1:], ""); !translated[english] && strings.ContainsAny(english, "abcdefghijklmnopqrstuvwxyz") {
				t.Errorf("%s says %q, which zh.js does not have", name, english)
			}
		}
	}
	if count < 50 {
		t.Errorf("only %d texts found", count)
	}
	for english := range translated {
		if !strings.Contains(sources, english) {
			t.Errorf("zh.js has %q, which no page says", english)
		}
	}
}

// TestScripts runs what can be tested of the scripts without a browser.
func TestScripts(t *testing.T) {
	node, err := exec.LookPath("node")
	if err != nil {
		golden.Missing(t, "node", "no node on this machine to run web/e2e/*.test.mjs")
	}
	tests, err := filepath.Glob("e2e/*.test.mjs")
	if err != nil || len(tests) == 0 {
		t.Fatalf("tests of the scripts: %v, %v", tests, err)
	}
	out, err := exec.CommandContext(t.Context(), node, append([]string{"--test"}, tests...)...).CombinedOutput()
	if err != nil {
		t.Errorf("node --test: %v\n%s", err, out)
	}
}
