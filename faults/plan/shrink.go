package plan

import "slices"

// Shrink looks for a smaller part of a plan that fails, too: one that no longer
// fails when any one fault is left out. fails is called often, and each call is
// a run; a plan that fails only now and then is made smaller than it should be.
func Shrink(p Plan, fails func(Plan) bool) Plan {
	for size := len(p) / 2; size > 0; {
		smaller := without(p, size, fails)
		switch {
		case len(smaller) < len(p):
			p, size = smaller, min(size, max(len(smaller)/2, 1))
		default:
			size /= 2
		}
	}
	return p
}

// without leaves out the first run of that many faults that is not needed.
func without(p Plan, size int, fails func(Plan) bool) Plan {
	for from := 0; from < len(p); from += size {
		rest := slices.Concat(p[:from], p[min(from+size, len(p)):])
		if fails(rest) {
			return rest
		}
	}
	return p
}
