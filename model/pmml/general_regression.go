package pmml

import (
	"slices"

	"github.com/modelstream/modelserver/model/pmml/document"
)

// generalRegression is a GeneralRegressionModel (DMG 4.4, General Regression).
type generalRegression struct {
	target *target
	math   arith
	kind   string
	link   string
	dist   float64
	power  float64
	offset variable
	trials variable
	rows   []parameterRow // one, or one for each class but the last
	order  []int          // classes, the reference last
	cox    *coxTables
}

// variable is a field or a constant, or neither.
type variable struct {
	set   bool
	slot  slot // −1 for the constant
	value float64
}

// parameterRow is a sum of coefficients, each times its predictors.
type parameterRow struct{ terms []parameterTerm }

type parameterTerm struct {
	beta       float64
	factors    []factor
	covariates []covariate
}

// factor is 1 where the field has the value and 0 elsewhere, or an element of
// a contrast matrix.
type factor struct {
	slot     slot
	value    float64
	contrast map[float64]float64
}

type covariate struct {
	slot     slot
	exponent float64
}

func compileGeneralRegression(mc *modelCompiler, m *document.GeneralRegressionModel) evaluator {
	g := &generalRegression{target: mc.target(), math: mc.math, kind: m.ModelType, link: m.LinkFunction}
	if g.kind == "generalizedLinear" {
		mc.linkFunction(g, m)
	}
	g.offset = mc.variable(m, m.OffsetVariable, m.OffsetValue)
	g.trials = mc.variable(m, m.TrialsVariable, m.TrialsValue)
	params := mc.parameters(m)
	classes := g.kind == "multinomialLogistic" || g.kind == "ordinalMultinomial"
	if m.FunctionName == "classification" {
		if !classes && g.kind != "generalizedLinear" {
			mc.c.refuseAttr(m, "modelType", "%q is no classification", g.kind)
		}
		mc.classRows(g, m, params)
		return g
	}
	if classes || m.FunctionName != "regression" {
		mc.c.refuseAttr(m, "functionName", "%q does not suit modelType %q", m.FunctionName, g.kind)
	}
	g.rows = []parameterRow{mc.parameterRow(m, params, "", mc.cells(m, ""))}
	if g.kind == "CoxRegression" {
		g.cox = mc.cox(m)
	}
	return g
}

func (mc *modelCompiler) linkFunction(g *generalRegression, m *document.GeneralRegressionModel) {
	switch g.link {
	case "":
		mc.c.refuseAttr(m, "linkFunction", "the attribute is missing")
	case "negbin":
		if !m.DistParameter.Set {
			mc.c.refuseAttr(m, "distParameter", "the attribute is missing")
		}
	case "oddspower", "power":
		if !m.LinkParameter.Set {
			mc.c.refuseAttr(m, "linkParameter", "the attribute is missing")
		}
	}
	g.dist, g.power = m.DistParameter.V, m.LinkParameter.V
}

func (mc *modelCompiler) variable(m *document.GeneralRegressionModel, field string, value document.Opt[float64]) variable {
	if field != "" {
		return variable{set: true, slot: mc.numericField(field, m)}
	}
	return variable{set: value.Set, slot: -1, value: value.V}
}

// predictors are the PPCells of each parameter, by target category; the default
// matrix has the category "".
type predictors map[string]map[string][]*document.PPCell

func (mc *modelCompiler) parameters(m *document.GeneralRegressionModel) predictors {
	p := predictors{}
	if m.PPMatrix == nil {
		return p
	}
	for _, cell := range m.PPMatrix.Cells {
		byName := p[cell.TargetCategory.V]
		if byName == nil {
			byName = map[string][]*document.PPCell{}
			p[cell.TargetCategory.V] = byName
		}
		byName[cell.ParameterName] = append(byName[cell.ParameterName], cell)
	}
	return p
}

// cells are the coefficients of a target category.
func (mc *modelCompiler) cells(m *document.GeneralRegressionModel, category string) []*document.PCell {
	var cells []*document.PCell
	for _, c := range m.ParamMatrix.Cells {
		if c.TargetCategory.V == category {
			cells = append(cells, c)
		}
	}
	return cells
}

func (mc *modelCompiler) parameterRow(m *document.GeneralRegressionModel, p predictors, category string, cells []*document.PCell) parameterRow {
	if len(cells) == 0 {
		mc.c.refuse(m.ParamMatrix, "there is no <PCell> of target category %q", category)
	}
	matrix, ok := p[category]
	if !ok {
		matrix = p[""]
	}
	var r parameterRow
	for _, c := range cells {
		t := parameterTerm{beta: mc.math.round(c.Beta)}
		for _, pp := range matrix[c.ParameterName] {
			mc.predictor(&t, m, pp)
		}
		r.terms = append(r.terms, t)
	}
	return r
}

func (mc *modelCompiler) predictor(t *parameterTerm, m *document.GeneralRegressionModel, cell *document.PPCell) {
	if f := find(m.FactorList, cell.PredictorName); f != nil {
		s := mc.field(cell.PredictorName, cell)
		v, ok := mc.c.constant(s, cell.Value)
		if !ok {
			mc.c.refuseAttr(cell, "value", "%q is no value of field %q", cell.Value, cell.PredictorName)
		}
		k := factor{slot: s, value: v.n}
		if f.Matrix != nil {
			k.contrast = mc.contrast(s, f, cell)
		}
		t.factors = append(t.factors, k)
		return
	}
	if find(m.CovariateList, cell.PredictorName) == nil {
		mc.c.refuseAttr(cell, "predictorName", "%q is neither a factor nor a covariate", cell.PredictorName)
	}
	e, err := document.ParseFloat(cell.Value)
	if err != nil {
		mc.c.refuseAttr(cell, "value", "%s", err)
	}
	t.covariates = append(t.covariates, covariate{mc.numericField(cell.PredictorName, cell), e})
}

func find(l *document.PredictorList, name string) *document.Predictor {
	if l == nil {
		return nil
	}
	i := slices.IndexFunc(l.Predictors, func(p *document.Predictor) bool { return p.Name == name })
	if i < 0 {
		return nil
	}
	return l.Predictors[i]
}

// contrast is the column of a factor's contrast matrix that belongs to the
// cell's value, by the factor's value.
func (mc *modelCompiler) contrast(s slot, f *document.Predictor, cell *document.PPCell) map[float64]float64 {
	var names []string
	if f.Categories != nil {
		for _, c := range f.Categories.Categories {
			names = append(names, c.Value)
		}
	} else if df := mc.c.info(s).data; df != nil {
		for _, v := range df.Values {
			if v.Property == "valid" {
				names = append(names, v.Value)
			}
		}
	}
	col := slices.Index(names, cell.Value)
	if col < 0 {
		mc.c.refuseAttr(cell, "value", "%q is no category of the contrast matrix", cell.Value)
	}
	m := map[float64]float64{}
	for row, name := range names {
		v, ok := mc.c.constant(s, name)
		if !ok {
			mc.c.refuse(f, "%q is no value of field %q", name, f.Name)
		}
		x, err := f.Matrix.At(row, col)
		if err != nil {
			panic(err)
		}
		m[v.n] = mc.math.round(x)
	}
	return m
}

// classRows makes a row for each class but the last, which is the reference
// category.
func (mc *modelCompiler) classRows(g *generalRegression, m *document.GeneralRegressionModel, p predictors) {
	t := g.target
	for _, c := range m.ParamMatrix.Cells {
		if c.TargetCategory.Set {
			mc.c.class(t, c.TargetCategory.V, c)
		}
	}
	reference := -1
	if m.TargetReferenceCategory.Set {
		reference = mc.c.class(t, m.TargetReferenceCategory.V, m)
	} else if g.kind != "ordinalMultinomial" {
		reference = mc.referenceClass(t, m)
	}
	for i := range t.classes {
		if i != reference {
			g.order = append(g.order, i)
		}
	}
	if reference >= 0 {
		g.order = append(g.order, reference)
	}
	if len(g.order) < 2 {
		mc.c.refuse(m, "a classification needs two classes at least")
	}
	if g.kind == "ordinalMultinomial" {
		g.link = m.CumulativeLink
	}
	for _, class := range g.order[:len(g.order)-1] {
		name := t.classes[class]
		cells := mc.cells(m, name)
		switch {
		case g.kind == "ordinalMultinomial":
			cells = append(slices.Clone(cells), mc.cells(m, "")...)
		case len(cells) == 0 && len(g.order) == 2:
			cells = mc.cells(m, "")
		}
		g.rows = append(g.rows, mc.parameterRow(m, p, name, cells))
	}
}

// referenceClass is the one without coefficients.
func (mc *modelCompiler) referenceClass(t *target, m *document.GeneralRegressionModel) int {
	reference := -1
	for i, name := range t.classes {
		if len(mc.cells(m, name)) == 0 {
			if reference >= 0 {
				mc.c.refuseAttr(m, "targetReferenceCategory", "the attribute is missing, and %q and %q both have no coefficients", t.classes[reference], name)
			}
			reference = i
		}
	}
	return reference
}
