package pmml

import (
	"testing"

	"pgregory.net/rapid"
)

// TestDistance compares with the textbook's table.
func TestDistance(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		word := rapid.StringOfN(rapid.SampledFrom([]rune("abä")), 0, 12, -1)
		a, b, limit := word.Draw(t, "a"), word.Draw(t, "b"), rapid.IntRange(0, 14).Draw(t, "limit")
		want := levenshtein([]rune(a), []rune(b))
		got, ok := distance(a, b, limit)
		if ok != (want <= limit) || ok && got != want {
			t.Fatalf("distance(%q, %q, %d) is %d, %v; the table says %d", a, b, limit, got, ok, want)
		}
	})
}

func levenshtein(x, y []rune) int {
	if len(x) == 0 || len(y) == 0 {
		return len(x) + len(y)
	}
	table := make([][]int, len(x)+1)
	for i := range table {
		table[i] = make([]int, len(y)+1)
		table[i][0] = i
	}
	for j := range table[0] {
		table[0][j] = j
	}
	for i := range x {
		for j := range y {
			cost := table[i][j]
			if x[i] != y[j] {
				cost++
			}
			table[i+1][j+1] = min(cost, table[i][j+1]+1, table[i+1][j]+1)
		}
	}
	return table[len(x)][len(y)]
}
