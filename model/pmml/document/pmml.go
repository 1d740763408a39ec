package document

import "reflect"

// PMML is the root element (DMG 4.4, General Structure).
type PMML struct {
	Pos
	Version string `pmml:"version"`
	Markup  string // the version that the namespace names, or ""

	_                        Skip                      `pmml:"Header"`
	_                        Skip                      `pmml:"MiningBuildTask"`
	DataDictionary           *DataDictionary           `pmml:"DataDictionary,required"`
	TransformationDictionary *TransformationDictionary `pmml:"TransformationDictionary"`
	Models                   []Model                   `pmml:"*"`
}

// Model is one of the model elements.
type Model interface{ Base() *ModelBase }

// ModelBase is what all model elements have.
type ModelBase struct {
	Pos
	ModelName     string `pmml:"modelName"`
	FunctionName  string `pmml:"functionName,required,enum=associationRules|sequences|classification|regression|clustering|timeSeries|anomalyDetection|mixed"`
	AlgorithmName string `pmml:"algorithmName"`
	IsScorable    bool   `pmml:"isScorable,default=true"`
	// MathContext is JPMML's extension: "float" computes in single precision.
	MathContext string `pmml:"x-mathContext,enum=float|double,default=double"`
	// Upgraded is the element of today that stands for the model, or "".
	Upgraded string

	MiningSchema         *MiningSchema             `pmml:"MiningSchema,required"`
	Output               *Output                   `pmml:"Output"`
	Targets              *Targets                  `pmml:"Targets"`
	LocalTransformations *TransformationDictionary `pmml:"LocalTransformations"`
	ModelVerification    *ModelVerification        `pmml:"ModelVerification"`
	_                    Skip                      `pmml:"ModelStats"`
	_                    Skip                      `pmml:"ModelExplanation"`
}

// Base returns the part that all models have.
func (m *ModelBase) Base() *ModelBase { return m }

// Kind names the model element that tells how the model is evaluated.
func (m *ModelBase) Kind() string {
	if m.Upgraded != "" {
		return m.Upgraded
	}
	return m.Element
}

// DataDictionary describes the fields of the data (DMG 4.4, Data Dictionary).
type DataDictionary struct {
	Pos
	_      Skip         `pmml:"numberOfFields"`
	Fields []*DataField `pmml:"DataField"`
	_      Skip         `pmml:"Taxonomy"`
}

// DataField is a field of the data.
type DataField struct {
	Pos
	Name        string      `pmml:"name,required"`
	DisplayName string      `pmml:"displayName"`
	OpType      string      `pmml:"optype,enum=categorical|ordinal|continuous"`
	DataType    DataType    `pmml:"dataType"`
	Taxonomy    string      `pmml:"taxonomy"`
	IsCyclic    Opt[string] `pmml:"isCyclic,enum=0|1"`
	Intervals   []Interval  `pmml:"Interval"`
	Values      []Value     `pmml:"Value"`
}

// finish tells the operational type where an exporter left it out, as the
// reference does.
func (f *DataField) finish() error { //nolint:unparam // an interface wants the error
	switch {
	case f.OpType != "":
	case f.DataType == "string" || f.DataType == "boolean":
		f.OpType = "categorical"
	default:
		f.OpType = "continuous"
	}
	return nil
}

// Value is one value that a field may have, or must not have.
type Value struct {
	Pos
	Value        string `pmml:"value,required"`
	DisplayValue string `pmml:"displayValue"`
	Property     string `pmml:"property,enum=valid|invalid|missing,default=valid"`
}

// Interval is a range of numbers; an absent margin is infinite.
type Interval struct {
	Pos
	Closure     string       `pmml:"closure,required,enum=openClosed|openOpen|closedOpen|closedClosed"`
	LeftMargin  Opt[float64] `pmml:"leftMargin"`
	RightMargin Opt[float64] `pmml:"rightMargin"`
}

// Contains says whether x is inside of the interval.
func (i *Interval) Contains(x float64) bool {
	if i.LeftMargin.Set && (x < i.LeftMargin.V || x == i.LeftMargin.V && i.Closure[:4] == "open") {
		return false
	}
	if i.RightMargin.Set && (x > i.RightMargin.V || x == i.RightMargin.V && i.Closure[len(i.Closure)-4:] == "Open") {
		return false
	}
	return x == x
}

// groups tells the decoder which elements may stand for each interface.
func groups(models map[string]func() Model) map[reflect.Type]map[string]reflect.Type {
	g := map[reflect.Type]map[string]reflect.Type{
		reflect.TypeFor[Expression]():   structs[Expression](expressions()),
		reflect.TypeFor[Predicate]():    structs[Predicate](predicates()),
		reflect.TypeFor[VectorField]():  structs[VectorField](vectorFields()),
		reflect.TypeFor[Rule]():         structs[Rule](rules()),
		reflect.TypeFor[Embedded]():     structs[Embedded](embedded()),
		reflect.TypeFor[Distribution](): structs[Distribution](distributions()),
	}
	m := map[string]reflect.Type{}
	for name, make := range models {
		m[name] = reflect.TypeOf(make()).Elem()
	}
	g[reflect.TypeFor[Model]()] = m
	return g
}

func structs[T any](group map[string]T) map[string]reflect.Type {
	m := map[string]reflect.Type{}
	for name, v := range group {
		m[name] = reflect.TypeOf(v).Elem()
	}
	return m
}

// Is says whether the document is written in the markup of a version, "4.1".
// The namespace decides where there is one, as in the reference.
func (p *PMML) Is(version string) bool {
	if p.Markup != "" {
		return p.Markup == version
	}
	return p.Version == version
}

// upgrade turns an older document into the 4.4 form.
func (p *PMML) upgrade() error {
	if v := p.Version; v != "" && v[0] != '3' && v[0] != '4' {
		return refuse(p.At("version"), "%q is not one of 3.0 to 4.4", short(v))
	}
	for _, f := range p.DataDictionary.Fields {
		if f.DataType == "" { // required from 3.0 on, but often left out
			f.DataType = "string"
			if f.OpType == "continuous" {
				f.DataType = "double"
			}
		}
	}
	c := &composer{}
	for i, m := range p.Models {
		k, err := c.model(m)
		if err != nil {
			return err
		}
		p.Models[i] = k
	}
	return nil
}
