//go:build tensorflow

package tensorflow

import (
	"bytes"
	"fmt"
	"slices"

	tf "github.com/galeone/tensorflow/tensorflow/go"
	"github.com/galeone/tensorflow/tensorflow/go/op"
	tg "github.com/galeone/tfgo"

	"github.com/modelstream/modelserver/model"
	"github.com/modelstream/modelserver/model/tensorflow/internal/libtf"
)

// postprocessing is the prefix of the operations that are appended to a graph.
const postprocessing = "modelserver_postprocessing"

// The outputs that argmax and softmax make.
const (
	outClass         = "class"
	outScores        = "scores"
	outProbabilities = "probabilities"
)

// decideResult chooses how to read the outputs when no option says so, and
// checks that what the option says is possible.
func decideResult(o *options, outputs []output) (result, error) {
	classes := 0
	if len(outputs) == 1 && len(outputs[0].row) == 1 && (outputs[0].dtype == libtf.Float || outputs[0].dtype == libtf.Double) {
		classes = outputs[0].row[0]
	}
	r := o.result
	if r == "" {
		r = resultRaw
		if classes > 1 {
			r = resultArgmax
		}
	}
	if r != resultRaw && classes < 2 {
		return r, &model.LoadError{
			Where:  "option " + optResult,
			Reason: fmt.Sprintf("%s needs one output that is a matrix of floats with several columns", r),
		}
	}
	if n := len(o.labels); n > 0 && (r == resultRaw || n != classes) {
		return r, &model.LoadError{
			Where:  "option " + optLabels,
			Reason: fmt.Sprintf("it names %d classes; the output has %d columns", n, classes),
		}
	}
	return r, nil
}

// appendResult appends an argmax, or a softmax and an argmax, to the graph and
// returns the tensors to fetch instead of the output: the class and the values.
func (o *opened) appendResult(r result) ([]tensor, error) {
	scores := o.outputs[0].output
	extension, err := buildResult(r, tf.DataType(scores.Type()))
	if err != nil {
		return nil, &model.LoadError{Reason: "the graph cannot be extended", Err: err}
	}
	if err := o.graph.Import(extension.def, postprocessing, map[string]libtf.Output{extension.scores: scores}); err != nil {
		return nil, refused(err)
	}
	class, err := o.graph.Output(postprocessing+"/"+extension.class, 0)
	if err != nil {
		return nil, refused(err)
	}
	if r == resultArgmax {
		return []tensor{{name: outClass, output: class}, {name: outScores, output: scores}}, nil
	}
	values, err := o.graph.Output(postprocessing+"/"+extension.values, 0)
	if err != nil {
		return nil, refused(err)
	}
	return []tensor{{name: outClass, output: class}, {name: outProbabilities, output: values}}, nil
}

// extension is a graph to append and the names of its operations.
type extension struct {
	def    []byte
	scores string // the placeholder where the model's output goes
	class  string
	values string
}

// buildResult builds what is appended, with tfgo.
func buildResult(r result, dtype tf.DataType) (*extension, error) {
	root := tg.NewRoot()
	scores := op.Placeholder(root.SubScope("scores"), dtype)
	values := scores
	if r == resultSoftmax {
		values = op.Softmax(root.SubScope("softmax"), scores)
	}
	axis := tg.Const(root.SubScope("axis"), int32(-1))
	class := op.ArgMax(root.SubScope("argmax"), values, axis)
	graph, err := root.Finalize()
	if err != nil {
		return nil, err
	}
	var def bytes.Buffer
	if _, err := graph.WriteTo(&def); err != nil {
		return nil, err
	}
	return &extension{def: def.Bytes(), scores: scores.Op.Name(), class: class.Op.Name(), values: values.Op.Name()}, nil
}

// labelled turns the field of the class into a string where there are labels.
func labelled(fields []model.Field, labels []string) []model.Field {
	if len(labels) == 0 {
		return fields
	}
	fields = slices.Clone(fields)
	fields[0].Type = model.String
	return fields
}
