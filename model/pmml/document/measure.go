package document

// ComparisonMeasure says how records are compared (DMG 4.4, Clustering Models:
// comparison measures). Exactly one of the measures is set.
type ComparisonMeasure struct {
	Pos
	Kind            string       `pmml:"kind,required,enum=distance|similarity"`
	CompareFunction string       `pmml:"compareFunction,enum=absDiff|gaussSim|delta|equal|table,default=absDiff"`
	Minimum         Opt[float64] `pmml:"minimum"`
	Maximum         Opt[float64] `pmml:"maximum"`

	Euclidean        *PlainMeasure     `pmml:"<euclidean"`
	SquaredEuclidean *PlainMeasure     `pmml:"<squaredEuclidean"`
	Chebychev        *PlainMeasure     `pmml:"<chebychev"`
	CityBlock        *PlainMeasure     `pmml:"<cityBlock"`
	Minkowski        *Minkowski        `pmml:"<minkowski"`
	SimpleMatching   *PlainMeasure     `pmml:"<simpleMatching"`
	Jaccard          *PlainMeasure     `pmml:"<jaccard"`
	Tanimoto         *PlainMeasure     `pmml:"<tanimoto"`
	BinarySimilarity *BinarySimilarity `pmml:"<binarySimilarity"`
}

// PlainMeasure is a measure without parameters.
type PlainMeasure struct{ Pos }

// Minkowski is the measure (Σ c(x,y)ᵖ)¹ᐟᵖ.
type Minkowski struct {
	Pos
	P float64 `pmml:"p-parameter,required"`
}

// BinarySimilarity is a quotient of weighted counts of agreeing and differing
// binary fields.
type BinarySimilarity struct {
	Pos
	C00 float64 `pmml:"c00-parameter,required"`
	C01 float64 `pmml:"c01-parameter,required"`
	C10 float64 `pmml:"c10-parameter,required"`
	C11 float64 `pmml:"c11-parameter,required"`
	D00 float64 `pmml:"d00-parameter,required"`
	D01 float64 `pmml:"d01-parameter,required"`
	D10 float64 `pmml:"d10-parameter,required"`
	D11 float64 `pmml:"d11-parameter,required"`
}

func (m *ComparisonMeasure) finish() error {
	n := 0
	for _, set := range []bool{
		m.Euclidean != nil, m.SquaredEuclidean != nil, m.Chebychev != nil, m.CityBlock != nil, m.Minkowski != nil,
		m.SimpleMatching != nil, m.Jaccard != nil, m.Tanimoto != nil, m.BinarySimilarity != nil,
	} {
		if set {
			n++
		}
	}
	if n != 1 {
		return refuse(m.Where(), "one measure is wanted inside, %d are there", n)
	}
	if m.Minkowski != nil && m.Minkowski.P <= 0 {
		return refuse(m.Minkowski.At("p-parameter"), "%v is not greater than 0", m.Minkowski.P)
	}
	return nil
}

// Comparisons is the table of a field whose compareFunction is "table": one
// row and one column for each value of the field in the data dictionary.
type Comparisons struct {
	Pos
	Matrix *Matrix `pmml:"Matrix,required"`
}
