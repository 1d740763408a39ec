package pmml

import (
	"math"

	"github.com/modelstream/modelserver/model/pmml/document"
)

// naiveBayes is a NaiveBayesModel (DMG 4.4, Naïve Bayes). It adds logarithms
// where the standard multiplies probabilities, so that many small ones do not
// vanish.
type naiveBayes struct {
	target *target
	math   arith
	prior  []float64 // by class: the logarithm of its count, or −Inf
	order  []int     // classes, as the output lists them: ties go to the first
	inputs []bayesInput
	floor  float64 // the logarithm of the threshold
}

// bayesInput is what the values of one field say about the classes.
type bayesInput struct {
	slot   slot
	places map[float64]int // of a discrete field: the row of each value
	logs   []float64       // value × class, 0 for classes that are not counted
	stats  []bayesStat     // of a continuous field
}

// bayesStat is the distribution of a field in one class.
type bayesStat struct {
	class   int
	kind    bayesKind
	mean    float64 // uniform: the lower end
	sd      float64 // uniform: the upper end
	logNorm float64 // Gaussian: −ln σ − ½ ln 2π; Poisson: ln mean; uniform: −ln(upper − lower)
}

type bayesKind uint8

const (
	bayesGaussian bayesKind = iota
	bayesPoisson
	bayesUniform
)

func compileNaiveBayes(mc *modelCompiler, m *document.NaiveBayesModel) evaluator {
	if m.FunctionName != "classification" {
		mc.c.refuseAttr(m, "functionName", "%q is not supported here", m.FunctionName)
	}
	b := &naiveBayes{target: mc.target(), math: mc.math, floor: mc.log(m.Threshold)}
	if m.Threshold < 0 {
		mc.c.refuseAttr(m, "threshold", "is less than 0")
	}
	if t := b.target; t.name != "" && t.name != m.Output.Field {
		mc.c.refuseAttr(m.Output, "fieldName", "%q is not the target, which is %q", m.Output.Field, t.name)
	}
	mc.priors(b, m.Output.Counts)
	mc.bayesClasses(b, m.Inputs)
	for len(b.prior) < len(b.target.classes) {
		b.prior = append(b.prior, math.Inf(-1))
	}
	for _, in := range m.Inputs.Inputs {
		b.inputs = append(b.inputs, mc.bayesInput(b, in))
	}
	return b
}

// log is the logarithm of a probability.
func (mc *modelCompiler) log(p float64) float64 {
	return mc.math.round(math.Log(mc.math.round(p)))
}

func (mc *modelCompiler) priors(b *naiveBayes, counts *document.TargetValueCounts) {
	for i := range counts.Counts {
		k := &counts.Counts[i]
		if k.Count < 0 {
			mc.c.refuseAttr(k, "count", "is less than 0")
		}
		class := mc.c.class(b.target, k.Value, k)
		for len(b.prior) <= class {
			b.prior = append(b.prior, math.Inf(-1))
		}
		b.prior[class] = mc.log(k.Count)
		b.order = append(b.order, class)
	}
}

// bayesClasses refuses target values that have no prior.
func (mc *modelCompiler) bayesClasses(b *naiveBayes, inputs *document.BayesInputs) {
	known := map[int]bool{}
	for _, class := range b.order {
		known[class] = true
	}
	check := func(value string, at document.Located) {
		if !known[mc.c.class(b.target, value, at)] {
			mc.c.refuseAttr(at, "value", "%q is not counted in <BayesOutput>", document.Short(value))
		}
	}
	for _, in := range inputs.Inputs {
		for _, p := range in.Counts {
			for i := range p.Counts.Counts {
				check(p.Counts.Counts[i].Value, &p.Counts.Counts[i])
			}
		}
		if in.Stats == nil {
			continue
		}
		for i := range in.Stats.Stats {
			check(in.Stats.Stats[i].Value, &in.Stats.Stats[i])
		}
	}
}

func (mc *modelCompiler) bayesInput(b *naiveBayes, doc *document.BayesInput) bayesInput {
	if doc.Stats != nil {
		if len(doc.Counts) > 0 || doc.DerivedField != nil {
			mc.c.refuse(doc, "<TargetValueStats> stands alone")
		}
		in := bayesInput{slot: mc.numericField(doc.Field, doc)}
		for i := range doc.Stats.Stats {
			in.stats = append(in.stats, mc.bayesStat(b, &doc.Stats.Stats[i]))
		}
		return in
	}
	if len(doc.Counts) == 0 {
		mc.c.refuse(doc, "<TargetValueStats> or <PairCounts> is missing inside")
	}
	in := bayesInput{slot: mc.field(doc.Field, doc)}
	if doc.DerivedField != nil {
		in.slot = mc.anonymous(doc.DerivedField)
	}
	mc.bayesCounts(b, &in, doc)
	return in
}

// anonymous compiles a derived field that has no name and belongs to one
// element alone.
func (s *scope) anonymous(df *document.NeuralField) slot {
	e := s.expr(df.Expression, nil)
	info := slotInfo{name: df.Name, typ: dataTypeOf(df.DataType), op: df.OpType}
	if info.typ == tMissing {
		info.typ = orString(e.typ())
	}
	to := s.c.slot(info)
	s.steps = append(s.steps, &deriveStep{to: to, typ: info.typ, expr: e})
	return to
}

// bayesCounts turns counts into probabilities: of a value among those of the
// same class. A count of zero has the threshold for a probability.
func (mc *modelCompiler) bayesCounts(b *naiveBayes, in *bayesInput, doc *document.BayesInput) {
	classes := len(b.target.classes)
	sums := make([]float64, classes)
	for _, p := range doc.Counts {
		for i := range p.Counts.Counts {
			k := &p.Counts.Counts[i]
			if k.Count < 0 {
				mc.c.refuseAttr(k, "count", "is less than 0")
			}
			class := mc.c.class(b.target, k.Value, k)
			sums[class] = mc.math.add(sums[class], mc.math.round(k.Count))
		}
	}
	in.places = map[float64]int{}
	for _, p := range doc.Counts {
		v, ok := mc.c.constant(in.slot, p.Value)
		if !ok {
			mc.c.refuseAttr(p, "value", "%q is no value of field %q", document.Short(p.Value), doc.Field)
		}
		if _, twice := in.places[v.n]; twice {
			continue // the first counts
		}
		in.places[v.n] = len(in.logs) / classes
		logs := make([]float64, classes)
		for i := range p.Counts.Counts {
			k := &p.Counts.Counts[i]
			class := mc.c.class(b.target, k.Value, k)
			x := b.floor
			if k.Count > epsilon {
				x = mc.log(mc.math.div(mc.math.round(k.Count), sums[class]))
			}
			logs[class] = mc.math.add(logs[class], x)
		}
		in.logs = append(in.logs, logs...)
	}
}

// epsilon is the distance between 1 and the next number, halved; smaller
// counts are zero to the reference.
const epsilon = 0x1p-53

func (mc *modelCompiler) bayesStat(b *naiveBayes, doc *document.TargetValueStat) bayesStat {
	s := bayesStat{class: mc.c.class(b.target, doc.Value, doc)}
	switch d := doc.Distribution.(type) {
	case *document.GaussianDistribution:
		if !(d.Variance > 0) {
			mc.c.refuseAttr(d, "variance", "%v is not greater than 0", d.Variance)
		}
		s.mean, s.sd = d.Mean, math.Sqrt(d.Variance)
		s.logNorm = -math.Log(s.sd) - 0.5*math.Log(2*math.Pi)
	case *document.PoissonDistribution:
		if !(d.Mean > 0) {
			mc.c.refuseAttr(d, "mean", "%v is not greater than 0", d.Mean)
		}
		s.kind, s.mean, s.logNorm = bayesPoisson, d.Mean, math.Log(d.Mean)
	case *document.UniformDistribution:
		if !(d.Upper > d.Lower) || math.IsInf(d.Upper-d.Lower, 0) {
			mc.c.refuseAttr(d, "upper", "%v is not greater than %v", d.Upper, d.Lower)
		}
		s.kind, s.mean, s.sd, s.logNorm = bayesUniform, d.Lower, d.Upper, -math.Log(d.Upper-d.Lower)
	default:
		mc.c.refuse(doc.Distribution, "the moments alone tell no density; <GaussianDistribution>, <PoissonDistribution> or <UniformDistribution> may stand here")
	}
	return s
}
