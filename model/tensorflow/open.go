//go:build tensorflow

package tensorflow

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"

	graphpb "github.com/galeone/tensorflow/tensorflow/go/core/framework/graph_go_proto"
	corepb "github.com/galeone/tensorflow/tensorflow/go/core/protobuf/for_core_protos_go_proto"
	"google.golang.org/protobuf/proto"

	"github.com/modelstream/modelserver/model"
	"github.com/modelstream/modelserver/model/tensorflow/internal/graphdef"
	"github.com/modelstream/modelserver/model/tensorflow/internal/libtf"
	"github.com/modelstream/modelserver/model/tensorflow/internal/savedmodel"
)

// opened is a graph with a session, and the tensors to feed and fetch.
type opened struct {
	graph           *libtf.Graph
	session         *libtf.Session
	def             *graphpb.GraphDef // the vetted graph
	loops           bool
	inputs, outputs []tensor
}

// tensor is a tensor of a graph under the name that the signature uses.
type tensor struct {
	name   string
	graph  string // the graph's name for it, "dense/Sigmoid:0"
	output libtf.Output
	dims   []int64 // -1 is unknown
	known  bool    // whether dims are known at all
}

func (o *opened) close() error {
	err := o.session.Close()
	o.graph.Close()
	return err
}

// sessionConfig tunes a session for small models that many goroutines share.
// Runs of a graph without loops happen in the calling thread; a loop needs
// threads of its own, or its time limit would not work.
func sessionConfig(loops bool) ([]byte, error) {
	config := &corepb.ConfigProto{
		IntraOpParallelismThreads: 1,
		InterOpParallelismThreads: -1,
		AllowSoftPlacement:        true,
	}
	if loops {
		config.InterOpParallelismThreads = 1
		config.UsePerSessionThreads = true
	}
	return proto.Marshal(config)
}

func graphLimits(c Config) graphdef.Limits {
	limits := graphdef.DefaultLimits()
	limits.TensorBytes = c.MaxModelBytes
	return limits
}

// loadFrozen opens a serialized GraphDef.
func loadFrozen(c Config, artifact []byte, o *options) (*opened, error) {
	def := new(graphpb.GraphDef)
	if err := graphdef.Unmarshal(artifact, def, graphLimits(c)); err != nil {
		return nil, err
	}
	outputs, err := frozenOutputs(def, o.outputs)
	if err != nil {
		return nil, err
	}
	serve, err := operations(append(slices.Clone(outputs), o.inputs...))
	if err != nil {
		return nil, err
	}
	vetted, err := graphdef.Vet(def, graphdef.Roots{Serve: serve}, graphLimits(c))
	if err != nil {
		return nil, err
	}
	if vetted.Variables {
		return nil, &model.LoadError{Reason: "the graph has variables, so it is not frozen: freeze it, or send a SavedModel"}
	}
	inputs := o.inputs
	if len(inputs) == 0 {
		inputs = graphdef.Placeholders(vetted.Def)
	}
	return openGraph(vetted, selfNamed(inputs), selfNamed(outputs))
}

// frozenOutputs are the named outputs or the only one that there can be.
func frozenOutputs(def *graphpb.GraphDef, named []string) ([]string, error) {
	if len(named) > 0 {
		return named, nil
	}
	sinks := graphdef.Sinks(def)
	if len(sinks) == 1 {
		return sinks, nil
	}
	shown := sinks[:min(len(sinks), 10)]
	return nil, &model.LoadError{Reason: fmt.Sprintf("the graph has %d operations that could be its output, as %q: name it with the option %s",
		len(sinks), shown, optOutputs)}
}

// operations are the operations of tensors.
func operations(tensors []string) ([]string, error) {
	ops := make([]string, len(tensors))
	for i, name := range tensors {
		op, _, err := graphdef.OutputOf(name)
		if err != nil {
			return nil, &model.LoadError{Reason: err.Error()}
		}
		ops[i] = op
	}
	return ops, nil
}

// selfNamed names tensors as the graph does, without ":0".
func selfNamed(names []string) []savedmodel.Tensor {
	ts := make([]savedmodel.Tensor, len(names))
	for i, name := range names {
		ts[i] = savedmodel.Tensor{Name: strings.TrimSuffix(name, ":0"), Tensor: name}
	}
	return ts
}

func openGraph(vetted *graphdef.Graph, inputs, outputs []savedmodel.Tensor) (*opened, error) {
	bytes, err := proto.Marshal(vetted.Def)
	if err != nil {
		return nil, &model.LoadError{Reason: "the graph cannot be written again", Err: err}
	}
	graph := libtf.NewGraph()
	if err := graph.Import(bytes, "", nil); err != nil {
		graph.Close()
		return nil, refused(err)
	}
	config, err := sessionConfig(vetted.Loops)
	if err != nil {
		graph.Close()
		return nil, &model.LoadError{Reason: "the session cannot be configured", Err: err}
	}
	session, err := libtf.NewSession(graph, config)
	if err != nil {
		graph.Close()
		return nil, refused(err)
	}
	return finishOpen(&opened{graph: graph, session: session, def: vetted.Def, loops: vetted.Loops}, inputs, outputs)
}

// loadSaved opens an archive of a SavedModel.
func loadSaved(c Config, artifact []byte, o *options) (*opened, error) {
	limits := savedmodel.DefaultLimits()
	limits.Bytes = c.MaxModelBytes
	saved, err := savedmodel.Read(artifact, o.tags, limits, graphLimits(c))
	if err != nil {
		return nil, err
	}
	signature, err := saved.Signature(o.signature)
	if err != nil {
		return nil, err
	}
	outputs, err := chooseOutputs(signature, o.outputs)
	if err != nil {
		return nil, err
	}
	var fed []string
	for _, t := range append(slices.Clone(signature.Inputs), outputs...) {
		fed = append(fed, t.Tensor)
	}
	serve, err := operations(fed)
	if err != nil {
		return nil, err
	}
	vetted, err := saved.Vet(serve, graphLimits(c))
	if err != nil {
		return nil, err
	}
	opened, err := openSaved(c, saved, vetted)
	if err != nil {
		return nil, err
	}
	return finishOpen(opened, signature.Inputs, outputs)
}

func chooseOutputs(s *savedmodel.Signature, named []string) ([]savedmodel.Tensor, error) {
	if len(named) == 0 {
		return s.Outputs, nil
	}
	var chosen []savedmodel.Tensor
	for _, name := range named {
		i := slices.IndexFunc(s.Outputs, func(t savedmodel.Tensor) bool { return t.Name == name })
		if i < 0 {
			return nil, &model.LoadError{Reason: fmt.Sprintf("signature %q has no output %q", s.Name, name)}
		}
		chosen = append(chosen, s.Outputs[i])
	}
	return chosen, nil
}

// openSaved unpacks the vetted SavedModel into a folder of its own, which is
// gone when the model is loaded.
func openSaved(c Config, saved *savedmodel.Model, vetted *graphdef.Graph) (*opened, error) {
	dir, err := os.MkdirTemp(c.TempDir, "modelserver-savedmodel-")
	if err != nil {
		return nil, &model.TransientError{Reason: "the SavedModel cannot be unpacked here", Err: err}
	}
	defer os.RemoveAll(dir)
	if err := saved.Write(dir); err != nil {
		return nil, err
	}
	config, err := sessionConfig(vetted.Loops)
	if err != nil {
		return nil, &model.LoadError{Reason: "the session cannot be configured", Err: err}
	}
	graph, session, err := libtf.LoadSavedModel(dir, saved.Tags, config)
	if err != nil {
		return nil, refused(err)
	}
	return &opened{graph: graph, session: session, def: vetted.Def, loops: vetted.Loops}, nil
}

// finishOpen looks the tensors up, or closes what is open.
func finishOpen(o *opened, inputs, outputs []savedmodel.Tensor) (*opened, error) {
	var err error
	if o.inputs, err = o.lookUp(inputs); err == nil {
		o.outputs, err = o.lookUp(outputs)
	}
	if err == nil && len(o.outputs) == 0 {
		err = errors.New("the signature has no outputs")
	}
	if err != nil {
		return nil, errors.Join(&model.LoadError{Reason: err.Error()}, o.close())
	}
	return o, nil
}

func (o *opened) lookUp(named []savedmodel.Tensor) ([]tensor, error) {
	var ts []tensor
	for _, n := range named {
		op, index, err := graphdef.OutputOf(n.Tensor)
		if err != nil {
			return nil, err
		}
		output, err := o.graph.Output(op, index)
		if err != nil {
			return nil, err
		}
		dims, known, err := o.graph.Shape(output)
		if err != nil {
			return nil, err
		}
		ts = append(ts, tensor{name: n.Name, graph: n.Tensor, output: output, dims: dims, known: known})
	}
	return ts, nil
}

// refused is an error of the library about a model.
func refused(err error) error {
	return &model.LoadError{Reason: "TensorFlow refuses the model", Err: err}
}
