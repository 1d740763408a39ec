package document

// GeneralRegressionModel covers linear, multinomial, ordinal, generalized
// linear and Cox models (DMG 4.4, General Regression).
type GeneralRegressionModel struct {
	ModelBase
	ModelType               string               `pmml:"modelType,required,enum=regression|generalLinear|multinomialLogistic|ordinalMultinomial|generalizedLinear|CoxRegression"`
	TargetVariableName      string               `pmml:"targetVariableName"`
	TargetReferenceCategory Opt[string]          `pmml:"targetReferenceCategory"`
	CumulativeLink          string               `pmml:"cumulativeLink,alias=cumulativeLinkFunction,enum=logit|probit|cloglog|loglog|cauchit,default=logit"`
	LinkFunction            string               `pmml:"linkFunction,enum=cloglog|identity|log|logc|logit|loglog|negbin|oddspower|power|probit"`
	LinkParameter           Opt[float64]         `pmml:"linkParameter"`
	TrialsVariable          string               `pmml:"trialsVariable"`
	TrialsValue             Opt[float64]         `pmml:"trialsValue"`
	Distribution            string               `pmml:"distribution,enum=binomial|gamma|igauss|multinomial|negbin|normal|poisson|tweedie"`
	DistParameter           Opt[float64]         `pmml:"distParameter"`
	OffsetVariable          string               `pmml:"offsetVariable"`
	OffsetValue             Opt[float64]         `pmml:"offsetValue"`
	EndTimeVariable         string               `pmml:"endTimeVariable"`
	StartTimeVariable       string               `pmml:"startTimeVariable"`
	SubjectIDVariable       string               `pmml:"subjectIDVariable"`
	StatusVariable          string               `pmml:"statusVariable"`
	BaselineStrataVariable  string               `pmml:"baselineStrataVariable"`
	_                       Skip                 `pmml:"modelDF"`
	ParameterList           *ParameterList       `pmml:"ParameterList,required"`
	FactorList              *PredictorList       `pmml:"FactorList"`
	CovariateList           *PredictorList       `pmml:"CovariateList"`
	PPMatrix                *PPMatrix            `pmml:"PPMatrix"`
	_                       Skip                 `pmml:"PCovMatrix"`
	ParamMatrix             *ParamMatrix         `pmml:"ParamMatrix,required"`
	EventValues             *EventValues         `pmml:"EventValues"`
	BaseCumHazardTables     *BaseCumHazardTables `pmml:"BaseCumHazardTables"`
}

// ParameterList lists the parameters.
type ParameterList struct {
	Pos
	Parameters []Parameter `pmml:"Parameter"`
}

// Parameter is a parameter of the model.
type Parameter struct {
	Pos
	Name           string  `pmml:"name,required"`
	Label          string  `pmml:"label"`
	ReferencePoint float64 `pmml:"referencePoint,default=0"`
}

// PredictorList is a FactorList or a CovariateList.
type PredictorList struct {
	Pos
	Predictors []*Predictor `pmml:"Predictor"`
}

// Predictor is a predictor; Matrix is the contrast matrix of a factor.
type Predictor struct {
	Pos
	Name       string      `pmml:"name,required"`
	MatrixType string      `pmml:"contrastMatrixType"`
	Categories *Categories `pmml:"Categories"`
	Matrix     *Matrix     `pmml:"Matrix"`
}

// Categories are the categories that a contrast matrix is about.
type Categories struct {
	Pos
	Categories []Category `pmml:"Category"`
}

// Category is one of [Categories].
type Category struct {
	Pos
	Value string `pmml:"value,required"`
}

// PPMatrix correlates predictors and parameters.
type PPMatrix struct {
	Pos
	Cells []*PPCell `pmml:"PPCell"`
}

// PPCell says which value or exponent of a predictor belongs to a parameter.
type PPCell struct {
	Pos
	Value          string      `pmml:"value,required"`
	PredictorName  string      `pmml:"predictorName,required"`
	ParameterName  string      `pmml:"parameterName,required"`
	TargetCategory Opt[string] `pmml:"targetCategory"`
}

// ParamMatrix holds the coefficients.
type ParamMatrix struct {
	Pos
	Cells []*PCell `pmml:"PCell"`
}

// PCell is the coefficient of a parameter.
type PCell struct {
	Pos
	TargetCategory Opt[string] `pmml:"targetCategory"`
	ParameterName  string      `pmml:"parameterName,required"`
	Beta           float64     `pmml:"beta,required"`
	_              Skip        `pmml:"df"`
}

// EventValues are the values of the status variable that are events.
type EventValues struct {
	Pos
	Values    []Value    `pmml:"Value"`
	Intervals []Interval `pmml:"Interval"`
}

// BaseCumHazardTables are the baseline hazards of a Cox model.
type BaseCumHazardTables struct {
	Pos
	MaxTime Opt[float64]       `pmml:"maxTime"`
	Strata  []*BaselineStratum `pmml:"BaselineStratum"`
	Cells   []BaselineCell     `pmml:"BaselineCell"`
}

// BaselineStratum is the hazards of one stratum.
type BaselineStratum struct {
	Pos
	Value   string         `pmml:"value,required"`
	Label   string         `pmml:"label"`
	MaxTime float64        `pmml:"maxTime,required"`
	Cells   []BaselineCell `pmml:"BaselineCell"`
}

// BaselineCell is the cumulative hazard at a time.
type BaselineCell struct {
	Pos
	Time      float64 `pmml:"time,required"`
	CumHazard float64 `pmml:"cumHazard,required"`
}
