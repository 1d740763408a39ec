package pmml

import "slices"

// smallRank is up to which rank picking one after the other is the fastest.
const smallRank = 16

// nth returns which of n things has a rank (1 is the first) in the order of
// before, which is strict and total, or −1.
func nth(n, rank int, before func(i, j int) bool) int {
	if rank > n {
		return -1
	}
	if rank > smallRank {
		order := make([]int, n)
		for i := range order {
			order[i] = i
		}
		slices.SortFunc(order, func(i, j int) int {
			switch {
			case i == j:
				return 0
			case before(i, j):
				return -1
			}
			return 1
		})
		return order[rank-1]
	}
	last := -1
	for range rank {
		best := -1
		for i := range n {
			if (last < 0 || before(last, i)) && (best < 0 || before(i, best)) {
				best = i
			}
		}
		if last = best; last < 0 {
			return -1
		}
	}
	return last
}
