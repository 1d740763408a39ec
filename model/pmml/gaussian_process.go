package pmml

import (
	"math"
	"strings"

	"github.com/modelstream/modelserver/model"
	"github.com/modelstream/modelserver/model/pmml/document"
)

// gaussianProcess is a GaussianProcessModel (DMG 4.4, Gaussian Process):
//
//	mean     = kᵀ (K + σ²I)⁻¹ y
//	variance = k(x, x) − kᵀ (K + σ²I)⁻¹ k
//
// where k compares a record with the training instances and K these with each
// other. In PMML 4.3 the variance was that of an observation: σ² more.
type gaussianProcess struct {
	target  *target
	fields  []slot
	scales  []float64 // 1/λ of each field
	power   float64   // of the scaled distance
	half    float64   // ½ where the kernel has it, else 1
	gamma   float64
	noise   float64
	spread  float64   // what the variance of a prediction has of the noise
	points  []float64 // instance × field
	count   int
	alpha   []float64 // (K + σ²I)⁻¹ y
	factor  []float64 // the lower triangle L of K + σ²I = LLᵀ, row by row, or nil
	input   int       // scratch: the fields of a row
	k       int       // scratch: k
	spreads int       // scratch: by row: the variance
}

// maxInstances bounds the work at load, which grows with its cube.
const maxInstances = 2000

func compileGaussianProcess(mc *modelCompiler, m *document.GaussianProcessModel) evaluator {
	if m.FunctionName != "regression" {
		mc.c.refuseAttr(m, "functionName", "%q is not supported here", m.FunctionName)
	}
	g := &gaussianProcess{target: mc.target(), count: len(m.Instances.Table.Rows)}
	if g.target.data == nil {
		mc.c.refuse(m.MiningSchema, "a target field that is in the data dictionary is wanted")
	}
	if g.count > maxInstances {
		mc.c.refuse(m.Instances, "%d instances; the limit is %d", g.count, maxInstances)
	}
	t := mc.training(m.Instances)
	for i := range m.Instances.Fields.Fields {
		if f := &m.Instances.Fields.Fields[i]; f.Field != g.target.name {
			g.fields = append(g.fields, mc.numericField(f.Field, f))
		}
	}
	mc.covariance(g, m)
	g.points = t.numbers(g.fields)
	for _, x := range g.points {
		if x != x {
			mc.c.refuse(m.Instances, "an instance has a missing value")
		}
	}
	y := make([]float64, g.count)
	for i, s := range t.texts(g.target.name, m.Instances) {
		x, err := document.ParseFloat(s)
		if err != nil {
			mc.c.refuse(document.Pos{Element: "row", Line: m.Instances.Table.Rows[i].Line}, "%s", err)
		}
		y[i] = x
	}
	if !g.learn(y) {
		mc.c.refuse(m.Instances, "the covariance matrix of the instances is not positive definite")
	}
	if !mc.asks("standardDeviation") {
		g.factor = nil
	}
	g.input, g.k, g.spreads = mc.c.scratch(len(g.fields)), mc.c.scratch(g.count), mc.c.scratch(blockRows)
	return g
}

// asks says whether an output may ask for a feature.
func (s *scope) asks(feature string) bool {
	for ; s != nil; s = s.parent {
		if s.base.Output == nil {
			continue
		}
		for _, f := range s.base.Output.Fields {
			if f.Feature == feature {
				return true
			}
		}
	}
	return false
}

// covariance compiles the kernel: γ exp(−½ Σ (|x−z|/λ)²) of the squared
// exponential ones, γ exp(−Σ (|x−z|/λ)ᵖ) of the others.
func (mc *modelCompiler) covariance(g *gaussianProcess, m *document.GaussianProcessModel) {
	k := m.RadialBasis
	g.power, g.half = 2, 0.5
	switch {
	case m.ARD != nil:
		k = m.ARD
	case m.Absolute != nil:
		k = m.Absolute
		g.power, g.half = 1, 1
	case m.Generalized != nil:
		k = m.Generalized
		g.power, g.half = k.Degree, 1
	}
	g.gamma, g.noise = k.Gamma, k.NoiseVariance
	if v := mc.c.doc.Version; v == "4.3" || strings.HasPrefix(v, "4.3.") {
		g.spread = g.noise
	}
	var lambdas []float64
	for _, l := range k.Lambdas {
		lambdas = append(lambdas, mc.floats(l.Array)...)
	}
	switch {
	case m.RadialBasis != nil && len(k.Lambdas) > 0:
		mc.c.refuse(k, "<Lambda> is not known inside")
	case len(lambdas) == 0:
		for range g.fields {
			lambdas = append(lambdas, k.Lambda)
		}
	case len(lambdas) != len(g.fields):
		mc.c.refuse(k, "%d length scales for %d fields", len(lambdas), len(g.fields))
	}
	for _, l := range lambdas {
		if !(l > 0) {
			mc.c.refuse(k, "length scale %v is not greater than 0", l)
		}
		g.scales = append(g.scales, 1/l)
	}
}

// kernel compares two points.
func (g *gaussianProcess) kernel(x, z []float64) float64 {
	sum := 0.0
	for i, v := range x {
		d := math.Abs(v-z[i]) * g.scales[i]
		switch g.power {
		case 1:
			sum += d
		case 2:
			sum += float64(d * d)
		default:
			sum += math.Pow(d, g.power)
		}
	}
	return g.gamma * math.Exp(-g.half*sum)
}

func (g *gaussianProcess) point(i int) []float64 {
	return g.points[i*len(g.fields) : (i+1)*len(g.fields)]
}

// learn factors the covariance matrix (Cholesky) and solves for α.
func (g *gaussianProcess) learn(y []float64) bool {
	n := g.count
	l := make([]float64, n*n)
	for i := range n {
		for j := 0; j <= i; j++ {
			a := g.kernel(g.point(i), g.point(j)) - dot(l[i*n:i*n+j], l[j*n:j*n+j])
			if i > j {
				l[i*n+j] = a / l[j*n+j]
				continue
			}
			if a += g.noise; !(a > 0) {
				return false
			}
			l[i*n+i] = math.Sqrt(a)
		}
	}
	g.factor, g.alpha = l, append([]float64(nil), y...)
	g.forward(g.alpha)
	for i := n - 1; i >= 0; i-- {
		for j := i + 1; j < n; j++ {
			g.alpha[i] -= l[j*n+i] * g.alpha[j]
		}
		g.alpha[i] /= l[i*n+i]
	}
	return true
}

// forward solves L x = b in place.
func (g *gaussianProcess) forward(b []float64) {
	n := g.count
	for i := range n {
		b[i] = (b[i] - dot(g.factor[i*n:i*n+i], b)) / g.factor[i*n+i]
	}
}

func (g *gaussianProcess) eval(f *frame, rows []int32) {
	r := &f.results[g.target.id]
	x, k, spreads := f.scratch[g.input], f.scratch[g.k], f.scratch[g.spreads]
	for _, row := range rows {
		r.state[row] = absent
		if !g.gather(f, row, x) {
			continue
		}
		for i := range k {
			k[i] = g.kernel(x, g.point(i))
		}
		r.state[row], r.num[row] = valid, g.target.math.round(dot(k, g.alpha))
		if g.factor != nil {
			g.forward(k)
			spreads[row] = max(0, g.gamma-dot(k, k)+g.spread)
		}
	}
}

func (g *gaussianProcess) gather(f *frame, row int32, x []float64) bool {
	for i, s := range g.fields {
		if !f.usable(s, row) {
			if f.errs[row] == nil {
				f.fail(row, model.MissingInput, f.plan.slots[s].name, "", "the model cannot do without it")
			}
			return false
		}
		x[i] = f.cols[s].num[row]
	}
	return true
}

// feature gives the standard deviation of the prediction.
func (g *gaussianProcess) feature(f *frame, row int32, o *output) (value, bool) {
	if o.doc.Feature != "standardDeviation" {
		return missing, false
	}
	return number(math.Sqrt(f.scratch[g.spreads][row])), true
}
