package graphdef

import (
	"fmt"
	"slices"
	"strings"

	functionpb "github.com/galeone/tensorflow/tensorflow/go/core/framework/function_go_proto"
	nodepb "github.com/galeone/tensorflow/tensorflow/go/core/framework/node_def_go_proto"
	opdefpb "github.com/galeone/tensorflow/tensorflow/go/core/framework/op_def_go_proto"
)

// functionsOf names the functions that an operation runs.
func functionsOf(n *nodepb.NodeDef, call bool) []string {
	var names []string
	if call {
		names = append(names, n.GetOp())
	}
	for _, a := range n.GetAttr() {
		if f := a.GetFunc(); f != nil {
			names = append(names, f.GetName())
		}
		for _, f := range a.GetList().GetFunc() {
			names = append(names, f.GetName())
		}
	}
	slices.Sort(names)
	return names
}

// checkpointArgs are the positions of the arguments that are the checkpoint's
// path.
func (v *vetter) checkpointArgs(n *nodepb.NodeDef, isCheckpoint func(string) bool) []int {
	var args []int
	position := 0
	for _, input := range n.GetInput() {
		if strings.HasPrefix(input, "^") {
			continue
		}
		if isCheckpoint(input) {
			args = append(args, position)
		}
		position++
	}
	return args
}

// function vets a function that is called from place.
func (v *vetter) function(name string, r role, checkpointArgs []int, path []string, place string) error {
	f := v.functions[name]
	if f == nil {
		return refuse(place, "the graph has no function %q", name)
	}
	if slices.Contains(path, name) {
		return refuse(place, "function %q calls itself", name)
	}
	if len(path) >= v.limits.CallDepth {
		return refuse(place, "function calls are nested more than %d deep", v.limits.CallDepth)
	}
	key := fmt.Sprint(name, " ", r, checkpointArgs)
	if expanded, vetted := v.done[key]; vetted {
		if v.expanded += expanded; v.expanded > v.limits.ExpandedNodes {
			return refuse(place, "the graph has more than %d operations with its function calls", v.limits.ExpandedNodes)
		}
		if len(path)+v.depth[name] > v.limits.CallDepth {
			return refuse(place, "function calls are nested more than %d deep", v.limits.CallDepth)
		}
		return nil
	}
	before := v.expanded
	if err := v.body(f, r, checkpointArgs, append(slices.Clone(path), name)); err != nil {
		return err
	}
	v.done[key] = v.expanded - before
	v.depth[name] = 1 + v.calleeDepth(f)
	return nil
}

// calleeDepth is the nesting of the calls in a function whose callees are vetted.
func (v *vetter) calleeDepth(f *functionpb.FunctionDef) int {
	depth := 0
	for _, n := range f.GetNodeDef() {
		for _, name := range functionsOf(n, v.functions[n.GetOp()] != nil) {
			depth = max(depth, v.depth[name])
		}
	}
	return depth
}

// body vets the operations of a function.
func (v *vetter) body(f *functionpb.FunctionDef, r role, checkpointArgs []int, path []string) error {
	place := fmt.Sprintf("function %q", f.GetSignature().GetName())
	nodes := make(map[string]*nodepb.NodeDef, len(f.GetNodeDef()))
	for _, n := range f.GetNodeDef() {
		if nodes[n.GetName()] != nil {
			return refuse(place, "there are two operations %q", n.GetName())
		}
		nodes[n.GetName()] = n
	}
	arguments := make(map[string]bool)
	for _, i := range checkpointArgs {
		if args := f.GetSignature().GetInputArg(); i < len(args) && simple(args[:i+1]) {
			arguments[args[i].GetName()] = true
		}
	}
	in := scope{
		find: func(ref string) *nodepb.NodeDef {
			name, _, _ := strings.Cut(ref, ":")
			return nodes[name]
		},
		isCheckpoint: func(ref string) bool { return isCheckpointIn(nodes, arguments, ref, v.limits.CallDepth) },
	}
	for _, n := range f.GetNodeDef() {
		if err := v.node(n, r, in, path); err != nil {
			return fmt.Errorf("%s: %w", place, err)
		}
		n.Device, n.ExperimentalDebugInfo = "", nil
	}
	return nil
}

// simple says that each argument is one tensor, so that positions count tensors.
func simple(args []*opdefpb.OpDef_ArgDef) bool {
	for _, a := range args {
		if a.GetNumberAttr() != "" || a.GetTypeListAttr() != "" {
			return false
		}
	}
	return true
}

// isCheckpointIn follows Identity operations in a function's body to an argument.
func isCheckpointIn(nodes map[string]*nodepb.NodeDef, arguments map[string]bool, ref string, depth int) bool {
	for range depth {
		if arguments[ref] {
			return true
		}
		name, _, inBody := strings.Cut(ref, ":")
		n := nodes[name]
		if !inBody || n.GetOp() != "Identity" || len(n.GetInput()) == 0 {
			return false
		}
		ref = n.GetInput()[0]
	}
	return false
}

// rewriteFunction drops a function's hints, and what could hold a constant that
// was not checked.
func rewriteFunction(f *functionpb.FunctionDef) *functionpb.FunctionDef {
	for _, a := range f.GetSignature().GetAttr() {
		a.DefaultValue, a.AllowedValues = nil, nil
	}
	return &functionpb.FunctionDef{
		Signature:           f.GetSignature(),
		ResourceArgUniqueId: f.GetResourceArgUniqueId(),
		NodeDef:             f.GetNodeDef(),
		Ret:                 f.GetRet(),
		ControlRet:          f.GetControlRet(),
	}
}
