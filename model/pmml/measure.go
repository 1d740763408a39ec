package pmml

import (
	"math"
	"slices"

	"github.com/modelstream/modelserver/model"
	"github.com/modelstream/modelserver/model/pmml/document"
)

// measure compares records with reference vectors (DMG 4.4, Clustering Models:
// comparison measures); clustering and nearest-neighbor models share it.
// Missing values are NaN inside of it.
type measure struct {
	math    arith
	kind    measureKind
	largest bool // a similarity: the largest value is the best
	p       float64
	binary  *document.BinarySimilarity
	fields  []comparedField
	weights []float64 // of missing values, or nil: all are 1
	total   float64   // of weights
	plain   bool      // |x−y|, squared and summed with weight 1: the fast path
	rows    int       // scratch: the fields of one record
	refs    []float64 // reference × field
	gaps    bool      // some reference has a missing value
}

type measureKind uint8

const (
	measureEuclidean measureKind = iota
	measureSquared
	measureChebychev
	measureCityBlock
	measureMinkowski
	measureBinary
)

// comparedField is how the values of one field are compared.
type comparedField struct {
	slot   slot
	weight float64
	fn     compareFunction
	scale  float64           // gaussSim: −ln 2 ÷ s²
	table  []float64         // table: value × value
	index  map[float64]int32 // table: the place of a value
}

type compareFunction uint8

const (
	compareAbsDiff compareFunction = iota
	compareGaussSim
	compareDelta
	compareEqual
	compareTable
)

// comparison is what a document says about one compared field.
type comparison struct {
	at       document.Located
	field    string
	weight   float64
	function string
	scale    document.Opt[float64]
	table    *document.Comparisons
}

// measure compiles a comparison measure for fields.
func (mc *modelCompiler) measure(doc *document.ComparisonMeasure, fields []comparison) *measure {
	m := &measure{math: mc.math, largest: doc.Kind == "similarity"}
	mc.measureKind(m, doc)
	for _, f := range fields {
		m.fields = append(m.fields, mc.comparedField(m, doc, f))
	}
	m.total = float64(len(m.fields))
	m.plain = (m.kind == measureEuclidean || m.kind == measureSquared) && !m.math.single
	for _, f := range m.fields {
		m.plain = m.plain && f.fn == compareAbsDiff && f.weight == 1
	}
	m.rows = mc.c.scratch(len(m.fields))
	return m
}

func (mc *modelCompiler) measureKind(m *measure, doc *document.ComparisonMeasure) {
	switch {
	case doc.Euclidean != nil:
		m.kind, m.p = measureEuclidean, 2
	case doc.SquaredEuclidean != nil:
		m.kind, m.p = measureSquared, 2
	case doc.Chebychev != nil:
		m.kind, m.p = measureChebychev, 1
	case doc.CityBlock != nil:
		m.kind, m.p = measureCityBlock, 1
	case doc.Minkowski != nil:
		m.kind, m.p = measureMinkowski, doc.Minkowski.P
	default:
		m.kind, m.binary, m.largest = measureBinary, binaryMeasure(doc), true
	}
}

// binaryMeasure writes the named similarities as what they are: cases of
// binarySimilarity.
func binaryMeasure(doc *document.ComparisonMeasure) *document.BinarySimilarity {
	switch {
	case doc.SimpleMatching != nil:
		return &document.BinarySimilarity{C00: 1, C11: 1, D00: 1, D01: 1, D10: 1, D11: 1}
	case doc.Jaccard != nil:
		return &document.BinarySimilarity{C11: 1, D01: 1, D10: 1, D11: 1}
	case doc.Tanimoto != nil:
		return &document.BinarySimilarity{C00: 1, C11: 1, D00: 1, D01: 2, D10: 2, D11: 1}
	}
	return doc.BinarySimilarity
}

func (mc *modelCompiler) comparedField(m *measure, doc *document.ComparisonMeasure, f comparison) comparedField {
	c := comparedField{slot: mc.field(f.field, f.at), weight: mc.math.round(f.weight)}
	if m.kind == measureBinary {
		return c
	}
	name := f.function
	if name == "" {
		name = doc.CompareFunction
	}
	switch name {
	case "absDiff":
		mc.numericField(f.field, f.at)
	case "gaussSim":
		mc.numericField(f.field, f.at)
		if !f.scale.Set || f.scale.V == 0 {
			mc.c.refuseAttr(f.at, "similarityScale", "a value other than 0 is wanted for gaussSim")
		}
		c.fn, c.scale = compareGaussSim, -math.Ln2/(f.scale.V*f.scale.V)
	case "delta":
		c.fn = compareDelta
	case "equal":
		c.fn = compareEqual
	case "table":
		c.fn = compareTable
		mc.comparisons(&c, f)
	}
	return c
}

// comparisons reads the table of similarities of a field's values, which are
// in the order of the data dictionary.
func (mc *modelCompiler) comparisons(c *comparedField, f comparison) {
	df := mc.c.info(c.slot).data
	if f.table == nil || df == nil {
		mc.c.refuse(f.at, "compareFunction \"table\" needs <Comparisons> and a data field with values")
	}
	c.index = map[float64]int32{}
	for i := range df.Values {
		if df.Values[i].Property != "valid" {
			continue
		}
		if v, ok := mc.c.constant(c.slot, df.Values[i].Value); ok {
			c.index[v.n] = int32(len(c.index))
		}
	}
	n := len(c.index)
	mc.c.room(f.at, n*n)
	for i := range n {
		for j := range n {
			x, err := f.table.Matrix.At(i, j)
			if err != nil {
				panic(err)
			}
			c.table = append(c.table, mc.math.round(x))
		}
	}
}

// reference adds a reference vector; the texts are in the order of the fields.
// ok is false for a missing value.
func (mc *modelCompiler) reference(m *measure, at document.Located, texts []string, ok func(i int) bool) {
	if len(texts) != len(m.fields) {
		mc.c.refuse(at, "%d values for %d fields", len(texts), len(m.fields))
	}
	for i := range m.fields {
		if !ok(i) {
			m.gaps = true
			m.refs = append(m.refs, math.NaN())
			continue
		}
		m.refs = append(m.refs, mc.math.round(mc.referenceValue(m, i, at, texts[i])))
	}
}

func (mc *modelCompiler) referenceValue(m *measure, i int, at document.Located, s string) float64 {
	f := &m.fields[i]
	if f.fn == compareAbsDiff || f.fn == compareGaussSim {
		x, err := document.ParseFloat(s)
		if err != nil {
			mc.c.refuse(at, "%s", err)
		}
		if m.kind == measureBinary && x != 0 && x != 1 {
			mc.c.refuse(at, "%q is neither 0 nor 1", document.Short(s))
		}
		return x
	}
	v, ok := mc.c.constant(f.slot, s)
	if !ok {
		mc.c.refuse(at, "%q is no value of field %q", document.Short(s), mc.c.info(f.slot).name)
	}
	if _, known := f.index[v.n]; f.fn == compareTable && !known {
		mc.c.refuse(at, "%q is no value of field %q in the data dictionary", document.Short(s), mc.c.info(f.slot).name)
	}
	return v.n
}

// missingWeights sets the weights by which the sum is adjusted where values
// are missing.
func (mc *modelCompiler) missingWeights(m *measure, a *document.Array) {
	weights, err := a.Floats()
	if err != nil {
		panic(err)
	}
	if len(weights) != len(m.fields) {
		mc.c.refuse(a, "%d weights for %d fields", len(weights), len(m.fields))
	}
	m.weights, m.total = weights, 0
	for _, w := range weights {
		m.total = mc.math.add(m.total, mc.math.round(w))
	}
}

// record reads a row's fields; adjust is the factor for those that are
// missing. ok is false when the row fails.
func (m *measure) record(f *frame, row int32) (x []float64, adjust float64, ok bool) {
	x = f.scratch[m.rows]
	present, gaps := 0.0, false
	for i := range m.fields {
		c := &f.cols[m.fields[i].slot]
		if !f.usable(m.fields[i].slot, row) {
			if f.errs[row] != nil {
				return nil, 0, false
			}
			x[i], gaps = math.NaN(), true
			continue
		}
		x[i] = m.math.round(c.num[row])
		if k := &m.fields[i]; k.fn == compareTable {
			if _, known := k.index[x[i]]; !known {
				f.fail(row, model.InvalidInput, f.plan.slots[k.slot].name, f.get(k.slot, row).format(), "has no place in the table of comparisons")
				return nil, 0, false
			}
		}
		present = m.math.add(present, m.weight(i))
	}
	switch {
	case m.kind == measureBinary:
		return x, 1, m.checkBinary(f, row, x)
	case !gaps:
		return x, 1, true
	case present == 0:
		f.fail(row, model.MissingInput, "", "", "the values of all compared fields are missing")
		return nil, 0, false
	}
	return x, m.math.div(m.total, present), true
}

func (m *measure) weight(i int) float64 {
	if m.weights == nil {
		return 1
	}
	return m.math.round(m.weights[i])
}

// checkBinary fails a row with a field that is neither 0 nor 1.
func (m *measure) checkBinary(f *frame, row int32, x []float64) bool {
	i := slices.IndexFunc(x, func(v float64) bool { return v != 0 && v != 1 })
	if i < 0 {
		return true
	}
	s := m.fields[i].slot
	f.fail(row, model.InvalidInput, f.plan.slots[s].name, f.get(s, row).format(), "must be 0 or 1 for a binary similarity")
	return false
}
