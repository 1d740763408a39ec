package document

// TreeModel is a decision tree (DMG 4.4, Trees).
type TreeModel struct {
	ModelBase
	MissingValueStrategy string  `pmml:"missingValueStrategy,enum=lastPrediction|nullPrediction|defaultChild|weightedConfidence|aggregateNodes|none,default=none"`
	MissingValuePenalty  float64 `pmml:"missingValuePenalty,default=1"`
	NoTrueChildStrategy  string  `pmml:"noTrueChildStrategy,enum=returnNullPrediction|returnLastPrediction,default=returnNullPrediction"`
	_                    Skip    `pmml:"splitCharacteristic"`
	Node                 *Node   `pmml:"Node,required"`
}

// Node is a node of a tree.
type Node struct {
	Pos
	ID            Opt[string]          `pmml:"id"`
	Score         Opt[string]          `pmml:"score"`
	RecordCount   Opt[float64]         `pmml:"recordCount"`
	DefaultChild  string               `pmml:"defaultChild"`
	Predicate     Predicate            `pmml:"*,required"`
	Nodes         []*Node              `pmml:"Node"`
	Embedded      Embedded             `pmml:"*"` // likewise
	Distributions []*ScoreDistribution `pmml:"ScoreDistribution"`
	_             Skip                 `pmml:"Partition"`
}

// ScoreDistribution is the share of one class in a node or rule.
type ScoreDistribution struct {
	Pos
	Value       string       `pmml:"value,required"`
	RecordCount Opt[float64] `pmml:"recordCount"`
	Confidence  Opt[float64] `pmml:"confidence"`
	Probability Opt[float64] `pmml:"probability"`
}

// MiningModel combines models (DMG 4.4, Multiple Models).
type MiningModel struct {
	ModelBase
	Segmentation *Segmentation `pmml:"Segmentation,required"`
	Embedded     []Embedded    `pmml:"*"` // PMML 3.0 to 4.0, until the document is upgraded
}

// Segmentation says how the segments' results become one.
type Segmentation struct {
	Pos
	Method                     string     `pmml:"multipleModelMethod,required,enum=majorityVote|weightedMajorityVote|average|weightedAverage|median|weightedMedian|x-weightedMedian|max|sum|weightedSum|x-weightedSum|selectFirst|selectAll|modelChain|multiModelChain|x-multiModelChain"`
	MissingPredictionTreatment string     `pmml:"missingPredictionTreatment,alias=x-missingPredictionTreatment,enum=returnMissing|skipSegment|continue,default=continue"`
	MissingThreshold           float64    `pmml:"missingThreshold,alias=x-missingThreshold,default=1"`
	Segments                   []*Segment `pmml:"Segment"`

	// LocalTransformations are PMML 4.0's; they become the model's.
	LocalTransformations *TransformationDictionary `pmml:"LocalTransformations"`
}

// Segment is one model and when to use it.
type Segment struct {
	Pos
	ID        Opt[string] `pmml:"id"`
	Weight    float64     `pmml:"weight,default=1"`
	Predicate Predicate   `pmml:"*,required"`
	Model     Model       `pmml:"*,required"`

	VariableWeight *VariableWeight `pmml:"VariableWeight"`
}

// VariableWeight names the field that holds the segment's weight for a record.
type VariableWeight struct {
	Pos
	Field string `pmml:"field,required"`
}

// RegressionModel is linear and logistic regression (DMG 4.4, Regression).
type RegressionModel struct {
	ModelBase
	ModelType           string             `pmml:"modelType,enum=linearRegression|stepwisePolynomialRegression|logisticRegression"`
	TargetFieldName     string             `pmml:"targetFieldName,alias=targetField"`
	NormalizationMethod string             `pmml:"normalizationMethod,enum=none|simplemax|softmax|logit|probit|cloglog|exp|loglog|cauchit,default=none"`
	Tables              []*RegressionTable `pmml:"RegressionTable,required"`
}

// RegressionTable is one linear function.
type RegressionTable struct {
	Pos
	Intercept      float64                 `pmml:"intercept,required"`
	TargetCategory Opt[string]             `pmml:"targetCategory"`
	Numeric        []*NumericPredictor     `pmml:"NumericPredictor"`
	Categorical    []*CategoricalPredictor `pmml:"CategoricalPredictor"`
	Terms          []*PredictorTerm        `pmml:"PredictorTerm"`
}

// NumericPredictor is coefficient × fieldᵉˣᵖᵒⁿᵉⁿᵗ.
type NumericPredictor struct {
	Pos
	Name        string  `pmml:"name,required"`
	Exponent    float64 `pmml:"exponent,default=1"`
	Coefficient float64 `pmml:"coefficient,required"`
	_           Skip    `pmml:"mean"` // PMML 3
}

// CategoricalPredictor is the coefficient where the field has the value.
type CategoricalPredictor struct {
	Pos
	Name        string  `pmml:"name,required"`
	Value       string  `pmml:"value,required"`
	Coefficient float64 `pmml:"coefficient,required"`
}

// PredictorTerm is an interaction.
type PredictorTerm struct {
	Pos
	Name        string      `pmml:"name"`
	Coefficient float64     `pmml:"coefficient,required"`
	Fields      []*FieldRef `pmml:"FieldRef,required"`
}

// NeuralNetwork is a feed-forward network (DMG 4.4, Neural Network).
type NeuralNetwork struct {
	ModelBase
	ActivationFunction  string         `pmml:"activationFunction,required"`
	NormalizationMethod string         `pmml:"normalizationMethod,enum=none|simplemax|softmax,default=none"`
	Threshold           float64        `pmml:"threshold,default=0"`
	Width               Opt[float64]   `pmml:"width"`
	Altitude            float64        `pmml:"altitude,default=1"`
	Leakage             Opt[float64]   `pmml:"x-leakage"` // JPMML: what a rectifier leaves of numbers below 0
	_                   Skip           `pmml:"numberOfLayers"`
	Inputs              *NeuralInputs  `pmml:"NeuralInputs,required"`
	Layers              []*NeuralLayer `pmml:"NeuralLayer,required"`
	Outputs             *NeuralOutputs `pmml:"NeuralOutputs,required"`
}

// NeuralInputs are the input neurons.
type NeuralInputs struct {
	Pos
	_      Skip           `pmml:"numberOfInputs"`
	Inputs []*NeuralInput `pmml:"NeuralInput"`
}

// NeuralInput is an input neuron.
type NeuralInput struct {
	Pos
	ID           string       `pmml:"id,required"`
	DerivedField *NeuralField `pmml:"DerivedField,required"`
}

// NeuralField is a derived field without the need for a name.
type NeuralField struct {
	Pos
	Name        string     `pmml:"name"`
	DisplayName string     `pmml:"displayName"`
	OpType      string     `pmml:"optype,enum=categorical|ordinal|continuous"`
	DataType    DataType   `pmml:"dataType"`
	Expression  Expression `pmml:"*,required"`
	Values      []Value    `pmml:"Value"`
}

// NeuralLayer is a layer of neurons.
type NeuralLayer struct {
	Pos
	_                   Skip         `pmml:"numberOfNeurons"`
	ActivationFunction  string       `pmml:"activationFunction"`
	NormalizationMethod string       `pmml:"normalizationMethod,enum=none|simplemax|softmax"`
	Threshold           Opt[float64] `pmml:"threshold"`
	Width               Opt[float64] `pmml:"width"`
	Altitude            Opt[float64] `pmml:"altitude"`
	Leakage             Opt[float64] `pmml:"x-leakage"`
	Neurons             []*Neuron    `pmml:"Neuron,required"`
}

// Neuron is one neuron.
type Neuron struct {
	Pos
	ID       string       `pmml:"id,required"`
	Bias     float64      `pmml:"bias,default=0"`
	Width    Opt[float64] `pmml:"width"`
	Altitude Opt[float64] `pmml:"altitude"`
	Con      []Con        `pmml:"Con"`
}

// Con is a connection from another neuron.
type Con struct {
	From   string  `pmml:"from,required"`
	Weight float64 `pmml:"weight,required"`
}

// NeuralOutputs are the output neurons.
type NeuralOutputs struct {
	Pos
	_       Skip            `pmml:"numberOfOutputs"`
	Outputs []*NeuralOutput `pmml:"NeuralOutput"`
}

// NeuralOutput says what an output neuron means.
type NeuralOutput struct {
	Pos
	OutputNeuron string       `pmml:"outputNeuron,required"`
	DerivedField *NeuralField `pmml:"DerivedField,required"`
}
