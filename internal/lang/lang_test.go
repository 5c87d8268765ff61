package lang

import "testing"

func TestFromEnv(t *testing.T) {
	for _, c := range []struct {
		own, all, lang string
		want           Language
		wrong          bool
	}{
		{want: English},
		{lang: "zh_CN.UTF-8", want: Chinese},
		{lang: "zh_CN.UTF-8", all: "C", want: English},
		{own: "en", lang: "zh_CN.UTF-8", want: English},
		{own: "ZH", want: Chinese},
		{own: "zh-TW", want: Chinese},
		{own: "fr", wrong: true},
	} {
		env := map[string]string{"SENSEVOICE_LANG": c.own, "LC_ALL": c.all, "LANG": c.lang}
		got, err := FromEnv(func(k string) string { return env[k] })
		if got != c.want || (err != nil) != c.wrong {
			t.Errorf("%+v: %v, %v", c, got, err)
		}
	}
}

func TestText(t *testing.T) {
	text := Sprintf("%[1]s has %[2]d", "%[2]d 个在 %[1]s", "card", 3)
	if text.In(English) != "card has 3" || text.In(Chinese) != "3 个在 card" || text.Empty() || !(Text{}).Empty() {
		t.Errorf("%+v", text)
	}
}
