package pmml

import (
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// TestNth compares with a sorted list, below and above the small ranks.
func TestNth(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		x := rapid.SliceOfN(rapid.IntRange(0, 9), 0, 40).Draw(t, "values")
		rank := rapid.IntRange(1, 45).Draw(t, "rank")
		order := make([]int, len(x))
		for i := range order {
			order[i] = i
		}
		slices.SortStableFunc(order, func(i, j int) int { return x[j] - x[i] })
		want := -1
		if rank <= len(x) {
			want = order[rank-1]
		}
		if got := nth(len(x), rank, func(i, j int) bool { return x[i] > x[j] || x[i] == x[j] && i < j }); got != want {
			t.Fatalf("rank %d of %v is at %d, want %d", rank, x, got, want)
		}
	})
}

// TestManyNeighbors compares both ways to find neighbors.
func TestManyNeighbors(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m := &measure{kind: measureCityBlock, p: 1, total: 1, fields: []comparedField{{weight: 1}}}
		m.refs = rapid.SliceOfN(rapid.Custom(func(t *rapid.T) float64 { return float64(rapid.IntRange(0, 9).Draw(t, "x")) }), 1, 50).Draw(t, "instances")
		n := &nearestNeighbors{measure: m, count: len(m.refs)}
		n.keep = rapid.IntRange(1, n.count).Draw(t, "keep")
		var near, far [2][]float64
		for i := range near {
			near[i], far[i] = make([]float64, n.keep), make([]float64, n.keep)
		}
		n.find([]float64{4}, 1, near[0], far[0])
		n.sorted([]float64{4}, 1, near[1], far[1])
		if !slices.Equal(near[0], near[1]) || !slices.Equal(far[0], far[1]) {
			t.Fatalf("%v at %v, want %v at %v", near[0], far[0], near[1], far[1])
		}
	})
}
