package pmml

import (
	"math"
	"slices"
)

// decision is a question about one field with three outcomes: the value is at
// most the cut, above it, or missing. All predicates over numbers come down to
// such questions, so a tree becomes a graph of them. A decision without
// outcomes is a leaf.
type decision struct {
	slot   slot
	cut    float64
	next   [3]*decision // by side
	leaf   int32        // a node of the tree, or noPrediction
	placed int32        // where it is in the forest, or −1
	paths  pathLengths
}

// pathLengths counts the questions between a decision and the leaves below.
type pathLengths struct {
	longest       int
	leaves, total float64 // leaves, and the questions before all of them
}

// side is an outcome of a decision.
type side int

const (
	atMost side = iota
	above
	unfilled
)

// What a leaf may be apart from a node.
const (
	noPrediction int32 = -1
	irregular    int32 = -2 // the general walk must tell
)

// lowering turns a tree into decisions.
type lowering struct {
	plan   *plan
	tree   *treeModel
	leaves map[int32]*decision
	budget int // decisions that may be made yet: compound predicates multiply
	failed bool
}

// lower returns the root of a tree's decisions; ok is false when the tree has
// predicates that are no questions about numbers, or too many.
func lower(p *plan, t *treeModel) (root *decision, ok bool) {
	l := &lowering{plan: p, tree: t, leaves: map[int32]*decision{}, budget: 16*len(t.nodes) + 4096}
	null := l.leaf(noPrediction)
	root = l.test(&t.nodes[0].test, l.descend(0), null, null)
	return root, !l.failed
}

func (l *lowering) leaf(node int32) *decision {
	d := l.leaves[node]
	if d == nil {
		d = &decision{leaf: node, placed: -1, paths: pathLengths{leaves: 1}}
		l.leaves[node] = d
	}
	return d
}

// node is the leaf for a row that ends in a node.
func (l *lowering) node(at int32) *decision {
	if !l.tree.nodes[at].scored {
		return l.leaf(irregular)
	}
	return l.leaf(at)
}

// descend decides where a row goes from a node.
func (l *lowering) descend(at int32) *decision {
	n := &l.tree.nodes[at]
	if n.first < 0 {
		return l.node(at)
	}
	var kids []int32
	for kid := n.first; kid >= 0; kid = l.tree.nodes[kid].sibling {
		kids = append(kids, kid)
	}
	below := make([]*decision, len(kids))
	var fallback *decision
	for i, kid := range kids {
		below[i] = l.descend(kid)
		if kid == n.fallback {
			fallback = below[i]
		}
	}
	// From the last child to the first: none is true, this one, that one.
	next := l.leaf(noPrediction)
	if l.tree.lastPred && n.scored {
		next = l.node(at)
	}
	for i, kid := range slices.Backward(kids) {
		next = l.test(&l.tree.nodes[kid].test, below[i], next, l.unknown(at, next, fallback))
	}
	return next
}

// unknown is what the missing value strategy makes of a predicate that is
// neither true nor false.
func (l *lowering) unknown(at int32, next, fallback *decision) *decision {
	switch l.tree.missing {
	case missingNone:
		return next
	case missingNull:
		return l.leaf(noPrediction)
	case missingLast:
		return l.node(at)
	case missingDefault:
		if fallback != nil {
			return fallback
		}
	}
	return l.leaf(irregular)
}

// test continues with one of three decisions by a predicate's truth.
func (l *lowering) test(t *test, yes, no, unk *decision) *decision {
	s := t.slot
	switch t.op {
	case opTrue:
		return yes
	case opFalse:
		return no
	case opUnknown:
		return unk
	case opMissing:
		return l.missing(s, yes, no)
	case opNotMissing:
		return l.missing(s, no, yes)
	case opEqual:
		return l.among(s, []float64{t.x}, yes, no, unk)
	case opNotEqual:
		return l.among(s, []float64{t.x}, no, yes, unk)
	case opIn:
		return l.among(s, t.set.members(), yes, no, unk)
	case opNotIn:
		return l.among(s, t.set.members(), no, yes, unk)
	case opLess:
		return l.split(s, justBelow(t.x), yes, no, unk)
	case opLessEqual:
		return l.split(s, t.x, yes, no, unk)
	case opGreater:
		return l.split(s, t.x, no, yes, unk)
	case opGreaterEqual:
		return l.split(s, justBelow(t.x), no, yes, unk)
	case opAnd:
		return l.all(t.kids, yes, no, unk)
	case opOr: // by De Morgan, with the outcomes exchanged
		return l.any(t.kids, yes, no, unk)
	case opXor:
		even, odd := no, yes
		for i := range slices.Backward(t.kids) {
			even, odd = l.test(&t.kids[i], odd, even, unk), l.test(&t.kids[i], even, odd, unk)
		}
		return even
	case opSurrogate:
		for i := range slices.Backward(t.kids) {
			unk = l.test(&t.kids[i], yes, no, unk)
		}
		return unk
	}
	l.failed = true
	return no
}

// all is "and": the first false one decides; unknown ones are remembered.
func (l *lowering) all(kids []test, yes, no, unk *decision) *decision {
	sure, doubt := yes, unk // after the kids so far, all true or some unknown
	for i := range slices.Backward(kids) {
		sure, doubt = l.test(&kids[i], sure, no, doubt), l.test(&kids[i], doubt, no, doubt)
	}
	return sure
}

func (l *lowering) any(kids []test, yes, no, unk *decision) *decision {
	sure, doubt := no, unk
	for i := range slices.Backward(kids) {
		sure, doubt = l.test(&kids[i], yes, sure, doubt), l.test(&kids[i], yes, doubt, doubt)
	}
	return sure
}

// missing asks whether the field has a value; where the next question is about
// the same field, both are one decision.
func (l *lowering) missing(s slot, yes, no *decision) *decision {
	if no.next[atMost] != nil && no.slot == s {
		return l.split(s, no.cut, no.next[atMost], no.next[above], yes)
	}
	return l.split(s, 0, no, no, yes)
}

// among asks whether the value is one of several: the numbers between the cuts
// belong to the set and to its complement in turn.
func (l *lowering) among(s slot, values []float64, yes, no, unk *decision) *decision {
	whole := l.plan.slots[s].typ == tString || l.plan.slots[s].typ.integerLike()
	var cuts []float64
	for _, v := range values {
		low := justBelow(v)
		if n := len(cuts); whole && n > 0 && cuts[n-1] == v-1 {
			cuts[n-1] = v // nothing lies between
			continue
		}
		cuts = append(cuts, low, v)
	}
	if len(cuts) == 0 {
		return l.split(s, 0, no, no, unk)
	}
	var between func(lo, hi int) *decision
	between = func(lo, hi int) *decision {
		if lo == hi {
			if lo%2 == 1 {
				return yes
			}
			return no
		}
		mid := (lo + hi) / 2
		return l.split(s, cuts[mid], between(lo, mid), between(mid+1, hi), unk)
	}
	return between(0, len(cuts))
}

// split makes a decision, without the questions after it that it answers.
func (l *lowering) split(s slot, cut float64, low, high, none *decision) *decision {
	if math.IsNaN(cut) || l.budget == 0 {
		l.failed = true
		return none
	}
	l.budget--
	low, high, none = low.given(s, cut, atMost), high.given(s, cut, above), none.given(s, cut, unfilled)
	if low == high && high == none {
		return low
	}
	return &decision{slot: s, cut: cut, next: [3]*decision{low, high, none}, placed: -1}
}

// given skips the questions whose answer follows from an earlier answer.
func (d *decision) given(s slot, cut float64, known side) *decision {
	for d.next[atMost] != nil && d.slot == s {
		switch {
		case known == unfilled, known == atMost && d.cut >= cut, known == above && d.cut <= cut:
			d = d.next[known]
		default:
			return d
		}
	}
	return d
}

// justBelow is the largest number that is less than x; there is none below −∞.
func justBelow(x float64) float64 {
	if math.IsInf(x, -1) {
		return math.NaN()
	}
	return math.Nextafter(x, math.Inf(-1))
}

// members lists a set in ascending order.
func (s *numberSet) members() []float64 {
	list := slices.Clone(s.rest)
	for i := range len(s.bits) * 64 {
		if s.bits[i>>6]&(1<<(i&63)) != 0 {
			list = append(list, float64(i))
		}
	}
	slices.Sort(list)
	return slices.Compact(list)
}
