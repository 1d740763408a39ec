package pmml

import (
	"math"

	"github.com/modelstream/modelserver/model/pmml/document"
)

// anomalyDetection is an AnomalyDetectionModel (DMG 4.4, Anomaly Detection
// Models): a model inside, and what becomes of its prediction.
type anomalyDetection struct {
	target    *target
	math      arith
	algorithm string
	inside    *modelPlan
	path      float64   // iforest: the mean path length c(n) of a search in n records
	distances []float64 // clusterMeanDist: by cluster
}

// euler is Euler's constant as the standard rounds it.
const euler = 0.57721566

func compileAnomalyDetection(mc *modelCompiler, m *document.AnomalyDetectionModel) evaluator {
	a := &anomalyDetection{target: mc.target(), math: mc.math, algorithm: m.AlgorithmType}
	if !a.target.numeric {
		mc.c.refuseAttr(m, "functionName", "%q is not supported here", m.FunctionName)
	}
	a.inside = mc.c.model(m.Model, mc.scope)
	if len(a.inside.targets) != 1 {
		mc.c.refuse(m.Model.Base(), "the model predicts %d fields, one is wanted", len(a.inside.targets))
	}
	number := a.inside.targets[0].numeric
	switch m.AlgorithmType {
	case "iforest":
		n := m.SampleDataSize.V
		if n < 2 {
			mc.c.refuseAttr(m, "sampleDataSize", "a number of at least 2 is wanted")
		}
		a.path = 2*(math.Log(n-1)+euler) - 2*(n-1)/n
	case "clusterMeanDist":
		mc.meanDistances(a, m)
		return a
	}
	if !number {
		mc.c.refuseAttr(m.Model.Base(), "functionName", "a number must be predicted for algorithmType %q", m.AlgorithmType)
	}
	return a
}

func (mc *modelCompiler) meanDistances(a *anomalyDetection, m *document.AnomalyDetectionModel) {
	clusters, ok := a.inside.eval.(*clusteringModel)
	if !ok {
		mc.c.refuse(m.Model.Base(), "algorithmType clusterMeanDist needs a <ClusteringModel>")
	}
	if m.MeanDistances == nil {
		mc.c.refuse(m, "<MeanClusterDistances> is missing inside")
	}
	var err error
	if a.distances, err = m.MeanDistances.Array.Floats(); err != nil {
		panic(err)
	}
	if len(a.distances) != len(clusters.names) {
		mc.c.refuse(m.MeanDistances, "%d distances for %d clusters", len(a.distances), len(clusters.names))
	}
}

func (a *anomalyDetection) eval(f *frame, rows []int32) {
	a.inside.run(f, rows)
	t := a.inside.targets[0]
	in, out := &f.results[t.id], &f.results[a.target.id]
	for _, row := range rows {
		out.state[row] = absent
		if f.errs[row] != nil || in.state[row] != valid {
			continue
		}
		x := in.num[row]
		switch a.algorithm {
		case "iforest":
			x = a.math.round(math.Pow(2, -x/a.path))
		case "clusterMeanDist":
			winner := int(x)
			x = a.math.div(t.row(in.aff, row)[winner], a.math.round(a.distances[winner]))
		}
		out.state[row], out.num[row] = valid, x
	}
}
