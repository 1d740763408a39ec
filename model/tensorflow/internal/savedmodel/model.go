package savedmodel

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	graphpb "github.com/galeone/tensorflow/tensorflow/go/core/framework/graph_go_proto"
	corepb "github.com/galeone/tensorflow/tensorflow/go/core/protobuf/for_core_protos_go_proto"
	"google.golang.org/protobuf/proto"

	"github.com/modelstream/modelserver/model"
	"github.com/modelstream/modelserver/model/tensorflow/internal/graphdef"
)

// Model is a SavedModel in memory.
type Model struct {
	// Tags name the graph that was chosen.
	Tags []string

	files files
	saved *corepb.SavedModel
	meta  *corepb.MetaGraphDef
}

const (
	// initSignature and the collections name what the library runs at load.
	initSignature     = "__saved_model_init_op"
	mainOpCollection  = "saved_model_main_op"
	legacyCollection  = "legacy_init_op"
	defaultSignature  = "serving_default"
	defaultTag        = "serve"
	unsupportedAssets = "the model reads vocabulary or other files (assets) when it is loaded, which is not supported: " +
		"put the tables into the graph"
)

// Read reads a SavedModel from an archive and chooses the graph with the given
// tags ("serve" when there are none).
func Read(archive []byte, tags []string, archiveLimits Limits, graphLimits graphdef.Limits) (*Model, error) {
	content, err := readArchive(archive, archiveLimits)
	if err != nil {
		return nil, err
	}
	m := &Model{Tags: tags, files: content, saved: new(corepb.SavedModel)}
	if len(m.Tags) == 0 {
		m.Tags = []string{defaultTag}
	}
	if err := graphdef.Unmarshal(content[graphFile], m.saved, graphLimits); err != nil {
		return nil, err
	}
	delete(content, graphFile)
	m.meta, err = m.choose()
	return m, err
}

func (m *Model) choose() (*corepb.MetaGraphDef, error) {
	want := slices.Sorted(slices.Values(m.Tags))
	var there []string
	for _, meta := range m.saved.GetMetaGraphs() {
		have := slices.Sorted(slices.Values(meta.GetMetaInfoDef().GetTags()))
		if slices.Equal(have, want) {
			return meta, nil
		}
		there = append(there, strings.Join(have, ","))
	}
	return nil, &model.LoadError{Reason: fmt.Sprintf("the SavedModel has no graph with the tags %q; it has %q: set the option tags",
		strings.Join(want, ","), there)}
}

// Tensor is an input or output of a signature.
type Tensor struct {
	Name string // the signature's name for it
	// Tensor is the graph's name, "dense/Sigmoid:0".
	Tensor string
}

// Signature is what a SavedModel says of its inputs and outputs, sorted by name.
type Signature struct {
	Name            string
	Inputs, Outputs []Tensor
}

// Signature returns the named signature; without a name "serving_default", or
// the only one.
func (m *Model) Signature(name string) (*Signature, error) {
	all := maps.Clone(m.meta.GetSignatureDef())
	delete(all, initSignature)
	names := slices.Sorted(maps.Keys(all))
	switch {
	case name != "":
	case all[defaultSignature] != nil:
		name = defaultSignature
	case len(names) == 1:
		name = names[0]
	}
	def := all[name]
	if def == nil {
		return nil, &model.LoadError{Reason: fmt.Sprintf("the SavedModel has no signature %q; it has %q: set the option signature",
			name, names)}
	}
	inputs, err := tensors("input", def.GetInputs())
	if err != nil {
		return nil, err
	}
	outputs, err := tensors("output", def.GetOutputs())
	return &Signature{Name: name, Inputs: inputs, Outputs: outputs}, err
}

func tensors(what string, infos map[string]*corepb.TensorInfo) ([]Tensor, error) {
	var ts []Tensor
	for _, name := range slices.Sorted(maps.Keys(infos)) {
		if infos[name].GetName() == "" {
			return nil, &model.LoadError{Where: fmt.Sprintf("%s %q", what, name), Reason: "it is sparse or composite; only dense tensors are supported"}
		}
		ts = append(ts, Tensor{Name: name, Tensor: infos[name].GetName()})
	}
	return ts, nil
}

// Vet has the graph vetted and rewritten for the operations that are served.
func (m *Model) Vet(serve []string, limits graphdef.Limits) (*graphdef.Graph, error) {
	saver := m.meta.GetSaverDef()
	roots := graphdef.Roots{Serve: serve, Init: m.initializers()}
	if saver.GetRestoreOpName() != "" && m.files[indexFile] != nil {
		roots.Init = append(roots.Init, saver.GetRestoreOpName())
		checkpoint, _, err := graphdef.OutputOf(saver.GetFilenameTensorName())
		if err != nil {
			return nil, &model.LoadError{Where: "SaverDef", Reason: "it does not name its file", Err: err}
		}
		// The loader feeds this operation; the graph has to keep it.
		roots.Init = append(roots.Init, checkpoint)
		roots.Checkpoint = checkpoint
	}
	if len(m.meta.GetAssetFileDef()) > 0 {
		return nil, &model.LoadError{Reason: unsupportedAssets}
	}
	if m.meta.GetGraphDef() == nil {
		m.meta.GraphDef = new(graphpb.GraphDef)
	}
	g, err := graphdef.Vet(m.meta.GetGraphDef(), roots, limits)
	if err != nil {
		return nil, err
	}
	if g.Variables && roots.Checkpoint == "" {
		return nil, &model.LoadError{Reason: "the graph has variables, but the archive lacks " + indexFile +
			": pack the whole directory"}
	}
	m.rewrite(g)
	return g, nil
}

// initializers are the operations that the library runs after the checkpoint
// was restored.
func (m *Model) initializers() []string {
	var names []string
	for _, info := range m.meta.GetSignatureDef()[initSignature].GetOutputs() {
		names = append(names, info.GetName())
	}
	for _, collection := range []string{mainOpCollection, legacyCollection} {
		names = append(names, m.meta.GetCollectionDef()[collection].GetNodeList().GetValue()...)
	}
	for i, name := range names {
		names[i], _, _ = strings.Cut(name, ":")
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// rewrite replaces the SavedModel by what the library needs of it.
func (m *Model) rewrite(g *graphdef.Graph) {
	meta := &corepb.MetaGraphDef{
		MetaInfoDef:   &corepb.MetaGraphDef_MetaInfoDef{Tags: m.meta.GetMetaInfoDef().GetTags()},
		GraphDef:      g.Def,
		CollectionDef: make(map[string]*corepb.CollectionDef),
		SignatureDef:  make(map[string]*corepb.SignatureDef),
	}
	if saver := m.meta.GetSaverDef(); saver != nil && m.files[indexFile] != nil {
		meta.SaverDef = &corepb.SaverDef{
			FilenameTensorName: saver.GetFilenameTensorName(),
			RestoreOpName:      saver.GetRestoreOpName(),
			Version:            saver.GetVersion(),
		}
	}
	if init := m.meta.GetSignatureDef()[initSignature]; init != nil {
		meta.SignatureDef[initSignature] = init
	}
	for _, name := range []string{mainOpCollection, legacyCollection} {
		if nodes := m.meta.GetCollectionDef()[name].GetNodeList(); nodes != nil {
			meta.CollectionDef[name] = &corepb.CollectionDef{Kind: &corepb.CollectionDef_NodeList_{NodeList: nodes}}
		}
	}
	m.meta = meta
	m.saved = &corepb.SavedModel{SavedModelSchemaVersion: m.saved.GetSavedModelSchemaVersion(), MetaGraphs: []*corepb.MetaGraphDef{meta}}
}

// Write writes the vetted SavedModel into an empty directory. Names come from
// this package alone.
func (m *Model) Write(dir string) error {
	graph, err := proto.MarshalOptions{Deterministic: true}.Marshal(m.saved)
	if err != nil {
		return &model.LoadError{Reason: "the SavedModel cannot be written again", Err: err}
	}
	if err := os.Mkdir(filepath.Join(dir, "variables"), 0o700); err != nil {
		return transient(err)
	}
	if err := os.WriteFile(filepath.Join(dir, graphFile), graph, 0o600); err != nil {
		return transient(err)
	}
	for name, content := range m.files {
		if err := os.WriteFile(filepath.Join(dir, filepath.FromSlash(name)), content, 0o600); err != nil {
			return transient(err)
		}
	}
	return nil
}

func transient(err error) error {
	return &model.TransientError{Reason: "the SavedModel cannot be unpacked here", Err: err}
}
