package config

import "strings"

// Closest returns the name among candidates that was probably meant, or "".
func Closest(name string, candidates []string) string {
	best, least := "", max(2, len(name)/3)+1
	for _, c := range candidates {
		if d := distance(strings.ToLower(name), c); d < least {
			best, least = c, d
		}
	}
	return best
}

// suggest says which key was probably meant by an unknown one: one beside it, or
// else one of that name anywhere in the tree. It returns "" when nothing is near.
func suggest(root *schema, parent, name string, siblings []string) string {
	if s := Closest(name, siblings); s != "" {
		return join(parent, s)
	}
	path := join(parent, name)
	paths := make([]string, 0, 64)
	for _, s := range root.settings() {
		if strings.HasSuffix(s.path, "."+name) {
			return s.path
		}
		paths = append(paths, s.path)
	}
	return Closest(path, paths)
}

func join(parent, name string) string {
	if parent == "" {
		return name
	}
	return parent + "." + name
}

// distance is the Levenshtein distance of two names, a transposition of
// neighbours counting as one.
func distance(a, b string) int {
	if len(a) > 100 || len(b) > 100 {
		return 100
	}
	before, row, next := make([]int, len(b)+1), make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		next[0] = i + 1
		for j := range len(b) {
			cost := 1
			if a[i] == b[j] {
				cost = 0
			}
			next[j+1] = min(row[j]+cost, row[j+1]+1, next[j]+1)
			if i > 0 && j > 0 && a[i] == b[j-1] && a[i-1] == b[j] {
				next[j+1] = min(next[j+1], before[j-1]+1)
			}
		}
		before, row, next = row, next, before
	}
	return row[len(b)]
}
