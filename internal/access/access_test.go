package access

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestKeys(t *testing.T) {
	var k Keys
	if _, ok := k.Check(""); ok || k.Required() {
		t.Error("no keys, and one is required or known")
	}
	path := filepath.Join(t.TempDir(), "keys")
	write := func(text string) error {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return k.Load(path)
	}
	if err := write("# ours\r\nalice: sk-alice-1\n\nsk-nameless\n"); err != nil {
		t.Fatal(err)
	}
	known := func() {
		t.Helper()
		for secret, want := range map[string]string{"sk-alice-1": "alice", "sk-nameless": "key-4"} {
			if name, ok := k.Check(secret); !ok || name != want {
				t.Errorf("%q is %q, %v", secret, name, ok)
			}
		}
		for _, secret := range []string{"", "alice", "sk-alice-", "sk-alice-12", "alice: sk-alice-1"} {
			if name, ok := k.Check(secret); ok {
				t.Errorf("%q is %q", secret, name)
			}
		}
	}
	known()
	for text, want := range map[string]string{
		"":                        "holds no keys",
		"a:short":                 "line 1: a key must have 8",
		":12345678":               "line 1: the name",
		"a:12345678\na:abcdefgh":  "line 2: the name \"a\" is used twice",
		"a:12345678\nb:12345678":  "line 2: the key is listed twice",
		"a:1234 5678":             "no spaces",
		strings.Repeat("x", 5e6):  "larger",
		strings.Repeat("x", 1e5):  "too long",
		"good:12345678\nbad:SECR": "line 2",
	} {
		err := write(text)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%.20q: %v, want %q", text, err, want)
		}
		if err != nil && strings.Contains(err.Error(), "SECR") {
			t.Errorf("the message tells a key: %v", err)
		}
	}
	known() // a bad file leaves the good keys
	if err := k.Load(""); err != nil || k.Required() {
		t.Error("keys are still required")
	}
}
