package access

import (
	"strings"
	"testing"
)

func FuzzParse(f *testing.F) {
	f.Add([]byte("# c\nalice: sk-alice-1\nsk-nameless\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		list, err := parse(data)
		if (err == nil) != (len(list) > 0) {
			t.Errorf("%d keys, %v", len(list), err)
		}
		for _, k := range list {
			if k.name == "" || strings.ContainsAny(k.name, "\n:") {
				t.Errorf("name %q", k.name)
			}
		}
	})
}
