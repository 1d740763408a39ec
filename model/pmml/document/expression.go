package document

// Expression computes a value (DMG 4.4, Transformation Dictionary).
type Expression interface{ Located }

func expressions() map[string]Expression {
	return map[string]Expression{
		"Constant":       &Constant{},
		"FieldRef":       &FieldRef{},
		"NormContinuous": &NormContinuous{},
		"NormDiscrete":   &NormDiscrete{},
		"Discretize":     &Discretize{},
		"MapValues":      &MapValues{},
		"TextIndex":      &TextIndex{},
		"Apply":          &Apply{},
		"Aggregate":      &Aggregate{},
		"Lag":            &Lag{},
		"X-Error":        &ErrorExpression{},
	}
}

// TransformationDictionary holds derived fields; LocalTransformations too.
type TransformationDictionary struct {
	Pos
	Functions []*DefineFunction `pmml:"DefineFunction"`
	Fields    []*DerivedField   `pmml:"DerivedField"`
}

// DerivedField is a field computed from others.
type DerivedField struct {
	Pos
	Name        string     `pmml:"name,required"`
	DisplayName string     `pmml:"displayName"`
	OpType      string     `pmml:"optype,enum=categorical|ordinal|continuous"`
	DataType    DataType   `pmml:"dataType"`
	Expression  Expression `pmml:"*,required"`
	Values      []Value    `pmml:"Value"`
	_           Skip       `pmml:"Interval"` // PMML 3.0
}

// DefineFunction is a function made of an expression.
type DefineFunction struct {
	Pos
	Name       string           `pmml:"name,required"`
	OpType     string           `pmml:"optype,enum=categorical|ordinal|continuous"`
	DataType   DataType         `pmml:"dataType"`
	Parameters []ParameterField `pmml:"ParameterField"`
	Fields     []*DerivedField  `pmml:"DerivedField"` // JPMML's extension: known inside of the function
	Expression Expression       `pmml:"*,required"`
}

// ParameterField is a parameter of a function.
type ParameterField struct {
	Pos
	Name        string   `pmml:"name,required"`
	DisplayName string   `pmml:"displayName"`
	OpType      string   `pmml:"optype,enum=categorical|ordinal|continuous"`
	DataType    DataType `pmml:"dataType"`
}

// Constant is a value.
type Constant struct {
	Pos
	DataType DataType `pmml:"dataType"`
	Missing  bool     `pmml:"missing,default=false"`
	Text     string   `pmml:"#text"`
}

// FieldRef is the value of a field.
type FieldRef struct {
	Pos
	Field        string      `pmml:"field,required"`
	MapMissingTo Opt[string] `pmml:"mapMissingTo"`
}

// NormContinuous interpolates between points.
type NormContinuous struct {
	Pos
	Field        string       `pmml:"field,required"`
	MapMissingTo Opt[float64] `pmml:"mapMissingTo"`
	Outliers     string       `pmml:"outliers,enum=asIs|asMissingValues|asExtremeValues,default=asIs"`
	Norms        []LinearNorm `pmml:"LinearNorm"`
}

// LinearNorm is a point of a [NormContinuous].
type LinearNorm struct {
	Pos
	Orig float64 `pmml:"orig,required"`
	Norm float64 `pmml:"norm,required"`
}

// NormDiscrete is 1 for one value of a field and 0 for others.
type NormDiscrete struct {
	Pos
	Field        string       `pmml:"field,required"`
	Method       string       `pmml:"method,enum=indicator|thermometer,default=indicator"` // before PMML 4.3
	Value        string       `pmml:"value,required"`
	MapMissingTo Opt[float64] `pmml:"mapMissingTo"`
}

// Discretize maps ranges of numbers to values.
type Discretize struct {
	Pos
	Field        string          `pmml:"field,required"`
	MapMissingTo Opt[string]     `pmml:"mapMissingTo"`
	DefaultValue Opt[string]     `pmml:"defaultValue"`
	DataType     DataType        `pmml:"dataType"`
	Bins         []DiscretizeBin `pmml:"DiscretizeBin"`
}

// DiscretizeBin is one range.
type DiscretizeBin struct {
	Pos
	BinValue string    `pmml:"binValue,required"`
	Interval *Interval `pmml:"Interval,required"`
}

// MapValues looks values up in a table.
type MapValues struct {
	Pos
	MapMissingTo Opt[string]       `pmml:"mapMissingTo"`
	DefaultValue Opt[string]       `pmml:"defaultValue"`
	OutputColumn ColumnName        `pmml:"outputColumn,required"`
	DataType     DataType          `pmml:"dataType"`
	Columns      []FieldColumnPair `pmml:"FieldColumnPair"`
	_            Refused           `pmml:"TableLocator,because=the table is not in the document; an <InlineTable> would be read"`
	Table        *InlineTable      `pmml:"InlineTable,required"`
}

// FieldColumnPair says which column of a table a field is looked up in.
type FieldColumnPair struct {
	Pos
	Field  string     `pmml:"field,required"`
	Column ColumnName `pmml:"column,required"`
}

// TextIndex counts a term in a text.
type TextIndex struct {
	Pos
	TextField               string                    `pmml:"textField,required"`
	LocalTermWeights        string                    `pmml:"localTermWeights,enum=termFrequency|binary|logarithmic|augmentedNormalizedTermFrequency,default=termFrequency"`
	IsCaseSensitive         bool                      `pmml:"isCaseSensitive,default=false"`
	MaxLevenshteinDistance  int                       `pmml:"maxLevenshteinDistance,default=0"`
	CountHits               string                    `pmml:"countHits,enum=allHits|bestHits,default=allHits"`
	WordSeparatorCharacters string                    `pmml:"wordSeparatorCharacterRE,default=\\s+"`
	WordRE                  Opt[string]               `pmml:"x-wordRE"` // JPMML: what a word is, in place of what separates words
	Tokenize                bool                      `pmml:"tokenize,default=true"`
	Normalizations          []*TextIndexNormalization `pmml:"TextIndexNormalization"`
	Expression              Expression                `pmml:"*,required"`
}

// TextIndexNormalization rewrites the text before terms are counted.
type TextIndexNormalization struct {
	Pos
	InField                 ColumnName   `pmml:"inField,default=string"`
	OutField                ColumnName   `pmml:"outField,default=stem"`
	RegexField              ColumnName   `pmml:"regexField,default=regex"`
	Recursive               bool         `pmml:"recursive,default=false"`
	IsCaseSensitive         Opt[bool]    `pmml:"isCaseSensitive"`
	MaxLevenshteinDistance  Opt[int]     `pmml:"maxLevenshteinDistance"`
	WordSeparatorCharacters Opt[string]  `pmml:"wordSeparatorCharacterRE"`
	WordRE                  Opt[string]  `pmml:"x-wordRE"`
	Tokenize                Opt[bool]    `pmml:"tokenize"`
	_                       Refused      `pmml:"TableLocator,because=the table is not in the document; an <InlineTable> would be read"`
	Table                   *InlineTable `pmml:"InlineTable,required"`
}

// Apply applies a function.
type Apply struct {
	Pos
	Function              string       `pmml:"function,required"`
	MapMissingTo          Opt[string]  `pmml:"mapMissingTo"`
	DefaultValue          Opt[string]  `pmml:"defaultValue"`
	InvalidValueTreatment string       `pmml:"invalidValueTreatment,enum=returnInvalid|asIs|asMissing,default=returnInvalid"`
	Args                  []Expression `pmml:"*"`
}

// ErrorExpression is JPMML's extension: the record that gets here has no result.
type ErrorExpression struct {
	Pos
	Message string `pmml:"message"`
}

// Aggregate summarises the values of a field that is a collection.
type Aggregate struct {
	Pos
	Field      string `pmml:"field,required"`
	Function   string `pmml:"function,required,enum=count|sum|average|min|max|multiset"`
	GroupField string `pmml:"groupField"`
	SQLWhere   string `pmml:"sqlWhere"`
}

// Lag is the value that a field had some records ago.
type Lag struct {
	Pos
	Field     string           `pmml:"field,required"`
	N         int              `pmml:"n,default=1"`
	Aggregate string           `pmml:"aggregate,enum=none|avg|max|median|min|product|sum|stddev,default=none"`
	Blocks    []BlockIndicator `pmml:"BlockIndicator"`
}

// BlockIndicator names a field that tells blocks of records apart.
type BlockIndicator struct {
	Pos
	Field string `pmml:"field,required"`
}
