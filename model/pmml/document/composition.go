package document

import (
	"fmt"
	"strconv"
)

// Embedded is a model inside of another one, as PMML 3.0 to 4.0 compose models
// (Model Composition): a [DecisionTree] or a [Regression]. Decode turns
// compositions into segments, so nobody else meets them.
//
// A sequence in a MiningModel becomes a chain. The last model makes the
// prediction; the result fields of the others are fields to the models behind
// them. A tree with models in its nodes becomes a chain as well: a tree that
// tells the node, then a segment for each node that has a model or a score.
type Embedded interface {
	Located
	model(c *composer, schema *MiningSchema) (Model, error)
}

func embedded() map[string]Embedded {
	return map[string]Embedded{"DecisionTree": &DecisionTree{}, "Regression": &Regression{}}
}

// EmbeddedBase is what embedded models have in common.
type EmbeddedBase struct {
	Pos
	ModelName            string                    `pmml:"modelName"`
	FunctionName         string                    `pmml:"functionName,required,enum=associationRules|sequences|classification|regression|clustering"`
	AlgorithmName        string                    `pmml:"algorithmName"`
	Output               *Output                   `pmml:"Output"`
	Targets              *Targets                  `pmml:"Targets"`
	LocalTransformations *TransformationDictionary `pmml:"LocalTransformations"`
	ResultFields         []*ResultField            `pmml:"ResultField"`
	_                    Skip                      `pmml:"ModelStats"`
}

// DecisionTree is a [TreeModel] inside of another model.
type DecisionTree struct {
	EmbeddedBase
	MissingValueStrategy string  `pmml:"missingValueStrategy,enum=lastPrediction|nullPrediction|defaultChild|weightedConfidence|aggregateNodes|none,default=none"`
	MissingValuePenalty  float64 `pmml:"missingValuePenalty,default=1"`
	NoTrueChildStrategy  string  `pmml:"noTrueChildStrategy,enum=returnNullPrediction|returnLastPrediction,default=returnNullPrediction"`
	_                    Skip    `pmml:"splitCharacteristic"`
	Node                 *Node   `pmml:"Node,required"`
}

// Regression is a [RegressionModel] inside of another model.
type Regression struct {
	EmbeddedBase
	NormalizationMethod string             `pmml:"normalizationMethod,enum=none|simplemax|softmax|logit|probit|cloglog|exp|loglog|cauchit,default=none"`
	Tables              []*RegressionTable `pmml:"RegressionTable,required"`
}

// ResultField makes a result of an embedded model known to the models around.
type ResultField struct {
	Pos
	Name        string      `pmml:"name,required"`
	DisplayName string      `pmml:"displayName"`
	OpType      string      `pmml:"optype,enum=categorical|ordinal|continuous"`
	DataType    DataType    `pmml:"dataType"`
	Feature     string      `pmml:"feature,enum=predictedValue|predictedDisplayValue|probability|residual|clusterId|clusterAffinity|entityId|entityAffinity,default=predictedValue"`
	Value       Opt[string] `pmml:"value"`
}

func (r *ResultField) output() *OutputField {
	return &OutputField{
		Pos: r.Pos, Name: r.Name, DisplayName: r.DisplayName, OpType: r.OpType, DataType: r.DataType, Feature: r.Feature, Value: r.Value,
		RuleFeature: "consequent", Algorithm: "exclusiveRecommendation", Rank: 1, RankBasis: "confidence", RankOrder: "descending",
		IsMultiValued: "0", IsFinalResult: true, Inner: true,
	}
}

// base is the embedded model as a model of its own.
func (e *EmbeddedBase) base(schema *MiningSchema, kind string) ModelBase {
	b := ModelBase{
		Pos: e.Pos, Upgraded: kind, ModelName: e.ModelName, FunctionName: e.FunctionName, AlgorithmName: e.AlgorithmName, IsScorable: true, MathContext: "double",
		MiningSchema: schema, Output: e.Output, Targets: e.Targets, LocalTransformations: e.LocalTransformations,
	}
	if len(e.ResultFields) > 0 {
		b.Output = &Output{Pos: e.Pos}
		if e.Output != nil {
			b.Output.Fields = append(b.Output.Fields, e.Output.Fields...)
		}
		for _, r := range e.ResultFields {
			b.Output.Fields = append(b.Output.Fields, r.output())
		}
	}
	return b
}

func (e *Regression) model(_ *composer, schema *MiningSchema) (Model, error) {
	return &RegressionModel{ModelBase: e.base(schema, "RegressionModel"), NormalizationMethod: e.NormalizationMethod, Tables: e.Tables}, nil
}

func (e *DecisionTree) model(c *composer, schema *MiningSchema) (Model, error) {
	t := &TreeModel{
		ModelBase: e.base(schema, "TreeModel"), MissingValueStrategy: e.MissingValueStrategy, MissingValuePenalty: e.MissingValuePenalty,
		NoTrueChildStrategy: e.NoTrueChildStrategy, Node: e.Node,
	}
	return c.model(t)
}

// composer turns compositions into segments.
type composer struct{ trees int }

// model returns the model, or what stands for it.
func (c *composer) model(m Model) (Model, error) {
	var err error
	switch m := m.(type) {
	case *TreeModel:
		if m.Node.composed() {
			return c.tree(m)
		}
	case *MiningModel:
		if len(m.Embedded) > 0 {
			return m, c.sequence(m)
		}
		for _, s := range m.Segmentation.Segments {
			if s.Model, err = c.model(s.Model); err != nil {
				return nil, err
			}
		}
	case *AnomalyDetectionModel:
		m.Model, err = c.model(m.Model)
	}
	return m, err
}

// sequence makes a chain of the models in a MiningModel.
func (c *composer) sequence(m *MiningModel) error {
	if m.Segmentation != nil {
		return refuse(m.Segmentation.Where(), "the model has <%s> as well: only one can make the prediction", m.Embedded[0].Position().Element)
	}
	m.Segmentation = chain(m.Pos)
	for i, e := range m.Embedded {
		schema := &MiningSchema{Pos: e.Position()}
		if i == len(m.Embedded)-1 {
			schema = m.MiningSchema.targets()
		}
		k, err := e.model(c, schema)
		if err != nil {
			return err
		}
		m.Segmentation.add(e.Position(), &True{Pos: e.Position()}, k)
	}
	m.Embedded = nil
	return nil
}

func chain(at Pos) *Segmentation {
	return &Segmentation{Pos: at, Method: "modelChain", MissingPredictionTreatment: "continue", MissingThreshold: 1}
}

func (s *Segmentation) add(at Pos, p Predicate, m Model) {
	s.Segments = append(s.Segments, &Segment{Pos: at, Weight: 1, Predicate: p, Model: m})
}

// targets is a schema of the targets alone.
func (s *MiningSchema) targets() *MiningSchema {
	t := &MiningSchema{Pos: s.Pos}
	for _, f := range s.Fields {
		if f.IsTarget() {
			t.Fields = append(t.Fields, &MiningField{Pos: f.Pos, Name: f.Name, UsageType: f.UsageType, OpType: f.OpType, Outliers: "asIs"})
		}
	}
	return t
}

// composed says whether there is a model in the node or below.
func (n *Node) composed() bool {
	if n.Embedded != nil {
		return true
	}
	for _, kid := range n.Nodes {
		if kid.composed() {
			return true
		}
	}
	return false
}

// tree makes a chain of a tree with models in its nodes.
func (c *composer) tree(t *TreeModel) (Model, error) {
	switch t.MissingValueStrategy {
	case "weightedConfidence", "aggregateNodes":
		return nil, refuse(t.At("missingValueStrategy"), "%q combines scores of nodes; these have models in their place", t.MissingValueStrategy)
	}
	c.trees++
	at := Pos{Element: t.Element, Line: t.Line}
	leaf := &ResultField{Pos: at, Name: fmt.Sprintf("node of <%s> %d", t.Element, c.trees), OpType: "categorical", DataType: "string", Feature: "predictedValue"}
	chooser := &TreeModel{
		ModelBase: ModelBase{
			Pos: at, Upgraded: "TreeModel", FunctionName: "classification", IsScorable: true, MathContext: "double", MiningSchema: &MiningSchema{Pos: at},
			Output: &Output{Pos: at, Fields: []*OutputField{leaf.output()}},
		},
		MissingValueStrategy: t.MissingValueStrategy, MissingValuePenalty: t.MissingValuePenalty, NoTrueChildStrategy: t.NoTrueChildStrategy,
		Node: t.Node,
	}
	m := &MiningModel{ModelBase: t.ModelBase, Segmentation: chain(t.Pos)}
	m.Upgraded = "MiningModel"
	m.Segmentation.add(at, &True{Pos: at}, chooser)
	n := &nodes{composer: c, tree: t, leaf: leaf.Name, to: m.Segmentation}
	return m, n.add(t.Node)
}

// nodes makes segments of the nodes of a tree.
type nodes struct {
	*composer
	tree *TreeModel
	leaf string
	to   *Segmentation
}

func (c *nodes) add(n *Node) error {
	if n.Embedded != nil || n.Score.Set || len(n.Distributions) > 0 {
		m, err := c.content(n)
		if err != nil {
			return err
		}
		id := strconv.Itoa(len(c.to.Segments))
		c.to.add(n.Pos, &SimplePredicate{Pos: n.Pos, Field: c.leaf, Operator: "equal", Value: Some(id)}, m)
		n.Embedded, n.Distributions, n.Score, n.RecordCount = nil, nil, Some(id), Opt[float64]{}
	}
	for _, kid := range n.Nodes {
		if err := c.add(kid); err != nil {
			return err
		}
	}
	return nil
}

// content is a node's model, or its score as one.
func (c *nodes) content(n *Node) (Model, error) {
	schema := c.tree.MiningSchema.targets()
	if n.Embedded != nil {
		return n.Embedded.model(c.composer, schema)
	}
	at := Pos{Element: c.tree.Element, Line: n.Line}
	return &TreeModel{
		ModelBase:            ModelBase{Pos: at, Upgraded: "TreeModel", FunctionName: c.tree.FunctionName, IsScorable: true, MathContext: c.tree.MathContext, MiningSchema: schema},
		MissingValueStrategy: "none", MissingValuePenalty: 1, NoTrueChildStrategy: "returnNullPrediction",
		Node: &Node{Pos: n.Pos, Score: n.Score, RecordCount: n.RecordCount, Distributions: n.Distributions, Predicate: &True{Pos: n.Pos}},
	}, nil
}
