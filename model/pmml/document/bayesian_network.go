package document

// BayesianNetworkModel is a Bayesian network (DMG 4.4, Bayesian Network) of
// discrete nodes. Continuous nodes are not supported: what they make of a
// record is left to sampling.
type BayesianNetworkModel struct {
	ModelBase
	ModelType       string                `pmml:"modelType,enum=General|MarkovChain|MixedMarkov"`
	InferenceMethod string                `pmml:"inferenceMethod"`
	Nodes           *BayesianNetworkNodes `pmml:"BayesianNetworkNodes,required"`
}

// BayesianNetworkNodes lists the nodes.
type BayesianNetworkNodes struct {
	Pos
	Nodes []*DiscreteNode `pmml:"DiscreteNode,required"`
}

// DiscreteNode is a variable with its probabilities: those of its values, or
// for each combination of its parents' values.
type DiscreteNode struct {
	Pos
	Name          string                            `pmml:"name,required"`
	_             Skip                              `pmml:"count"`
	Conditional   []*DiscreteConditionalProbability `pmml:"DiscreteConditionalProbability"`
	Probabilities []ValueProbability                `pmml:"ValueProbability"`
}

// DiscreteConditionalProbability is the probabilities where the parents have
// some values.
type DiscreteConditionalProbability struct {
	Pos
	_             Skip               `pmml:"count"`
	Parents       []ParentValue      `pmml:"ParentValue,required"`
	Probabilities []ValueProbability `pmml:"ValueProbability,required"`
}

// ParentValue is the value of a parent.
type ParentValue struct {
	Pos
	Parent string `pmml:"parent,required"`
	Value  string `pmml:"value,required"`
}

// ValueProbability is the probability of a value.
type ValueProbability struct {
	Pos
	Value       string  `pmml:"value,required"`
	Probability float64 `pmml:"probability,required"`
}
