package config

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// parseDotEnv reads lines NAME=value, as python-dotenv and compose do: "export " may precede, # begins a comment at
// the start of a line or after a space, quotes keep spaces, and within double quotes \n, \t, \" and \\ mean what they
// do elsewhere. There is no substitution of variables: a $ within a value, other than within single quotes, is an
// error rather than a surprise.
func parseDotEnv(path string, data []byte) (map[string]Value, error) {
	if !utf8.Valid(data) {
		return nil, fmt.Errorf("%s: not UTF-8", path)
	}
	values := map[string]Value{}
	for i, line := range strings.Split(strings.TrimPrefix(string(data), "\ufeff"), "\n") {
		line = strings.TrimSpace(line)
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		name, text, ok := strings.Cut(strings.TrimPrefix(line, "export "), "=")
		name = strings.TrimSpace(name)
		if !ok || !isVariable(name) {
			return nil, fmt.Errorf("%s:%d: want NAME=value", path, i+1)
		}
		text, err := unquote(strings.TrimSpace(text))
		if err != nil {
			return nil, fmt.Errorf("%s:%d: %s: %w", path, i+1, name, err)
		}
		values[name] = Value{text, fmt.Sprintf("%s:%d", path, i+1)}
	}
	return values, nil
}

func isVariable(name string) bool {
	for i, c := range []byte(name) {
		letter := 'a' <= c|0x20 && c|0x20 <= 'z' || c == '_'
		if !letter && (i == 0 || c < '0' || c > '9') {
			return false
		}
	}
	return name != ""
}

func unquote(s string) (string, error) {
	if s == "" {
		return "", nil
	}
	switch quote := s[0]; quote {
	case '\'', '"':
		text, rest, ok := closing(s[1:], quote)
		if !ok {
			return "", fmt.Errorf("the quote is not closed on this line")
		}
		if rest = strings.TrimSpace(rest); rest != "" && rest[0] != '#' {
			return "", fmt.Errorf("something follows the closing quote: %q", rest)
		}
		if quote == '\'' {
			return text, nil
		}
		s = text
	default:
		if at := strings.Index(s, " #"); at >= 0 {
			s = strings.TrimSpace(s[:at])
		}
		if strings.HasPrefix(s, "#") {
			s = ""
		}
	}
	if strings.Contains(s, "$") {
		return "", fmt.Errorf("variables are not substituted: write the value, or put it in single quotes if the $ is meant")
	}
	return s, nil
}

// closing divides what follows an opening quote at the closing one and resolves escapes in double quotes.
func closing(s string, quote byte) (text, rest string, ok bool) {
	var out strings.Builder
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c == quote:
			return out.String(), s[i+1:], true
		case c == '\\' && quote == '"' && i+1 < len(s):
			i++
			out.WriteString(map[byte]string{'n': "\n", 't': "\t", '"': `"`, '\\': `\`}[s[i]])
			if !strings.ContainsRune(`nt"\`, rune(s[i])) {
				out.WriteString(`\` + s[i:i+1])
			}
		default:
			out.WriteByte(c)
		}
	}
	return "", "", false
}
