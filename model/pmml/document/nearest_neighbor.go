package document

// NearestNeighborModel predicts from the training instances that are the most
// similar to a record (DMG 4.4, k-Nearest Neighbors).
type NearestNeighborModel struct {
	ModelBase
	Neighbors          int     `pmml:"numberOfNeighbors,required"`
	ContinuousScoring  string  `pmml:"continuousScoringMethod,enum=median|average|weightedAverage,default=average"`
	CategoricalScoring string  `pmml:"categoricalScoringMethod,enum=majorityVote|weightedMajorityVote,default=majorityVote"`
	InstanceID         string  `pmml:"instanceIdVariable"`
	Threshold          float64 `pmml:"threshold,default=0.001"`

	Instances *TrainingInstances `pmml:"TrainingInstances,required"`
	Measure   *ComparisonMeasure `pmml:"ComparisonMeasure,required"`
	Inputs    *KNNInputs         `pmml:"KNNInputs,required"`
}

// TrainingInstances is records with their target values.
type TrainingInstances struct {
	Pos
	_      Skip            `pmml:"isTransformed"` // the fields that are listed tell
	_      Skip            `pmml:"recordCount"`
	_      Skip            `pmml:"fieldCount"`
	_      Refused         `pmml:"TableLocator,because=the instances are not in the document; an <InlineTable> would be read"`
	Fields *InstanceFields `pmml:"InstanceFields,required"`
	Table  *InlineTable    `pmml:"InlineTable,required"`
}

// InstanceFields are the columns of the table.
type InstanceFields struct {
	Pos
	Fields []InstanceField `pmml:"InstanceField,required"`
}

// InstanceField says which column of the table holds a field.
type InstanceField struct {
	Pos
	Field  string     `pmml:"field,required"`
	Column ColumnName `pmml:"column"`
}

// KNNInputs are the fields by which records are compared.
type KNNInputs struct {
	Pos
	Inputs []*KNNInput `pmml:"KNNInput,required"`
}

// KNNInput is one of these fields.
type KNNInput struct {
	Pos
	Field           string  `pmml:"field,required"`
	FieldWeight     float64 `pmml:"fieldWeight,default=1"`
	CompareFunction string  `pmml:"compareFunction,enum=absDiff|delta|equal"`
}

var _ finisher = (*InstanceField)(nil)

func (f *InstanceField) finish() error {
	if f.Column == "" {
		f.Column = ColumnName(f.Field)
	}
	return nil
}
