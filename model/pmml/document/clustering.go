package document

// ClusteringModel assigns records to clusters (DMG 4.4, Clustering Models).
// Distribution-based models are not supported: the standard does not say how
// they are scored.
type ClusteringModel struct {
	ModelBase
	ModelClass string `pmml:"modelClass,required,enum=centerBased"`
	_          Skip   `pmml:"numberOfClusters"`

	Measure *ComparisonMeasure   `pmml:"ComparisonMeasure,required"`
	Fields  []*ClusteringField   `pmml:"ClusteringField,required"`
	Centers *CenterFields        `pmml:"CenterFields"` // PMML 3.0 and 3.1; upgraded
	Weights *MissingValueWeights `pmml:"MissingValueWeights"`

	Clusters []*Cluster `pmml:"Cluster,required"`
}

// ClusteringField is a field by which records are compared.
type ClusteringField struct {
	Pos
	Field           string       `pmml:"field,required"`
	IsCenterField   bool         `pmml:"isCenterField,default=true"`
	FieldWeight     float64      `pmml:"fieldWeight,default=1"`
	SimilarityScale Opt[float64] `pmml:"similarityScale"`
	CompareFunction string       `pmml:"compareFunction,enum=absDiff|gaussSim|delta|equal|table"`
	Comparisons     *Comparisons `pmml:"Comparisons"`
}

// MissingValueWeights say how much the fields weigh when others are missing.
type MissingValueWeights struct {
	Pos
	Array *Array `pmml:"Array,required"`
}

// Cluster is a cluster: the coordinates of its center, in the order of the
// clustering fields.
type Cluster struct {
	Pos
	ID    Opt[string] `pmml:"id"`
	Name  Opt[string] `pmml:"name"`
	_     Skip        `pmml:"size"`
	_     Skip        `pmml:"KohonenMap"`
	Array *Array      `pmml:"Array"`
	_     Skip        `pmml:"Partition"`
	_     Skip        `pmml:"Covariances"`
}

// CenterFields are the coordinates of the clusters' centers where they are
// derived from the clustering fields (PMML 3.0 and 3.1).
type CenterFields struct {
	Pos
	Fields []*NeuralField `pmml:"DerivedField,required"`
}
