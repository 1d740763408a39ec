package pmml

import (
	"math"
	"slices"

	"github.com/modelstream/modelserver/model"
	"github.com/modelstream/modelserver/model/pmml/document"
)

// timeSeries is a TimeSeriesModel (DMG 4.4, Time Series Models). A forecast
// depends on nothing but how far ahead it is, so all are made at load. A record
// says how far in the only supplementary field of the mining schema; without
// one, or where it is missing, the next value is forecast.
type timeSeries struct {
	targets []*target
	horizon slot       // −1 without the field
	series  []forecast // of each target
}

// forecast is the future of one series, step by step: each slice has
// maxHorizon numbers.
type forecast struct {
	values []float64
	errors []float64             // standard errors, or nil
	inner  []float64             // of a transformed series: the forecasts to which errors belong, else nil
	back   func(float64) float64 // undoes the transformation, or nil
}

// limits of the work at load.
const (
	maxHorizon    = 1000
	maxStates     = 200
	maxStateWork  = 400_000 // series × states²
	maxLag        = 20_000
	maxDifference = 100
)

func compileTimeSeries(mc *modelCompiler, m *document.TimeSeriesModel) evaluator {
	if m.FunctionName != "timeSeries" {
		mc.c.refuseAttr(m, "functionName", "%q does not suit the model", m.FunctionName)
	}
	t := &timeSeries{targets: mc.targets, horizon: -1}
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
		t.series = []forecast{mc.smoothed(m.Smoothing, mc.past(m))}
	case "StateSpaceModel":
		if m.StateSpace == nil {
			mc.c.refuse(m, "<StateSpaceModel> is missing inside")
		}
		t.series = mc.stateSpace(m.StateSpace)
	case "ARIMA":
		if m.ARIMA == nil {
			mc.c.refuse(m, "<ARIMA> is missing inside")
		}
		t.series = []forecast{mc.arima(m.ARIMA, m, mc.past(m))}
	}
	if len(t.series) != len(t.targets) {
		mc.c.refuse(m.MiningSchema, "%d series are forecast, %d fields are targets", len(t.series), len(t.targets))
	}
	for i := range t.series {
		t.series[i].finish(mc.math)
	}
	mc.namesSeries(m)
	return t
}

// namesSeries refuses outputs that do not say which of several series they are
// about.
func (mc *modelCompiler) namesSeries(m *document.TimeSeriesModel) {
	if m.Output == nil || len(mc.targets) == 1 {
		return
	}
	for _, f := range m.Output.Fields {
		if f.TargetField == "" && f.Expression == nil {
			mc.c.refuseAttr(f, "targetField", "the attribute is missing; the model forecasts %d series", len(mc.targets))
		}
	}
}

// finish undoes the transformation.
func (s *forecast) finish(math arith) {
	if s.back != nil {
		s.inner = slices.Clone(s.values)
	}
	for k, x := range s.values {
		if s.back != nil {
			x = s.back(x)
		}
		s.values[k] = math.round(x)
	}
}

// bound is a forecast and so many standard errors.
func (s *forecast) bound(step int, errors float64) float64 {
	if s.back != nil {
		return s.back(s.inner[step] + float64(errors*s.errors[step]))
	}
	return s.values[step] + float64(errors*s.errors[step])
}

// transformation is how a series was transformed before it was modelled, and
// how that is undone; nil where it was not.
func transformation(name string) (do, undo func(float64) float64) {
	switch name {
	case "logarithmic":
		return math.Log, math.Exp
	case "squareroot":
		return math.Sqrt, func(x float64) float64 { return x * x }
	}
	return nil, nil
}

// past is what the series was, the oldest value first; nil where the document
// does not tell.
func (mc *modelCompiler) past(m *document.TimeSeriesModel) []float64 {
	var found *document.TimeSeries
	for _, s := range m.Series {
		if s.Usage == "prediction" || s.Field != "" && s.Field != mc.targets[0].name {
			continue
		}
		if found != nil {
			mc.c.refuse(s, "the past of the series is there twice")
		}
		found = s
	}
	if found == nil {
		return nil
	}
	values := make([]float64, 0, len(found.Values))
	for i := range found.Values {
		v, first := &found.Values[i], &found.Values[0]
		if v.Index.Set != first.Index.Set || v.Index.Set && v.Index.V != first.Index.V+i {
			mc.c.refuseAttr(v, "index", "the values do not follow one another without a gap")
		}
		if !v.Value.Set {
			mc.c.refuseAttr(v, "value", "the attribute is missing")
		}
		values = append(values, v.Value.V)
	}
	return values
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

func (t *timeSeries) eval(f *frame, rows []int32) {
	for _, row := range rows {
		step, ok := t.step(f, row)
		if ok && step < 0 {
			text := f.get(t.horizon, row).format()
			f.fail(row, model.InvalidInput, f.plan.slots[t.horizon].name, text, "must be a whole number of steps, at most 1000")
			ok = false
		}
		for i, target := range t.targets {
			r := &f.results[target.id]
			r.state[row] = absent
			if ok && t.series[i].values[step] == t.series[i].values[step] {
				r.state[row], r.num[row] = valid, t.series[i].values[step]
			}
		}
	}
}

// step is the index of the forecast that a row asks for, or −1; ok is false for
// a row that failed.
func (t *timeSeries) step(f *frame, row int32) (step int, ok bool) {
	if t.horizon < 0 {
		return 0, true
	}
	if !f.usable(t.horizon, row) {
		return 0, f.errs[row] == nil
	}
	h := f.cols[t.horizon].num[row]
	if h != math.Trunc(h) || h < 1 || h > maxHorizon {
		return -1, true
	}
	return int(h) - 1, true
}

// hasErrors says whether the standard errors of a target's forecasts are known.
func (t *timeSeries) hasErrors(of *target) bool {
	i := slices.Index(t.targets, of)
	return i >= 0 && t.series[i].errors != nil
}

// feature gives the standard error of a forecast, and the bounds between which
// a value lies with a probability in percent if forecasts err normally. Without
// standard errors a forecast stands alone.
func (t *timeSeries) feature(f *frame, row int32, o *output) (value, bool) {
	side := 0.0
	switch o.doc.Feature {
	case "standardError":
	case "confidenceIntervalLower":
		side = -1
	case "confidenceIntervalUpper":
		side = 1
	default:
		return missing, false
	}
	i := slices.Index(t.targets, o.target)
	step, ok := t.step(f, row)
	if i < 0 || t.series[i].errors == nil || !ok || step < 0 {
		return missing, true
	}
	s := &t.series[i]
	x := s.errors[step]
	if side != 0 {
		x = s.bound(step, side*o.width)
	} else if s.back != nil {
		return missing, true // it is that of the transformed series
	}
	if x != x {
		return missing, true
	}
	return number(x), true
}
