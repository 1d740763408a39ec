package pmml

import (
	"encoding/json"
	"math"
	"strconv"

	"github.com/modelstream/modelserver/model"
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

func (mc *modelCompiler) cusum(b *baselineModel, t *document.TestDistributions) {
	if t.Alternate == nil {
		mc.c.refuse(t, "<Alternate> is missing inside")
	}
	b.cusum = &cusum{
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

func (c *cusum) score(f *frame, row int32, s slot) (z float64, ok bool) {
	events, ok := readSequence(f.cols[s].str[row])
	if !ok {
		f.failSequence(s, row)
		return 0, false
	}
	for _, e := range events {
		x, err := document.ParseFloat(e)
		if err != nil || x != x {
			f.failSequence(s, row)
			return 0, false
		}
		g := c.alternate(x) - c.baseline(x)
		if g != g {
			f.fail(row, model.NoResult, f.plan.slots[s].name, e, "is impossible by both distributions")
			return 0, false
		}
		z = max(c.reset, z+g)
	}
	return z, len(events) > 0
}

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
	b.field, b.dot = mc.sequence(t.Field, t), p
}

// key is the canonical text of a value: of a number "1" for "1.0".
func (p *scalarProduct) key(s string) string {
	if v := parse(s, p.typ); p.typ.numeric() && !v.none() {
		return v.format()
	}
	return s
}

// score compares the events with the baseline: Σ e o, over |e||o| if the counts
// are normalized each by itself (Independent), or over the mean of |e|² and |o|²
// (SizeWeighted).
func (p *scalarProduct) score(f *frame, row int32, s slot) (float64, bool) {
	events, ok := readSequence(f.cols[s].str[row])
	if !ok {
		f.failSequence(s, row)
		return 0, false
	}
	weights, ok := p.weights(f, row, len(events))
	if !ok {
		return 0, false
	}
	observed := map[string]float64{}
	for i, e := range events {
		observed[p.key(e)] += weights[i]
	}
	dot, norm := 0.0, 0.0
	for _, e := range events {
		k := p.key(e)
		o, left := observed[k]
		if !left {
			continue // it was there before
		}
		delete(observed, k)
		dot += float64(o * p.counts[k])
		norm += float64(o * o)
	}
	switch p.scheme {
	case "Independent":
		dot /= math.Sqrt(p.norm) * math.Sqrt(norm)
	case "SizeWeighted":
		dot = 2 * dot / (p.norm + norm)
	}
	return dot, dot == dot && len(events) > 0
}

// weights reads how much each event counts.
func (p *scalarProduct) weights(f *frame, row int32, n int) ([]float64, bool) {
	out := make([]float64, n)
	for i := range out {
		out[i] = 1
	}
	if p.weight < 0 {
		return out, true
	}
	if !f.usable(p.weight, row) {
		return nil, false
	}
	texts, ok := readSequence(f.cols[p.weight].str[row])
	for i := 0; ok && i < len(texts) && i < n; i++ {
		var err error
		out[i], err = document.ParseFloat(texts[i])
		ok = err == nil && !math.IsNaN(out[i])
	}
	if !ok || len(texts) != n {
		f.fail(row, model.InvalidInput, f.plan.slots[p.weight].name, f.get(p.weight, row).format(), "must be a JSON array with a weight for each event")
		return nil, false
	}
	return out, true
}

// readSequence returns the values of a JSON array as texts.
func readSequence(s string) (values []string, ok bool) {
	var all []any
	if len(s) == 0 || s[0] != '[' || json.Unmarshal([]byte(s), &all) != nil {
		return nil, false
	}
	for _, v := range all {
		switch v := v.(type) {
		case string:
			values = append(values, v)
		case float64:
			values = append(values, strconv.FormatFloat(v, 'g', -1, 64))
		case bool:
			values = append(values, strconv.FormatBool(v))
		default:
			return nil, false
		}
	}
	return values, true
}
