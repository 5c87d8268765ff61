// Package spelling finds what may have been meant by a word that is not known.
package spelling

import "strings"

// longest is the length of a word, in bytes, beyond which nothing is looked for: words come from outside, and the work
// grows with the square of their length.
const longest = 64

// Nearest returns the known word that is spelled most like word without regard to case, or "" if none is near: at most
// a third of its letters differ.
func Nearest(word string, known []string) string {
	if len(word) > longest {
		return ""
	}
	word = strings.ToLower(word)
	best, nearest := max(1, len(word)/3)+1, ""
	for _, k := range known {
		if apart := max(len(word)-len(k), len(k)-len(word)); apart >= best {
			continue
		}
		if d := distance(word, strings.ToLower(k)); d < best {
			best, nearest = d, k
		}
	}
	return nearest
}

// Hint is Nearest as the end of a message: `; did you mean "lang"?`, or "".
func Hint(word string, known []string) string {
	if near := Nearest(word, known); near != "" {
		return `; did you mean "` + near + `"?`
	}
	return ""
}

// distance is the fewest bytes to insert, delete, replace or swap with a neighbour to turn a into b (optimal string
// alignment).
func distance(a, b string) int {
	last, row := make([]int, len(b)+1), make([]int, len(b)+1) // row[j]: from a[:i] to b[:j]
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		next := make([]int, len(b)+1)
		next[0] = i + 1
		for j := range len(b) {
			replaced := row[j]
			if a[i] != b[j] {
				replaced++
			}
			next[j+1] = min(replaced, row[j+1]+1, next[j]+1)
			if i > 0 && j > 0 && a[i] == b[j-1] && a[i-1] == b[j] {
				next[j+1] = min(next[j+1], last[j-1]+1)
			}
		}
		last, row = row, next
	}
	return row[len(b)]
}
