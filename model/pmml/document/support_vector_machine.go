package document

// SupportVectorMachineModel is one or more support vector machines (DMG 4.4,
// Support Vector Machine). Exactly one of the kernels is set.
type SupportVectorMachineModel struct {
	ModelBase
	Threshold            float64     `pmml:"threshold,default=0"`
	Representation       string      `pmml:"svmRepresentation,enum=SupportVectors|Coefficients,default=SupportVectors"`
	ClassificationMethod string      `pmml:"classificationMethod,enum=OneAgainstAll|OneAgainstOne"`
	MaxWins              bool        `pmml:"maxWins,default=false"`
	AlternateBinary      Opt[string] `pmml:"alternateBinaryTargetCategory"` // PMML 3

	Linear      *Kernel `pmml:"LinearKernelType"`
	Polynomial  *Kernel `pmml:"PolynomialKernelType"`
	RadialBasis *Kernel `pmml:"RadialBasisKernelType"`
	Sigmoid     *Kernel `pmml:"SigmoidKernelType"`

	Vectors  *VectorDictionary       `pmml:"VectorDictionary,required"`
	Machines []*SupportVectorMachine `pmml:"SupportVectorMachine,required"`
}

// Kernel is a kernel function; each kind reads what it needs.
type Kernel struct {
	Pos
	_      Skip    `pmml:"description"`
	Gamma  float64 `pmml:"gamma,default=1"`
	Coef0  float64 `pmml:"coef0,default=1"`
	Degree float64 `pmml:"degree,default=1"`
}

// VectorDictionary holds the vectors that the machines share.
type VectorDictionary struct {
	Pos
	_         Skip              `pmml:"numberOfVectors"`
	Fields    *VectorFields     `pmml:"VectorFields,required"`
	Instances []*VectorInstance `pmml:"VectorInstance"`
}

// VectorFields says what the coordinates of the vectors are.
type VectorFields struct {
	Pos
	_      Skip          `pmml:"numberOfFields"`
	Fields []VectorField `pmml:"*,required"`
}

// VectorField is a [FieldRef] or a [CategoricalPredictor].
type VectorField interface{ Located }

func vectorFields() map[string]VectorField {
	return map[string]VectorField{"FieldRef": &FieldRef{}, "CategoricalPredictor": &CategoricalPredictor{}}
}

// VectorInstance is one vector, written in full or sparse.
type VectorInstance struct {
	Pos
	ID     string       `pmml:"id,required"`
	Array  *Array       `pmml:"Array"`
	Sparse *SparseArray `pmml:"REAL-SparseArray"`
}

// SupportVectorMachine is one machine.
type SupportVectorMachine struct {
	Pos
	TargetCategory          Opt[string]     `pmml:"targetCategory"`
	AlternateTargetCategory Opt[string]     `pmml:"alternateTargetCategory"`
	Threshold               Opt[float64]    `pmml:"threshold"`
	Vectors                 *SupportVectors `pmml:"SupportVectors"`
	Coefficients            *Coefficients   `pmml:"Coefficients,required"`
}

// SupportVectors names the vectors of a machine.
type SupportVectors struct {
	Pos
	_       Skip            `pmml:"numberOfSupportVectors"`
	_       Skip            `pmml:"numberOfAttributes"`
	Vectors []SupportVector `pmml:"SupportVector"`
}

// SupportVector names one vector.
type SupportVector struct {
	Pos
	VectorID string `pmml:"vectorId,required"`
}

// Coefficients are those of the machine's vectors, or of the fields.
type Coefficients struct {
	Pos
	_             Skip          `pmml:"numberOfCoefficients"`
	AbsoluteValue float64       `pmml:"absoluteValue,default=0"`
	Coefficients  []Coefficient `pmml:"Coefficient"`
}

// Coefficient is one coefficient.
type Coefficient struct {
	Pos
	Value float64 `pmml:"value,default=0"`
}

func (m *SupportVectorMachineModel) finish() error {
	n := 0
	for _, k := range []*Kernel{m.Linear, m.Polynomial, m.RadialBasis, m.Sigmoid} {
		if k != nil {
			n++
		}
	}
	if n != 1 && (m.Representation == "SupportVectors" || n > 1) {
		return refuse(m.Where(), "one kernel is wanted inside, %d are there", n)
	}
	return nil
}
