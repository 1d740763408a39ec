package pmml

import (
	"context"
	"strings"
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

// TestEndlessNormalization: a recursive normalization need not end; the row
// fails where it does not. (Not among the features: the reference never returns.)
func TestEndlessNormalization(t *testing.T) {
	m, err := Load(context.Background(), strings.NewReader(featureDocument("w:string", `<RegressionModel functionName="regression">{schema w}<Output><OutputField name="n" feature="transformedValue" dataType="double"><TextIndex textField="w"><TextIndexNormalization recursive="true"><InlineTable><row><string>a</string><stem>b</stem></row><row><string>d</string><stem>d e</stem></row></InlineTable></TextIndexNormalization><Constant>b</Constant></TextIndex></OutputField></Output><RegressionTable intercept="0"/></RegressionModel>`)), Options{})
	if err != nil {
		t.Fatal(err)
	}
	if result, err := m.Evaluate(map[string]any{"w": "a"}); err != nil || result["n"] != 1.0 {
		t.Errorf("got %v, %v; want 1", result["n"], err)
	}
	if result, err := m.Evaluate(map[string]any{"w": "d"}); err == nil || !strings.Contains(err.Error(), "recursive normalization") {
		t.Errorf("got %v, %v; want an error", result["n"], err)
	}
}
