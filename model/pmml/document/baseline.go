package document

// BaselineModel compares events with what is usual (DMG 4.4, Baseline Model).
type BaselineModel struct {
	ModelBase
	Test *TestDistributions `pmml:"TestDistributions,required"`
}

// TestDistributions is the statistic and the distributions that it compares
// with. The chi-square statistics are not supported.
type TestDistributions struct {
	Pos
	Field         string     `pmml:"field,required"`
	TestStatistic string     `pmml:"testStatistic,required,enum=zValue|CUSUM|scalarProduct"`
	ResetValue    float64    `pmml:"resetValue,default=0"`
	WindowSize    int        `pmml:"windowSize,default=0"`
	WeightField   string     `pmml:"weightField"`
	Normalization string     `pmml:"normalizationScheme,enum=Independent|SizeWeighted"`
	Baseline      *Baseline  `pmml:"Baseline,required"`
	Alternate     *Alternate `pmml:"Alternate"`
}

// Baseline is what is usual: a distribution or counts.
type Baseline struct {
	Pos
	Distribution Distribution `pmml:"*"`
	Counts       *CountTable  `pmml:"CountTable"`
	Normalized   *CountTable  `pmml:"NormalizedCountTable"`
}

// Alternate is the distribution to be told from the baseline.
type Alternate struct {
	Pos
	Distribution Distribution `pmml:"*,required"`
}

// CountTable is how often each value was there.
type CountTable struct {
	Pos
	_      Skip              `pmml:"sample"`
	Counts []FieldValueCount `pmml:"FieldValueCount,required"`
}

// FieldValueCount is how often one was.
type FieldValueCount struct {
	Pos
	Field string  `pmml:"field,required"`
	Value string  `pmml:"value,required"`
	Count float64 `pmml:"count,required"`
}
