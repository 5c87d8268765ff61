package config

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestBytes(t *testing.T) {
	for text, want := range map[string]Bytes{
		"0": 0, "1048576": 1 << 20, "512MiB": 512 << 20, "2GB": 2 << 30, "1.5 g": 3 << 29, "10k": 10240, "7b": 7, "auto": Auto,
	} {
		var b Bytes
		if err := b.UnmarshalText([]byte(text)); err != nil || b != want {
			t.Errorf("%q = %d, %v, want %d", text, b, err, want)
		}
		var again Bytes
		if err := again.UnmarshalText([]byte(b.String())); err != nil || again != b {
			t.Errorf("%q: written as %q, read as %d", text, b, again)
		}
	}
	for _, text := range []string{"", "x", "-1", "1e30", "NaN", "12iB", "5 apples", "9999999T", "inf"} {
		var b Bytes
		if err := b.UnmarshalText([]byte(text)); err == nil {
			t.Errorf("%q is %d", text, b)
		}
	}
}

func TestLevelAndFormat(t *testing.T) {
	for text, want := range map[string]string{"INFO": "info", "Warning": "warning", "warn": "warning", "CRITICAL": "error", "debug": "debug"} {
		var l Level
		if err := l.UnmarshalText([]byte(text)); err != nil || l.String() != want {
			t.Errorf("%q = %v, %v", text, l, err)
		}
	}
	var l Level
	if err := l.UnmarshalText([]byte("loud")); err == nil || !strings.Contains(err.Error(), "debug, info, warning or error") {
		t.Error(err)
	}
	var f Format
	if err := f.UnmarshalText([]byte("xml")); err == nil {
		t.Error("xml is a format")
	}
}

func TestDotEnv(t *testing.T) {
	got, err := parseDotEnv(".env", []byte("\ufeff# comment\r\nexport A=1\r\n B = two words # rest\nC='a $b'\nD=\"x\\ty\\\"\\q\"\nE=\nF=#none\nG=a#b\n"))
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{"A": "1", "B": "two words", "C": "a $b", "D": "x\ty\"\\q", "E": "", "F": "", "G": "a#b"} {
		if got[name].Text != want {
			t.Errorf("%s = %q, want %q", name, got[name].Text, want)
		}
	}
	if got["B"].Origin != ".env:3" {
		t.Errorf("origin %q", got["B"].Origin)
	}
	for text, want := range map[string]string{
		"A=1\nnonsense": ".env:2: want NAME=value",
		"1A=2":          ".env:1: want NAME=value",
		"A='x":          "not closed",
		`A="x" y`:       "follows the closing quote",
		"A=$HOME/x":     "not substituted",
		"A=\xff":        "not UTF-8",
	} {
		if _, err := parseDotEnv(".env", []byte(text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q", text, err, want)
		}
	}
}

func TestYAML(t *testing.T) {
	good, err := parseYAML("s.yaml", []byte("port: 8000\nhost: \"::1\"\ncors_origins: [https://a.example, https://b.example]\nuse_itn: yes\n"), Keys())
	if err != nil || good["port"].Text != "8000" || good["host"].Text != "::1" || good["cors_origins"].Text != "https://a.example,https://b.example" {
		t.Errorf("%v, %v", good, err)
	}
	if got := good["use_itn"].Origin; got != "s.yaml:4" {
		t.Errorf("origin %q", got)
	}
	if empty, err := parseYAML("s.yaml", []byte("# nothing\n"), Keys()); err != nil || len(empty) != 0 {
		t.Errorf("%v, %v", empty, err)
	}
	for text, want := range map[string]string{
		"prot: 1":               `s.yaml:1: no setting "prot"; did you mean "port"?`,
		"port: 1\nport: 2":      `s.yaml:2: port is set twice, first at s.yaml:1`,
		"- port":                `s.yaml:1: want lines`,
		"port: {a: 1}":          `s.yaml:1: port: must be a plain value`,
		"port:":                 `has no value`,
		"cors_origins: [[a]]":   `must be plain values`,
		"a: &a 1\nport: *a":     `no setting "a"`,
		"port: &x 1\nhost: *x":  `must be a plain value`,
		"port: 1\n\tx: 2":       `s.yaml:`,
		"\xff":                  `s.yaml:`,
		"port: [1\n":            `s.yaml:`,
		"port: 1\n---\nport: 2": `a second document`,
	} {
		if _, err := parseYAML("s.yaml", []byte(text), Keys()); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q", text, err, want)
		}
	}
}

func TestOrderOfSources(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	env := map[string]string{"SENSEVOICE_HOST": "env", "SENSEVOICE_THREADS": ""}
	s, err := Open(func(name string) string { return env[name] },
		write("x.env", "SENSEVOICE_HOST=dot\nSENSEVOICE_PORT=2\nSENSEVOICE_PROT=3\n"),
		write("s.yaml", "host: yaml\nport: 3\nthreads: 4\n"), Keys())
	if err != nil {
		t.Fatal(err)
	}
	for key, want := range map[string]string{"host": "env SENSEVOICE_HOST in the environment", "port": "2 " + dir + "/x.env:2", "threads": "4 " + dir + "/s.yaml:3", "rate": " "} {
		v, _ := s.Lookup(Variables()[key], key)
		if got := v.Text + " " + v.Origin; got != want {
			t.Errorf("%s: %q, want %q", key, got, want)
		}
	}
	notes, err := Notes(s, s.Variables([]string{"SENSEVOICE_HOST=x", "SENSEVOICE_ENABLE_EMOTION_TAGS=true", "HOME=/"}))
	if err != nil || fmt.Sprint(notes) != "[SENSEVOICE_ENABLE_EMOTION_TAGS has no effect here: every reply has the text with emoji, with tags and without"+
		` SENSEVOICE_PROT is no setting; did you mean "SENSEVOICE_PORT"?]` {
		t.Errorf("%q, %v", notes, err)
	}
	env[targetRate] = "8000"
	if _, err := Notes(s, nil); err == nil {
		t.Error("8000 Hz is accepted")
	}
	if _, err := Open(os.Getenv, filepath.Join(dir, "none.env"), "", nil); err == nil {
		t.Error("a named .env that does not exist is accepted")
	}
	if _, err := Open(os.Getenv, write("big.env", strings.Repeat("#", maxFile+1)), "", nil); err == nil || !strings.Contains(err.Error(), "larger than 1MiB") {
		t.Errorf("large file: %v", err)
	}
}

func TestValidate(t *testing.T) {
	good := Config{
		Port: 1, GPUFraction: 1, RateBurst: 1, MaxBody: 1, MaxLength: 1, MaxFiles: 1, MaxConns: 1, MaxMemory: Auto, MaxQueue: 6e10, MaxWait: 1, MaxSpool: 1,
		Timeout: 1, ReadyTimeout: 1, EndSilence: 35e7,
	}
	if err := good.Validate(); err != nil {
		t.Fatal(err)
	}
	for want, change := range map[string]func(*Config){
		"--port (SENSEVOICE_PORT): must be 0 to 65535": func(c *Config) { c.Port = 65536 },
		"--tls-key (SENSEVOICE_TLS_KEY): and":          func(c *Config) { c.TLSCert = "x" },
		"--funasr-addr":                                func(c *Config) { c.FunASRAddr = "10095" },
		"--cors-origins":                               func(c *Config) { c.CORS = []string{"example.com"} },
		"--max-memory":                                 func(c *Config) { c.MaxMemory = 1 },
		"--live-end-silence":                           func(c *Config) { c.EndSilence = 0 },
		"--gpu-memory-fraction":                        func(c *Config) { c.GPUFraction = 1.5 },
	} {
		c := good
		change(&c)
		if err := c.Validate(); err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%v, want %q", err, want)
		}
	}
}

// TestDocumentation finds every setting in the table that users read.
func TestDocumentation(t *testing.T) {
	data, err := os.ReadFile(filepath.Join("..", "..", "docs", "configuration.md"))
	if err != nil {
		t.Fatal(err)
	}
	for key, variables := range Variables() {
		for _, want := range append(variables, "--"+strings.ReplaceAll(key, "_", "-")) {
			if !strings.Contains(string(data), "`"+want+"`") {
				t.Errorf("docs/configuration.md has no %s", want)
			}
		}
	}
}
