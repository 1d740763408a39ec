package pmml

import (
	"math"

	"github.com/modelstream/modelserver/model/pmml/document"
)

// textModel is a TextModel (DMG 4.4, Text Models). Its prediction is the id of
// the document that is most like the record's text; the affinities are the
// similarities or distances.
//
// The standard says how counts become weights and how these are compared, but
// not how terms are counted in a text: that is done as TextIndex does by
// default, which the standard recommends in place of these models.
type textModel struct {
	target    *target
	words     *textExpr
	text      slot
	begins    map[string][]int // terms by their first word
	terms     [][]string       // the words of each
	local     string
	global    []float64 // weights of the terms
	unit      bool      // vectors have the length 1
	distance  bool      // less is better
	documents []float64 // document × term
	norms     []float64 // lengths of the documents' vectors
	names     []string
	vector    int // scratch: of a row
}

func compileText(mc *modelCompiler, m *document.TextModel) evaluator {
	if m.FunctionName != "clustering" && m.FunctionName != "classification" {
		mc.c.refuseAttr(m, "functionName", "%q is not supported here", m.FunctionName)
	}
	t := &textModel{
		target: mc.target(), text: mc.textField(m), begins: map[string][]int{}, local: "termFrequency",
		distance: m.Similarity.Type == "euclidean",
	}
	t.words = &textExpr{id: mc.c.plan.texts, split: mc.c.pattern(m, `\s+`)}
	mc.c.plan.texts++
	t.target.onlyTexts()
	mc.dictionary(t, m)
	mc.corpus(t, m)
	global := "none"
	if n := m.Normalization; n != nil {
		t.local, global, t.unit = n.Local, n.Global, n.Document == "cosine"
	}
	t.global = mc.globalWeights(t, m, global)
	for i := range t.names {
		v := t.document(i)
		t.weigh(v)
		t.norms = append(t.norms, math.Sqrt(dot(v, v)))
	}
	t.target.affine = true
	t.target.entities = t.target.classes
	t.vector = mc.c.scratch(len(t.terms))
	return t
}

// textField is the only active field.
func (mc *modelCompiler) textField(m *document.TextModel) slot {
	found := slot(-1)
	for _, f := range m.MiningSchema.Fields {
		if f.UsageType != "active" {
			continue
		}
		s := mc.field(f.Name, f)
		if found >= 0 || mc.c.info(s).typ != tString {
			mc.c.refuse(f, "one active field is wanted, and that a text")
		}
		found = s
	}
	if found < 0 {
		mc.c.refuse(m.MiningSchema, "a field with the text is wanted")
	}
	return found
}

func (mc *modelCompiler) dictionary(t *textModel, m *document.TextModel) {
	terms := m.Dictionary.Terms
	if len(terms.Values) != m.NumberOfTerms {
		mc.c.refuse(terms, "%d terms, %d are announced", len(terms.Values), m.NumberOfTerms)
	}
	for i, s := range terms.Values {
		words := t.words.tokenize(s)
		if len(words) == 0 {
			mc.c.refuse(terms, "%q has no word", document.Short(s))
		}
		t.terms = append(t.terms, words)
		t.begins[words[0]] = append(t.begins[words[0]], i)
	}
}

// maxCount is more than any text has words; its square is a number, too.
const maxCount = 1e15

func (mc *modelCompiler) corpus(t *textModel, m *document.TextModel) {
	if len(m.Corpus.Documents) != m.NumberOfDocuments {
		mc.c.refuse(m.Corpus, "%d documents, %d are announced", len(m.Corpus.Documents), m.NumberOfDocuments)
	}
	for i := range m.Corpus.Documents {
		d := &m.Corpus.Documents[i]
		if mc.c.class(t.target, d.ID, d) != i {
			mc.c.refuseAttr(d, "id", "document %q is there twice", d.ID)
		}
		t.names = append(t.names, d.Name.Or(d.ID))
	}
	mc.c.room(m.Counts, len(t.names)*len(t.terms))
	var err error
	if t.documents, err = m.Counts.Matrix.Dense(len(t.names), len(t.terms)); err != nil {
		panic(err)
	}
	for _, x := range t.documents {
		if !(x >= 0 && x <= maxCount) {
			mc.c.refuse(m.Counts, "%v is no count", x)
		}
	}
}

// globalWeights are the weights of the terms, of the counts f in all documents:
// with n of N documents that have the term,
//
//	inverseDocumentFrequency  log N/n
//	probabilisticInverse      log (N−n)/n
//	GFIDF                     Σf / n
//	normal                    1 / √Σf²
//
// A term that no document has weighs nothing.
func (mc *modelCompiler) globalWeights(t *textModel, m *document.TextModel, scheme string) []float64 {
	weights := make([]float64, len(t.terms))
	for k := range weights {
		n, sum, squares := 0.0, 0.0, 0.0
		for i := range t.names {
			f := t.document(i)[k]
			sum += f
			squares += f * f
			if f > 0 {
				n++
			}
		}
		switch {
		case scheme == "none":
			weights[k] = 1
		case n == 0:
		case scheme == "inverseDocumentFrequency":
			weights[k] = math.Log10(float64(len(t.names)) / n)
		case scheme == "GFIDF":
			weights[k] = sum / n
		case scheme == "normal":
			weights[k] = 1 / math.Sqrt(squares)
		case n == float64(len(t.names)):
			mc.c.refuse(m.Normalization, "every document has term %d: its probabilistic inverse frequency is infinite", k+1)
		default:
			weights[k] = math.Log10((float64(len(t.names)) - n) / n)
		}
	}
	return weights
}

// document is a document's row.
func (t *textModel) document(i int) []float64 {
	return t.documents[i*len(t.terms) : (i+1)*len(t.terms)]
}

// weigh turns counts into weights.
func (t *textModel) weigh(v []float64) {
	most := 0.0
	for _, f := range v {
		most = max(most, f)
	}
	for k, f := range v {
		switch {
		case f == 0:
			continue
		case t.local == "binary":
			f = 1
		case t.local == "logarithmic":
			f = math.Log10(1 + f)
		case t.local == "augmentedNormalizedTermFrequency":
			f = 0.5 * (1 + f/most)
		}
		v[k] = f * t.global[k]
	}
	if !t.unit {
		return
	}
	if length := math.Sqrt(dot(v, v)); length > 0 {
		for k := range v {
			v[k] /= length
		}
	}
}

func (t *textModel) eval(f *frame, rows []int32) {
	r := &f.results[t.target.id]
	v := f.scratch[t.vector]
	for _, row := range rows {
		r.state[row], r.hasP[row] = absent, false
		if !f.usable(t.text, row) {
			continue
		}
		t.count(f, row, v)
		t.weigh(v)
		length := math.Sqrt(dot(v, v))
		if !t.distance && length == 0 {
			continue // it has no direction to compare
		}
		affinities := t.target.row(r.aff, row)
		best := 0
		for i := range affinities {
			affinities[i] = t.compare(v, length, i)
			if t.before(affinities[i], affinities[best]) {
				best = i
			}
		}
		r.state[row], r.num[row], r.entity[row] = valid, float64(best), int32(best)
	}
}

// count counts the terms in a row's text.
func (t *textModel) count(f *frame, row int32, v []float64) {
	clear(v)
	words, _ := t.words.words(f, row, f.cols[t.text].str[row])
	for i, w := range words {
		for _, k := range t.begins[w] {
			if begins(words[i:], t.terms[k]) {
				v[k]++
			}
		}
	}
}

func begins(words, term []string) bool {
	if len(words) < len(term) {
		return false
	}
	for i, w := range term {
		if words[i] != w {
			return false
		}
	}
	return true
}

// compare is the distance from a document, or the cosine between it and a
// vector; nothing is like an empty document.
func (t *textModel) compare(v []float64, length float64, i int) float64 {
	d := t.document(i)
	switch {
	case t.distance:
		sum := 0.0
		for k, x := range v {
			sum += float64((x - d[k]) * (x - d[k]))
		}
		return math.Sqrt(sum)
	case t.norms[i] == 0:
		return 0
	}
	return dot(v, d) / (length * t.norms[i])
}

func (t *textModel) before(x, y float64) bool {
	if t.distance {
		return x < y
	}
	return x > y
}

// feature gives the document's name, and documents and affinities by rank.
func (t *textModel) feature(f *frame, row int32, o *output) (value, bool) {
	r := &f.results[t.target.id]
	affinities := t.target.row(r.aff, row)
	switch o.doc.Feature {
	case "predictedDisplayValue":
		return text(t.names[int(r.num[row])]), true
	case "entityId", "clusterId":
		if i := t.ranked(affinities, o.doc.Rank); i >= 0 {
			return text(t.target.classes[i]), true
		}
		return missing, true
	case "affinity", "clusterAffinity", "entityAffinity":
		i := o.class
		if i == -1 {
			i = t.ranked(affinities, o.doc.Rank)
		}
		if i < 0 {
			return missing, true
		}
		return number(affinities[i]), true
	}
	return missing, false
}

// ranked returns the index of the document of a rank, or −1; of equals the
// first is the better one.
func (t *textModel) ranked(x []float64, rank int) int {
	return nth(len(x), rank, func(i, j int) bool {
		return t.before(x[i], x[j]) || x[i] == x[j] && i < j
	})
}
