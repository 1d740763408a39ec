package pmml

import (
	"math"

	"github.com/modelstream/modelserver/model"
)

// eval walks the tree for each row.
func (t *treeModel) eval(f *frame, rows []int32) {
	if t.forest == nil || f.plan.general {
		t.evalRows(f, rows)
		return
	}
	odd := t.evalForest(f, rows)
	t.evalRows(f, odd)
	if odd != nil {
		f.done(odd)
	}
}

// evalRows walks the tree as the standard tells it, whatever the predicates.
func (t *treeModel) evalRows(f *frame, rows []int32) {
	r := &f.results[t.target.id]
	for _, row := range rows {
		node, levels := t.walk(f, row, r)
		switch {
		case node == gathered:
		case node < 0:
			r.state[row] = absent
		default:
			t.emit(f, r, row, node, levels)
		}
	}
}

// Nodes that are none.
const (
	nullNode int32 = -1 // the tree has no prediction
	gathered int32 = -2 // the prediction is in the results already
)

// emit writes a node's prediction.
func (t *treeModel) emit(f *frame, r *results, row, node int32, levels int) {
	n := &t.nodes[node]
	if !n.scored {
		r.state[row] = absent
		f.fail(row, model.NoResult, t.target.name, "", "the walk ends in a node without a score")
		return
	}
	r.state[row] = valid
	r.num[row] = n.score
	if r.entity != nil {
		r.entity[row] = node
	}
	if t.target.numeric {
		return
	}
	r.hasP[row] = n.probs >= 0
	if n.probs < 0 {
		return
	}
	k := len(t.target.classes)
	copy(t.target.row(r.prob, row), t.probs[n.probs:int(n.probs)+k])
	if r.conf != nil {
		c := t.target.row(r.conf, row)
		copy(c, t.confs[n.probs:int(n.probs)+k])
		if levels > 0 {
			for i := range c {
				c[i] = t.math.mul(c[i], t.math.round(math.Pow(t.penalty, float64(levels))))
			}
		}
	}
}

// walk finds the node that predicts a row, and how many levels were missing.
func (t *treeModel) walk(f *frame, row int32, r *results) (node int32, levels int) {
	root := &t.nodes[0]
	if root.test.eval(f, row) != yes {
		return nullNode, 0
	}
	at := int32(0)
descend:
	for t.nodes[at].first >= 0 {
		for kid := t.nodes[at].first; kid >= 0; kid = t.nodes[kid].sibling {
			n := &t.nodes[kid]
			status := n.test.eval(f, row)
			if t.surr && n.test.alternative(f, row) {
				levels++
			}
			if status == yes {
				at = kid
				continue descend
			}
			if status == no {
				continue
			}
			switch t.missing {
			case missingNull:
				return nullNode, levels
			case missingLast:
				return at, levels
			case missingDefault:
				levels++
				if at = t.nodes[at].fallback; at < 0 {
					f.fail(row, model.NoResult, t.target.name, "", "a node without defaultChild meets a missing value")
					return nullNode, levels
				}
				continue descend
			case missingWeighted, missingAggregate:
				t.gather(f, row, r, at)
				return gathered, levels
			}
		}
		// No child is true.
		if t.lastPred && t.nodes[at].scored {
			return at, levels
		}
		return nullNode, levels
	}
	return at, levels
}

// gather predicts from all nodes that the row may belong to, below a node with
// a child whose predicate is unknown.
func (t *treeModel) gather(f *frame, row int32, r *results, at int32) {
	r.state[row] = valid
	if r.entity != nil {
		r.entity[row] = -1
	}
	if t.target.numeric {
		sum, count := t.gatherNumber(f, row, at)
		if count == 0 {
			r.state[row] = absent
			return
		}
		r.num[row] = t.math.div(sum, count)
		return
	}
	p := t.target.row(r.prob, row)
	clear(p)
	if t.missing == missingWeighted {
		t.gatherWeighted(f, row, at, 1, p)
	} else {
		t.gatherCounts(f, row, at, p)
		t.math.simplemax(p)
	}
	best := argmax(p)
	if !(p[best] > 0) {
		r.state[row] = absent
		return
	}
	r.num[row], r.hasP[row] = float64(best), true
	if r.conf != nil {
		copy(t.target.row(r.conf, row), p)
	}
}

// branches calls visit for the nodes that a row at a node may go to: the first
// true child, or from the first unknown one on all that are not false. It
// says whether there is any.
func (t *treeModel) branches(f *frame, row, at int32, visit func(kid int32)) (any bool) {
	open := false
	for kid := t.nodes[at].first; kid >= 0; kid = t.nodes[kid].sibling {
		switch t.nodes[kid].test.eval(f, row) {
		case yes:
			visit(kid)
			if !open {
				return true
			}
			any = true
		case unknown:
			open, any = true, true
			visit(kid)
		}
	}
	return any
}

// gatherWeighted adds the confidences of a node's candidates, each weighted by
// its share of the records (DMG 4.4, Trees: weightedConfidence).
func (t *treeModel) gatherWeighted(f *frame, row, at int32, weight float64, into []float64) {
	total := 0.0
	any := t.branches(f, row, at, func(kid int32) { total += t.counts[kid] })
	if !any {
		if n := &t.nodes[at]; n.probs >= 0 && (n.first < 0 || t.lastPred) {
			for i := range into {
				into[i] += weight * t.confs[int(n.probs)+i]
			}
		}
		return
	}
	t.branches(f, row, at, func(kid int32) {
		share := 1.0
		if total > 0 {
			share = t.counts[kid] / total
		}
		t.gatherWeighted(f, row, kid, weight*share, into)
	})
}

// gatherCounts adds the record counts of the leaves that a row may reach
// (DMG 4.4, Trees: aggregateNodes).
func (t *treeModel) gatherCounts(f *frame, row, at int32, into []float64) {
	any := t.branches(f, row, at, func(kid int32) { t.gatherCounts(f, row, kid, into) })
	if n := &t.nodes[at]; !any && n.probs >= 0 && (n.first < 0 || t.lastPred) {
		for i := range into {
			into[i] += t.counts[at] * t.probs[int(n.probs)+i]
		}
	}
}

// gatherNumber is gatherCounts for numbers: their mean, weighted by records.
func (t *treeModel) gatherNumber(f *frame, row, at int32) (sum, count float64) {
	any := t.branches(f, row, at, func(kid int32) {
		s, c := t.gatherNumber(f, row, kid)
		sum += s
		count += c
	})
	if n := &t.nodes[at]; !any && n.scored && (n.first < 0 || t.lastPred) {
		return t.counts[at] * n.score, t.counts[at]
	}
	return sum, count
}
