package pmml

import (
	"math"

	"github.com/modelstream/modelserver/model/pmml/document"
)

// smoothed continues a level S with a trend T: by S + mT, S × Tᵐ, or with the
// trend damped by φ, φ², … from step to step; a season is added or multiplies.
func (mc *modelCompiler) smoothed(m *document.ExponentialSmoothing, past []float64) forecast {
	s := forecast{values: make([]float64, maxHorizon)}
	_, s.back = transformation(m.Transformation)
	var season []float64
	if m.Season != nil {
		season = mc.season(m.Season, past)
	}
	x, damping := m.Level.SmoothedValue, 1.0
	for i := range s.values {
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
		s.values[i] = x
		switch {
		case season == nil:
		case m.Season.Type == "additive":
			s.values[i] = x + season[i%len(season)]
		default:
			s.values[i] = x * season[i%len(season)]
		}
	}
	return s
}

// season is the factors of a period, the next one first. The array has them in
// the order of time; a phase tells where in the period the series ends, and the
// standard leaves open from where it counts. So only documents are taken in
// which all ways of counting agree.
func (mc *modelCompiler) season(s *document.ExpoSeason, past []float64) []float64 {
	factors := mc.floats(s.Array)
	switch {
	case s.Period < 1 || s.Period != len(factors):
		mc.c.refuse(s, "%d factors for a period of %d", len(factors), s.Period)
	case s.Phase.Set && s.Phase.V != 0 && s.Phase.V != s.Period:
		mc.c.refuseAttr(s, "phase", "%d is not supported: the series must end with a period", s.Phase.V)
	case !s.Phase.Set && len(past)%s.Period != 0:
		mc.c.refuseAttr(s, "phase", "the attribute is missing, and a series of %d values does not end with a period of %d", len(past), s.Period)
	}
	return factors
}
