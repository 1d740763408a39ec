package pmml

import (
	"slices"
	"strconv"

	"github.com/modelstream/modelserver/model/pmml/document"
)

// treeModel is a decision tree (DMG 4.4, Trees), flattened: node 0 is the root,
// a node's children are linked by first and sibling.
type treeModel struct {
	target   *target
	math     arith
	nodes    []treeNode
	counts   []float64 // recordCount of each node
	probs    []float64 // probabilities of the nodes that have them, class by class
	confs    []float64 // confidences likewise, or nil
	missing  missingStrategy
	lastPred bool // noTrueChildStrategy is returnLastPrediction
	penalty  float64
	forest   *forest
	surr     bool // some predicate is a surrogate one, which may count as missing
}

type missingStrategy uint8

const (
	missingNone missingStrategy = iota
	missingNull
	missingLast
	missingDefault
	missingWeighted
	missingAggregate
)

// treeNode is a node of a tree; −1 stands for none.
type treeNode struct {
	test           test
	first, sibling int32
	fallback       int32   // the default child
	probs          int32   // offset of its probabilities
	score          float64 // a number, or the index of a class
	scored         bool
}

func compileTree(mc *modelCompiler, m *document.TreeModel) evaluator {
	t := &treeModel{target: mc.target(), math: mc.math, penalty: m.MissingValuePenalty, lastPred: m.NoTrueChildStrategy == "returnLastPrediction"}
	switch m.FunctionName {
	case "classification", "regression":
	default:
		mc.c.refuseAttr(m, "functionName", "%q is not supported here", m.FunctionName)
	}
	t.missing = map[string]missingStrategy{
		"none": missingNone, "nullPrediction": missingNull, "lastPrediction": missingLast, "defaultChild": missingDefault,
		"weightedConfidence": missingWeighted, "aggregateNodes": missingAggregate,
	}[m.MissingValueStrategy]
	if t.missing == missingWeighted && t.target.numeric {
		mc.c.refuseAttr(m, "missingValueStrategy", "%q needs a classification", m.MissingValueStrategy)
	}
	b := &treeBuilder{modelCompiler: mc, tree: t, ids: mc.wantsEntities()}
	b.classes(m.Node)
	t.target.list(b.listed)
	t.target.confident = !t.target.numeric && (t.missing == missingWeighted || b.confident || t.penalty != 1 || mc.wants("confidence"))
	b.node(m.Node)
	return t
}

// wants says whether anybody may ask for a result feature.
func (s *scope) wants(feature string) bool {
	for ; s != nil; s = s.parent {
		if o := s.base.Output; o != nil && slices.ContainsFunc(o.Fields, func(f *document.OutputField) bool { return f.Feature == feature }) {
			return true
		}
	}
	return false
}

// wantsEntities says whether anybody may ask for the ids of nodes.
func (s *scope) wantsEntities() bool {
	for ; s != nil; s = s.parent {
		if s.base.Output == nil {
			continue
		}
		for _, f := range s.base.Output.Fields {
			if f.Feature == "entityId" || f.Feature == "clusterId" || f.RuleFeature == "ruleId" {
				return true
			}
		}
	}
	return false
}

type treeBuilder struct {
	*modelCompiler
	tree      *treeModel
	ids       bool
	confident bool
	listed    []int32 // the classes of the first score distribution
}

// classes collects the classes in document order before any node needs a row
// of them.
func (b *treeBuilder) classes(n *document.Node) {
	if b.tree.target.numeric {
		return
	}
	first := len(b.listed) == 0
	for _, d := range n.Distributions { // first: their order is that of ties, as in the reference
		if class := int32(b.c.class(b.tree.target, d.Value, d)); first {
			b.listed = append(b.listed, class)
		}
		b.confident = b.confident || d.Confidence.Set
	}
	if n.Score.Set {
		b.c.class(b.tree.target, n.Score.V, n)
	}
	for _, kid := range n.Nodes {
		b.classes(kid)
	}
}

// node adds a node and all below and returns its number.
func (b *treeBuilder) node(n *document.Node) int32 {
	t := b.tree
	at := int32(len(t.nodes))
	t.nodes = append(t.nodes, treeNode{test: b.predicate(n.Predicate), first: -1, sibling: -1, fallback: -1, probs: -1})
	t.surr = t.surr || t.nodes[at].test.op == opSurrogate
	t.counts = append(t.counts, n.RecordCount.Or(b.sumCounts(n)))
	if b.ids {
		t.target.entities = append(t.target.entities, n.ID.Or(strconv.Itoa(int(at)+1)))
	}
	b.score(at, n)
	last := int32(-1)
	for _, child := range n.Nodes {
		kid := b.node(child)
		if last < 0 {
			t.nodes[at].first = kid
		} else {
			t.nodes[last].sibling = kid
		}
		last = kid
		if child.ID.Set && child.ID.V == n.DefaultChild {
			t.nodes[at].fallback = kid
		}
	}
	if t.missing == missingDefault && last >= 0 && t.nodes[at].fallback < 0 {
		if n.DefaultChild != "" {
			b.c.refuseAttr(n, "defaultChild", "there is no child %q", n.DefaultChild)
		}
	}
	return at
}

func (b *treeBuilder) sumCounts(n *document.Node) float64 {
	sum := 0.0
	for _, d := range n.Distributions {
		sum += d.RecordCount.Or(0)
	}
	return sum
}

// score compiles what a node predicts.
func (b *treeBuilder) score(at int32, n *document.Node) {
	t, node := b.tree, &b.tree.nodes[at]
	if t.target.numeric {
		if !n.Score.Set {
			return
		}
		v := parse(n.Score.V, tDouble)
		if v.isFailed() {
			b.c.refuseAttr(n, "score", "%q is no number", document.Short(n.Score.V))
		}
		node.score, node.scored = t.math.round(v.n), true
		return
	}
	if len(n.Distributions) > 0 {
		b.distribution(node, n)
	}
	if n.Score.Set {
		node.score, node.scored = float64(b.c.class(t.target, n.Score.V, n)), true
	} else if node.probs >= 0 {
		p := t.probs[node.probs : int(node.probs)+len(t.target.classes)]
		node.score, node.scored = float64(argmax(p)), true
	}
}

func (b *treeBuilder) distribution(node *treeNode, n *document.Node) {
	t := b.tree
	b.c.room(n, len(t.target.classes))
	p := make([]float64, len(t.target.classes))
	c := make([]float64, len(t.target.classes))
	given := n.Distributions[0].Probability.Set
	sum := 0.0
	for _, d := range n.Distributions {
		if d.Probability.Set != given || !given && !d.RecordCount.Set {
			b.c.refuse(d, "either all or none give a probability, and those without a recordCount")
		}
		x := d.RecordCount.V
		if given {
			x = d.Probability.V
		}
		if x < 0 {
			b.c.refuse(d, "a share is less than 0")
		}
		i := b.c.class(t.target, d.Value, d)
		p[i] = t.math.round(x)
		sum = t.math.add(sum, p[i])
	}
	if sum == 0 {
		return
	}
	for i := range p {
		if sum != 1 {
			p[i] = t.math.div(p[i], sum)
		}
		c[i] = p[i]
	}
	for _, d := range n.Distributions {
		if d.Confidence.Set {
			c[b.c.class(t.target, d.Value, d)] = t.math.round(d.Confidence.V)
		}
	}
	node.probs = int32(len(t.probs))
	t.probs = append(t.probs, p...)
	if t.target.confident {
		t.confs = append(t.confs, c...)
	}
}
