package pmml

import (
	"math"

	"github.com/modelstream/modelserver/model"
)

// eval runs the network for all rows, layer by layer.
func (n *neuralNetwork) eval(f *frame, rows []int32) {
	acts := f.scratch[n.acts]
	for i := range n.outputs {
		r := &f.results[n.outputs[i].target.id]
		for _, row := range rows {
			r.state[row] = valid
		}
	}
	for i := range n.inputs {
		n.input(f, rows, i, acts[i*columnStride:][:blockRows])
	}
	for i := range n.layers {
		n.layers[i].run(n.math, f, rows, acts)
	}
	for i := range n.outputs {
		n.outputs[i].emit(n.math, f, rows, acts)
	}
}

// input fills an input neuron; without its value there is no prediction.
func (n *neuralNetwork) input(f *frame, rows []int32, i int, out []float64) {
	if e, ok := n.inputs[i].(numbersExpr); ok && !f.plan.general && (n.types[i] == tDouble || n.types[i] == tMissing) {
		if x, _, ok := e.numbers(f, rows, 0); ok {
			for _, row := range rows {
				out[row] = n.math.round(x[row])
			}
			return
		}
	}
	first := f.results[n.outputs[0].target.id].state
	for _, row := range rows {
		if first[row] != valid { // an input before is missing: nothing more is read
			out[row] = 0
			continue
		}
		v := n.inputs[i].eval(f, row).cast(n.types[i])
		if !v.none() {
			v = v.cast(tDouble)
		}
		switch {
		case v.isFailed():
			f.fail(row, model.NoResult, "", "", "a neural input "+v.s)
			fallthrough
		case v.isMissing():
			for k := range n.outputs {
				f.results[n.outputs[k].target.id].state[row] = absent
			}
			v.n = 0
		}
		out[row] = n.math.round(v.n)
	}
}

func (l *neuralLayer) run(a arith, f *frame, rows []int32, acts []float64) {
	fast := !a.single && f.most(rows) && l.activation != "radialBasis"
	if fast {
		l.sums(f.n, acts)
	}
	for i := range l.neurons {
		out := acts[(l.first+i)*columnStride:][:blockRows]
		k := &l.neurons[i]
		if l.activation == "radialBasis" {
			k.radial(a, rows, acts, out)
			continue
		}
		if !fast {
			k.sum(a, rows, acts, out)
		}
		l.activate(a, rows, out)
	}
	if l.normalize != "none" {
		l.normalizeRows(a, rows, acts)
	}
}

// sums computes the sums of all neurons for all n rows of the block, in double
// precision.
func (l *neuralLayer) sums(n int, acts []float64) {
	var s [lanes]float64
	for at := 0; at < n; at += lanes {
		for i := range l.neurons {
			k := &l.neurons[i]
			dense(&s, acts, at, k.from, k.weights)
			out := acts[(l.first+i)*columnStride+at:][:lanes]
			for lane := range out {
				out[lane] = s[lane] + k.bias
			}
		}
	}
}

// sum adds the weighted activations in document order, then the bias.
func (k *neuron) sum(a arith, rows []int32, acts, out []float64) {
	for _, row := range rows {
		out[row] = 0
	}
	for j, from := range k.from {
		in := acts[int(from)*columnStride:][:blockRows]
		w := k.weights[j]
		if a.single {
			for _, row := range rows {
				out[row] = a.madd(out[row], w, in[row])
			}
			continue
		}
		for _, row := range rows {
			out[row] += float64(w * in[row])
		}
	}
	for _, row := range rows {
		out[row] = a.add(out[row], k.bias)
	}
}

func (k *neuron) radial(a arith, rows []int32, acts, out []float64) {
	for _, row := range rows {
		z := 0.0
		for j, from := range k.from {
			d := a.sub(acts[int(from)*columnStride+int(row)], k.weights[j])
			z = a.add(z, a.mul(d, d))
		}
		out[row] = a.exp(a.add(a.div(z, k.denom), k.logHeight))
	}
}

// activate applies the activation function (DMG 4.4, Neural Network:
// ACTIVATION-FUNCTION).
func (l *neuralLayer) activate(a arith, rows []int32, out []float64) {
	var fn func(float64) float64
	switch l.activation {
	case "identity":
		return
	case "rectifier":
		if l.leakage != 0 {
			for _, row := range rows {
				if out[row] <= 0 {
					out[row] = a.mul(out[row], l.leakage)
				}
			}
			return
		}
		for _, row := range rows {
			out[row] = max(0, out[row])
		}
		return
	case "logistic":
		fn = a.logistic
	case "threshold":
		fn = func(x float64) float64 {
			if x > l.threshold {
				return 1
			}
			return 0
		}
	case "tanh":
		fn = a.tanh
	case "exponential":
		fn = a.exp
	case "reciprocal":
		fn = func(x float64) float64 { return a.div(1, x) }
	case "square":
		fn = func(x float64) float64 { return a.mul(x, x) }
	case "Gauss":
		fn = func(x float64) float64 { return a.exp(-a.mul(x, x)) }
	case "sine":
		fn = func(x float64) float64 { return a.round(math.Sin(x)) }
	case "cosine":
		fn = func(x float64) float64 { return a.round(math.Cos(x)) }
	case "Elliott":
		fn = func(x float64) float64 { return a.div(x, a.add(1, math.Abs(x))) }
	case "arctan":
		fn = func(x float64) float64 { return a.round(2 * math.Atan(x) / math.Pi) }
	}
	for _, row := range rows {
		out[row] = fn(out[row])
	}
}

func (l *neuralLayer) normalizeRows(a arith, rows []int32, acts []float64) {
	x := make([]float64, 0, 64)
	for _, row := range rows {
		x = x[:0]
		for i := range l.neurons {
			x = append(x, acts[(l.first+i)*columnStride+int(row)])
		}
		if l.normalize == "softmax" {
			a.softmax(x)
		} else {
			a.simplemax(x)
		}
		for i := range l.neurons {
			acts[(l.first+i)*columnStride+int(row)] = x[i]
		}
	}
}

// emit writes the results of one target.
func (o *neuralOutput) emit(a arith, f *frame, rows []int32, acts []float64) {
	r := &f.results[o.target.id]
	if o.target.numeric {
		out := acts[o.neurons[0]*columnStride:]
		for _, row := range rows {
			x := out[row]
			if o.inverse != nil {
				x = o.inverse.inverse(a, x)
			}
			r.num[row] = x
		}
		return
	}
	for _, row := range rows {
		p := o.target.row(r.prob, row)
		clear(p)
		best := 0
		for i, at := range o.neurons {
			p[o.classes[i]] = acts[at*columnStride+int(row)]
			if p[o.classes[i]] > p[o.classes[best]] {
				best = i
			}
		}
		r.num[row], r.hasP[row], r.entity[row] = float64(o.classes[best]), true, int32(best)
	}
}
