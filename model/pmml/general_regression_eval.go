package pmml

import (
	"cmp"
	"math"
	"slices"

	"github.com/modelstream/modelserver/model"
	"github.com/modelstream/modelserver/model/pmml/document"
)

func (g *generalRegression) eval(f *frame, rows []int32) {
	r := &f.results[g.target.id]
	for _, row := range rows {
		switch {
		case g.cox != nil:
			g.hazard(f, r, row)
		case g.target.numeric:
			g.number(f, r, row)
		default:
			g.classify(f, r, row)
		}
	}
}

// number predicts a number.
func (g *generalRegression) number(f *frame, r *results, row int32) {
	x, ok := g.rows[0].sum(f, row, g.math)
	if ok && g.kind == "generalizedLinear" {
		x, ok = g.mean(f, row, x)
	}
	r.state[row], r.num[row] = absent, x
	if ok {
		r.state[row] = valid
	}
}

// mean is the inverse of the link function, of the linear predictor with its
// offset, times the trials.
func (g *generalRegression) mean(f *frame, row int32, x float64) (float64, bool) {
	x, ok := g.addOffset(f, row, x)
	if !ok {
		return 0, false
	}
	x = g.inverseLink(x)
	if g.trials.set {
		n, ok := g.trials.get(f, row)
		if !ok {
			return 0, false
		}
		x = g.math.mul(x, g.math.round(n))
	}
	return x, true
}

func (g *generalRegression) addOffset(f *frame, row int32, x float64) (float64, bool) {
	if !g.offset.set {
		return x, true
	}
	offset, ok := g.offset.get(f, row)
	return g.math.add(x, g.math.round(offset)), ok
}

// get is the variable's value; without one the row fails.
func (v *variable) get(f *frame, row int32) (float64, bool) {
	if v.slot < 0 {
		return v.value, true
	}
	if !f.usable(v.slot, row) {
		f.fail(row, model.MissingInput, f.plan.slots[v.slot].name, "", "the model cannot do without it")
		return 0, false
	}
	return f.cols[v.slot].num[row], true
}

// inverseLink applies the inverse of the link function (DMG 4.4, General
// Regression: link functions).
func (g *generalRegression) inverseLink(x float64) float64 {
	a := g.math
	switch g.link {
	case "log":
		return a.exp(x)
	case "logc":
		return a.sub(1, a.exp(x))
	case "negbin":
		return a.div(1, a.mul(a.round(g.dist), a.sub(a.exp(-x), 1)))
	case "oddspower":
		if g.power == 0 {
			return a.logistic(x)
		}
		return a.div(1, a.add(1, a.round(math.Pow(a.add(1, a.mul(g.power, x)), -1/g.power))))
	case "power":
		if g.power == 0 {
			return a.exp(x)
		}
		return a.round(math.Pow(x, 1/g.power))
	}
	return a.link(g.link, x)
}

// sum is the linear predictor; ok is false when a value is missing.
func (p *parameterRow) sum(f *frame, row int32, a arith) (sum float64, ok bool) {
	for i := range p.terms {
		t := &p.terms[i]
		x := 1.0
		for j := range t.factors {
			if !f.usable(t.factors[j].slot, row) {
				return 0, false
			}
			v := f.cols[t.factors[j].slot].num[row]
			k, ok := t.factors[j].at(v)
			if !ok {
				f.fail(row, model.InvalidInput, f.plan.slots[t.factors[j].slot].name, f.get(t.factors[j].slot, row).format(), "is no category of the contrast matrix")
				return 0, false
			}
			x = a.mul(x, k)
		}
		for j := range t.covariates {
			c := &t.covariates[j]
			if !f.usable(c.slot, row) {
				return 0, false
			}
			v := a.round(f.cols[c.slot].num[row])
			if c.exponent != 1 {
				v = a.round(math.Pow(v, c.exponent))
			}
			x = a.mul(x, v)
		}
		sum = a.madd(sum, t.beta, x)
	}
	return sum, true
}

func (k *factor) at(v float64) (x float64, ok bool) {
	if k.contrast != nil {
		x, ok = k.contrast[v]
		return x, ok
	}
	if v == k.value {
		return 1, true
	}
	return 0, true
}

// classify predicts the probabilities of the classes.
func (g *generalRegression) classify(f *frame, r *results, row int32) {
	a, p := g.math, g.target.row(r.prob, row)
	r.state[row] = absent
	clear(p)
	last := g.order[len(g.order)-1]
	sum, below := 0.0, 0.0
	for i := range g.rows {
		x, ok := g.rows[i].sum(f, row, a)
		if ok {
			x, ok = g.classValue(f, row, x)
		}
		if !ok {
			return
		}
		class := g.order[i]
		switch g.kind {
		case "ordinalMultinomial":
			p[class] = a.sub(x, below)
			below = x
		default:
			p[class] = x
			sum = a.add(sum, x)
		}
	}
	switch g.kind {
	case "multinomialLogistic":
		p[last] = 1
		sum = a.add(sum, 1)
		for _, class := range g.order {
			p[class] = a.div(p[class], sum)
		}
	case "ordinalMultinomial":
		p[last] = a.sub(1, below)
	default:
		p[last] = a.sub(1, p[g.order[len(g.order)-2]])
	}
	best := g.order[0]
	for _, class := range g.order {
		if p[class] > p[best] {
			best = class
		}
	}
	r.state[row], r.num[row], r.hasP[row] = valid, float64(best), true
}

// classValue turns a linear predictor into what its kind of model needs.
func (g *generalRegression) classValue(f *frame, row int32, x float64) (float64, bool) {
	switch g.kind {
	case "generalizedLinear":
		return g.mean(f, row, x)
	case "ordinalMultinomial":
		x, ok := g.addOffset(f, row, x)
		return g.math.link(g.link, x), ok
	}
	return g.math.exp(x), true
}

// coxTables are the baseline hazards of a Cox model (DMG 4.4, General
// Regression: Cox regression).
type coxTables struct {
	time      slot
	stratum   slot // −1 without strata
	tables    map[float64]*hazardTable
	reference float64
}

type hazardTable struct {
	max     float64
	times   []float64 // ascending
	hazards []float64
}

func (mc *modelCompiler) cox(m *document.GeneralRegressionModel) *coxTables {
	if m.EndTimeVariable == "" {
		mc.c.refuseAttr(m, "endTimeVariable", "the attribute is missing")
	}
	b := m.BaseCumHazardTables
	if b == nil {
		mc.c.refuse(m, "<BaseCumHazardTables> is missing inside")
	}
	c := &coxTables{time: mc.numericField(m.EndTimeVariable, m), stratum: -1, tables: map[float64]*hazardTable{}}
	if m.BaselineStrataVariable != "" {
		c.stratum = mc.field(m.BaselineStrataVariable, m)
		for _, s := range b.Strata {
			v, ok := mc.c.constant(c.stratum, s.Value)
			if !ok {
				mc.c.refuseAttr(s, "value", "%q is no value of field %q", s.Value, m.BaselineStrataVariable)
			}
			c.tables[v.n] = mc.hazards(s, s.MaxTime, s.Cells)
		}
	} else {
		if !b.MaxTime.Set {
			mc.c.refuseAttr(b, "maxTime", "the attribute is missing")
		}
		c.tables[0] = mc.hazards(b, b.MaxTime.V, b.Cells)
	}
	reference := map[string]float64{}
	for _, p := range m.ParameterList.Parameters {
		reference[p.Name] = p.ReferencePoint
	}
	for _, cell := range mc.cells(m, "") {
		c.reference = mc.math.madd(c.reference, mc.math.round(cell.Beta), mc.math.round(reference[cell.ParameterName]))
	}
	return c
}

func (mc *modelCompiler) hazards(at document.Located, last float64, cells []document.BaselineCell) *hazardTable {
	if len(cells) == 0 {
		mc.c.refuse(at, "<BaselineCell> is missing inside")
	}
	h := &hazardTable{max: last}
	// The reference keeps the order of the document among equal times.
	sorted := slices.Clone(cells)
	slices.SortStableFunc(sorted, func(a, b document.BaselineCell) int { return cmp.Compare(a.Time, b.Time) })
	for _, cell := range sorted {
		h.times = append(h.times, cell.Time)
		h.hazards = append(h.hazards, cell.CumHazard)
	}
	return h
}

// hazard predicts the cumulative hazard at a time.
func (g *generalRegression) hazard(f *frame, r *results, row int32) {
	c := g.cox
	r.state[row] = absent
	stratum := 0.0
	if c.stratum >= 0 {
		if !f.usable(c.stratum, row) {
			f.fail(row, model.MissingInput, f.plan.slots[c.stratum].name, "", "the model cannot do without it")
			return
		}
		stratum = f.cols[c.stratum].num[row]
	}
	table := c.tables[stratum]
	if table == nil {
		return // a stratum without a table: no result
	}
	if !f.usable(c.time, row) {
		f.fail(row, model.MissingInput, f.plan.slots[c.time].name, "", "the model cannot do without it")
		return
	}
	time := f.cols[c.time].num[row]
	switch {
	case time > table.max:
		return
	case time < table.times[0]:
		r.state[row], r.num[row] = valid, 0
		return
	}
	x, ok := g.rows[0].sum(f, row, g.math)
	if !ok {
		return
	}
	i := len(table.times) - 1
	for table.times[i] > time {
		i--
	}
	x = g.math.exp(g.math.sub(x, c.reference))
	r.state[row], r.num[row] = valid, g.math.mul(x, g.math.round(table.hazards[i]))
}
