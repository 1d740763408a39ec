package pmml

import (
	"strconv"

	"github.com/modelstream/modelserver/model/pmml/document"
)

// clusteringModel is a center-based ClusteringModel (DMG 4.4, Clustering
// Models). The classes of its target are the identifiers of the clusters, the
// affinities their distances or similarities.
type clusteringModel struct {
	target  *target
	measure *measure
	names   []string // of the clusters, shown in place of the identifiers
}

func compileClustering(mc *modelCompiler, m *document.ClusteringModel) evaluator {
	if m.FunctionName != "clustering" {
		mc.c.refuseAttr(m, "functionName", "%q does not suit the model", m.FunctionName)
	}
	c := &clusteringModel{target: mc.target()}
	c.target.onlyTexts()
	var fields []comparison
	for _, f := range m.Fields {
		if f.IsCenterField {
			fields = append(fields, comparison{
				at: f, field: f.Field, weight: f.FieldWeight, function: f.CompareFunction,
				scale: f.SimilarityScale, table: f.Comparisons,
			})
		}
	}
	c.measure = mc.measure(m.Measure, fields)
	if m.Weights != nil {
		mc.missingWeights(c.measure, m.Weights.Array)
	}
	for i, k := range m.Clusters {
		if k.Array == nil {
			mc.c.refuse(k, "<Array> is missing inside")
		}
		id := k.ID.Or(strconv.Itoa(i + 1))
		if mc.c.class(c.target, id, k) != i {
			mc.c.refuseAttr(k, "id", "cluster %q is there twice", id)
		}
		c.names = append(c.names, k.Name.Or(id))
		mc.reference(c.measure, k.Array, k.Array.Values, func(int) bool { return true })
	}
	c.target.affine = true
	c.target.entities = c.target.classes
	return c
}

// onlyTexts makes a target whose predictions are texts that its data field,
// if there is one, need not know.
func (t *target) onlyTexts() {
	t.typ, t.numeric = tString, false
	t.classes, t.labels, t.byLabel = nil, nil, map[string]int{}
}

func (c *clusteringModel) eval(f *frame, rows []int32) {
	r := &f.results[c.target.id]
	for _, row := range rows {
		r.state[row], r.hasP[row] = absent, false
		x, adjust, ok := c.measure.record(f, row)
		if !ok {
			continue
		}
		affinities := c.target.row(r.aff, row)
		best := 0
		for i := range affinities {
			affinities[i] = c.measure.compare(x, adjust, i)
			if c.measure.best(affinities[i], affinities[best]) {
				best = i
			}
		}
		r.state[row], r.num[row], r.entity[row] = valid, float64(best), int32(best)
	}
}

// feature gives the cluster's name, and clusters and affinities by rank.
func (c *clusteringModel) feature(f *frame, row int32, o *output) (value, bool) {
	r := &f.results[c.target.id]
	switch o.doc.Feature {
	case "predictedDisplayValue":
		return text(c.names[int(r.num[row])]), true
	case "entityId", "clusterId":
		if i := c.measure.ranked(c.target.row(r.aff, row), o); i >= 0 {
			return text(c.target.classes[i]), true
		}
		return missing, true
	case "affinity", "clusterAffinity", "entityAffinity":
		affinities := c.target.row(r.aff, row)
		switch {
		case o.class >= 0:
			return number(affinities[o.class]), true
		case o.class == -1:
			if i := c.measure.ranked(affinities, o); i >= 0 {
				return number(affinities[i]), true
			}
		}
		return missing, true
	}
	return missing, false
}

// ranked returns the index of the value whose rank an output asks for, or −1.
// Of equals the first is the better one.
func (m *measure) ranked(x []float64, o *output) int {
	return nth(len(x), o.doc.Rank, func(i, j int) bool {
		return m.best(x[i], x[j]) || !m.best(x[j], x[i]) && i < j
	})
}
