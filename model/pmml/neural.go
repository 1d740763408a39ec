package pmml

import (
	"math"

	"github.com/modelstream/modelserver/model/pmml/document"
)

// neuralNetwork is a feed-forward network (DMG 4.4, Neural Network). Neurons
// are numbered: inputs first, then layer by layer; the activations of a block
// are neuron × row.
type neuralNetwork struct {
	math    arith
	acts    int // scratch
	inputs  []expr
	types   []dataType
	layers  []neuralLayer
	outputs []neuralOutput // by target
}

type neuralLayer struct {
	activation string
	normalize  string
	threshold  float64
	leakage    float64 // of a rectifier
	first      int     // number of its first neuron
	neurons    []neuron
}

type neuron struct {
	bias      float64
	from      []int32
	weights   []float64
	denom     float64 // radial basis: −2 × width²
	logHeight float64 // radial basis: fan-in × ln(altitude)
}

// neuralOutput is what the neurons say about one target.
type neuralOutput struct {
	target  *target
	neurons []int
	classes []int // of each neuron
	inverse *normExpr
}

var activations = map[string]bool{
	"threshold": true, "logistic": true, "tanh": true, "identity": true, "exponential": true, "reciprocal": true,
	"square": true, "Gauss": true, "sine": true, "cosine": true, "Elliott": true, "arctan": true, "rectifier": true, "radialBasis": true,
}

func compileNeuralNetwork(mc *modelCompiler, m *document.NeuralNetwork) evaluator {
	if m.FunctionName != "classification" && m.FunctionName != "regression" {
		mc.c.refuseAttr(m, "functionName", "%q is not supported here", m.FunctionName)
	}
	n := &neuralNetwork{math: mc.math}
	ids := map[string]int{}
	number := func(id string, at document.Located) {
		if _, twice := ids[id]; twice {
			mc.c.refuseAttr(at, "id", "neuron %q is there twice", id)
		}
		ids[id] = len(ids)
	}
	for _, in := range m.Inputs.Inputs {
		number(in.ID, in)
		n.inputs = append(n.inputs, mc.expr(in.DerivedField.Expression, nil))
		n.types = append(n.types, dataTypeOf(in.DerivedField.DataType))
	}
	for _, l := range m.Layers {
		n.layers = append(n.layers, mc.neuralLayer(m, l, ids))
		for _, neuron := range l.Neurons {
			number(neuron.ID, neuron)
		}
	}
	for _, o := range m.Outputs.Outputs {
		at, ok := ids[o.OutputNeuron]
		if !ok {
			mc.c.refuseAttr(o, "outputNeuron", "there is no neuron %q", o.OutputNeuron)
		}
		mc.neuralOutput(n, o, at)
	}
	if len(n.outputs) != len(mc.targets) {
		mc.c.refuse(m.Outputs, "%d targets have outputs, the model has %d", len(n.outputs), len(mc.targets))
	}
	n.acts = mc.c.scratch(len(ids) * columnStride)
	return n
}

func (mc *modelCompiler) neuralLayer(m *document.NeuralNetwork, l *document.NeuralLayer, ids map[string]int) neuralLayer {
	a := mc.math
	layer := neuralLayer{
		leakage:    a.round(firstSet(l.Leakage, m.Leakage).Or(0)),
		activation: l.ActivationFunction, normalize: l.NormalizationMethod, first: len(ids), threshold: l.Threshold.Or(m.Threshold),
	}
	if layer.activation == "" {
		layer.activation = m.ActivationFunction
	}
	if layer.normalize == "" {
		layer.normalize = m.NormalizationMethod
	}
	if !activations[layer.activation] {
		mc.c.refuseAttr(l, "activationFunction", "%q is not supported", layer.activation)
	}
	for _, doc := range l.Neurons {
		n := neuron{bias: a.round(doc.Bias)}
		for _, con := range doc.Con {
			from, ok := ids[con.From]
			if !ok {
				mc.c.refuse(doc, "there is no earlier neuron %q", con.From)
			}
			n.from = append(n.from, int32(from))
			n.weights = append(n.weights, a.round(con.Weight))
		}
		if layer.activation == "radialBasis" {
			width := firstSet(doc.Width, l.Width, m.Width)
			if !width.Set {
				mc.c.refuseAttr(doc, "width", "the attribute is missing")
			}
			w := a.round(width.V)
			n.denom = a.mul(-2, a.mul(w, w))
			n.logHeight = a.mul(float64(len(doc.Con)), a.round(math.Log(firstSet(doc.Altitude, l.Altitude).Or(m.Altitude))))
		}
		layer.neurons = append(layer.neurons, n)
	}
	return layer
}

func firstSet(opts ...document.Opt[float64]) document.Opt[float64] {
	for _, o := range opts {
		if o.Set {
			return o
		}
	}
	return document.Opt[float64]{}
}

// neuralOutput binds an output neuron to the target whose class or number it
// stands for.
func (mc *modelCompiler) neuralOutput(n *neuralNetwork, o *document.NeuralOutput, at int) {
	e := o.DerivedField.Expression
	if ref, ok := e.(*document.FieldRef); ok {
		if df := mc.derivedField(ref.Field); df != nil {
			e = df.Expression
		}
	}
	var name, class string
	var norm *document.NormContinuous
	switch e := e.(type) {
	case *document.NormDiscrete:
		name, class = e.Field, e.Value
	case *document.NormContinuous:
		name, norm = e.Field, e
	case *document.FieldRef:
		name = e.Field
	default:
		mc.c.refuse(e, "the expression is not supported inside of <NeuralOutput>")
	}
	t := mc.targets[0]
	for _, k := range mc.targets {
		if k.name == name {
			t = k
		}
	}
	if _, discrete := e.(*document.NormDiscrete); discrete == t.numeric {
		mc.c.refuse(e, "does not suit the target, whose predictions are %s", map[bool]string{true: "numbers", false: "classes"}[t.numeric])
	}
	out := n.output(t)
	out.neurons = append(out.neurons, at)
	if t.numeric {
		if len(out.neurons) > 1 {
			mc.c.refuse(o, "target %q has two outputs", t.name)
		}
		if norm != nil {
			out.inverse = mc.inverse(norm)
		}
		return
	}
	out.classes = append(out.classes, mc.c.class(t, class, e))
	t.entities = append(t.entities, o.OutputNeuron)
}

func (n *neuralNetwork) output(t *target) *neuralOutput {
	for i := range n.outputs {
		if n.outputs[i].target == t {
			return &n.outputs[i]
		}
	}
	n.outputs = append(n.outputs, neuralOutput{target: t})
	return &n.outputs[len(n.outputs)-1]
}

// derivedField finds a derived field of the model or of the document.
func (s *scope) derivedField(name string) *document.DerivedField {
	for k := s; k != nil; k = k.parent {
		if df := k.local[name]; df != nil {
			return df
		}
	}
	return s.c.global[name]
}

func (s *scope) inverse(e *document.NormContinuous) *normExpr {
	if len(e.Norms) < 2 {
		s.c.refuse(e, "two <LinearNorm> are wanted at least")
	}
	return &normExpr{norms: e.Norms}
}
