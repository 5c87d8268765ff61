package config

import (
	"strings"
	"testing"
	"unicode/utf8"
)

func FuzzDotEnv(f *testing.F) {
	f.Add([]byte("export A=1\nB='x y' # c\nC=\"a\\n\\\"\"\n"))
	f.Add([]byte("A=\"\\"))
	f.Fuzz(func(t *testing.T, data []byte) {
		values, err := parseDotEnv("f", data)
		if err != nil {
			return
		}
		for name, v := range values {
			if !isVariable(name) || !utf8.ValidString(v.Text) || !strings.HasPrefix(v.Origin, "f:") {
				t.Errorf("%q = %+v", name, v)
			}
		}
	})
}

func FuzzYAML(f *testing.F) {
	f.Add([]byte("port: 1\ncors_origins: [a, b]\n"))
	f.Add([]byte("a: &a [*a, *a]\n"))
	keys := Keys()
	f.Fuzz(func(t *testing.T, data []byte) {
		values, err := parseYAML("f", data, keys)
		if err != nil && !strings.HasPrefix(err.Error(), "f:") {
			t.Errorf("the error names no place: %v", err)
		}
		if len(values) > len(keys) {
			t.Errorf("%d values", len(values))
		}
	})
}

func FuzzBytes(f *testing.F) {
	f.Add("12MiB")
	f.Fuzz(func(t *testing.T, text string) {
		var b, again Bytes
		if b.UnmarshalText([]byte(text)) != nil {
			return
		}
		if b < 0 && b != Auto {
			t.Fatalf("%q is %d", text, b)
		}
		if err := again.UnmarshalText([]byte(b.String())); err != nil || again != b {
			t.Errorf("%q: %d, written as %q, read as %d, %v", text, b, b, again, err)
		}
	})
}
