package pmml

import (
	"slices"

	"github.com/modelstream/modelserver/model/pmml/document"
)

// bayesianNetwork is a BayesianNetworkModel (DMG 4.4, Bayesian Network) with a
// discrete target. Discrete nodes that a record says nothing about are summed
// out, so the target has its exact probabilities; continuous nodes are evidence.
type bayesianNetwork struct {
	target     *target
	node       int           // of the target
	nodes      []networkNode // the discrete ones, parents before children
	continuous []densityNode
	values     int // scratch: the value of each node, −1 where it is unknown
	needed     int // scratch: 1 for nodes that matter
}

type networkNode struct {
	name    string
	slot    slot // −1 where the node is no active field
	values  []string
	codes   []float64 // as the slot has them
	classes []int     // of the target's node
	parents []int
	table   []float64 // parents' values × value, the last parent fastest
}

// limits on tables and on what one record may cost.
const (
	maxTable       = 1_000_000
	maxEnumeration = 100_000
)

func compileBayesianNetwork(mc *modelCompiler, m *document.BayesianNetworkModel) evaluator {
	if m.FunctionName != "classification" {
		mc.c.refuseAttr(m, "functionName", "%q is not supported here", m.FunctionName)
	}
	n := &bayesianNetwork{target: mc.target(), node: -1}
	docs := mc.networkOrder(m)
	index := map[string]int{}
	for i, doc := range docs {
		k := mc.networkNode(n, doc, index)
		if k.name == n.target.name {
			n.node = i
			for _, v := range k.values {
				k.classes = append(k.classes, mc.c.class(n.target, v, doc))
			}
		}
		index[k.name] = i
		n.nodes = append(n.nodes, k)
	}
	if n.node < 0 {
		mc.c.refuse(m.MiningSchema, "the target %q is no node", n.target.name)
	}
	for _, doc := range m.Nodes.Continuous {
		mc.densityNode(n, doc, index)
	}
	n.values, n.needed = mc.c.scratch(len(n.nodes)), mc.c.scratch(len(n.nodes))
	return n
}

// networkOrder sorts the nodes so that parents come before children.
func (mc *modelCompiler) networkOrder(m *document.BayesianNetworkModel) []*document.DiscreteNode {
	byName := map[string]*document.DiscreteNode{}
	for _, d := range m.Nodes.Nodes {
		if byName[d.Name] != nil {
			mc.c.refuseAttr(d, "name", "node %q is there twice", d.Name)
		}
		byName[d.Name] = d
	}
	var order []*document.DiscreteNode
	state := map[string]int{} // 1 under way, 2 done
	var visit func(d *document.DiscreteNode, depth int)
	visit = func(d *document.DiscreteNode, depth int) {
		if state[d.Name] == 2 {
			return
		}
		if state[d.Name] == 1 || depth > maxDepth {
			mc.c.refuseAttr(d, "name", "node %q depends on itself", d.Name)
		}
		state[d.Name] = 1
		for _, c := range d.Conditional {
			for i := range c.Parents {
				p := byName[c.Parents[i].Parent]
				if p == nil {
					mc.c.refuseAttr(&c.Parents[i], "parent", "there is no node %q", c.Parents[i].Parent)
				}
				visit(p, depth+1)
			}
		}
		state[d.Name] = 2
		order = append(order, d)
	}
	for _, d := range m.Nodes.Nodes {
		visit(d, 0)
	}
	return order
}

func (mc *modelCompiler) networkNode(n *bayesianNetwork, doc *document.DiscreteNode, index map[string]int) networkNode {
	k := networkNode{name: doc.Name, slot: -1}
	if (len(doc.Conditional) == 0) == (len(doc.Probabilities) == 0) {
		mc.c.refuse(doc, "<ValueProbability> or <DiscreteConditionalProbability> is wanted inside")
	}
	first := doc.Probabilities
	if len(doc.Conditional) > 0 {
		first = doc.Conditional[0].Probabilities
		for i := range doc.Conditional[0].Parents {
			k.parents = append(k.parents, index[doc.Conditional[0].Parents[i].Parent])
		}
	}
	for i := range first {
		k.values = append(k.values, first[i].Value)
	}
	mc.networkTable(n, &k, doc)
	if f := mc.mining[doc.Name]; doc.Name != n.target.name && f != nil && !f.IsTarget() {
		k.slot = mc.field(doc.Name, doc)
		for _, s := range k.values {
			v, ok := mc.c.constant(k.slot, s)
			if !ok {
				mc.c.refuse(doc, "%q is no value of field %q", document.Short(s), doc.Name)
			}
			k.codes = append(k.codes, v.n)
		}
	}
	return k
}

// networkTable fills the probabilities of a node; each combination of the
// parents' values must be there, once.
func (mc *modelCompiler) networkTable(n *bayesianNetwork, k *networkNode, doc *document.DiscreteNode) {
	size := len(k.values)
	for _, p := range k.parents {
		if size *= len(n.nodes[p].values); size > maxTable {
			mc.c.refuse(doc, "the table has more than %d probabilities", maxTable)
		}
	}
	k.table = make([]float64, size)
	for i := range k.table {
		k.table[i] = -1
	}
	if len(doc.Conditional) == 0 {
		mc.networkRow(k, doc, 0, doc.Probabilities)
	}
	for _, c := range doc.Conditional {
		at := mc.parentValues(n, c, k.parents, c.Parents)
		mc.networkRow(k, c, at, c.Probabilities)
	}
	if slices.Contains(k.table, -1) {
		mc.c.refuse(doc, "there are no probabilities for some combination of the parents' values")
	}
}

// parentValues numbers a combination of the parents' values.
func (mc *modelCompiler) parentValues(n *bayesianNetwork, at document.Located, parents []int, values []document.ParentValue) int {
	if len(values) != len(parents) {
		mc.c.refuse(at, "%d parents, others have %d", len(values), len(parents))
	}
	row := 0
	for _, p := range parents {
		parent := &n.nodes[p]
		i := slices.IndexFunc(values, func(v document.ParentValue) bool { return v.Parent == parent.name })
		if i < 0 {
			mc.c.refuse(at, "the value of parent %q is missing", parent.name)
		}
		v := slices.Index(parent.values, values[i].Value)
		if v < 0 {
			mc.c.refuseAttr(&values[i], "value", "%q is no value of node %q", document.Short(values[i].Value), parent.name)
		}
		row = row*len(parent.values) + v
	}
	return row
}

func (mc *modelCompiler) networkRow(k *networkNode, at document.Located, row int, probabilities []document.ValueProbability) {
	for i := range probabilities {
		p := &probabilities[i]
		v := slices.Index(k.values, p.Value)
		switch {
		case v < 0:
			mc.c.refuseAttr(p, "value", "%q is no value of node %q", document.Short(p.Value), k.name)
		case p.Probability < 0 || p.Probability > 1:
			mc.c.refuseAttr(p, "probability", "%v is not between 0 and 1", p.Probability)
		case k.table[row*len(k.values)+v] >= 0:
			mc.c.refuse(at, "the probability of %q is there twice", document.Short(p.Value))
		}
		k.table[row*len(k.values)+v] = p.Probability
	}
}
