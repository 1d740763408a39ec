package graphdef

import (
	"strings"

	graphpb "github.com/galeone/tensorflow/tensorflow/go/core/framework/graph_go_proto"
)

// Sinks names the operations whose outputs nothing uses, in the graph's order:
// the outputs of a frozen graph, if there is one such.
func Sinks(g *graphpb.GraphDef) []string {
	used := make(map[string]bool)
	for _, n := range g.GetNode() {
		for _, input := range n.GetInput() {
			used[operationOf(input)] = true
		}
	}
	var sinks []string
	for _, n := range g.GetNode() {
		switch n.GetOp() {
		case "NoOp", "Assert", "Const", "Placeholder", "PlaceholderV2":
			continue
		}
		if !used[n.GetName()] {
			sinks = append(sinks, n.GetName())
		}
	}
	return sinks
}

// Placeholders names the operations that a run has to feed, in the graph's order.
func Placeholders(g *graphpb.GraphDef) []string {
	var names []string
	for _, n := range g.GetNode() {
		if n.GetOp() == "Placeholder" || n.GetOp() == "PlaceholderV2" {
			names = append(names, n.GetName())
		}
	}
	return names
}

// MatMulWeights finds an operation that multiplies the tensor, as a matrix of
// rows, with another one, and returns that one's name and which of its
// dimensions is the width of the rows. Old frozen graphs have lost the shapes
// of their inputs, and this is where the width can be read.
func MatMulWeights(g *graphpb.GraphDef, tensor string) (weights string, dimension int, ok bool) {
	tensor = strings.TrimSuffix(tensor, ":0")
	for _, n := range g.GetNode() {
		if n.GetOp() != "MatMul" || len(n.GetInput()) < 2 || strings.TrimSuffix(n.GetInput()[0], ":0") != tensor ||
			n.GetAttr()["transpose_a"].GetB() {
			continue
		}
		if n.GetAttr()["transpose_b"].GetB() {
			dimension = 1
		}
		return n.GetInput()[1], dimension, true
	}
	return "", 0, false
}
