package pmml

import (
	"math"

	"github.com/modelstream/modelserver/model"
	"github.com/modelstream/modelserver/model/pmml/document"
)

// baselineModel is a BaselineModel (DMG 4.4, Baseline Model).
//
// zValue looks at one event. CUSUM and scalarProduct look at all events up to
// now, and a model has no memory: batches end where the stream happens to be
// cut, and a record that is scored twice must get the same score. So a record
// brings its events along, as a JSON array with the oldest first.
type baselineModel struct {
	target *target
	math   arith
	field  slot
	mean   float64 // zValue
	sigma  float64
	cusum  *cusum
	dot    *scalarProduct
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
		switch {
		case b.cusum != nil:
			x, ok = b.cusum.score(f, row, b.field)
		case b.dot != nil:
			x, ok = b.dot.score(f, row, b.field)
		default:
			x = b.math.div(b.math.sub(f.cols[b.field].num[row], b.math.round(b.mean)), b.math.round(b.sigma))
		}
		if ok {
			r.state[row], r.num[row] = valid, b.math.round(x)
		}
	}
}

// failSequence fails a row whose events cannot be read.
func (f *frame) failSequence(s slot, row int32) {
	f.fail(row, model.InvalidInput, f.plan.slots[s].name, f.get(s, row).format(),
		"must be a JSON array of all events up to this one, the oldest first")
}
