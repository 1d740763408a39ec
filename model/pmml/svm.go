package pmml

import (
	"math"

	"github.com/modelstream/modelserver/model/pmml/document"
)

// supportVectorMachines is a SupportVectorMachineModel (DMG 4.4, Support Vector
// Machine). The vectors that the machines share are one dense matrix; a row's
// kernel values are computed once and used by all machines.
type supportVectorMachines struct {
	target   *target
	math     arith
	kernel   kernel
	fields   []vectorField
	vectors  []float64 // vector × field
	lanes    laneMatrix
	count    int // vectors
	machines []machine
	vote     bool // one against one
	maxWins  bool
	input    int // scratch: the fields of a row
	values   int // scratch: the kernel values of a row
	sides    int // scratch: the classes that the machines vote for
}

// vectorField is a coordinate: a number, or a coefficient where a field has a
// value.
type vectorField struct {
	slot        slot
	ifMissing   value
	indicator   bool
	value       float64
	coefficient float64
}

// machine is one machine: f(x) = Σ αᵢ K(x, xᵢ) + b.
type machine struct {
	alphas    []float64
	vectors   []int32
	b         float64
	category  int // −1 in a regression
	alternate int // −1 without one
	threshold float64
	rounds    bool // PMML 3: 1 is the category, 0 the alternate one
}

func compileSupportVectorMachine(mc *modelCompiler, m *document.SupportVectorMachineModel) evaluator {
	s := &supportVectorMachines{target: mc.target(), math: mc.math, maxWins: m.MaxWins}
	for _, f := range m.Vectors.Fields.Fields {
		s.fields = append(s.fields, mc.vectorField(f))
	}
	if m.Representation == "Coefficients" {
		if m.Polynomial != nil || m.RadialBasis != nil || m.Sigmoid != nil {
			mc.c.refuseAttr(m, "svmRepresentation", "only a linear machine is determined by its coefficients")
		}
		mc.c.room(m, len(s.fields)*len(s.fields))
		s.unitVectors()
	} else {
		s.kernel = mc.kernel(m)
	}
	ids := mc.vectors(s, m)
	for _, doc := range m.Machines {
		s.machines = append(s.machines, mc.machine(s, m, doc, ids))
	}
	switch {
	case m.FunctionName == "regression":
		if len(s.machines) != 1 {
			mc.c.refuse(m, "a regression needs one <SupportVectorMachine>, %d are there", len(s.machines))
		}
	case m.FunctionName == "classification":
		mc.categories(s, m)
	default:
		mc.c.refuseAttr(m, "functionName", "%q is not supported here", m.FunctionName)
	}
	s.lanes = newLaneMatrix(s.vectors, len(s.fields))
	s.input = mc.c.scratch(len(s.fields))
	s.values = mc.c.scratch(s.lanes.rows())
	s.sides = mc.c.scratch(len(s.machines))
	return s
}

func (mc *modelCompiler) vectorField(e document.VectorField) vectorField {
	switch e := e.(type) {
	case *document.FieldRef:
		v := vectorField{slot: mc.numericField(e.Field, e)}
		if e.MapMissingTo.Set {
			v.ifMissing = parse(e.MapMissingTo.V, tDouble)
			if v.ifMissing.isFailed() {
				mc.c.refuseAttr(e, "mapMissingTo", "%q is no number", document.Short(e.MapMissingTo.V))
			}
		}
		return v
	case *document.CategoricalPredictor:
		s := mc.field(e.Name, e)
		v, ok := mc.c.constant(s, e.Value)
		if !ok {
			mc.c.refuseAttr(e, "value", "%q is no value of field %q", document.Short(e.Value), e.Name)
		}
		return vectorField{slot: s, indicator: true, value: v.n, coefficient: e.Coefficient}
	}
	mc.c.refuse(e, "the element is not supported inside of <VectorFields>")
	return vectorField{}
}

// unitVectors turns a machine given by the coefficients of its fields into one
// of support vectors: its linear kernel with the unit vectors is the field.
func (s *supportVectorMachines) unitVectors() {
	n := len(s.fields)
	s.count, s.vectors = n, make([]float64, n*n)
	for i := range n {
		s.vectors[i*n+i] = 1
	}
	s.kernel = kernel{kind: kernelUnit}
}

// vectors fills the matrix and returns the rows by id.
func (mc *modelCompiler) vectors(s *supportVectorMachines, m *document.SupportVectorMachineModel) map[string]int32 {
	if m.Representation == "Coefficients" {
		return nil
	}
	mc.c.room(m, len(m.Vectors.Instances)*len(s.fields))
	ids := make(map[string]int32, len(m.Vectors.Instances))
	for i, v := range m.Vectors.Instances {
		if _, twice := ids[v.ID]; twice {
			mc.c.refuseAttr(v, "id", "vector %q is there twice", v.ID)
		}
		ids[v.ID] = int32(i)
		x := mc.vector(v, len(s.fields))
		for _, c := range x {
			s.vectors = append(s.vectors, s.math.round(c))
		}
	}
	s.count = len(ids)
	return ids
}

// vector is a vector of n values; a sparse one need not write its length.
func (mc *modelCompiler) vector(v *document.VectorInstance, n int) []float64 {
	var x []float64
	switch {
	case v.Sparse != nil && v.Array == nil:
		if v.Sparse.Len() > n || v.Sparse.N.Set && v.Sparse.Len() < n {
			mc.c.refuse(v, "%d values for %d fields", v.Sparse.Len(), n)
		}
		for x = v.Sparse.Floats(); len(x) < n; {
			x = append(x, v.Sparse.DefaultValue)
		}
	case v.Array != nil && v.Sparse == nil:
		var err error
		if x, err = v.Array.Floats(); err != nil {
			panic(err)
		}
	default:
		mc.c.refuse(v, "an <Array> or a <REAL-SparseArray> is wanted inside")
	}
	if len(x) != n {
		mc.c.refuse(v, "%d values for %d fields", len(x), n)
	}
	return x
}

func (mc *modelCompiler) machine(s *supportVectorMachines, m *document.SupportVectorMachineModel, doc *document.SupportVectorMachine, ids map[string]int32) machine {
	k := machine{b: mc.math.round(doc.Coefficients.AbsoluteValue), category: -1, alternate: -1, threshold: mc.math.round(doc.Threshold.Or(m.Threshold))}
	for _, c := range doc.Coefficients.Coefficients {
		k.alphas = append(k.alphas, mc.math.round(c.Value))
	}
	if ids == nil {
		for i := range s.fields {
			k.vectors = append(k.vectors, int32(i))
		}
	} else if doc.Vectors == nil {
		mc.c.refuse(doc, "<SupportVectors> is missing inside")
	} else {
		for i := range doc.Vectors.Vectors {
			v := &doc.Vectors.Vectors[i]
			row, ok := ids[v.VectorID]
			if !ok {
				mc.c.refuseAttr(v, "vectorId", "there is no vector %q", v.VectorID)
			}
			k.vectors = append(k.vectors, row)
		}
	}
	if len(k.alphas) != len(k.vectors) {
		mc.c.refuse(doc.Coefficients, "%d coefficients for %d vectors", len(k.alphas), len(k.vectors))
	}
	return k
}

// categories finds out how the machines decide and what they decide between.
// Older exporters leave the method out; then an alternate category shows that
// pairs of classes are meant. A PMML 3 alternateBinaryTargetCategory counts
// with OneAgainstOne only, as in the reference.
func (mc *modelCompiler) categories(s *supportVectorMachines, m *document.SupportVectorMachineModel) {
	first := m.Machines[0].AlternateTargetCategory.Set
	s.vote = m.ClassificationMethod == "OneAgainstOne" || first && (m.ClassificationMethod == "" || len(m.Machines) == 1)
	for i, doc := range m.Machines {
		if !doc.TargetCategory.Set {
			mc.c.refuseAttr(doc, "targetCategory", "the attribute is missing")
		}
		k := &s.machines[i]
		k.category = mc.c.class(s.target, doc.TargetCategory.V, doc)
		alternate := doc.AlternateTargetCategory
		if m.AlternateBinary.Set && s.vote {
			if alternate.Set || len(m.Machines) > 1 {
				mc.c.refuseAttr(m, "alternateBinaryTargetCategory", "one machine without an alternateTargetCategory is wanted")
			}
			alternate, k.rounds = m.AlternateBinary, true
		}
		switch {
		case s.vote && !alternate.Set:
			mc.c.refuseAttr(doc, "alternateTargetCategory", "the attribute is missing")
		case !s.vote && alternate.Set:
			mc.c.refuseAttr(doc, "alternateTargetCategory", "contradicts classificationMethod OneAgainstAll")
		case alternate.Set:
			k.alternate = mc.c.class(s.target, alternate.V, doc)
		}
	}
}

// kernel is a kernel function K(x, y).
type kernel struct {
	kind   kernelKind
	gamma  float64
	coef0  float64
	degree float64
	whole  int // the degree as a small whole number, or 0
}

type kernelKind uint8

const (
	kernelLinear kernelKind = iota
	kernelPolynomial
	kernelRadial
	kernelSigmoid
	kernelUnit // the vectors are unit vectors: the values are the fields
)

func (mc *modelCompiler) kernel(m *document.SupportVectorMachineModel) kernel {
	doc, kind := m.Linear, kernelLinear
	switch {
	case m.Polynomial != nil:
		doc, kind = m.Polynomial, kernelPolynomial
	case m.RadialBasis != nil:
		doc, kind = m.RadialBasis, kernelRadial
	case m.Sigmoid != nil:
		doc, kind = m.Sigmoid, kernelSigmoid
	}
	a := mc.math
	k := kernel{kind: kind, gamma: a.round(doc.Gamma), coef0: a.round(doc.Coef0), degree: a.round(doc.Degree)}
	if d := math.Trunc(doc.Degree); d == doc.Degree && d >= 1 && d <= 3 {
		k.whole = int(d)
	}
	return k
}
