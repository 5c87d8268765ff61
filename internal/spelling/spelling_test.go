package spelling

import (
	"strings"
	"testing"
)

func TestNearest(t *testing.T) {
	known := []string{"lang", "language", "keys", "files", "use_itn", "SENSEVOICE_PORT"}
	for _, test := range []struct{ word, want string }{
		{"langage", "language"},
		{"LANG", "lang"},
		{"key", "keys"},
		{"file", "files"},
		{"useitn", "use_itn"},
		{"SENSEVOICE_PROT", "SENSEVOICE_PORT"},
		{"x", ""},
		{"", ""},
		{"temperature", ""},
		{strings.Repeat("l", 65), ""},
	} {
		if got := Nearest(test.word, known); got != test.want {
			t.Errorf("Nearest(%q) = %q, want %q", test.word, got, test.want)
		}
	}
	if got := Hint("langage", known); got != `; did you mean "language"?` {
		t.Errorf("Hint = %q", got)
	}
}
