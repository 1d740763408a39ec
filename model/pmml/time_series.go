package pmml

import (
	"math"

	"github.com/modelstream/modelserver/model"
	"github.com/modelstream/modelserver/model/pmml/document"
)

// timeSeries is a TimeSeriesModel (DMG 4.4, Time Series Models). A forecast
// depends on nothing but how far ahead it is, so all are made at load. A record
// says how far in the only supplementary field of the mining schema; without
// one, or where it is missing, the next value is forecast.
type timeSeries struct {
	target    *target
	horizon   slot      // −1 without the field
	forecasts []float64 // for 1 … maxHorizon steps
}

// limits of the work at load.
const (
	maxHorizon = 1000
	maxStates  = 200
)

func compileTimeSeries(mc *modelCompiler, m *document.TimeSeriesModel) evaluator {
	if m.FunctionName != "timeSeries" {
		mc.c.refuseAttr(m, "functionName", "%q does not suit the model", m.FunctionName)
	}
	t := &timeSeries{target: mc.target(), horizon: -1}
	for _, f := range m.MiningSchema.Fields {
		if f.UsageType != "supplementary" {
			continue
		}
		if t.horizon >= 0 {
			mc.c.refuseAttr(f, "usageType", "one supplementary field may say how far ahead to forecast, two are there")
		}
		t.horizon = mc.numericField(f.Name, f)
	}
	switch m.BestFit {
	case "ExponentialSmoothing":
		if m.Smoothing == nil {
			mc.c.refuse(m, "<ExponentialSmoothing> is missing inside")
		}
		t.forecasts = smoothed(m.Smoothing)
	case "StateSpaceModel":
		if m.StateSpace == nil {
			mc.c.refuse(m, "<StateSpaceModel> is missing inside")
		}
		t.forecasts = mc.stateSpace(m.StateSpace)
	}
	for i := range t.forecasts {
		t.forecasts[i] = mc.math.round(t.forecasts[i])
	}
	return t
}

// smoothed continues a level S with a trend T: by S + mT, S × Tᵐ, or with the
// trend damped by φ, φ², … from step to step.
func smoothed(m *document.ExponentialSmoothing) []float64 {
	out := make([]float64, maxHorizon)
	x, damping := m.Level.SmoothedValue, 1.0
	for i := range out {
		if t := m.Trend; t != nil {
			if t.Trend == "damped_additive" || t.Trend == "damped_multiplicative" {
				damping *= t.Phi
			}
			if t.Trend == "additive" || t.Trend == "damped_additive" {
				x += float64(damping * t.SmoothedValue)
			} else {
				x *= math.Pow(t.SmoothedValue, damping)
			}
		}
		out[i] = x
		switch m.Transformation {
		case "logarithmic":
			out[i] = math.Exp(x)
		case "squareroot":
			out[i] = x * x
		}
	}
	return out
}

// stateSpace moves the state on and observes it. The state in the document is
// that of the first forecast.
func (mc *modelCompiler) stateSpace(m *document.StateSpaceModel) []float64 {
	state := mc.floats(m.State.Array)
	if len(state) == 0 || len(state) > maxStates {
		mc.c.refuse(m.State, "%d states; the limits are 1 and %d", len(state), maxStates)
	}
	intercept := m.Intercept
	if m.Intercepts != nil {
		v := mc.floats(m.Intercepts.Array)
		if len(v) != 1 || intercept != 0 {
			mc.c.refuse(m.Intercepts, "one intercept is wanted in all")
		}
		intercept = v[0]
	}
	transition := mc.matrix(m.Transition, len(state), len(state))
	measurement := mc.matrix(m.Measurement, 1, len(state))
	out := make([]float64, maxHorizon)
	next := make([]float64, len(state))
	for i := range out {
		out[i] = dot(measurement, state) + intercept
		for k := range next {
			next[k] = dot(transition[k*len(state):(k+1)*len(state)], state)
		}
		state, next = next, state
	}
	return out
}

func dot(a, b []float64) (sum float64) {
	for i, x := range a {
		sum += float64(x * b[i])
	}
	return sum
}

func (mc *modelCompiler) floats(a *document.Array) []float64 {
	x, err := a.Floats()
	if err != nil {
		panic(err)
	}
	return x
}

// matrix returns a matrix row by row.
func (mc *modelCompiler) matrix(m *document.StateMatrix, rows, cols int) []float64 {
	if r, c := m.Matrix.Rows.Or(rows), m.Matrix.Cols.Or(cols); r != rows || c != cols {
		mc.c.refuse(m.Matrix, "a matrix of %d × %d, wanted is one of %d × %d", r, c, rows, cols)
	}
	out := make([]float64, 0, rows*cols)
	for i := range rows {
		for j := range cols {
			x, err := m.Matrix.At(i, j)
			if err != nil {
				panic(err)
			}
			out = append(out, x)
		}
	}
	return out
}

func (t *timeSeries) eval(f *frame, rows []int32) {
	r := &f.results[t.target.id]
	for _, row := range rows {
		r.state[row] = absent
		steps := 1.0
		if t.horizon >= 0 && f.usable(t.horizon, row) {
			steps = f.cols[t.horizon].num[row]
		}
		if f.errs[row] != nil {
			continue
		}
		if steps != math.Trunc(steps) || steps < 1 || steps > maxHorizon {
			f.fail(row, model.InvalidInput, f.plan.slots[t.horizon].name, number(steps).format(), "must be a whole number of steps, at most 1000")
			continue
		}
		r.state[row], r.num[row] = valid, t.forecasts[int(steps)-1]
	}
}

// feature has no standard errors to give: the forecast stands without them.
func (t *timeSeries) feature(_ *frame, _ int32, o *output) (value, bool) {
	return missing, o.doc.Feature == "standardError"
}
