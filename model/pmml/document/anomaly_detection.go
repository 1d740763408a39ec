package document

// AnomalyDetectionModel turns what a model inside of it predicts into a score
// of anomaly (DMG 4.4, Anomaly Detection Models).
type AnomalyDetectionModel struct {
	ModelBase
	AlgorithmType  string                `pmml:"algorithmType,required,enum=iforest|ocsvm|clusterMeanDist|other"`
	SampleDataSize Opt[float64]          `pmml:"sampleDataSize"`
	Parameters     *AnomalyParameters    `pmml:"ParameterList"` // R's exporter before PMML 4.4
	Model          Model                 `pmml:"*,required"`
	MeanDistances  *MeanClusterDistances `pmml:"MeanClusterDistances"`
}

// MeanClusterDistances are the mean distances of the clusters' members from
// their centers.
type MeanClusterDistances struct {
	Pos
	Array *Array `pmml:"Array,required"`
}

// AnomalyParameters are named numbers.
type AnomalyParameters struct {
	Pos
	Parameters []AnomalyParameter `pmml:"Parameter"`
}

// AnomalyParameter is one of them.
type AnomalyParameter struct {
	Pos
	Name  string  `pmml:"name,required,enum=training_data_count"`
	Value float64 `pmml:"value,required"`
}

var _ finisher = (*AnomalyDetectionModel)(nil)

func (m *AnomalyDetectionModel) finish() error {
	if p := m.Parameters; p != nil && len(p.Parameters) == 1 && !m.SampleDataSize.Set {
		m.SampleDataSize = Some(p.Parameters[0].Value)
	}
	return nil
}
