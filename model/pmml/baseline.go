package pmml

import (
	"math"

	"github.com/modelstream/modelserver/model/pmml/document"
)

// baselineModel is a BaselineModel (DMG 4.4, Baseline Model).
//
// zValue looks at one event. CUSUM and scalarProduct look at all events up to
// now, and a model has no memory. A batch that is a data set has the events in
// the order of its rows. Where a stream is cut into batches anywhere, and a
// record that is scored twice must get the same score, a record brings its
// events along: as a JSON array with the oldest first. That works in a data set,
// too, and has nothing to do with the other rows.
type baselineModel struct {
	target *target
	math   arith
	field  slot
	mean   float64 // zValue
	sigma  float64
	events eventStatistic // of CUSUM and scalarProduct, else nil
	series int            // of the frame
}

func compileBaseline(mc *modelCompiler, m *document.BaselineModel) evaluator {
	if m.FunctionName != "regression" {
		mc.c.refuseAttr(m, "functionName", "%q is not supported here", m.FunctionName)
	}
	t := m.Test
	if t.WindowSize != 0 {
		mc.c.refuseAttr(t, "windowSize", "%d is not supported: all events count", t.WindowSize)
	}
	b := &baselineModel{target: mc.target(), math: mc.math}
	switch t.TestStatistic {
	case "zValue":
		mc.zValue(b, t)
	case "CUSUM":
		mc.cusum(b, t)
	case "scalarProduct":
		mc.scalarProduct(b, t)
	}
	if b.events != nil {
		b.series = mc.c.plan.series
		mc.c.plan.series++
	}
	return b
}

func (mc *modelCompiler) zValue(b *baselineModel, t *document.TestDistributions) {
	var variance float64
	switch d := t.Baseline.Distribution.(type) {
	case *document.GaussianDistribution:
		b.mean, variance = d.Mean, d.Variance
	case *document.AnyDistribution:
		b.mean, variance = d.Mean, d.Variance
	default:
		mc.c.refuse(t.Baseline, "a zValue needs a distribution with a mean and a variance")
	}
	b.sigma = math.Sqrt(mc.above(t.Baseline.Distribution, "variance", variance, 0))
	b.field = mc.numericField(t.Field, t)
}

// above returns a parameter of a distribution that must be above a limit.
func (mc *modelCompiler) above(d document.Located, name string, x, limit float64) float64 {
	if !(x > limit) {
		mc.c.refuseAttr(d, name, "%v is not greater than %v", x, limit)
	}
	return x
}

// sequence returns the slot of a field that holds a sequence of events.
func (mc *modelCompiler) sequence(name string, at document.Located) slot {
	mf := mc.mining[name]
	if mf == nil {
		mc.c.refuse(at, "field %q is not in the mining schema", name)
	}
	s := mc.collection(mf)
	if mc.c.info(s).typ != tString {
		mc.c.refuse(at, "field %q is used as a single value, too", name)
	}
	return s
}

func (b *baselineModel) eval(f *frame, rows []int32) {
	r := &f.results[b.target.id]
	for _, row := range rows {
		r.state[row] = absent
		if !f.usable(b.field, row) {
			continue
		}
		var x float64
		ok := true
		if b.events != nil {
			x, ok = b.summarize(f, row)
		} else {
			x = b.math.div(b.math.sub(f.cols[b.field].num[row], b.math.round(b.mean)), b.math.round(b.sigma))
		}
		if ok {
			r.state[row], r.num[row] = valid, b.math.round(x)
		}
	}
}
