package graphdef

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"

	attrpb "github.com/galeone/tensorflow/tensorflow/go/core/framework/attr_value_go_proto"
	functionpb "github.com/galeone/tensorflow/tensorflow/go/core/framework/function_go_proto"
	graphpb "github.com/galeone/tensorflow/tensorflow/go/core/framework/graph_go_proto"
	nodepb "github.com/galeone/tensorflow/tensorflow/go/core/framework/node_def_go_proto"

	"github.com/modelstream/modelserver/model"
)

// Roots are the operations of a graph that will be run.
type Roots struct {
	Serve []string // operations whose outputs are fetched or fed by every run
	Init  []string // operations that are run once, when a SavedModel is loaded
	// Checkpoint is the operation that is fed with the path of the SavedModel's
	// own checkpoint, or "".
	Checkpoint string
}

// Graph is a graph that has been vetted.
type Graph struct {
	// Def is the rewritten graph: what Roots need, without devices and hints.
	Def *graphpb.GraphDef
	// Loops says that the graph has a loop, so that a run may never end.
	Loops bool
	// Variables says that the graph has variables, which a checkpoint fills.
	Variables bool
}

// Vet checks everything of g that the roots need and returns it rewritten. It
// takes g over.
func Vet(g *graphpb.GraphDef, roots Roots, limits Limits) (*Graph, error) {
	v := &vetter{
		limits:    limits,
		roots:     roots,
		nodes:     make(map[string]*nodepb.NodeDef, len(g.GetNode())),
		functions: make(map[string]*functionpb.FunctionDef),
		done:      make(map[string]int),
		depth:     make(map[string]int),
		kept:      make(map[string]bool),
		result:    new(Graph),
	}
	if err := v.index(g); err != nil {
		return nil, err
	}
	if err := v.walk(serving, roots.Serve); err != nil {
		return nil, err
	}
	if err := v.walk(loading, roots.Init); err != nil {
		return nil, err
	}
	v.result.Def = v.rewrite(g)
	return v.result, nil
}

// role says why an operation runs, and so what it may do.
type role string

const (
	serving role = "serving"
	loading role = "loading the model"
)

func (r role) allows(op string) bool {
	return computing[op] || reading[op] || r == loading && initializing[op]
}

type vetter struct {
	limits    Limits
	roots     Roots
	nodes     map[string]*nodepb.NodeDef
	functions map[string]*functionpb.FunctionDef
	kept      map[string]bool // nodes of the graph that are needed
	done      map[string]int  // operations of vetted functions, by name, role and arguments
	depth     map[string]int  // nesting of calls in each vetted function, 1 when it calls nothing
	tensors   int64           // bytes of constants so far
	expanded  int             // operations so far with calls inlined
	result    *Graph
}

func refuse(where, format string, args ...any) error {
	return &model.LoadError{Where: where, Reason: fmt.Sprintf(format, args...)}
}

func nodePlace(n *nodepb.NodeDef) string {
	return fmt.Sprintf("operation %q (%s)", n.GetName(), n.GetOp())
}

// index finds nodes and functions by name, and counts them.
func (v *vetter) index(g *graphpb.GraphDef) error {
	total := len(g.GetNode())
	for _, n := range g.GetNode() {
		if v.nodes[n.GetName()] != nil {
			return refuse(nodePlace(n), "there are two operations of this name")
		}
		v.nodes[n.GetName()] = n
	}
	for _, f := range g.GetLibrary().GetFunction() {
		name := f.GetSignature().GetName()
		if v.functions[name] != nil || known(name) {
			return refuse(fmt.Sprintf("function %q", name), "there are two functions of this name, or it is that of an operation")
		}
		v.functions[name] = f
		total += 1 + len(f.GetNodeDef())
	}
	if total > v.limits.Nodes {
		return refuse("", "the graph has %d operations; the limit is %d", total, v.limits.Nodes)
	}
	return nil
}

// walk vets the named operations of the graph and all that they depend on.
func (v *vetter) walk(r role, names []string) error {
	seen := make(map[string]bool)
	stack := slices.Clone(names)
	for len(stack) > 0 {
		name := stack[len(stack)-1]
		stack = stack[:len(stack)-1]
		if seen[name] {
			continue
		}
		seen[name] = true
		n := v.nodes[name]
		if n == nil {
			return refuse("", "the graph has no operation %q", name)
		}
		if err := v.node(n, r, v.graphScope(), nil); err != nil {
			return err
		}
		v.kept[name] = true
		for _, input := range n.GetInput() {
			stack = append(stack, operationOf(input))
		}
	}
	return nil
}

// operationOf returns the operation of an input "name", "name:1" or "^name".
func operationOf(ref string) string {
	ref = strings.TrimPrefix(ref, "^")
	if i := strings.LastIndexByte(ref, ':'); i >= 0 {
		return ref[:i]
	}
	return ref
}

// OutputOf splits a tensor's name "name:1" or "name" into operation and number.
func OutputOf(tensor string) (operation string, index int, err error) {
	operation, number, found := strings.Cut(tensor, ":")
	if !found {
		return tensor, 0, nil
	}
	index, err = strconv.Atoi(number)
	if err != nil || index < 0 || operation == "" {
		return "", 0, fmt.Errorf("%q is not the name of a tensor, as in \"dense/Sigmoid:0\"", tensor)
	}
	return operation, index, nil
}

// isCheckpoint says that an input is the path of the checkpoint that the loader
// feeds, perhaps through Identity operations.
func (v *vetter) isCheckpoint(ref string) bool {
	if v.roots.Checkpoint == "" || strings.HasPrefix(ref, "^") {
		return false
	}
	for range v.limits.CallDepth {
		name := operationOf(ref)
		if name == v.roots.Checkpoint {
			return true
		}
		n := v.nodes[name]
		if n.GetOp() != "Identity" || len(n.GetInput()) == 0 {
			return false
		}
		ref = n.GetInput()[0]
	}
	return false
}

// scope tells what inputs refer to, in the graph or in a function.
type scope struct {
	find         func(ref string) *nodepb.NodeDef // the operation that an input comes from, or nil
	isCheckpoint func(ref string) bool            // whether an input is the path of the own checkpoint
}

func (v *vetter) graphScope() scope {
	return scope{
		find:         func(ref string) *nodepb.NodeDef { return v.nodes[operationOf(ref)] },
		isCheckpoint: v.isCheckpoint,
	}
}

// node vets one operation of the graph or of a function. path holds the
// functions that are being vetted.
func (v *vetter) node(n *nodepb.NodeDef, r role, in scope, path []string) error {
	place := nodePlace(n)
	op := n.GetOp()
	call := v.functions[op] != nil
	if !call && !r.allows(op) {
		return refuse(place, "the operation %s is not allowed for %s: a model may only compute its outputs "+
			"from its inputs, so export it for inference", op, r)
	}
	if v.expanded++; v.expanded > v.limits.ExpandedNodes {
		return refuse(place, "the graph has more than %d operations with its function calls", v.limits.ExpandedNodes)
	}
	if op == "RestoreV2" && (len(n.GetInput()) == 0 || !in.isCheckpoint(n.GetInput()[0])) {
		return refuse(place, "it reads another file than the SavedModel's own checkpoint")
	}
	v.result.Loops = v.result.Loops || looping[op]
	v.result.Variables = v.result.Variables || holding[op]
	if path != nil && (op == "Enter" || op == "NextIteration") {
		return refuse(place, "a function must not have loops of the old form; use While")
	}
	if problem := cmp.Or(integers(n), constants(n, in.find)); problem != "" {
		return refuse(place, "%s", problem)
	}
	if err := v.attributes(n, place); err != nil {
		return err
	}
	checkpointArgs := v.checkpointArgs(n, in.isCheckpoint)
	for _, name := range functionsOf(n, call) {
		if err := v.function(name, r, checkpointArgs, path, place); err != nil {
			return err
		}
	}
	return nil
}

// attributes drops hints and checks every constant and shape.
func (v *vetter) attributes(n *nodepb.NodeDef, place string) error {
	if n.GetOp() == "Const" && n.GetAttr()["dtype"].GetType() != n.GetAttr()["value"].GetTensor().GetDtype() {
		return refuse(place, "its dtype is %s, its value's %s",
			n.GetAttr()["dtype"].GetType(), n.GetAttr()["value"].GetTensor().GetDtype())
	}
	for name, attr := range n.GetAttr() {
		if strings.HasPrefix(name, "_") { // hints: placement, compilation, cached shapes
			delete(n.Attr, name)
			continue
		}
		if problem := v.attribute(attr, v.limits.CallDepth); problem != "" {
			return refuse(place, "attribute %q: %s", name, problem)
		}
	}
	return nil
}

func (v *vetter) attribute(a *attrpb.AttrValue, depth int) string {
	if depth == 0 {
		return "it is nested too deeply"
	}
	for _, t := range append(slices.Clone(a.GetList().GetTensor()), a.GetTensor()) {
		if t == nil {
			continue
		}
		bytes, problem := tensorBytes(t, &v.limits)
		if problem != "" {
			return problem
		}
		if v.tensors += bytes; v.tensors > v.limits.TensorBytes {
			return fmt.Sprintf("all constants together take more than the limit of %d bytes", v.limits.TensorBytes)
		}
	}
	for _, s := range append(slices.Clone(a.GetList().GetShape()), a.GetShape()) {
		if _, problem := elements(s, true, &v.limits); problem != "" {
			return problem
		}
	}
	for _, f := range append(slices.Clone(a.GetList().GetFunc()), a.GetFunc()) {
		for name, nested := range f.GetAttr() {
			if problem := v.attribute(nested, depth-1); problem != "" {
				return fmt.Sprintf("%s of function %s: %s", name, f.GetName(), problem)
			}
		}
	}
	return ""
}

// rewrite returns a graph of what was kept.
func (v *vetter) rewrite(g *graphpb.GraphDef) *graphpb.GraphDef {
	def := &graphpb.GraphDef{Versions: g.GetVersions()}
	for _, n := range g.GetNode() {
		if v.kept[n.GetName()] {
			n.Device, n.ExperimentalDebugInfo = "", nil
			def.Node = append(def.Node, n)
		}
	}
	if len(v.depth) == 0 {
		return def
	}
	def.Library = new(functionpb.FunctionDefLibrary)
	for _, f := range g.GetLibrary().GetFunction() {
		if v.depth[f.GetSignature().GetName()] > 0 {
			def.Library.Function = append(def.Library.Function, rewriteFunction(f))
		}
	}
	return def
}
