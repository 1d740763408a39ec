package pmml

import (
	"math"

	"github.com/modelstream/modelserver/model/pmml/document"
)

// cusum is the cumulative sum Z₋₁ = 0, Zₙ = max(r, Zₙ₋₁ + log f₁(xₙ)/f₀(xₙ)) of
// a baseline f₀ and an alternative f₁.
type cusum struct {
	reset               float64
	baseline, alternate logDensity
}

// logDensity is the logarithm of a density or probability; −∞ where that is 0.
type logDensity func(x float64) float64

// impossible is what is wrong with an event that no distribution allows.
const impossible = "is impossible by both distributions"

func (mc *modelCompiler) cusum(b *baselineModel, t *document.TestDistributions) {
	if t.Alternate == nil {
		mc.c.refuse(t, "<Alternate> is missing inside")
	}
	b.events = &cusum{
		reset:     t.ResetValue,
		baseline:  mc.density(t.Baseline, t.Baseline.Distribution),
		alternate: mc.density(t.Alternate, t.Alternate.Distribution),
	}
	b.field = mc.sequence(t.Field, t)
}

func (mc *modelCompiler) density(at document.Located, d document.Distribution) logDensity {
	switch d := d.(type) {
	case *document.GaussianDistribution:
		return logNormal(d.Mean, mc.above(d, "variance", d.Variance, 0))
	case *document.PoissonDistribution:
		return logPoisson(mc.above(d, "mean", d.Mean, 0))
	case *document.UniformDistribution:
		return logUniform(d.Lower, mc.above(d, "upper", d.Upper, d.Lower))
	}
	mc.c.refuse(at, "CUSUM needs a distribution with a density: Gaussian, Poisson or uniform")
	return nil
}

func logNormal(mean, variance float64) logDensity {
	c := -0.5 * math.Log(2*math.Pi*variance)
	return func(x float64) float64 { return c - (x-mean)*(x-mean)/(2*variance) }
}

func logPoisson(mean float64) logDensity {
	log := math.Log(mean)
	return func(x float64) float64 {
		if x < 0 || x != math.Trunc(x) {
			return math.Inf(-1)
		}
		g, _ := math.Lgamma(x + 1)
		return x*log - mean - g
	}
}

func logUniform(lower, upper float64) logDensity {
	c := -math.Log(upper - lower)
	return func(x float64) float64 {
		if x < lower || x > upper {
			return math.Inf(-1)
		}
		return c
	}
}

func (c *cusum) weighed() slot { return -1 }

func (c *cusum) add(s *runningSeries, event string, _ float64) (wrong string) {
	x, err := document.ParseFloat(event)
	if err != nil || x != x {
		return "is no number"
	}
	g := c.alternate(x) - c.baseline(x)
	if g != g || s.sum+g != s.sum+g {
		return impossible
	}
	s.sum = max(c.reset, s.sum+g)
	return ""
}

func (c *cusum) value(s *runningSeries) (float64, bool) { return s.sum, true }

// scalarProduct is that of the counts of the baseline and of the events.
type scalarProduct struct {
	counts map[string]float64
	norm   float64 // the sum of the squared counts
	scheme string
	weight slot // of the events, or −1
	typ    dataType
}

func (mc *modelCompiler) scalarProduct(b *baselineModel, t *document.TestDistributions) {
	table := t.Baseline.Counts
	if table == nil {
		table = t.Baseline.Normalized
	}
	if table == nil {
		mc.c.refuse(t.Baseline, "a scalar product needs a <CountTable>")
	}
	p := &scalarProduct{counts: map[string]float64{}, scheme: t.Normalization, weight: -1}
	if df := mc.c.data[t.Field]; df != nil {
		p.typ = dataTypeOf(df.DataType)
	}
	for i := range table.Counts {
		c := &table.Counts[i]
		if c.Field != t.Field {
			mc.c.refuseAttr(c, "field", "%q is not the field of the test, %q", c.Field, t.Field)
		}
		v := p.key(c.Value)
		if _, twice := p.counts[v]; twice {
			mc.c.refuseAttr(c, "value", "%q is there twice", document.Short(c.Value))
		}
		p.counts[v] = c.Count
		p.norm += c.Count * c.Count
	}
	if t.WeightField != "" {
		p.weight = mc.sequence(t.WeightField, t)
	}
	b.field, b.events = mc.sequence(t.Field, t), p
}

func (p *scalarProduct) weighed() slot { return p.weight }

// key is the canonical text of a value: of a number "1" for "1.0".
func (p *scalarProduct) key(s string) string {
	if v := parse(s, p.typ); p.typ.numeric() && !v.none() {
		return v.format()
	}
	return s
}

// add counts an event.
func (p *scalarProduct) add(s *runningSeries, event string, weight float64) (wrong string) {
	if event == "" {
		return "is no event"
	}
	if s.counts == nil {
		s.counts = map[string]float64{}
	}
	k := p.key(event)
	before := s.counts[k]
	s.counts[k] = before + weight
	s.dot += float64(weight * p.counts[k])
	s.norm += float64(weight * (2*before + weight))
	return ""
}

// value compares the events with the baseline: Σ e o, over |e||o| if the counts
// are normalized each by itself (Independent), or over the mean of |e|² and |o|²
// (SizeWeighted).
func (p *scalarProduct) value(s *runningSeries) (float64, bool) {
	x := s.dot
	switch p.scheme {
	case "Independent":
		x /= math.Sqrt(p.norm) * math.Sqrt(s.norm)
	case "SizeWeighted":
		x = 2 * x / (p.norm + s.norm)
	}
	return x, x == x
}
