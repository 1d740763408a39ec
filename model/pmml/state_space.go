package pmml

import (
	"math"
	"slices"

	"github.com/modelstream/modelserver/model/pmml/document"
)

// stateSpace is a StateSpaceModel in use: matrices are row by row.
type stateSpace struct {
	n           int       // states
	state       []float64 // of the next step
	transition  []float64 // n × n
	measurement []float64 // series × n
	drift       []float64 // what the state gains at each step
	offset      []float64 // by series: what is added to the observation
}

// stateSpace moves the state on and observes it. The state in the document is
// that of the first forecast.
func (mc *modelCompiler) stateSpace(m *document.StateSpaceModel) []forecast {
	s := mc.stateSpaceModel(m)
	series := make([]forecast, len(mc.targets))
	for i := range series {
		series[i].values = make([]float64, maxHorizon)
	}
	next := make([]float64, s.n)
	for step := range maxHorizon {
		for i := range series {
			series[i].values[step] = dot(s.measurement[i*s.n:(i+1)*s.n], s.state) + s.offset[i]
		}
		for k := range next {
			next[k] = dot(s.transition[k*s.n:(k+1)*s.n], s.state) + s.drift[k]
		}
		s.state, next = next, s.state
	}
	if m.Covariance != nil && m.Disturbance != nil {
		mc.stateErrors(m, s, series)
	}
	return series
}

func (mc *modelCompiler) stateSpaceModel(m *document.StateSpaceModel) *stateSpace {
	s := &stateSpace{state: mc.floats(m.State.Array), offset: make([]float64, len(mc.targets))}
	s.n = len(s.state)
	if s.n == 0 || s.n > maxStates {
		mc.c.refuse(m.State, "%d states; the limits are 1 and %d", s.n, maxStates)
	}
	if len(mc.targets)*s.n*s.n > maxStateWork {
		mc.c.refuse(m.State, "%d series of %d states are too many", len(mc.targets), s.n)
	}
	s.drift = make([]float64, s.n)
	for i := range s.offset {
		s.offset[i] = m.Intercept
	}
	if v := m.Intercepts; v != nil {
		to := s.drift
		if v.Type == "observation" {
			to = s.offset
		}
		x := mc.floats(v.Array)
		if len(x) != len(to) {
			mc.c.refuse(v, "%d intercepts, wanted are %d", len(x), len(to))
		}
		for i := range to {
			to[i] += x[i]
		}
	}
	s.transition = mc.matrix(m.Transition, s.n, s.n)
	s.measurement = mc.matrix(m.Measurement, len(mc.targets), s.n)
	return s
}

// stateErrors works out the standard errors of the forecasts. With the rows
// g₀ = H, gₖ₊₁ = gₖF, with P the covariance of the state of the first forecast
// and Q what each step adds to it, forecast k has the variance
//
//	gₖPgₖᵀ + g₀Qg₀ᵀ + … + gₖ₋₁Qgₖ₋₁ᵀ + R
//
// Two exporters are known. That for statsmodels gives P; that of R gives the
// covariance at the end of the series, a step earlier, and everything in units
// of a variance.
func (mc *modelCompiler) stateErrors(m *document.StateSpaceModel, s *stateSpace, series []forecast) {
	p, q := mc.matrix(m.Covariance, s.n, s.n), mc.matrix(m.Disturbance, s.n, s.n)
	noise := make([]float64, len(series)*len(series))
	if m.Observations != nil {
		noise = mc.matrix(m.Observations, len(series), len(series))
	}
	earlier := m.Variance.Set
	next := make([]float64, s.n)
	for i := range series {
		series[i].errors = make([]float64, maxHorizon)
		g := slices.Clone(s.measurement[i*s.n : (i+1)*s.n])
		sum := noise[i*len(series)+i]
		for step := range maxHorizon {
			if earlier {
				sum += quadratic(g, q)
				s.back(g, next)
			}
			series[i].errors[step] = math.Sqrt((quadratic(g, p) + sum) * m.Variance.Or(1))
			if !earlier {
				sum += quadratic(g, q)
				s.back(g, next)
			}
		}
	}
}

// back replaces a row g by gF.
func (s *stateSpace) back(g, scratch []float64) {
	clear(scratch)
	for k, x := range g {
		for j, y := range s.transition[k*s.n : (k+1)*s.n] {
			scratch[j] += float64(x * y)
		}
	}
	copy(g, scratch)
}

// quadratic is gMgᵀ.
func quadratic(g, m []float64) (sum float64) {
	for k, x := range g {
		sum += float64(x * dot(g, m[k*len(g):(k+1)*len(g)]))
	}
	return sum
}

// matrix returns a matrix row by row.
func (mc *modelCompiler) matrix(m *document.StateMatrix, rows, cols int) []float64 {
	x, err := m.Matrix.Dense(rows, cols)
	if err != nil {
		panic(err)
	}
	return x
}
