package document

// MiningSchema lists the fields that a model uses (DMG 4.4, Mining Schema).
type MiningSchema struct {
	Pos
	Fields []*MiningField `pmml:"MiningField"`
}

// MiningField says how a model uses a field and treats its values.
type MiningField struct {
	Pos
	Name                    string       `pmml:"name,required"`
	UsageType               string       `pmml:"usageType,enum=active|predicted|target|supplementary|group|order|frequencyWeight|analysisWeight,default=active"`
	OpType                  string       `pmml:"optype,enum=categorical|ordinal|continuous"`
	Outliers                string       `pmml:"outliers,enum=asIs|asMissingValues|asExtremeValues,default=asIs"`
	LowValue                Opt[float64] `pmml:"lowValue"`
	HighValue               Opt[float64] `pmml:"highValue"`
	MissingValueReplacement Opt[string]  `pmml:"missingValueReplacement"`
	MissingValueTreatment   string       `pmml:"missingValueTreatment,enum=asIs|asMean|asMode|asMedian|asValue|returnInvalid|x-returnInvalid"`
	InvalidValueTreatment   string       `pmml:"invalidValueTreatment,enum=returnInvalid|asIs|asMissing|asValue|x-asValue"`
	InvalidValueReplacement Opt[string]  `pmml:"invalidValueReplacement,alias=x-invalidValueReplacement"`
	_                       Skip         `pmml:"importance"`
}

// IsTarget says whether the field is what the model predicts.
func (f *MiningField) IsTarget() bool { return f.UsageType == "target" || f.UsageType == "predicted" }

// Targets says how raw predictions become target values (DMG 4.4, Targets).
type Targets struct {
	Pos
	Targets []*Target `pmml:"Target"`
}

// Target is about one target field.
type Target struct {
	Pos
	Field           string         `pmml:"field"`
	OpType          string         `pmml:"optype,enum=categorical|ordinal|continuous"`
	CastInteger     string         `pmml:"castInteger,enum=round|ceiling|floor"`
	Min             Opt[float64]   `pmml:"min"`
	Max             Opt[float64]   `pmml:"max"`
	RescaleConstant float64        `pmml:"rescaleConstant,default=0"`
	RescaleFactor   float64        `pmml:"rescaleFactor,default=1"`
	Values          []*TargetValue `pmml:"TargetValue"`
}

// TargetValue is about one value of a target field.
type TargetValue struct {
	Pos
	Value            Opt[string]  `pmml:"value"`
	DisplayValue     Opt[string]  `pmml:"displayValue,alias=rawDataValue"` // the alias: PMML 3.0 and 3.1
	PriorProbability Opt[float64] `pmml:"priorProbability"`
	DefaultValue     Opt[float64] `pmml:"defaultValue"`
	_                Skip         `pmml:"Partition"`
}

// Output lists what a model gives besides its prediction (DMG 4.4, Output).
type Output struct {
	Pos
	Fields []*OutputField `pmml:"OutputField"`
}

// OutputField is one result.
type OutputField struct {
	Pos
	Name          string      `pmml:"name,required"`
	DisplayName   string      `pmml:"displayName"`
	OpType        string      `pmml:"optype"` // exporters write all sorts of things; nothing depends on it
	DataType      DataType    `pmml:"dataType"`
	TargetField   string      `pmml:"targetField"`
	Feature       string      `pmml:"feature,enum=predictedValue|predictedDisplayValue|transformedValue|decision|probability|affinity|residual|standardError|standardDeviation|clusterId|clusterAffinity|entityId|entityAffinity|warning|ruleValue|reasonCode|antecedent|consequent|rule|ruleId|confidence|support|lift|leverage|confidenceIntervalLower|confidenceIntervalUpper|x-report,default=predictedValue"`
	Value         Opt[string] `pmml:"value"`
	RuleFeature   string      `pmml:"ruleFeature,enum=antecedent|consequent|rule|ruleId|confidence|support|lift|leverage|affinity,default=consequent"`
	Algorithm     string      `pmml:"algorithm,enum=recommendation|exclusiveRecommendation|ruleAssociation,default=exclusiveRecommendation"`
	Rank          int         `pmml:"rank,default=1"`
	RankBasis     string      `pmml:"rankBasis,enum=confidence|support|lift|leverage|affinity,default=confidence"`
	RankOrder     string      `pmml:"rankOrder,enum=ascending|descending,default=descending"`
	IsMultiValued string      `pmml:"isMultiValued,enum=0|1,default=0"`
	SegmentID     string      `pmml:"segmentId"`
	IsFinalResult bool        `pmml:"isFinalResult,default=true"`
	ReportField   string      `pmml:"x-reportField"`
	Decisions     *Decisions  `pmml:"Decisions"`
	Values        []Value     `pmml:"Value"`
	Expression    Expression  `pmml:"*"`

	Inner bool // a ResultField: other models see it, the user does not
}

// Decisions are what a "decision" output may answer.
type Decisions struct {
	Pos
	BusinessProblem string     `pmml:"businessProblem"`
	Description     string     `pmml:"description"`
	Decisions       []Decision `pmml:"Decision"`
}

// Decision is one answer.
type Decision struct {
	Pos
	Value        string `pmml:"value,required"`
	DisplayValue string `pmml:"displayValue"`
	Description  string `pmml:"description"`
}

// ModelVerification is rows with the results that the producer of the model
// got for them (DMG 4.4, Model Verification).
type ModelVerification struct {
	Pos
	RecordCount Opt[int]            `pmml:"recordCount"`
	FieldCount  Opt[int]            `pmml:"fieldCount"`
	Fields      *VerificationFields `pmml:"VerificationFields,required"`
	Table       *InlineTable        `pmml:"InlineTable,required"`
}

// VerificationFields lists the columns of a [ModelVerification].
type VerificationFields struct {
	Pos
	Fields []VerificationField `pmml:"VerificationField"`
}

// VerificationField is an input, or a result with its precision.
type VerificationField struct {
	Pos
	Field         string     `pmml:"field,required"`
	Column        ColumnName `pmml:"column"`
	Precision     float64    `pmml:"precision,default=1e-6"`
	ZeroThreshold float64    `pmml:"zeroThreshold,default=1e-16"`
}
