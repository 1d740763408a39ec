package goscore

import (
	"context"
	"encoding/xml"
	"fmt"
	"math"
	"strings"

	"github.com/asafschers/goscore"

	"github.com/modelstream/modelserver/model"
)

// Name is the name of the model type.
const Name = "goscore"

// Type returns the model type.
func Type() model.Type {
	return model.Type{
		Name: Name,
		Doc:  "a PMML random forest as Rattle writes it, scored by asafschers/goscore",
		Load: load,
	}
}

func load(ctx context.Context, spec model.Spec) (e model.Evaluator, err error) {
	defer func() {
		if p := recover(); p != nil {
			e, err = nil, &model.LoadError{Reason: fmt.Sprintf("goscore panicked on the document: %v", p)}
		}
	}()
	for name := range spec.Options {
		return nil, &model.LoadError{Reason: fmt.Sprintf("option %q is not known; there are no options", name)}
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	doc, err := check(spec.Artifact.Bytes)
	if err != nil {
		return nil, err
	}
	forest := new(goscore.RandomForest)
	if err := xml.Unmarshal(spec.Artifact.Bytes, forest); err != nil {
		return nil, &model.LoadError{Reason: "goscore cannot read the document", Err: err}
	}
	dropText(forest.Trees)
	return newEvaluator(doc, forest), nil
}

// dropText frees the copies of the document's text that the engine keeps.
func dropText(nodes []goscore.Node) {
	for i := range nodes {
		nodes[i].Content = nil
		dropText(nodes[i].Nodes)
	}
}

type evaluator struct {
	doc       *document
	forest    *goscore.RandomForest
	signature *model.Signature
}

// newEvaluator makes the outputs: the class, and the part of the trees that vote
// for each label.
func newEvaluator(doc *document, forest *goscore.RandomForest) *evaluator {
	outputs := []model.Field{{Name: doc.target, Type: model.String}}
	for _, label := range doc.labels {
		outputs = append(outputs, model.Field{Name: "probability(" + label + ")", Type: model.Float64})
	}
	return &evaluator{doc: doc, forest: forest, signature: &model.Signature{Inputs: doc.inputs, Outputs: outputs}}
}

// Signature implements [model.Evaluator].
func (e *evaluator) Signature() *model.Signature { return e.signature }

// Close implements [model.Evaluator].
func (e *evaluator) Close() error { return nil }

// Score implements [model.Evaluator].
func (e *evaluator) Score(ctx context.Context, in, out *model.Batch) error {
	out.Reset(e.signature.Outputs, in.Rows)
	features := make(map[string]any, len(in.Columns))
	for row := range in.Rows {
		if err := ctx.Err(); err != nil {
			return err
		}
		if in.Err(row) != nil {
			continue
		}
		err := e.features(in, row, features)
		if err == nil {
			err = e.score(features, out, row)
		}
		if err != nil {
			out.Fail(row, err)
		}
	}
	return nil
}

// features makes the engine's form of a row.
func (e *evaluator) features(in *model.Batch, row int, features map[string]any) *model.RecordError {
	for i := range in.Columns {
		name, c := e.doc.inputs[i].Name, &in.Columns[i]
		switch c.StateOf(row) {
		case model.Missing:
			return &model.RecordError{Kind: model.MissingInput, Field: name, Rule: "goscore needs a value"}
		case model.Invalid:
			return &model.RecordError{Kind: model.InvalidInput, Field: name, Rule: "it is not a value of the field's type"}
		}
		switch c.Type {
		case model.Int64:
			features[name] = float64(c.Int64[row])
		case model.Float64:
			if math.IsNaN(c.Float64[row]) {
				return &model.RecordError{Kind: model.InvalidInput, Field: name, Value: "NaN", Rule: "it must be a number"}
			}
			features[name] = c.Float64[row]
		case model.String:
			if !e.doc.categories[name][c.String[row]] {
				return &model.RecordError{Kind: model.InvalidInput, Field: name, Value: shorten(c.String[row]), Rule: "it is not a category of the document"}
			}
			features[name] = c.String[row]
		}
	}
	return nil
}

// score lets the trees vote. Of equal votes the label that comes first in the
// data dictionary wins.
func (e *evaluator) score(features map[string]any, out *model.Batch, row int) (failed *model.RecordError) {
	defer func() {
		if p := recover(); p != nil {
			failed = &model.RecordError{Kind: model.Panicked, Rule: fmt.Sprintf("goscore panicked: %v", p)}
		}
	}()
	votes, err := e.forest.LabelScores(features)
	if err != nil {
		return &model.RecordError{Kind: model.NoResult, Rule: err.Error()}
	}
	best := 0
	for i, label := range e.doc.labels {
		out.Columns[1+i].Float64[row] = votes[label] / float64(len(e.forest.Trees))
		if votes[label] > votes[e.doc.labels[best]] {
			best = i
		}
	}
	out.Columns[0].String[row] = e.doc.labels[best]
	return nil
}

func shorten(s string) string {
	s = strings.ToValidUTF8(s, "�")
	if len(s) > 100 {
		return s[:100] + "…"
	}
	return s
}
