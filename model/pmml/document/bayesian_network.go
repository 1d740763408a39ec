package document

// BayesianNetworkModel is a Bayesian network (DMG 4.4, Bayesian Network).
type BayesianNetworkModel struct {
	ModelBase
	ModelType       string                `pmml:"modelType,enum=General|TAN|Markov-blanket"`
	InferenceMethod string                `pmml:"inferenceMethod"`
	Nodes           *BayesianNetworkNodes `pmml:"BayesianNetworkNodes,required"`
}

// BayesianNetworkNodes lists the nodes.
type BayesianNetworkNodes struct {
	Pos
	Nodes      []*DiscreteNode   `pmml:"DiscreteNode,required"`
	Continuous []*ContinuousNode `pmml:"ContinuousNode"`
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

// ContinuousNode is a variable with its distribution: one, or one for each
// combination of its discrete parents' values. Continuous parents are fields in
// the expressions of the distribution.
type ContinuousNode struct {
	Pos
	Name          string                              `pmml:"name,required"`
	_             Skip                                `pmml:"count"`
	Conditional   []*ContinuousConditionalProbability `pmml:"ContinuousConditionalProbability"`
	Distributions []*ContinuousDistribution           `pmml:"ContinuousDistribution"`
}

// ContinuousConditionalProbability is the distribution where the parents have
// some values.
type ContinuousConditionalProbability struct {
	Pos
	_             Skip                      `pmml:"count"`
	Parents       []ParentValue             `pmml:"ParentValue"`
	Distributions []*ContinuousDistribution `pmml:"ContinuousDistribution,required"`
}

// ContinuousDistribution is one of the distributions. The triangular one is
// not supported: whether its Mean is the mean or the mode is open.
type ContinuousDistribution struct {
	Pos
	Normal    *MomentsForBN `pmml:"NormalDistributionForBN"`
	Lognormal *MomentsForBN `pmml:"LognormalDistributionForBN"`
	Uniform   *BoundsForBN  `pmml:"UniformDistributionForBN"`
}

// MomentsForBN is a distribution by its mean and variance.
type MomentsForBN struct {
	Pos
	Mean     *NodeParameter `pmml:"Mean,required"`
	Variance *NodeParameter `pmml:"Variance,required"`
}

// BoundsForBN is a distribution by its bounds.
type BoundsForBN struct {
	Pos
	Lower *NodeParameter `pmml:"Lower,required"`
	Upper *NodeParameter `pmml:"Upper,required"`
}

// NodeParameter is a number that may depend on continuous parents.
type NodeParameter struct {
	Pos
	Expression Expression `pmml:"*,required"`
}
