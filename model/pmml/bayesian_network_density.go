package pmml

import (
	"math"
	"slices"

	"github.com/modelstream/modelserver/model"
	"github.com/modelstream/modelserver/model/pmml/document"
)

// densityNode is a continuous node. One that a record has a value of weighs the
// combinations of its parents' values by the density of that value; one without
// a value says nothing, unless another depends on it: that would have to be
// integrated, and fails the row.
type densityNode struct {
	name    string
	slot    slot // −1 where the node is no active field
	parents []int
	given   []nodeDensity // by combination of the parents' values
	weights int           // scratch: by combination, the largest 1; a negative first one where nothing was observed
}

// nodeDensity is a distribution: the parameters are mean and variance, of a
// lognormal one those of the logarithm, or the bounds.
type nodeDensity struct {
	of   func(x, a, b float64) (log float64, ok bool)
	a, b expr
}

// maxDensities bounds what one record may cost.
const maxDensities = 10_000

func (mc *modelCompiler) densityNode(n *bayesianNetwork, doc *document.ContinuousNode, index map[string]int) {
	_, discrete := index[doc.Name]
	if discrete || slices.ContainsFunc(n.continuous, func(k densityNode) bool { return k.name == doc.Name }) {
		mc.c.refuseAttr(doc, "name", "node %q is there twice", doc.Name)
	}
	if (len(doc.Conditional) == 0) == (len(doc.Distributions) == 0) {
		mc.c.refuse(doc, "<ContinuousDistribution> or <ContinuousConditionalProbability> is wanted inside")
	}
	k := densityNode{name: doc.Name, slot: -1}
	size := 1
	if len(doc.Conditional) > 0 {
		first := doc.Conditional[0].Parents
		for i := range first {
			p, ok := index[first[i].Parent]
			if !ok {
				mc.c.refuseAttr(&first[i], "parent", "there is no discrete node %q", first[i].Parent)
			}
			k.parents = append(k.parents, p)
			if size *= len(n.nodes[p].values); size > maxDensities {
				mc.c.refuse(doc, "more than %d distributions are wanted", maxDensities)
			}
		}
	}
	k.given = make([]nodeDensity, size)
	for _, c := range doc.Conditional {
		at := mc.parentValues(n, c, k.parents, c.Parents)
		if k.given[at].of != nil {
			mc.c.refuse(c, "the distribution is there twice")
		}
		k.given[at] = mc.nodeDensity(c, c.Distributions)
	}
	if len(doc.Conditional) == 0 {
		k.given[0] = mc.nodeDensity(doc, doc.Distributions)
	}
	if slices.ContainsFunc(k.given, func(d nodeDensity) bool { return d.of == nil }) {
		mc.c.refuse(doc, "there is no distribution for some combination of the parents' values")
	}
	if f := mc.mining[doc.Name]; f != nil && !f.IsTarget() {
		k.slot = mc.numericField(doc.Name, doc)
	}
	k.weights = mc.c.scratch(size)
	n.continuous = append(n.continuous, k)
}

func (mc *modelCompiler) nodeDensity(at document.Located, d []*document.ContinuousDistribution) nodeDensity {
	if len(d) != 1 {
		mc.c.refuse(at, "one distribution is wanted, %d are there", len(d))
	}
	parameter := func(p *document.NodeParameter) expr { return mc.expr(p.Expression, nil) }
	switch d := d[0]; {
	case d.Normal != nil:
		return nodeDensity{normalNode, parameter(d.Normal.Mean), parameter(d.Normal.Variance)}
	case d.Lognormal != nil:
		return nodeDensity{lognormalNode, parameter(d.Lognormal.Mean), parameter(d.Lognormal.Variance)}
	case d.Uniform != nil:
		return nodeDensity{uniformNode, parameter(d.Uniform.Lower), parameter(d.Uniform.Upper)}
	}
	mc.c.refuse(d[0], "a distribution is missing inside")
	return nodeDensity{}
}

// The logarithms of the densities; ok is false where the parameters are none.

func normalNode(x, mean, variance float64) (log float64, ok bool) {
	log = -0.5*math.Log(2*math.Pi*variance) - (x-mean)*(x-mean)/(2*variance)
	return log, variance > 0 && log == log
}

func lognormalNode(x, mean, variance float64) (log float64, ok bool) {
	if x <= 0 {
		return math.Inf(-1), variance > 0
	}
	log, ok = normalNode(math.Log(x), mean, variance)
	return log - math.Log(x), ok
}

func uniformNode(x, lower, upper float64) (log float64, ok bool) {
	if x < lower || x > upper {
		return math.Inf(-1), lower < upper
	}
	return -math.Log(upper - lower), lower < upper
}

func (k *densityNode) observed(f *frame, row int32) bool {
	return k.slot >= 0 && f.cols[k.slot].ok(row)
}

// weigh works out the weights of the continuous nodes for a row; false where the
// row failed.
func (n *bayesianNetwork) weigh(f *frame, row int32) bool {
	for i := range n.continuous {
		k := &n.continuous[i]
		w := f.scratch[k.weights]
		if k.slot < 0 || !f.usable(k.slot, row) {
			w[0] = -1
			if f.errs[row] != nil {
				return false
			}
			continue
		}
		x, most := f.cols[k.slot].num[row], math.Inf(-1)
		for at := range k.given {
			log, ok := k.given[at].at(f, row, x)
			if !ok {
				f.fail(row, model.NoResult, k.name, "", "has no distribution here: a parameter is missing or out of range")
				return false
			}
			w[at] = log
			most = max(most, w[at])
		}
		for at, log := range w {
			w[at] = 0
			if log > math.Inf(-1) {
				w[at] = math.Exp(log - most)
			}
		}
	}
	return true
}

// at is the logarithm of the density with the parameters of a row.
func (d *nodeDensity) at(f *frame, row int32, x float64) (log float64, ok bool) {
	a, b := d.a.eval(f, row).cast(tDouble), d.b.eval(f, row).cast(tDouble)
	if a.none() || b.none() {
		return 0, false
	}
	return d.of(x, a.n, b.n)
}

// density is the weight of a combination of values.
func (k *densityNode) density(f *frame, n *bayesianNetwork, values []float64) float64 {
	w := f.scratch[k.weights]
	if w[0] < 0 {
		return 1
	}
	return w[n.combination(k.parents, values)]
}
