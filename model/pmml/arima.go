package pmml

import (
	"math"
	"slices"

	"github.com/modelstream/modelserver/model/pmml/document"
)

// An ARIMA model (DMG 4.4, Time Series Models, ARIMA) with the backshift B,
// the differences ∇ = (1−B)ᵈ(1−Bˢ)ᴰ and the residuals a is
//
//	φ(B)Φ(Bˢ) (∇y − μ) = θ(B)Θ(Bˢ) a
//	φ(B) = 1 − φ₁B − …, θ(B) = 1 + θ₁B + …
//
// where μ is the constant term. Conditional least squares takes past values
// and residuals as they are and future residuals as 0. That θ has plus signs
// and that μ is the mean, not what is added at each step, is how the exporters
// for R and statsmodels write it.

// polynomial is the coefficients of 1, B, B², …
type polynomial []float64

// lags is 1 + sign × (c₁B^step + c₂B^2step + …).
func lags(c []float64, step int, sign float64) polynomial {
	p := make(polynomial, len(c)*step+1)
	p[0] = 1
	for i, x := range c {
		p[(i+1)*step] = sign * x
	}
	return p
}

func (p polynomial) times(q polynomial) polynomial {
	out := make(polynomial, len(p)+len(q)-1)
	for i, x := range p {
		if x == 0 {
			continue
		}
		for j, y := range q {
			out[i+j] += float64(x * y)
		}
	}
	return out
}

// at is the coefficient of Bⁱ.
func (p polynomial) at(i int) float64 {
	if i < len(p) {
		return p[i]
	}
	return 0
}

func (p polynomial) sum() (sum float64) {
	for _, x := range p {
		sum += x
	}
	return sum
}

// arimaPart is the non-seasonal or the seasonal component.
type arimaPart struct {
	at        document.Located
	ar, ma    []float64
	d         int
	step      int // the lag of the first coefficient
	residuals []float64
}

func (mc *modelCompiler) arima(m *document.ARIMA, at document.Located, past []float64) forecast {
	s := forecast{values: make([]float64, maxHorizon)}
	var do func(float64) float64
	do, s.back = transformation(m.Transformation)
	if do != nil {
		for i, x := range past {
			past[i] = do(x)
		}
	}
	phi, delta, theta := polynomial{1}, polynomial{1}, polynomial{1}
	var residuals []float64
	for _, p := range mc.arimaParts(m) {
		phi = phi.times(lags(p.ar, p.step, -1))
		theta = theta.times(lags(p.ma, p.step, 1))
		for range p.d {
			delta = delta.times(lags([]float64{1}, p.step, -1))
		}
		if len(p.residuals) > len(residuals) {
			residuals = p.residuals
		}
	}
	all := phi.times(delta)
	switch {
	case len(past) < len(all)-1:
		mc.c.refuse(at, "the model needs the last %d values of the series in <TimeSeries>, %d are there", len(all)-1, len(past))
	case len(residuals) < len(theta)-1:
		mc.c.refuse(m, "the model needs the last %d residuals, %d are there", len(theta)-1, len(residuals))
	}
	s.continued(all, theta, float64(m.ConstantTerm*phi.sum()), past, residuals)
	if m.RMSE.Set {
		s.errors = psiErrors(all, theta, m.RMSE.V)
	}
	return s
}

// continued forecasts from the past: π(B)y = constant + θ(B)a.
func (s *forecast) continued(pi, theta polynomial, constant float64, past, residuals []float64) {
	y := slices.Grow(slices.Clone(past), maxHorizon)
	for step := range s.values {
		x := constant
		for i := 1; i < len(pi); i++ {
			x -= float64(pi[i] * y[len(y)-i])
		}
		// Of the residuals up to this step, all after the end of the series are 0.
		for j := step + 1; j < len(theta); j++ {
			x += float64(theta[j] * residuals[len(residuals)+step-j])
		}
		s.values[step] = x
		y = append(y, x)
	}
}

// psiErrors are the standard errors of forecasts: σ² (1 + ψ₁² + ψ₂² + …) with
// ψ(B) = θ(B)/π(B).
func psiErrors(pi, theta polynomial, sigma float64) []float64 {
	out, psi := make([]float64, maxHorizon), make([]float64, maxHorizon)
	sum := 0.0
	for k := range psi {
		psi[k] = theta.at(k)
		for i := 1; i <= k && i < len(pi); i++ {
			psi[k] -= float64(pi[i] * psi[k-i])
		}
		sum += float64(psi[k] * psi[k])
		out[k] = sigma * math.Sqrt(sum)
	}
	return out
}

func (mc *modelCompiler) arimaParts(m *document.ARIMA) []arimaPart {
	var parts []arimaPart
	if c := m.Nonseasonal; c != nil {
		parts = append(parts, mc.arimaPart(c, c.P, c.D, c.Q, 1, c.AR, c.MA))
	}
	if c := m.Seasonal; c != nil {
		if c.Period < 1 || c.Period > maxLag {
			mc.c.refuseAttr(c, "period", "%d is not between 1 and %d", c.Period, maxLag)
		}
		parts = append(parts, mc.arimaPart(c, c.P, c.D, c.Q, c.Period, c.AR, c.MA))
	}
	order := 0
	for _, p := range parts {
		order += (len(p.ar) + len(p.ma) + p.d) * p.step
		if order > maxLag {
			mc.c.refuse(p.at, "the orders reach back more than %d steps", maxLag)
		}
	}
	return parts
}

func (mc *modelCompiler) arimaPart(at document.Located, p, d, q, step int, ar *document.StateVector, ma *document.MovingAverage) arimaPart {
	part := arimaPart{at: at, d: d, step: step}
	if d < 0 || d > maxDifference {
		mc.c.refuse(at, "a difference of order %d; the limits are 0 and %d", d, maxDifference)
	}
	if ar != nil {
		part.ar = mc.floats(ar.Array)
	}
	if ma != nil {
		if ma.Coefficients != nil {
			part.ma = mc.floats(ma.Coefficients.Array)
		}
		if ma.Residuals != nil {
			part.residuals = mc.floats(ma.Residuals.Array)
		}
	}
	if len(part.ar) != p || len(part.ma) != q {
		mc.c.refuse(at, "%d autoregressive and %d moving average coefficients are announced, %d and %d are there", p, q, len(part.ar), len(part.ma))
	}
	return part
}
