package pmml

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"sync"

	"github.com/modelstream/modelserver/model"
	"github.com/modelstream/modelserver/model/pmml/document"
	"github.com/modelstream/modelserver/model/pmml/xmlread"
)

// Options says how a document is loaded. The zero value is right for most.
type Options struct {
	// Limits bounds the document; see [xmlread.Limits] for the defaults.
	Limits xmlread.Limits
	// SkipVerification loads a model without evaluating the verification rows
	// of its document; see [Model.Verify].
	SkipVerification bool
	// Streaming says that the rows of a batch are whatever has come by then. A
	// document that looks back at the rows before (Lag) is refused: what it
	// computes would depend on where batches are cut; a record of a baseline
	// model must bring all events along. Without it a batch is a data set of its
	// own, whose rows are in order.
	Streaming bool
}

// Load reads and compiles a document and evaluates its verification rows. The
// error is a [*model.LoadError], that of ctx, or that of r.
func Load(ctx context.Context, r io.Reader, o Options) (m *Model, err error) {
	defer containLoad(func() document.Pos { return document.Pos{} }, &err)
	doc, err := document.Decode(r, document.Options{Limits: o.Limits, Models: modelElements(), Cancelled: ctx.Err})
	if err != nil {
		return nil, err
	}
	p, err := compileDocument(doc)
	if err != nil {
		return nil, err
	}
	if o.Streaming && len(p.lags) > 0 {
		return nil, &model.LoadError{Where: p.lagAt.Where(), Reason: "looks at earlier records; a stream is cut into batches anywhere, and the records before may be in another one"}
	}
	m = newModel(p, doc.Models[0].Base().ModelVerification)
	m.streaming = o.Streaming
	if !o.SkipVerification {
		if err := m.Verify(ctx); err != nil {
			return nil, err
		}
	}
	return m, nil
}

func modelElements() map[string]func() document.Model {
	elements := map[string]func() document.Model{}
	for _, f := range families() {
		elements[f.element] = f.document
	}
	return elements
}

// Type is the model type "pmml" for a server's registry. The host verifies.
func Type() model.Type {
	return model.Type{
		Name: "pmml",
		Doc:  "PMML documents, versions 3.0 to 4.4",
		Load: func(ctx context.Context, spec model.Spec) (model.Evaluator, error) {
			for name := range spec.Options {
				return nil, &model.LoadError{Reason: fmt.Sprintf("option %q is not known; pmml has none", name)}
			}
			m, err := Load(ctx, bytes.NewReader(spec.Artifact.Bytes), Options{SkipVerification: true, Streaming: true})
			if err == nil {
				return m, nil
			}
			var bad *model.LoadError
			if !errors.As(err, &bad) && ctx.Err() == nil {
				err = &model.LoadError{Reason: "the document cannot be read", Err: err}
			}
			return nil, err
		},
	}
}

func newModel(p *plan, verification *document.ModelVerification) *Model {
	m := &Model{plan: p, verification: verification}
	m.pool = sync.Pool{New: func() any { return newFrame(p) }}
	m.describe()
	return m
}
