package document

// Scorecard adds up partial scores (DMG 4.4, Scorecard).
type Scorecard struct {
	ModelBase
	InitialScore        float64          `pmml:"initialScore,default=0"`
	UseReasonCodes      bool             `pmml:"useReasonCodes,default=true"`
	ReasonCodeAlgorithm string           `pmml:"reasonCodeAlgorithm,enum=pointsAbove|pointsBelow,default=pointsBelow"`
	BaselineScore       Opt[float64]     `pmml:"baselineScore"`
	BaselineMethod      string           `pmml:"baselineMethod,enum=max|min|mean|neutral|other,default=other"`
	Characteristics     *Characteristics `pmml:"Characteristics,required"`
}

// Characteristics lists the characteristics.
type Characteristics struct {
	Pos
	Characteristics []*Characteristic `pmml:"Characteristic,required"`
}

// Characteristic gives the partial score of its first attribute that is true.
type Characteristic struct {
	Pos
	Name          string                `pmml:"name"`
	ReasonCode    Opt[string]           `pmml:"reasonCode"`
	BaselineScore Opt[float64]          `pmml:"baselineScore"`
	Attributes    []*ScorecardAttribute `pmml:"Attribute,required"`
}

// ScorecardAttribute is an <Attribute>: a condition and what it scores.
type ScorecardAttribute struct {
	Pos
	ReasonCode   Opt[string]          `pmml:"reasonCode"`
	PartialScore Opt[float64]         `pmml:"partialScore"`
	Predicate    Predicate            `pmml:"*,required"`
	Complex      *ComplexPartialScore `pmml:"ComplexPartialScore"`
}

// ComplexPartialScore computes a partial score.
type ComplexPartialScore struct {
	Pos
	Expression Expression `pmml:"*,required"`
}
