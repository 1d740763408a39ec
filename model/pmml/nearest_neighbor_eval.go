package pmml

import (
	"slices"

	"github.com/modelstream/modelserver/model"
)

func (n *nearestNeighbors) eval(f *frame, rows []int32) {
	for _, row := range rows {
		x, adjust, ok := n.measure.record(f, row)
		for i := range n.targets {
			r := &f.results[n.targets[i].id]
			r.state[row] = absent
			if ok {
				r.state[row] = valid
			}
		}
		if !ok {
			continue
		}
		near, far := n.row(f.scratch[n.near], row), n.row(f.scratch[n.far], row)
		n.find(x, adjust, near, far)
		for i := range n.targets {
			t := &n.targets[i]
			r := &f.results[t.id]
			switch {
			case t.values == nil:
				r.num[row], r.hasP[row] = -1, false // neighbors are all there is
			case t.numeric:
				if r.num[row] = n.number(t, near, far, f.scratch[n.work]); r.num[row] != r.num[row] {
					f.fail(row, model.NoResult, t.name, "", "the neighbors are too far away to have a weight")
				}
			default:
				n.class(t, r, row, near, far)
			}
		}
	}
}

// row returns one row's part of a row × neighbor slice.
func (n *nearestNeighbors) row(x []float64, row int32) []float64 {
	return x[int(row)*n.keep : (int(row)+1)*n.keep]
}

// manyNeighbors is from how many on sorting all instances is faster.
const manyNeighbors = 64

// find keeps the best instances in order; of equals the first.
func (n *nearestNeighbors) find(x []float64, adjust float64, near, far []float64) {
	if n.keep > manyNeighbors {
		n.sorted(x, adjust, near, far)
		return
	}
	have := 0
	for i := range n.count {
		d := n.measure.compare(x, adjust, i)
		if have == len(far) && !n.measure.best(d, far[have-1]) {
			continue
		}
		if have < len(far) {
			have++
		}
		at := have - 1
		for ; at > 0 && n.measure.best(d, far[at-1]); at-- {
			near[at], far[at] = near[at-1], far[at-1]
		}
		near[at], far[at] = float64(i), d
	}
}

// sorted is find for many neighbors.
func (n *nearestNeighbors) sorted(x []float64, adjust float64, near, far []float64) {
	all := make([]int, n.count)
	distances := make([]float64, n.count)
	for i := range all {
		all[i], distances[i] = i, n.measure.compare(x, adjust, i)
	}
	slices.SortStableFunc(all, func(i, j int) int {
		switch {
		case n.measure.best(distances[i], distances[j]):
			return -1
		case n.measure.best(distances[j], distances[i]):
			return 1
		}
		return 0
	})
	for i := range near {
		near[i], far[i] = float64(all[i]), distances[all[i]]
	}
}

// weight is the weight of a neighbor at a distance.
func (n *nearestNeighbors) weight(distance float64) float64 {
	return n.math.div(1, n.math.add(distance, n.epsilon))
}

// number makes one number of those of the neighbors.
func (n *nearestNeighbors) number(t *neighborTarget, near, far, work []float64) float64 {
	a, sum, total := n.math, 0.0, 0.0
	for i := range n.k {
		v := t.values[int(near[i])]
		switch n.average {
		case "median":
			work[i] = v
		case "weightedAverage":
			w := n.weight(far[i])
			sum, total = a.madd(sum, w, v), a.add(total, w)
		default:
			sum, total = a.add(sum, v), total+1
		}
	}
	if n.average != "median" {
		return a.div(sum, total)
	}
	slices.Sort(work)
	mid := n.k / 2
	if n.k%2 == 0 {
		return a.div(a.add(work[mid-1], work[mid]), 2)
	}
	return work[mid]
}

// class lets the neighbors vote. A tie goes to the class with the most
// instances, then to the smallest value.
func (n *nearestNeighbors) class(t *neighborTarget, r *results, row int32, near, far []float64) {
	votes := t.row(r.prob, row)
	clear(votes)
	total := 0.0
	for i := range n.k {
		w := 1.0
		if n.weighted {
			w = n.weight(far[i])
		}
		class := int(t.values[int(near[i])])
		votes[class] = n.math.add(votes[class], w)
		total = n.math.add(total, w)
	}
	best := 0
	for i := range votes {
		if votes[i] > votes[best] || votes[i] == votes[best] && t.before(i, best) {
			best = i
		}
	}
	for i := range votes {
		votes[i] = n.math.div(votes[i], total)
	}
	r.num[row], r.hasP[row] = float64(best), true
}

// before decides between classes with the same votes.
func (t *neighborTarget) before(i, j int) bool {
	if t.sizes[i] != t.sizes[j] {
		return t.sizes[i] > t.sizes[j]
	}
	d, _ := t.labels[i].compare(t.labels[j])
	return d < 0
}

// feature gives the ids of the neighbors and their distances, by rank.
func (n *nearestNeighbors) feature(f *frame, row int32, o *output) (value, bool) {
	switch o.doc.Feature {
	case "entityId", "clusterId":
		if o.doc.Rank > n.keep {
			return missing, true
		}
		return text(n.ids[int(n.row(f.scratch[n.near], row)[o.doc.Rank-1])]), true
	case "affinity", "entityAffinity", "clusterAffinity":
		if o.doc.Value.Set && o.doc.Rank == 1 {
			i := n.id(o.doc.Value.V)
			x, adjust, ok := n.measure.record(f, row)
			if i < 0 || !ok {
				return missing, true
			}
			return number(n.measure.compare(x, adjust, i)), true
		}
		if o.doc.Rank > n.keep {
			return missing, true
		}
		return number(n.row(f.scratch[n.far], row)[o.doc.Rank-1]), true
	}
	return missing, false
}
