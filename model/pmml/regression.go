package pmml

import (
	"math"

	"github.com/modelstream/modelserver/model"
	"github.com/modelstream/modelserver/model/pmml/document"
)

// regressionModel is one or more linear functions and their normalization
// (DMG 4.4, Regression).
type regressionModel struct {
	target *target
	math   arith
	tables []regressionTable
	method string
	kind   regressionKind
	dense  *denseTables // or nil
}

type regressionKind uint8

const (
	regressNumber regressionKind = iota
	regressBinary                // the second class gets the rest
	regressMulti
	regressOrdinal
)

// regressionTable computes numeric predictors, categorical ones and
// interactions in document order, then the intercept.
type regressionTable struct {
	class     int
	numeric   []numericTerm
	groups    []categoricalGroup
	terms     []interaction
	intercept float64
}

type numericTerm struct {
	slot        slot
	coefficient float64
	exponent    float64
}

// categoricalGroup is the neighbouring predictors of one field: one at most
// applies.
type categoricalGroup struct {
	slot   slot
	values []float64
	betas  []float64
}

type interaction struct {
	slots       []slot
	coefficient float64
}

func compileRegression(mc *modelCompiler, m *document.RegressionModel) evaluator {
	r := &regressionModel{target: mc.target(), math: mc.math, method: m.NormalizationMethod}
	if m.TargetFieldName != "" && r.target.name != "" && m.TargetFieldName != r.target.name {
		mc.c.refuseAttr(m, "targetFieldName", "%q is not the target of the mining schema", m.TargetFieldName)
	}
	switch m.FunctionName {
	case "regression":
		if len(m.Tables) != 1 {
			mc.c.refuse(m, "%d <RegressionTable> where one is wanted", len(m.Tables))
		}
		if m.NormalizationMethod == "simplemax" {
			mc.c.refuseAttr(m, "normalizationMethod", "%q needs a classification", m.NormalizationMethod)
		}
		r.tables = []regressionTable{mc.regressionTable(m.Tables[0])}
		r.dense = r.denseTables(mc)
		return r
	case "classification":
		mc.classes(r, m)
		r.dense = r.denseTables(mc)
		return r
	}
	mc.c.refuseAttr(m, "functionName", "%q is not supported here", m.FunctionName)
	return nil
}

func (mc *modelCompiler) classes(r *regressionModel, m *document.RegressionModel) {
	if len(m.Tables) < 2 {
		mc.c.refuse(m, "a classification needs a <RegressionTable> for each class")
	}
	seen := map[int]bool{}
	var order []int32
	for _, t := range m.Tables {
		if !t.TargetCategory.Set {
			mc.c.refuseAttr(t, "targetCategory", "the attribute is missing")
		}
		table := mc.regressionTable(t)
		table.class = mc.c.class(r.target, t.TargetCategory.V, t)
		if seen[table.class] {
			mc.c.refuseAttr(t, "targetCategory", "%q is there twice", t.TargetCategory.V)
		}
		seen[table.class] = true
		r.tables = append(r.tables, table)
		order = append(order, int32(table.class))
	}
	r.target.list(order)
	ordinal := r.target.data != nil && r.target.data.OpType == "ordinal"
	switch method := m.NormalizationMethod; {
	case method == "exp":
		mc.c.refuseAttr(m, "normalizationMethod", "%q needs a regression", method)
	case method == "softmax" || method == "simplemax":
		r.kind = regressMulti
		// The reference computes two classes with an empty second table as a
		// logistic function.
		if method == "softmax" && len(m.Tables) == 2 && empty(m.Tables[1]) {
			r.kind, r.method = regressBinary, "logit"
		}
	case ordinal:
		r.kind = regressOrdinal
	case len(m.Tables) == 2:
		r.kind = regressBinary
	default:
		r.kind = regressMulti
	}
}

func empty(t *document.RegressionTable) bool {
	return len(t.Numeric)+len(t.Categorical)+len(t.Terms) == 0 && t.Intercept == 0
}

func (mc *modelCompiler) regressionTable(t *document.RegressionTable) regressionTable {
	r := regressionTable{intercept: mc.math.round(t.Intercept)}
	for _, n := range t.Numeric {
		r.numeric = append(r.numeric, numericTerm{mc.numericField(n.Name, n), mc.math.round(n.Coefficient), n.Exponent})
	}
	var last string
	for _, p := range t.Categorical {
		if len(r.groups) == 0 || p.Name != last {
			r.groups = append(r.groups, categoricalGroup{slot: mc.field(p.Name, p)})
			last = p.Name
		}
		g := &r.groups[len(r.groups)-1]
		v, ok := mc.c.constant(g.slot, p.Value)
		if !ok {
			mc.c.refuseAttr(p, "value", "%q is no value of field %q", p.Value, p.Name)
		}
		g.values = append(g.values, v.n)
		g.betas = append(g.betas, mc.math.round(p.Coefficient))
	}
	for _, p := range t.Terms {
		i := interaction{coefficient: mc.math.round(p.Coefficient)}
		for _, ref := range p.Fields {
			i.slots = append(i.slots, mc.numericField(ref.Field, ref))
		}
		r.terms = append(r.terms, i)
	}
	return r
}

// numericField is a field that is used as a number.
func (s *scope) numericField(name string, at document.Located) slot {
	sl := s.field(name, at)
	if t := s.c.info(sl).typ; t == tString || t == tList {
		s.c.refuse(at, "field %q is of type %s, a number is wanted", name, t)
	}
	return sl
}

func (r *regressionModel) eval(f *frame, rows []int32) {
	res := &f.results[r.target.id]
	for _, row := range rows {
		res.state[row] = valid
	}
	if len(r.tables) < len(r.target.classes) {
		clear(res.prob) // of the classes that have no table
	}
	dense := r.dense != nil && r.dense.sum(f, rows)
	if r.kind == regressNumber {
		if dense {
			r.tables[0].rest(f, rows, r.math, res, f.scratch[r.dense.sums], res.num, 1, 0)
		} else {
			r.tables[0].sum(f, rows, r.math, res, res.num, 1, 0)
		}
		for _, row := range rows {
			res.num[row] = r.math.link(r.method, res.num[row])
		}
		return
	}
	k := len(r.target.classes)
	for i := range r.tables {
		if dense {
			r.tables[i].rest(f, rows, r.math, res, f.scratch[r.dense.sums][i*columnStride:], res.prob, k, r.tables[i].class)
		} else {
			r.tables[i].sum(f, rows, r.math, res, res.prob, k, r.tables[i].class)
		}
	}
	for _, row := range rows {
		res.hasP[row] = true
		p := r.target.row(res.prob, row)
		r.normalize(p)
		if r.kind == regressMulti && r.method != "softmax" && p[0] != p[0] && res.state[row] == valid {
			f.fail(row, model.NoResult, r.target.name, "", "the values of the tables have no sum to divide them by")
		}
		res.num[row] = float64(r.winner(p))
	}
}

// winner is the likeliest class; of equals the one whose table comes first.
func (r *regressionModel) winner(p []float64) int {
	best := r.tables[0].class
	for i := range r.tables {
		if c := r.tables[i].class; p[c] > p[best] {
			best = c
		}
	}
	return best
}

// normalize turns the tables' values into probabilities.
func (r *regressionModel) normalize(p []float64) {
	a := r.math
	switch r.kind {
	case regressBinary:
		first, second := r.tables[0].class, r.tables[1].class
		p[first] = r.binomial(p[first])
		p[second] = a.sub(1, p[first])
	case regressOrdinal:
		below := 0.0
		last := len(r.tables) - 1
		for i := range r.tables[:last] {
			c := r.tables[i].class
			upTo := r.binomial(p[c])
			p[c] = a.sub(upTo, below)
			below = a.add(below, p[c])
		}
		p[r.tables[last].class] = a.sub(1, below)
	case regressMulti:
		r.multinomial(p)
	}
}

func (r *regressionModel) binomial(x float64) float64 {
	if r.method == "none" {
		return math.Min(1, math.Max(0, x))
	}
	return r.math.link(r.method, x)
}

func (r *regressionModel) multinomial(p []float64) {
	a := r.math
	switch r.method {
	case "softmax":
		r.gather(p, true)
	case "simplemax":
		r.gather(p, false)
	case "none":
		rest := 1.0
		last := len(r.tables) - 1
		for i := range r.tables[:last] {
			rest = a.sub(rest, p[r.tables[i].class])
		}
		p[r.tables[last].class] = rest
	default:
		for i := range r.tables {
			c := r.tables[i].class
			p[c] = a.link(r.method, p[c])
		}
		r.gather(p, false)
	}
}

// gather applies softmax or simplemax to the values in the order of the tables,
// which is the order of sums.
func (r *regressionModel) gather(p []float64, softmax bool) {
	var mem [16]float64
	x := mem[:0]
	for i := range r.tables {
		x = append(x, p[r.tables[i].class])
	}
	if softmax {
		r.math.softmax(x)
	} else {
		r.math.simplemax(x)
	}
	for i := range r.tables {
		p[r.tables[i].class] = x[i]
	}
}
