package pmml

import (
	"slices"
	"strconv"

	"github.com/modelstream/modelserver/model/pmml/document"
)

// nearestNeighbors is a NearestNeighborModel (DMG 4.4, k-Nearest Neighbors).
type nearestNeighbors struct {
	math     arith
	measure  *measure
	count    int // instances
	k        int // neighbors that predict
	keep     int // neighbors that predict or that an output asks for
	targets  []neighborTarget
	ids      []string
	weighted bool    // votes of neighbors
	average  string  // how numbers become one
	epsilon  float64 // added to distances before they become weights
	near     int     // scratch: row × keep: the neighbors, nearest first
	far      int     // scratch: row × keep: their distances
	work     int     // scratch: the target values of a row's neighbors
}

// neighborTarget is the target values of the instances.
type neighborTarget struct {
	*target
	values []float64 // numbers, or indices of classes
	sizes  []float64 // of the classes among the instances
}

func compileNearestNeighbors(mc *modelCompiler, m *document.NearestNeighborModel) evaluator {
	n := &nearestNeighbors{
		math: mc.math, k: m.Neighbors, average: m.ContinuousScoring,
		weighted: m.CategoricalScoring == "weightedMajorityVote", epsilon: mc.math.round(m.Threshold),
	}
	var fields []comparison
	for _, in := range m.Inputs.Inputs {
		fields = append(fields, comparison{at: in, field: in.Field, weight: in.FieldWeight, function: in.CompareFunction})
	}
	n.measure = mc.measure(m.Measure, fields)
	if n.measure.largest && (n.weighted || n.average == "weightedAverage") {
		mc.c.refuse(m.Measure, "a similarity gives no weights")
	}
	t := mc.training(m.Instances)
	n.count = len(m.Instances.Table.Rows)
	if n.k < 1 || n.k > n.count {
		mc.c.refuseAttr(m, "numberOfNeighbors", "%d is not between 1 and the number of instances, %d", n.k, n.count)
	}
	mc.neighborIDs(n, m, t)
	switch m.FunctionName {
	case "classification", "regression", "mixed":
		for _, k := range mc.targets {
			n.targets = append(n.targets, mc.neighborTarget(k, m, t))
		}
	case "clustering":
		if m.InstanceID == "" {
			mc.c.refuseAttr(m, "instanceIdVariable", "the attribute is missing; without it and without a target there is nothing to predict")
		}
		mc.target().onlyTexts()
		n.targets = []neighborTarget{{target: mc.targets[0]}}
	default:
		mc.c.refuseAttr(m, "functionName", "%q is not supported here", m.FunctionName)
	}
	var slots []slot
	for i := range n.measure.fields {
		slots = append(slots, n.measure.fields[i].slot)
	}
	mc.instances(n.measure, m.Instances, t.numbers(slots))
	n.keep = min(max(n.k, mc.maxRank()), n.count)
	n.near, n.far = mc.c.scratch(blockRows*n.keep), mc.c.scratch(blockRows*n.keep)
	n.work = mc.c.scratch(n.k)
	return n
}

// instances makes the training instances the references of a measure.
func (mc *modelCompiler) instances(m *measure, at document.Located, values []float64) {
	for i, x := range values {
		switch f := &m.fields[i%len(m.fields)]; {
		case x != x:
			m.gaps = true
		case m.kind == measureBinary && x != 0 && x != 1:
			mc.c.refuse(at, "field %q is neither 0 nor 1 in an instance", mc.c.info(f.slot).name)
		}
		m.refs = append(m.refs, mc.math.round(x))
	}
	if m.gaps && m.kind == measureBinary {
		mc.c.refuse(at, "an instance has a missing value, which a binary similarity cannot do without")
	}
}

// neighborIDs are the values of the id variable, or the numbers of the rows.
func (mc *modelCompiler) neighborIDs(n *nearestNeighbors, m *document.NearestNeighborModel, t *training) {
	if m.InstanceID != "" {
		n.ids = t.texts(m.InstanceID, m)
		return
	}
	for i := range n.count {
		n.ids = append(n.ids, strconv.Itoa(i+1))
	}
}

// neighborTarget reads the target values of the instances. Whether a target is
// a number depends on its field, not on the function of the model.
func (mc *modelCompiler) neighborTarget(k *target, m *document.NearestNeighborModel, t *training) neighborTarget {
	if k.data == nil {
		mc.c.refuse(m.MiningSchema, "a target field that is in the data dictionary is wanted")
	}
	if numeric := k.data.OpType == "continuous"; numeric != k.numeric {
		k.onlyTexts()
		k.numeric, k.typ = numeric, dataTypeOf(k.data.DataType)
		mc.c.declareClasses(k)
	}
	n := neighborTarget{target: k}
	for i, s := range t.texts(k.name, m.Instances) {
		at := document.Pos{Element: "row", Line: m.Instances.Table.Rows[i].Line}
		if !k.numeric {
			n.values = append(n.values, float64(mc.c.class(k, s, at)))
			continue
		}
		x, err := document.ParseFloat(s)
		if err != nil {
			mc.c.refuse(at, "%s", err)
		}
		n.values = append(n.values, mc.math.round(x))
	}
	if !k.numeric {
		n.sizes = make([]float64, len(k.classes))
		for _, class := range n.values {
			n.sizes[int(class)]++
		}
	}
	return n
}

// maxRank is the largest rank that an output may ask for.
func (s *scope) maxRank() int {
	rank := 1
	for ; s != nil; s = s.parent {
		if s.base.Output == nil {
			continue
		}
		for _, f := range s.base.Output.Fields {
			rank = max(rank, f.Rank)
		}
	}
	return rank
}

// id returns the instance with an id, or −1.
func (n *nearestNeighbors) id(s string) int { return slices.Index(n.ids, s) }
